"""The options that commands have in common, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Source = Annotated[Path, typer.Argument(help="workbook (.xlsx) or folder of CSV / Parquet tables")]
ModelId = Annotated[str, typer.Option("--model", "-m", help="rulebook, as listed by `xlmargin models`")]
Account = Annotated[str | None, typer.Option("--account", "-a", help="one account")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="valuation time, UTC; else the instruments table's own")]
Choices = Annotated[list[str] | None, typer.Option("--option", help="model option, name=value; may be repeated")]
Payload = Annotated[Path | None, typer.Option("--params", help="the venue's own parameters: JSON, or its file")]
Venue = Annotated[str, typer.Option("--venue", help="whose spelling of instrument names is meant")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="write here (.csv, .json or .xlsx) instead")]

MODEL = "derive.portfolio"

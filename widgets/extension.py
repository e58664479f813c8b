"""`%load_ext xlmargin`: the magics %margin and %%margin, with completion of model names."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class

from xlmargin.assemble import tables
from xlmargin.book import Book
from xlmargin.errors import XlmarginError
from xlmargin.market import Market
from xlmargin.reading import read
from xlmargin.registry import models

from .blocks import tables_in
from .panel import MarginPanel

USAGE = """\
%margin desk.xlsx [model] [--account NAME] [--as-of MOMENT]
    a panel on a workbook or a folder of CSV or Parquet files
%margin book,market [model] …
    a panel on a book and a market of this notebook
%%margin [model] [--as-of MOMENT] [--decimal ,]
    a panel on the tables pasted in the cell body, each with its header row, apart by an empty line
models: """
OPTIONS = {"--account": "account", "--as-of": "as_of", "--decimal": "decimal", "--model": "model"}


@magics_class
class MarginMagics(Magics):
    """%margin and %%margin."""

    @line_cell_magic
    def margin(self, line: str, cell: str | None = None) -> MarginPanel | None:
        """Show a live margin panel; without anything, say how."""
        words, given = parsed(line)
        if cell is None and not words:
            print(USAGE + ", ".join(models()))
            return None
        try:
            if cell is not None:
                return pasted(words, given, cell)
            book, market = self._source(words.pop(0), given)
            return MarginPanel(book, market, **_inputs(words, given))
        except XlmarginError as error:
            raise UsageError(str(error)) from None

    def _source(self, word: str, given: dict[str, str]) -> tuple[Book, Market]:
        """A file, or the names of a book and a market in the notebook."""
        names = self.shell.user_ns
        if "," in word and not Path(word).exists():
            found = [names.get(name.strip()) for name in word.split(",")]
        else:
            found = list(names[word]) if isinstance(names.get(word), tuple) else []
        if [type(x) for x in found] == [Book, Market]:
            return found[0], found[1]
        return read(Path(word).expanduser(), as_of=given.pop("as_of", None), venue=given.get("model", ""))


def parsed(line: str) -> tuple[list[str], dict[str, str]]:
    """Words and options of a magic's line.

    >>> parsed("desk.xlsx derive.portfolio --account 'Call spread'")
    (['desk.xlsx', 'derive.portfolio'], {'account': 'Call spread'})
    """
    words, given, rest = [], {}, iter(shlex.split(line))
    for word in rest:
        name, equals, value = word.partition("=")
        if name not in OPTIONS and word.startswith("--"):
            raise UsageError(f"unknown option {name}; options are {', '.join(OPTIONS)}")
        if name in OPTIONS:
            value = value if equals else next(rest, None)
            if value is None:
                raise UsageError(f"{name} needs a value")
            given[OPTIONS[name]] = value
        else:
            words.append(word)
    return words, given


def _inputs(words: list[str], given: dict[str, str]) -> dict[str, str]:
    if len(words) > 1:
        raise UsageError(f"one model only, not {' '.join(words)}\n{USAGE}{', '.join(models())}")
    return given | ({"model": words[0]} if words else {})


def pasted(words: list[str], given: dict[str, str], cell: str) -> MarginPanel:
    """A panel on tables pasted as text; what is wrong in them shows at its cells."""
    inputs = _inputs(words, given)
    found = tables_in(cell, inputs.get("decimal", "."))
    try:
        book, market = tables(**found, as_of=inputs.get("as_of"), source="pasted", venue=inputs.get("model", ""))
    except XlmarginError:
        panel = MarginPanel(**inputs)
        panel.desk.replace(found)
        panel.desk.done = []
        panel.touch()
        return panel
    inputs.pop("as_of", None)
    return MarginPanel(book, market, **inputs)


def complete(_: Any, event: Any) -> list[str]:
    """Model names (and option names) after %margin; files first where none has been named."""
    line = event.line.split("\n", 1)[0]
    if event.symbol.startswith("-"):
        return list(OPTIONS)
    before = line[: len(line) - len(event.symbol)].split()
    if before and before[-1] in OPTIONS and before[-1] != "--model":
        return []
    named = list(models())
    if len(before) == 1 and not line.startswith("%%"):
        named += sorted(str(p) for p in Path().glob(f"{event.symbol}*") if p.suffix in (".xlsx", "") or p.is_dir())
    return named


def load_ipython_extension(shell: Any) -> None:
    """Register the magics and their completion."""
    shell.register_magics(MarginMagics)
    for key in ("%margin", "%%margin"):
        shell.set_hook("complete_command", complete, str_key=key)

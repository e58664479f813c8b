"""One bucket of whole accounts: read, margin, written; the unit that is retried, resumed and sent to workers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..assemble import assemble
from ..errors import InputError, Problem
from ..registry import model as find
from ..run import margin
from .job import Job
from .spill import ROW, SPLIT_TABLES

PROBLEM_COLUMNS = ("account", "table", "row", "column", "message")


def done(job: Job, number: int) -> bool:
    """Whether this bucket's part stands whole: both files are renamed into place, margins last."""
    return job.part(number).exists() and job.part_problems(number).exists()


def margins(job: Job, number: int) -> int:
    """Margin every account of bucket ``number`` and write its part; returns the number of rows written.

    Bad accounts become rows of the problems table; the others go on. Doing it twice gives the same files.
    """
    tables = {name: _bucket(job, number, name) for name in SPLIT_TABLES}
    given = {**shared(job), **{k: v for k, v in tables.items() if v is not None}}
    problems: list[Problem] = []
    book, market = assemble(given, problems, as_of=job.as_of, venue=job.venue or job.model, source=job.positions.name)
    found = [_placed(p, tables) for p in problems]
    _refuse_shared(found)
    bad = {p.account for p in found}
    good = np.flatnonzero(~np.isin(book.account, list(bad)))
    chosen = find(job.model)
    params = chosen.load(_payload(job.payload), chosen.params(market.as_of)) if job.payload else None
    result = margin(
        book.take(good), market, chosen, params=params, options=job.options, workers=1, on_problem="collect"
    )
    found += [_placed(p, tables) for p in result.problems]
    frame = result.frame()
    _write(pd.DataFrame([_row(p) for p in found], columns=list(PROBLEM_COLUMNS)), job.part_problems(number))
    _write(frame, job.part(number))
    return len(frame)


def shared(job: Job) -> dict[str, pd.DataFrame]:
    """The tables that all accounts share, read once a process."""
    return {
        name: _table(str(path), path.stat().st_mtime_ns)
        for name, path in job.others.items()
        if name not in SPLIT_TABLES
    }


@lru_cache(maxsize=16)
def _table(path: str, _changed: int) -> pd.DataFrame:
    file = Path(path)
    try:
        if file.suffix.casefold() == ".csv":
            return pd.read_csv(file)
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file.name} cannot be read: {error}") from error


def _payload(path: Path | None) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path else None


def _bucket(job: Job, number: int, table: str) -> pd.DataFrame | None:
    path = job.bucket(number, table)
    return pd.read_parquet(path) if path.exists() else None


def _placed(problem: Problem, tables: Mapping[str, pd.DataFrame | None]) -> Problem:
    """The same problem with the account and the row number of the input instead of the bucket's."""
    table = tables.get(problem.table)
    index = problem.row - 2
    if table is None or not 0 <= index < len(table):
        return problem
    row = int(table[ROW].iloc[index]) if ROW in table else problem.row
    named = next((c for c in table.columns if c.casefold().strip() == "account"), None)
    account = problem.account or (str(table[named].iloc[index]) if named else "main")
    return replace(problem, row=row, account=account)


def _refuse_shared(found: list[Problem]) -> None:
    """What is wrong with a shared table, or with no account in particular, stops the job."""
    general = [p for p in found if not p.account]
    if general:
        raise InputError(general)


def _row(problem: Problem) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in PROBLEM_COLUMNS}


def _write(frame: pd.DataFrame, path: Path) -> None:
    """Write beside and rename: a half-written file never counts."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        frame.to_parquet(part, index=False)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"{path.name}: cannot be written: {error}") from error

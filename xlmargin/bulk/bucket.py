"""One bucket of whole accounts: read, margin, written; the unit that is retried, resumed and sent to workers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..assemble import assemble
from ..errors import InputError, Problem
from ..given import parameters
from ..registry import model as find
from ..run import margin
from ..texts import Texts
from .columns import account_column, columns
from .job import Job
from .spill import ROW, SPLIT_TABLES, bucket_rows

PROBLEM_COLUMNS = {"account": str, "table": str, "row": int, "column": str, "message": str}
Columns = Mapping[str, np.ndarray | Texts]


def done(job: Job, number: int) -> bool:
    """Whether this bucket's part stands whole: both files are renamed into place, margins last."""
    return job.part(number).exists() and job.part_problems(number).exists()


def margins(job: Job, number: int) -> int:
    """Margin every account of bucket ``number`` and write its part; returns the number of rows written.

    Bad accounts become rows of the problems table; the others go on. Doing it twice gives the same files.
    """
    found = {name: bucket_rows(job, number, name) for name in SPLIT_TABLES}
    tables = {name: columns(rows) for name, rows in found.items() if rows is not None}
    problems: list[Problem] = []
    given = {**shared(job), **tables}
    book, market = assemble(given, problems, as_of=job.as_of, venue=job.venue or job.model, source=job.positions.name)
    placed = [_placed(p, tables) for p in problems]
    _refuse_shared(placed)
    bad = {p.account for p in placed}
    if bad:
        book = book.take(np.flatnonzero([account not in bad for account in book.account]))
    chosen = find(job.model)
    params = parameters(job.payload, chosen, market.as_of) if job.payload else None
    result = margin(book, market, chosen, params=params, options=job.options, workers=1, on_problem="collect")
    placed += [_placed(p, tables) for p in result.problems]
    _write(_problem_columns(placed), job.part_problems(number))
    _write(result.columns(), job.part(number))
    return len(result.account)


def shared(job: Job) -> dict[str, Any]:
    """The tables that all accounts share, read once a process."""
    return {
        name: _table(str(path), path.stat().st_mtime_ns)
        for name, path in job.others.items()
        if name not in SPLIT_TABLES
    }


@lru_cache(maxsize=16)
def _table(path: str, _changed: int) -> Any:
    file = Path(path)
    try:
        if file.suffix.casefold() == ".csv":
            import pandas as pd

            return pd.read_csv(file)
        import pyarrow.parquet as pq

        return columns(pq.read_table(file))
    except (OSError, ValueError) as error:
        raise InputError(f"{file.name} cannot be read: {error}") from error


def _placed(problem: Problem, tables: Mapping[str, Columns]) -> Problem:
    """The same problem with the account and the row number of the input instead of the bucket's."""
    table = tables.get(problem.table)
    index = problem.row - 2
    if table is None or not 0 <= index < len(table[ROW]):
        return problem
    named = account_column(list(table))
    account = problem.account or (table[named].at(index).array if named else "main")
    return replace(problem, row=int(table[ROW][index]), account=account)


def _refuse_shared(found: list[Problem]) -> None:
    """What is wrong with a shared table, or with no account in particular, stops the job."""
    general = [p for p in found if not p.account]
    if general:
        raise InputError(general)


def _problem_columns(problems: Iterable[Problem]) -> dict[str, Any]:
    import pyarrow as pa

    types = {str: pa.string(), int: pa.int64()}
    return {k: pa.array([getattr(p, k) for p in problems], types[kind]) for k, kind in PROBLEM_COLUMNS.items()}


def _write(given: Mapping[str, Any], path: Path) -> None:
    """Write beside and rename: a half-written file never counts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        pq.write_table(pa.table(dict(given)), part)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"{path.name}: cannot be written: {error}") from error

"""Run a batch: spill, margin bucket by bucket (here or on Dask), gather; progress, resumption, and a final check."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..assemble import refuse_misspelt
from ..checks import typed_options
from ..errors import InputError
from ..given import parameters
from ..parsing import read_time
from ..registry import model as find
from .bucket import done, margins
from .job import ROWS_OF_A_BUCKET, Job, Outcome
from .spill import spilled

DISTANT = 4e9
Progress = Callable[[str, int, int], None]


def batch(
    positions: Path | str,
    output: Path | str,
    model: str,
    *,
    others: Mapping[str, Path | str] | None = None,
    as_of: Any = None,
    venue: str = "",
    options: Mapping[str, Any] | None = None,
    payload: Path | str | None = None,
    workers: int = 1,
    scheduler: str = "",
    progress: Progress | None = None,
) -> Outcome:
    """Margin every account of a Parquet positions table; a row per account and pool, and a problems table beside.

    Parameters: ``positions``, a Parquet file or data set, accounts in any order; ``others``, further tables by name
    (balances, instruments, assets, accounts, orders) as Parquet (shared tables also CSV); ``workers`` above 1 starts a
    local Dask cluster, ``scheduler`` uses one that runs. A job that was stopped goes on where finished parts stand.
    Memory is bounded by the bucket (about 400,000 rows), a row group of the input and the shared tables: half a
    gigabyte for a million accounts of ten positions. Returns an Outcome.
    Raises InputError for inputs that cannot be read or would be overwritten, for fewer than one of ``workers``, and
    where results and problems miss an account of the input.
    """
    if workers < 1:
        raise InputError(f"workers {workers}: give 1 or more")
    began = time.perf_counter()
    told = progress or (lambda text, now, all_: None)
    job = _job(positions, output, model, others, as_of, venue, options, payload)
    accounts, _ = spilled(job, lambda text: told(text, 0, job.buckets))
    finished = [n for n in range(job.buckets) if done(job, n)]
    todo = [n for n in range(job.buckets) if n not in set(finished)]
    for count, _number in enumerate(_run(job, todo, workers, scheduler), len(finished) + 1):
        told("margins", count, job.buckets)
    return _gathered(job, accounts, len(finished), began)


def _job(
    positions: Path | str,
    output: Path | str,
    model: str,
    others: Mapping[str, Path | str] | None,
    as_of: Any,
    venue: str,
    options: Mapping[str, Any] | None,
    payload: Path | str | None,
) -> Job:
    chosen = find(model)
    typed_options(chosen, options or {})
    refuse_misspelt(others or ())
    if Path(output).suffix.casefold() != ".parquet":
        raise InputError(f"{Path(output).name}: margins are written as Parquet, so name it .parquet")
    files = {"positions": positions, **(others or {}), **({"payload": payload} if payload else {})}
    missing = [f"{name}: no file {path}" for name, path in files.items() if not Path(path).exists()]
    if missing:
        raise InputError("; ".join(missing))
    _refuse_overwriting(files, Path(output).resolve())
    moment = None if as_of is None else read_time(as_of)
    if payload:
        parameters(Path(payload), chosen, DISTANT if moment is None else moment)
    return Job(
        Path(positions).resolve(),
        Path(output).resolve(),
        chosen.id,
        {name: Path(path).resolve() for name, path in (others or {}).items()},
        moment,
        venue,
        dict(options or {}),
        Path(payload).resolve() if payload else None,
        max(1, -(-_rows(Path(positions)) // ROWS_OF_A_BUCKET)),
    )


def _refuse_overwriting(files: Mapping[str, Path | str], output: Path) -> None:
    """InputError where margins, problems or parts would be written onto what is read."""
    beside = Job(output, output, "")
    for name, given in files.items():
        path = Path(given).resolve()
        if any(written == path or written in path.parents for written in (output, beside.problems, beside.folder)):
            raise InputError(f"{name}: {path.name} would be overwritten by the margins: write them to another file")
        if path in output.parents:
            raise InputError(f"{output.name} would be written into {path.name}, from which {name} are read")


def _rows(positions: Path) -> int:
    import pyarrow as pa
    import pyarrow.dataset as ds

    try:
        return ds.dataset(str(positions), format="parquet").count_rows()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"positions: {positions.name} cannot be read: {error}") from error


def _run(job: Job, todo: list[int], workers: int, scheduler: str) -> Iterator[int]:
    if scheduler or workers > 1:
        from .cluster import on_cluster

        yield from on_cluster(job, todo, workers, scheduler)
        return
    for number in todo:
        margins(job, number)
        yield number


def _gathered(job: Job, accounts: int, resumed: int, began: float) -> Outcome:
    """Parts as one file each, renamed into place only when every account is accounted for."""
    numbers = range(job.buckets)
    whole, rows, margined = _joined([job.part(n) for n in numbers], job.output)
    problems, _, bad = _joined([job.part_problems(n) for n in numbers], job.problems)
    outcome = Outcome(job.output, job.problems, accounts, margined, bad, rows, time.perf_counter() - began, resumed)
    try:
        outcome.check()
    except InputError:
        whole.unlink()
        problems.unlink()
        raise
    whole.replace(job.output)
    problems.replace(job.problems)
    for path in job.folder.iterdir():
        path.unlink()
    job.folder.rmdir()
    return outcome


def _joined(parts: list[Path], target: Path) -> tuple[Path, int, int]:
    """The parts in one Parquet file beside ``target``; its rows and its distinct accounts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = target.with_name(f"{target.name}.{os.getpid()}.part")
    tables = [pq.read_schema(p) for p in parts]
    schema = pa.unify_schemas(tables, promote_options="permissive")
    rows, accounts = 0, 0
    try:
        with pq.ParquetWriter(str(path), schema, compression="zstd") as writer:
            for part in parts:
                table = pq.read_table(part)
                table = pa.concat_tables([schema.empty_table(), table], promote_options="permissive").cast(schema)
                writer.write_table(table)
                rows += len(table)
                accounts += len(table.column("account").unique())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise InputError(f"{target.name}: cannot be written: {error}") from error
    return path, rows, accounts

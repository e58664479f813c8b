"""Rows in any order become buckets of whole accounts, streamed so that memory stays bounded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, Problem
from ..schemas import folded, schema
from .columns import accounts
from .job import MANIFEST, Job

BATCH_ROWS = 262_144
ONE_AT_A_TIME = {"batch_readahead": 0, "fragment_readahead": 0, "use_threads": False}
SPLIT_TABLES = ("positions", "orders", "balances", "accounts")
ROW = "__row"


def spilled(job: Job, told: Any) -> tuple[int, bool]:
    """Split every table that has accounts into the job's buckets; returns how many accounts, and if it stood already.

    A spill that was not finished does not count and is made anew. Rows and accounts are counted from what was written.
    """
    manifest = job.folder / MANIFEST
    key = job.fingerprint()
    if manifest.exists():
        known = json.loads(manifest.read_text(encoding="utf-8"))
        if known["fingerprint"] == key:
            return known["accounts"], True
        for path in job.folder.iterdir():
            path.unlink()
    job.folder.mkdir(parents=True, exist_ok=True)
    rows = 0
    for table, path in {"positions": job.positions, **job.others}.items():
        if table in SPLIT_TABLES:
            told(f"sorting {table} into {job.buckets} buckets")
            rows += _split(job, table, path)
    counted = [_counted(job, number) for number in range(job.buckets)]
    found, written = (sum(c) for c in zip(*counted, strict=True))
    if written != rows:
        raise InputError(f"{job.folder.name}: {rows:,} rows were read, but {written:,} stand in the buckets")
    part = manifest.with_suffix(".part")
    part.write_text(json.dumps({"fingerprint": key, "accounts": found}), encoding="utf-8")
    part.replace(manifest)
    return found, False


def _split(job: Job, table: str, path: Path) -> int:
    """Write each row of a table to its account's bucket; returns how many rows."""
    writers: dict[int, Any] = {}
    rows = 0
    try:
        with ExitStack() as stack:
            for batch in batches(path, table):
                rows += batch.num_rows
                for number, part in _parts(batch, job.buckets):
                    if number not in writers:
                        writers[number] = stack.enter_context(_writer(job.bucket(number, table), batch.schema))
                    writers[number].write_table(part)
    except OSError as error:
        raise InputError(f"{job.folder.name}: {table} cannot be written: {error}") from error
    return rows


def _parts(batch: Any, buckets: int) -> Iterator[tuple[int, Any]]:
    """The rows of an Arrow table by bucket, each bucket's in their order."""
    import pyarrow as pa

    words, number = accounts(batch)
    bucket = bucket_of(words, buckets)[number]
    order = np.argsort(bucket, kind="stable")
    grouped, cuts = batch.take(pa.array(order)), np.searchsorted(bucket[order], np.arange(buckets + 1))
    for n in np.flatnonzero(np.diff(cuts)):
        yield int(n), grouped.slice(cuts[n], cuts[n + 1] - cuts[n])


def _writer(path: Path, schema: Any) -> Any:
    import pyarrow as pa

    return pa.ipc.new_stream(str(path), schema, options=pa.ipc.IpcWriteOptions(compression="lz4"))


def bucket_rows(job: Job, number: int, table: str) -> Any:
    """The spilled rows of one bucket of a table as an Arrow table; None if there are none."""
    import pyarrow as pa

    path = job.bucket(number, table)
    if not path.exists():
        return None
    with pa.memory_map(str(path)) as file, pa.ipc.open_stream(file) as stream:
        return stream.read_all()


def _counted(job: Job, number: int) -> tuple[int, int]:
    """How many accounts and rows the tables of one bucket hold."""
    import pyarrow as pa

    found = [rows for table in SPLIT_TABLES if (rows := bucket_rows(job, number, table)) is not None]
    names = [words.take(pa.array(np.unique(number))) for words, number in map(accounts, found)]
    return len(pa.chunked_array(names, pa.string()).unique()), sum(rows.num_rows for rows in found)


def batches(path: Path, table: str) -> Iterator[Any]:
    """A Parquet file or data set as Arrow tables of bounded size, with the row number of the input.

    Raises InputError for a file that cannot be read and a column that some file of the set lacks.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    needed = [c.name for c in schema(table) if c.need == "required"]
    try:
        data = ds.dataset(str(path), format="parquet", partitioning="hive" if path.is_dir() else None)
        for fragment in data.get_fragments():
            have = {folded(n) for n in (*fragment.physical_schema.names, *data.schema.names)}
            own = {folded(n) for n in fragment.physical_schema.names}
            for column in needed:
                if folded(column) not in own and folded(column) not in _partition_keys(fragment):
                    raise InputError([_lacks(table, column, fragment.path, have)])
        start = 2
        unbuffered = ds.ParquetFragmentScanOptions(pre_buffer=False)
        for batch in data.to_batches(batch_size=BATCH_ROWS, fragment_scan_options=unbuffered, **ONE_AT_A_TIME):
            if batch.num_rows:
                rows = pa.array(np.arange(start, start + batch.num_rows, dtype=np.int64))
                start += batch.num_rows
                yield pa.Table.from_batches([batch]).append_column(ROW, rows)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{table}: {path.name} cannot be read: {error}") from error


def _partition_keys(fragment: Any) -> set[str]:
    import pyarrow.dataset as ds

    return {folded(k) for k in ds.get_partition_keys(fragment.partition_expression)}


def _lacks(table: str, column: str, path: str, have: set[str]) -> Problem:
    there = "though other files of the set have it" if folded(column) in have else "anywhere"
    return Problem(table, 0, column, Path(path).name, f"required column is missing in {Path(path).name}, {there}")


def bucket_of(accounts: Any, buckets: int) -> np.ndarray:
    """The bucket of each account (Arrow text): the same on every machine and in every run.

    >>> import pyarrow as pa
    >>> bucket_of(pa.array(["a", "b", "a"]), 4).tolist()
    [0, 3, 0]
    """
    from pandas.util import hash_array

    hashed = hash_array(accounts.to_numpy(zero_copy_only=False), categorize=False)
    return (hashed % np.uint64(buckets)).astype(np.uint16 if buckets < 1 << 16 else np.int64)

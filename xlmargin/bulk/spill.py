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
from .job import MANIFEST, Job

BATCH_ROWS = 262_144
SPLIT_TABLES = ("positions", "orders", "balances", "accounts")
ROW = "__row"


def spilled(job: Job, told: Any) -> tuple[int, bool]:
    """Split every table that has accounts into the job's buckets; returns how many accounts, and if it stood already.

    A spill that was not finished does not count and is made anew.
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
    names = [_Names() for _ in range(job.buckets)]
    for table, path in {"positions": job.positions, **job.others}.items():
        if table in SPLIT_TABLES:
            told(f"sorting {table} into {job.buckets} buckets")
            _split(job, table, path, names)
    accounts = sum(len(n.seen) for n in names)
    part = manifest.with_suffix(".part")
    part.write_text(json.dumps({"fingerprint": key, "accounts": accounts}), encoding="utf-8")
    part.replace(manifest)
    return accounts, False


class _Names:
    """Distinct accounts of one bucket."""

    def __init__(self) -> None:
        self.seen: set[str] = set()


def _split(job: Job, table: str, path: Path, names: list[_Names]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writers: dict[int, Any] = {}
    with ExitStack() as stack:
        for batch in batches(path, table):
            which, words = _accounts(batch)
            of_word = bucket_of(words, job.buckets)
            bucket = of_word[which]
            for number in np.unique(bucket):
                names[number].seen.update(words[np.unique(which[bucket == number])])
                chunk = batch.take(pa.array(np.flatnonzero(bucket == number)))
                if number not in writers:
                    target = str(job.bucket(int(number), table))
                    writers[number] = stack.enter_context(pq.ParquetWriter(target, chunk.schema, compression="lz4"))
                writers[number].write_table(chunk)


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
        for batch in data.to_batches(batch_size=BATCH_ROWS):
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


def _accounts(batch: Any) -> tuple[np.ndarray, np.ndarray]:
    """Number of each row's account and the distinct accounts; an empty one is "main"."""
    import pandas as pd

    names = [n for n in batch.column_names if folded(n) == "account"]
    if not names:
        return np.zeros(batch.num_rows, np.int64), np.array(["main"], object)
    number, words = pd.factorize(batch.column(names[0]).to_pandas().astype(object))
    cleaned = [str(w).strip() or "main" for w in words]
    return number, np.array([*cleaned, "main"], object)


def bucket_of(account: np.ndarray, buckets: int) -> np.ndarray:
    """The bucket of each account: the same on every machine and in every run.

    >>> bucket_of(np.array(["a", "a", "b"], object), 4).tolist()[:2].__len__()
    2
    """
    from pandas.util import hash_array

    return (hash_array(account.astype(object), categorize=True) % np.uint64(buckets)).astype(np.int64)

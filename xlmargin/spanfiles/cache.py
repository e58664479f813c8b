"""What was read of a file, kept as Parquet under the SHA-256 of its content; pyarrow is imported here alone."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np

from .model import NUMBERS, SCENARIOS, TEXTS, SpanFile

EDITION = 1
COLUMNS = ("contracts", "arrays")


def place(folder: Path, sha256: str) -> Path:
    """Where a file of this content is kept; another edition of the reader keeps it elsewhere."""
    return folder / f"span-{sha256[:32]}-{EDITION}.parquet"


def save(folder: Path, file: SpanFile) -> Path:
    """Write columns as Parquet columns and everything else as JSON in its metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {k: file.contracts[k] for k in (*TEXTS, *NUMBERS)}
    columns |= {f"a{n + 1}": file.arrays[:, n] for n in range(SCENARIOS)}
    rest = {f.name: getattr(file, f.name) for f in fields(file) if f.name not in COLUMNS}
    table = pa.table(columns).replace_schema_metadata({"span": json.dumps(rest)})
    folder.mkdir(parents=True, exist_ok=True)
    target = place(folder, file.sha256)
    unfinished = target.with_suffix(".part")
    pq.write_table(table, unfinished, compression="zstd")
    unfinished.replace(target)
    return target


def load(folder: Path, sha256: str, name: str) -> SpanFile | None:
    """The file as it was read before, under the ``name`` that it has now; None where it is not kept."""
    target = place(folder, sha256)
    if not target.exists():
        return None
    import pyarrow.parquet as pq

    table = pq.read_table(target)
    rest = json.loads(table.schema.metadata[b"span"])
    columns = {k: table[k].to_numpy().astype(object) for k in TEXTS}
    columns |= {k: table[k].to_numpy() for k in NUMBERS}
    arrays = np.stack([table[f"a{n + 1}"].to_numpy() for n in range(SCENARIOS)], axis=1)
    rest |= {"contracts": columns, "arrays": arrays, "remarks": tuple(rest["remarks"]), "name": name}
    return SpanFile(**rest)

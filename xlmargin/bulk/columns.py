"""Arrow tables as the columns that the core reads: words stay numbered, numbers are taken as they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..schemas import folded
from ..texts import Texts, is_blank, objects, word_of


def columns(table: Any) -> dict[str, np.ndarray | Texts]:
    """The columns of an Arrow table by name."""
    found = {name: _cells(table.column(name)) for name in table.column_names}
    named = account_column(table.column_names)
    if named is not None:
        words, number = accounts(table)
        found[named] = Texts(number.astype(np.int64), objects(words.to_pylist()))
    return found


def _cells(column: Any) -> np.ndarray | Texts:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        coded = column.combine_chunks()
        if not pa.types.is_dictionary(kind):
            coded = coded.dictionary_encode()
        number = coded.indices.fill_null(-1).to_numpy().astype(np.int64)
        return Texts(number, objects(coded.dictionary.to_pylist())).closed()
    return column.to_numpy()


def accounts(batch: Any) -> tuple[Any, np.ndarray]:
    """The distinct accounts of an Arrow table (A,) as Arrow text, an empty one "main", and each row's number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    name = account_column(batch.column_names)
    if name is None:
        return pa.array(["main"]), np.zeros(batch.num_rows, np.int64)
    coded = batch.column(name).combine_chunks()
    if not pa.types.is_dictionary(coded.type):
        coded = coded.dictionary_encode()
    words = coded.dictionary
    if pa.types.is_floating(words.type) or pa.types.is_nested(words.type):
        words = pa.array(["" if is_blank(word) else word_of(word) for word in words.to_pylist()], pa.string())
    words = pc.utf8_trim_whitespace(pc.fill_null(words.cast(pa.string()), ""))
    words = pa.concat_arrays([pc.if_else(pc.equal(words, ""), "main", words), pa.array(["main"])])
    return words, coded.indices.fill_null(len(words) - 1).to_numpy()


def account_column(names: list[str]) -> str | None:
    """What the column of accounts is called among ``names``; None if there is none."""
    return next((name for name in names if folded(name) == "account"), None)

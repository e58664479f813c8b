"""Risk parameter files of clearing houses that use SPAN: XML (.spn) and expanded unpacked (.pa2).

SPAN is a registered trade mark of Chicago Mercantile Exchange Inc.; this project is not affiliated with it.
"""

from __future__ import annotations

import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError, Problem
from . import cache, pa2, spn
from .layout import record
from .model import SpanFile

__all__ = ["SpanFile", "read", "record"]
HEAD = 1 << 16


def read(
    path: Path | str, *, cache_in: Path | str | None = None, progress: Callable[[int, int], None] | None = None
) -> SpanFile:
    """A clearing house's risk parameter file, whole or not at all.

    Parameters: ``path``, a .spn or .pa2 file, plain, .gz or alone in a .zip; ``cache_in``, a folder where what was
    read is kept as Parquet under the file's SHA-256 (needs pyarrow); ``progress``, called with bytes done and in all.
    Raises InputError with line and field of everything wrong.
    """
    path = Path(path)
    try:
        with _opened(path) as file:
            sha256, size = _digest(file)
        if cache_in is not None and (kept := cache.load(Path(cache_in), sha256, path.name)) is not None:
            return kept
        made = _read(path, size, sha256, progress)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError([Problem(path.name, 0, "", str(path), f"cannot be read: {error}")]) from None
    if cache_in is not None:
        cache.save(Path(cache_in), made)
    return made


def _read(path: Path, size: int, sha256: str, progress: Callable[[int, int], None] | None) -> SpanFile:
    with _opened(path) as file:
        head = file.read(HEAD).replace(b"\x00", b"")
    if not head.lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t").startswith(b"<"):
        with _opened(path) as file:
            return pa2.read(file.read(), path.name, sha256, progress)
    if b"<!DOCTYPE" in head:
        message = "a SPAN file has no document type; refused"
        raise InputError([Problem(path.name, 1, "DOCTYPE", None, message)])
    reader = spn.Reader(path.name)
    try:
        with _opened(path) as file:
            reader.read(file, size, progress)
        return reader.finished(sha256)
    except InputError as error:
        with _opened(path) as file:
            raise reader.located(error, file) from None


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file's content as a stream, unpacked where it is packed."""
    suffix = path.suffix.casefold()
    if suffix == ".gz":
        with gzip.open(path, "rb") as file:
            yield file
    elif suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise zipfile.BadZipFile(f"{len(names)} files inside; one is needed: {', '.join(names[:5])}")
            with archive.open(names[0]) as file:
                yield file
    else:
        with path.open("rb") as file:
            yield file


def _digest(file: BinaryIO) -> tuple[str, int]:
    """SHA-256 and length of a stream."""
    made, size = hashlib.sha256(), 0
    while chunk := file.read(1 << 20):
        made.update(chunk)
        size += len(chunk)
    return made.hexdigest(), size

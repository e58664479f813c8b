"""One batch job: what goes in, where its finished parts lie, and how it is known again after a kill."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError

ROWS_OF_A_BUCKET = 400_000
MANIFEST = "job.json"


@dataclass(frozen=True)
class Job:
    """Inputs and settings of a batch; every path is absolute so that a worker elsewhere can open it.

    ``others`` are the further tables by name (balances, instruments, assets, accounts, orders): files or folders.
    """

    positions: Path
    output: Path
    model: str
    others: Mapping[str, Path] = field(default_factory=dict)
    as_of: float | None = None
    venue: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    payload: Path | None = None
    buckets: int = 0

    @property
    def folder(self) -> Path:
        """Where spilled buckets and finished parts lie until the output is whole."""
        return self.output.with_name(self.output.name + ".parts")

    @property
    def problems(self) -> Path:
        """The problems table beside the output."""
        return self.output.with_name(f"{self.output.stem}.problems.parquet")

    def bucket(self, number: int, table: str) -> Path:
        """The spilled rows of one bucket of a table."""
        return self.folder / f"bucket-{number:05d}.{table}.arrow"

    def part(self, number: int) -> Path:
        """The finished margins of one bucket."""
        return self.folder / f"part-{number:05d}.parquet"

    def part_problems(self, number: int) -> Path:
        """The problems of one bucket."""
        return self.folder / f"part-{number:05d}.problems.parquet"

    def fingerprint(self) -> str:
        """A digest of inputs (names, sizes, times), model, settings and code version: what a part depends on."""
        from .. import __version__

        files = {name: _stat(path) for name, path in {"positions": self.positions, **self.others}.items()}
        told = {
            "files": files,
            "model": self.model,
            "as_of": self.as_of,
            "venue": self.venue,
            "options": dict(self.options),
            "payload": _stat(self.payload) if self.payload else None,
            "buckets": self.buckets,
            "version": __version__,
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def _stat(path: Path) -> list[tuple[str, int, int]]:
    files = sorted(p for p in path.rglob("*.parquet")) if path.is_dir() else [path]
    return [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files]


@dataclass(frozen=True)
class Outcome:
    """What a batch did: every input account is either in the results or among the problems."""

    output: Path
    problems: Path
    accounts: int
    margined: int
    bad: int
    rows: int
    seconds: float
    resumed: int

    def check(self) -> None:
        """Raise InputError unless results and problems together are the input's accounts."""
        if self.margined + self.bad != self.accounts:
            message = f"{self.accounts:,} accounts in, {self.margined:,} margined and {self.bad:,} with problems out"
            raise InputError(f"{self.output.name}: {message}: the result is not whole and was not written")

"""SPAN over one risk parameter file and Reg T pairing, beside marginism and margin-estimator from PyPI.

A peer runs in an environment of its own (``benchmarks.peers``). The file is made here, without spreads between
commodities, which marginism does not credit.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import xlmargin as xm
from benchmarks import Row, best
from benchmarks.peers import measured, titled
from tests import span_files
from xlmargin import spanfiles

ACCOUNTS, LEGS = 1000, 20
SCOPES, STRIKES = 60, 60
SERIES, SPOT = 100, 100.0


def rows() -> Iterator[Row]:
    """Reading a file, a thousand accounts over it, and a book of a hundred series."""
    with tempfile.TemporaryDirectory() as folder:
        path = span_files.write(Path(folder) / "made.spn", span_files.spn(SCOPES, STRIKES, between=False))
        yield from _span(path)
    yield from _regt()


def _span(path: Path) -> Iterator[Row]:
    file = spanfiles.read(path)
    accounts = _accounts(file)
    peer = _peer("marginism", {"file": str(path), "accounts": {n: [leg[1:] for leg in a] for n, a in accounts.items()}})
    held = [(leg[0], leg[3], name) for name, legs in accounts.items() for leg in legs]
    names, quantities, owners = (list(column) for column in zip(*held, strict=True))
    table = {"instrument": names, "quantity": quantities, "account": owners}
    book, market = xm.tables(table, instruments=file.instruments(names), as_of=file.as_of, source=file.revision)
    model = xm.model("span.nse")
    params = model.load(file, model.params(file.as_of))
    run = lambda: xm.margin(book, market, model, params=params)  # noqa: E731
    margin = run()
    told = peer if isinstance(peer, str) else _span_difference(margin, peer["span"])
    size = path.stat().st_size / 1e6
    yield _row(
        f"read a .spn of {size:.0f} MB", best(lambda: spanfiles.read(path), 2), peer, "read", titled("marginism"), ""
    )
    with tempfile.TemporaryDirectory() as cache:
        spanfiles.read(path, cache_in=cache)
        kept = best(lambda: spanfiles.read(path, cache_in=cache), 3)
        yield _row("the same, kept as Parquet", kept, peer, "read", titled("marginism"), "")
    job = f"span.nse, {ACCOUNTS:,} accounts of {LEGS} over one file"
    yield _row(job, best(run, 5), peer, "margin", titled("marginism"), told)


def _accounts(file: spanfiles.SpanFile, seed: int = 0) -> dict[str, list[tuple[str, str, str, float, str, float]]]:
    """Random accounts: our name, then symbol, kind, quantity, expiry and strike as the peer takes them."""
    rng, c = np.random.default_rng(seed), file.contracts
    kinds = {"FUT": "FUT", "C": "CE", "P": "PE"}
    accounts = {}
    for a in range(ACCOUNTS):
        legs = []
        for i in rng.choice(len(file), LEGS, replace=False):
            kind, strike = kinds[c["right"][i] or "FUT"], float(np.nan_to_num(c["strike"][i]))
            quantity = float(rng.integers(1, 20) * rng.choice([-50, 50]))
            legs.append((c["name"][i], c["commodity"][i], kind, quantity, c["period"][i], strike))
        accounts[f"a{a}"] = legs
    return accounts


def _span_difference(margin: xm.Margin, peer: dict[str, float]) -> str:
    """The largest difference of SPAN (without exposure margin) between the two."""
    beside = ("Exposure margin", "Calendar-spread futures", "Expiry-day margin", "Ad hoc margin")
    ours = margin.initial.value - sum(p.value for p in margin.initial.parts if p.name in beside)
    theirs = np.array([peer[a] for a in margin.account])
    return f"largest difference {np.abs(ours - theirs).max():.3g} of {theirs.max():.3g}"


def _regt() -> Iterator[Row]:
    for terms, spreads in (((30, 60, 90, 180), "named"), ((30, 60, 90, 180), "any"), ((30,), "named")):
        legs = _series(terms)
        peer = _peer("margin_estimator", {"spot": SPOT, "legs": legs})
        book, market = _book(legs)
        run = partial(xm.margin, book, market, "regt.strategy", options={"spreads": spreads})
        margin = run()
        said = "proved least" if not margin.notes else f"within {margin.extras['unproved'].value[0]:,.0f} of the least"
        told = peer
        if not isinstance(peer, str):
            asks = _in_their_terms(margin, legs) / peer["requirement"]
            told = f"{said}; asks {asks:.2f} of the greedy cut, which counts all its pairs as one spread of any legs"
        what = "groups of up to four" if spreads == "named" else "spreads of any legs"
        job = f"Reg T pairing, {SERIES} series over {len(terms)} expiries, {what}"
        yield _row(job, best(run, 3), peer, "margin", f"{titled('margin_estimator')} (greedy)", str(told))


def _in_their_terms(margin: xm.Margin, legs: list[tuple[str, float, float, float, int]]) -> float:
    """Our requirement as the peer counts: uncovered options with their premium, every other short net of it."""
    price = {f"{right} {strike:g}": p for right, _, strike, p, _ in legs}
    total = float(margin.extras["deposit"].value[0])
    for underlying in margin.detail().initial.parts[0].parts:
        for group in underlying.parts:
            what, _, members = group.name.partition(": ")
            if what.startswith(("Uncovered", "Short st")):
                times = float(what.partition("×")[2])
                series = [" ".join(member.split()[1:3]) for member in members.split(", ")]
                total += sum(times * price[s] * 100 for s in series)
    return total


def _series(terms: tuple[int, ...], seed: int = 1) -> list[tuple[str, float, float, float, int]]:
    """Random series around the money: right, quantity, strike, price and days to expiry."""
    rng, made = np.random.default_rng(seed), {}
    while len(made) < SERIES:
        right, strike, days = "CP"[rng.integers(2)], float(rng.integers(60, 141)), int(rng.choice(terms))
        inside = max(SPOT - strike if right == "C" else strike - SPOT, 0.0)
        price = round(inside + 3 * float(np.exp(-abs(strike - SPOT) / 20)), 2)
        made[right, strike, days] = (right, float(rng.choice([-1, 1]) * rng.integers(1, 6)), strike, price, days)
    return list(made.values())


def _book(legs: list[tuple[str, float, float, float, int]]) -> tuple[xm.Book, xm.Market]:
    as_of = 1_790_000_000
    table: dict[str, list[Any]] = {"instrument": [f"{r} {k:g} {d}" for r, _, k, _, d in legs]}
    table |= {"kind": ["option"] * len(legs), "underlying": ["X"] * len(legs), "settle": ["USD"] * len(legs)}
    table |= {"quote": ["USD"] * len(legs), "option_type": [leg[0] for leg in legs], "strike": [leg[2] for leg in legs]}
    table |= {"mark": [leg[3] for leg in legs], "expiry": [as_of + 86400 * leg[4] for leg in legs]}
    table |= {"contract_size": [100.0] * len(legs), "index": [SPOT] * len(legs)}
    held = {"instrument": table["instrument"], "quantity": [leg[1] for leg in legs]}
    return xm.tables(held, instruments=table, as_of=as_of)


def _peer(name: str, work: dict[str, Any]) -> dict[str, Any] | str:
    """What the peer measured, or why it cannot run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "work.json"
        path.write_text(json.dumps(work), encoding="utf-8")
        return measured(name, "clearing_peer.py", path)


def _row(job: str, seconds: float, peer: dict[str, Any] | str, key: str, name: str, remark: str) -> Row:
    if isinstance(peer, str):
        return Row(job, seconds, name, remark=f"cannot run: {peer}")
    return Row(job, seconds, name, seconds / peer[key], "below 1", remark)

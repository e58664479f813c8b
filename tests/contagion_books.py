"""Books for contagion and what must hold of every one: books balance, positions only shrink."""

import numpy as np
import pytest

import xlmargin as xm
from xlmargin.decide.contagion import contagion
from xlmargin.decide.valuation import value
from xlmargin.decide.venues import Ladder

MODEL = "binance.usdm"
RATE = 0.004
MARK = 60_000.0
WHOLE = {MODEL: Ladder(step=1.0, cite="test")}
FIFTH = {MODEL: Ladder(step=0.2, cite="test")}


def perps(rows, cash, owner=None, venue=None, more=None):
    """Accounts at binance.usdm: ``rows`` of account, instrument, quantity; all entered at the mark."""
    marks = {"BTCUSDT": MARK, "ETHUSDT": 3_000.0}
    who = list(cash)
    accounts = {"account": who, "venue": [(venue or {}).get(a, "binance") for a in who]}
    accounts |= {"owner": [owner.get(a) for a in who]} if owner else {}
    return xm.tables(
        {
            "account": [r[0] for r in rows],
            "instrument": [r[1] for r in rows],
            "quantity": [r[2] for r in rows],
            "entry_price": [marks[r[1]] for r in rows],
            "leverage": [10.0] * len(rows),
        },
        {"asset": ["USDT"] * len(who), "amount": list(cash.values()), "account": who} | (more or {}),
        {"instrument": list(marks), "mark": list(marks.values())},
        {"asset": ["USDT"], "price": [1.0]},
        accounts=accounts,
        as_of="2026-11-25",
    )


def depth(btc=np.nan, eth=np.nan):
    own = {n: d for n, d in (("BTC", btc), ("ETH", eth)) if np.isfinite(d)}
    return {"underlying": list(own), "depth": list(own.values())}


def check(found, tolerance=1e-6):
    """Books balance in every round and in all, worth is what the books say, positions only shrink."""
    scale = max(1.0, np.abs(found.before).max(initial=0.0), np.abs(found.sold).max(initial=0.0))
    assert sum(found.totals.values()) == pytest.approx(0.0, abs=tolerance * scale)
    gained = sum(found.flows.values())
    np.testing.assert_allclose(found.before + gained, found.after, atol=tolerance * scale)
    measured = np.zeros(len(found.account))
    for s in found.cohorts:
        np.add.at(measured, s.account, value(s.book, s.there.market, "USD"))
    np.testing.assert_allclose(measured, found.after, atol=tolerance * scale)
    assert len(found.told) <= found.bound + 1
    assert (found.fund >= 0).all()
    assert found.totals["uncovered"] <= 0.0


def only_shrinks(found, book, market):
    """Every leg at the end is a part of the leg at the start, of the same sign."""
    at = {
        (str(book.account[r]), str(market.name[i])): 0.0
        for r, i in zip(book.legs.row, book.legs.instrument, strict=True)
    }
    end = dict(at)
    for r, i, q in zip(book.legs.row, book.legs.instrument, book.legs.quantity, strict=True):
        at[str(book.account[r]), str(market.name[i])] += q
    for s in found.cohorts:
        legs = s.book.legs
        for r, i, q in zip(legs.row, legs.instrument, legs.quantity, strict=True):
            end[str(s.book.account[r]), str(s.base.market.name[i])] += q
    for key, left in end.items():
        assert abs(left) <= abs(at[key]) * (1 + 1e-12)
        assert left * at[key] >= 0


def refused(*given, **how):
    with pytest.raises(xm.InputError) as caught:
        contagion(*given, **how)
    return str(caught.value)

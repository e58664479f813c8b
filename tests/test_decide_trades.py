"""Trades on a book against the assembly of all lots from tables, and against plain loops; closing; bad input."""

import numpy as np
import pytest

import xlmargin as xm
from tests.test_decide_worlds import law_book
from xlmargin.decide.trades import Trades, closed, traded

AS_OF = "2026-11-25T12:00Z"
PRICE = {"BTCUSDT": 60_000.0, "ETHUSDT": 3_000.0, "SOLUSDT": 150.0}


def perps(positions, cash):
    book, market = xm.tables(
        positions,
        cash,
        {"instrument": list(PRICE), "mark": list(PRICE.values())},
        {"asset": ["USDT"], "price": [1.0]},
        as_of=AS_OF,
        venue="binance",
    )
    return book, market


@pytest.mark.parametrize("seed", range(6))
def test_trades_are_lots_of_the_same_book(seed):
    """Futures: trading is the same as having bought the lots; equity and both margins agree."""
    rng = np.random.default_rng(seed)
    names = list(PRICE)
    lots = []
    for account in ("a", "b", "c"):
        for name in rng.permutation(names)[: rng.integers(0, 4)]:
            price = PRICE[name]
            lots.append((account, name, float(rng.normal() * 20_000 / price), price * float(rng.uniform(0.9, 1.1))))
    more = [
        (a, n, float(rng.normal() * 20_000 / PRICE[n]), PRICE[n] * float(rng.uniform(0.9, 1.1)))
        for a in ("a", "b", "c")
        for n in rng.permutation(names)[:2]
        for _ in range(rng.integers(1, 3))
    ]
    cash = {"asset": ["USDT"] * 3, "amount": [50_000.0] * 3, "account": ["a", "b", "c"]}

    def table(rows):
        columns = dict(zip(("account", "instrument", "quantity", "entry_price"), zip(*rows, strict=True), strict=True))
        return {k: list(v) for k, v in columns.items()} | {"leverage": [5.0] * len(rows)}

    before, market = perps(table(lots) if lots else None, cash)
    whole, _ = perps(table([*lots, *more]), cash)
    number = {name: i for i, name in enumerate(before.account)}
    where = market.numbered([m[1] for m in more])
    trades = Trades.of(
        np.array([number[m[0]] for m in more]),
        where,
        np.array([m[2] for m in more]),
        price=np.array([m[3] for m in more]),
        leverage=np.full(len(more), 5.0),
    )
    after = traded(before, market, trades)
    one, other = (xm.margin(b, market, "binance.usdm") for b in (after, whole))
    by = dict(zip(other.account, range(3), strict=True))
    for r, name in enumerate(one.account):
        for figure in ("equity", "initial", "maintenance"):
            found, wanted = getattr(one, figure).value[r], getattr(other, figure).value[by[name]]
            assert found == pytest.approx(wanted, rel=1e-9, abs=1e-6), (name, figure)


def test_an_option_is_paid_in_full_and_equity_stays_at_the_mark():
    book, market, params = law_book("derive.portfolio", 2)
    before = xm.margin(book, market, "derive.portfolio", params=params)
    session, rows = before.run.session, before.run.book
    rng = np.random.default_rng(0)
    options = np.flatnonzero(session.market.kind == 3)
    held = [
        options[session.market.scope[options] == session.market.scope[rows.legs.instrument[rows.legs.row == r][0]]]
        for r in range(len(rows))
    ]
    row = np.repeat(np.arange(len(rows)), 2)
    where = np.concatenate([rng.choice(h, 2, replace=False) for h in held])
    unit = session.ready.unit[where, -1]
    trades = Trades.of(row, where, rng.normal(size=len(row)), price=np.maximum(unit, 1e-9))
    after = session.run(traded(rows, session.market, trades))
    np.testing.assert_allclose(after.equity.value, before.equity.value, rtol=1e-9)


def test_closing_everything_leaves_the_equity_and_no_margin():
    positions = {
        "instrument": ["BTCUSDT", "ETHUSDT"],
        "quantity": [1.0, -10.0],
        "entry_price": [50_000.0, 2_500.0],
        "leverage": [5, 5],
    }
    book, market = perps(positions, {"asset": ["USDT"], "amount": [30_000.0]})
    before = xm.margin(book, market, "binance.usdm")
    rows = before.run.book
    half = before.run.session.run(closed(rows, market, np.full(2, 0.5)))
    none = before.run.session.run(closed(rows, market, np.ones(2)))
    np.testing.assert_allclose(half.equity.value, before.equity.value)
    np.testing.assert_allclose(none.equity.value, before.equity.value)
    assert half.initial.value[0] == pytest.approx(before.initial.value[0] / 2)
    assert none.initial.value[0] == none.maintenance.value[0] == 0.0
    assert len(none.run.book.legs) == 0


def test_reversing_a_short_realises_and_opens_at_the_price():
    positions = {"instrument": ["ETHUSDT"], "quantity": [-10.0], "entry_price": [3_100.0], "leverage": [5]}
    book, market = perps(positions, {"asset": ["USDT"], "amount": [10_000.0]})
    i = market.numbered(["ETHUSDT"])
    after = traded(book, market, Trades.of([0], i, [14.0], price=np.array([2_900.0]), fee=np.array([7.0])))
    assert after.legs.quantity.tolist() == [4.0]
    assert after.legs.entry.tolist() == [2_900.0]
    assert after.cash.amount.tolist() == [10_000.0 + 10 * 200.0 - 7.0]


def test_inverse_contracts_average_harmonically():
    book, market = xm.tables(
        {"instrument": ["BTC-PERPETUAL"], "quantity": [10_000.0], "entry_price": [50_000.0]},
        {"asset": ["BTC"], "amount": [1.0]},
        {"instrument": ["BTC-PERPETUAL"], "mark": [60_000.0], "index": [60_000.0]},
        as_of=AS_OF,
        venue="deribit",
    )
    after = traded(book, market, Trades.of([0], [0], [20_000.0]))
    assert after.legs.entry[0] == pytest.approx(30_000 / (10_000 / 50_000 + 20_000 / 60_000))
    back = traded(after, market, Trades.of([0], [0], [-30_000.0]))
    assert len(back.legs) == 0
    assert back.cash.amount[0] == pytest.approx(1.0 + 10_000 * (1 / 50_000 - 1 / 60_000))


def test_what_cannot_be_traded_is_listed():
    book, market = perps(None, {"asset": ["USDT"], "amount": [1.0]})
    bare = market.with_columns(mark=np.array([np.nan, 3000.0, 150.0]))
    with pytest.raises(xm.InputError, match="trades row 2, column price: no price and no mark for BTCUSDT"):
        traded(book, bare, Trades.of([0], bare.numbered(["BTCUSDT"]), [1.0]))

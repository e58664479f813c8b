"""Liquidation prices: the generic search against closed forms, live rows, slow bisection; roots, words, bad input."""

import numpy as np
import pytest

import xlmargin as xm
from tests import binance_cases, test_hyperliquid
from tests.binance_random import random_book
from tests.test_decide_worlds import MODELS, law_book
from xlmargin.decide.liquidation import surface
from xlmargin.decide.liquidation.liquidation import liquidation, percent
from xlmargin.decide.subject import revaluable
from xlmargin.decide.worlds import moved_session
from xlmargin.rulebooks.binance import coinm, usdm
from xlmargin.rulebooks.hyperliquid import cross

AS_OF = "2026-11-25T12:00Z"


def by_leg(margin, found):
    """Every root found for each leg (H,) of a margin, as prices."""
    place = {(r, name): p for p, (r, name) in enumerate(zip(found.row, found.target, strict=True))}
    legs, market = margin.run.book.legs, margin.run.market
    for h in range(len(legs)):
        p = place[legs.row[h], market.name[legs.instrument[h]]]
        yield found.level[p] * found.root[found.pair == p], found.headroom[p]


def worst_error(margin, published):
    """Largest relative distance of a published price from the nearest root, where one lies within reach."""
    found, errors = liquidation(margin, by="instrument", reach=(1e-6, 1e4)), []
    marks = margin.run.market["mark"][margin.run.book.legs.instrument]
    for (roots, headroom), price, mark in zip(by_leg(margin, found), published, marks, strict=True):
        if np.isfinite(price) and headroom >= 0 and 1e-5 < price / mark < 1e3:
            errors.append(np.min(np.abs(roots / price - 1.0), initial=np.inf))
    assert errors
    return max(errors)


@pytest.mark.parametrize("seed", range(3))
def test_binance_usdm_in_every_mode(seed):
    book, market = random_book(seed)[0]
    margin = xm.margin(book, market, "binance.usdm")
    assert worst_error(margin, usdm.liquidation_prices(margin)) < 1e-9


def test_binance_shared_cases():
    """The engine's closed form is held against the published figures in test_binance; the search must agree with it."""
    cases = binance_cases.groups()["priced"]
    if not cases:
        pytest.skip("no shared cases")
    book, market, params = binance_cases.usdm(cases)
    margin = xm.margin(book, market, "binance.usdm", params=params)
    assert worst_error(margin, usdm.liquidation_prices(margin)) < 1e-9


def test_binance_coinm():
    rows = {
        "instrument": ["BTCUSD_PERP", "BTCUSD_PERP"],
        "quantity": [100.0, -80.0],
        "entry_price": [60000.0, 64000.0],
        "leverage": [5, 5],
        "contract_size": [100.0, 100.0],
        "account": ["long", "short"],
    }
    cash = {"asset": ["BTC", "BTC"], "amount": [0.05, 0.05], "account": ["long", "short"]}
    instruments = {"instrument": ["BTCUSD_PERP"], "mark": [61000.0]}
    book, market = xm.tables(rows, cash, instruments, as_of=AS_OF, venue="binance")
    margin = xm.margin(book, market, "binance.coinm")
    assert worst_error(margin, coinm.liquidation_prices(margin)) < 1e-9


def test_hyperliquid_live_rows():
    """Against the prices that the venue returned, within what funding explains (see test_hyperliquid)."""
    margin, _, cases = test_hyperliquid.live_margin()
    assert worst_error(margin, cross.liquidation_prices(margin)) < 1e-9
    price = {f"{c['coin']} {n}": c["price"] for n, c in enumerate(cases)}
    venue = [price[a] for a in margin.account[margin.run.book.legs.row]]
    assert worst_error(margin, np.array(venue)) < 1e-4


@pytest.mark.parametrize("model", MODELS)
def test_at_every_root_equity_meets_maintenance(model):
    """Plain margin on the market moved by the root found: headroom is zero, or changes sign there (a jump)."""
    book, market, params = law_book(model, 11)
    margin = revaluable(xm.margin(book, market, model, params=params))
    found = liquidation(margin)
    from xlmargin.decide.axis import Axis

    axis = Axis.of(margin.run.market, "underlying")
    for k in range(min(len(found.root), 12)):
        p = found.pair[k]
        target = int(np.flatnonzero(axis.names == found.target[p])[0])
        ends = []
        for nudge in (1.0, 1.0 - 1e-9, 1.0 + 1e-9):
            move = axis.moves(np.array([target]), np.array([found.root[k] * nudge]))
            there = moved_session(margin.run.session, move).run(margin.run.book.take([found.row[p]]))
            ends.append(there.headroom[0])
        scale = abs(margin.equity.value[found.row[p]]) + margin.maintenance.value[found.row[p]]
        assert abs(ends[0]) < 1e-8 * scale or ends[1] * ends[2] <= 0
        assert ends[0] == pytest.approx(found.gap[k], abs=1e-9 * scale)


@pytest.mark.parametrize("model", MODELS)
def test_the_nearest_roots_are_those_of_a_scan_of_plain_margins(model):
    """Plain margins at 60 prices: sign changes lie where the search says, and nowhere else."""
    book, market, params = law_book(model, 5, accounts=2)
    margin = xm.margin(book, market, model, params=params)
    found = liquidation(margin)
    nearest = liquidation(margin, roots="nearest")
    np.testing.assert_allclose(nearest.down, found.down, rtol=1e-9)
    np.testing.assert_allclose(nearest.up, found.up, rtol=1e-9)
    from xlmargin.decide.axis import Axis

    axis = Axis.of(margin.run.market, "underlying")
    for p in range(min(len(found.row), 4)):
        target = int(np.flatnonzero(axis.names == found.target[p])[0])
        inside = [r for r in found.root[found.pair == p] if 0.52 < r < 1.48]
        steps = np.linspace(0.52, 1.48, 60)
        signs = []
        for x in steps:
            there = moved_session(margin.run.session, axis.moves(np.array([target]), np.array([x])))
            signs.append(there.run(margin.run.book.take([found.row[p]])).headroom[0] < 0)
        for n in np.flatnonzero(np.diff(np.array(signs, int)) != 0):
            assert any(steps[n] <= r <= steps[n + 1] for r in inside), (found.target[p], steps[n], inside)


def iron(strikes, quantities, cash, spot=2600.0):
    """An account of Derive options on ETH."""
    names = [f"ETH-20261225-{k}-{t}" for k, t in strikes]
    common = {"forward": [spot] * len(names), "iv": [0.6] * len(names), "rate": [0.04] * len(names)}
    more = {"index": [spot] * len(names), "confidence": [1.0] * len(names)}
    book, market = xm.tables(
        {"instrument": names, "quantity": quantities},
        {"asset": ["USDC"], "amount": [cash]},
        {"instrument": names, **common, **more},
        {"asset": ["USDC"], "price": [1.0]},
        as_of=AS_OF,
    )
    return xm.margin(book, market, "derive.portfolio")


def test_a_short_strangle_has_both_sides_and_a_spread_none():
    strangle = liquidation(iron([(2200, "P"), (3000, "C")], [-20, -20], 16_000.0))
    assert 0.5 < strangle.down[0] < 1 < strangle.up[0] < 2
    assert strangle.status()[0].startswith("at -")
    spread = liquidation(iron([(2600, "C"), (3000, "C")], [1, -1], 5_000.0))
    assert spread.status()[0] == "no move from -99.9 % to +900.0 % reaches maintenance"
    assert np.isnan(spread.down[0])
    assert np.isnan(spread.up[0])


def test_an_account_already_below_says_where_it_comes_back():
    found = liquidation(iron([(2600, "P")], [-20], 5_000.0))
    assert found.below[0]
    assert found.status()[0].startswith("already below maintenance; met again at +")
    lost = liquidation(iron([(2600, "C"), (2600, "P")], [-20, -20], 10.0))
    assert lost.status()[0] == "already below maintenance; nowhere met from -99.9 % to +900.0 %"


def test_several_roots_are_reported():
    """A short butterfly breaks on the way to its middle strike and is whole again beyond its wings."""
    found = liquidation(iron([(2600, "C"), (3000, "C"), (3400, "C")], [-30, 60, -30], 4_000.0, spot=2000.0))
    assert len(found.root) == 2
    assert np.all(np.diff(found.root) > 0)
    assert 2000 * found.root[0] < 3000 < 2000 * found.root[1]
    assert "; changes again at +" in found.status()[0]


def test_collateral_moves_with_its_underlying_and_volatility_has_its_own_axis():
    margin = iron([(2200, "P")], [-20], 9_000.0)
    vol = liquidation(margin, by="volatility")
    assert vol.up[0] > 1
    axis_only = liquidation(margin, by="instrument")
    assert list(axis_only.target) == ["ETH-20261225-2200-P"]


def test_a_balance_in_a_coin_is_a_target_of_its_own():
    book, market = random_book(0)[0]
    found = liquidation(xm.margin(book, market, "binance.usdm"))
    multi = found.pool == "USD"
    assert "BTC" in set(found.target[multi])
    assert "" in set(found.target[multi])
    frame = found.frame()
    assert set(frame.columns) >= {"account", "target", "down price", "up price", "status"}
    assert (frame["target"] == "all together").any()


def test_surface_is_plain_margin_at_every_point():
    margin = iron([(2200, "P"), (3000, "C")], [-20, -20], 22_000.0)
    found = surface(margin, "ETH", moves=[-0.2, 0.0, 0.3], vols=[0.0, 0.5])
    from xlmargin.decide.moves import named

    for i, price in enumerate((-0.2, 0.0, 0.3)):
        for j, vol in enumerate((0.0, 0.5)):
            moves = named(margin.run.market, {"ETH": price}, {"ETH": vol})
            there = moved_session(margin.run.session, moves).run(margin.run.book)
            assert found.equity[i, j, 0] == there.equity.value[0]
            assert found.requirement[i, j, 0] == there.maintenance.value[0]
    assert len(found.frame()) == 6


def test_bad_input_is_told_in_words():
    margin = iron([(2200, "P")], [-1], 9_000.0)
    with pytest.raises(xm.InputError, match="did you mean 'underlying'"):
        liquidation(margin, by="underlyings")
    with pytest.raises(xm.InputError, match="no level 'maintenence'; did you mean 'maintenance'"):
        liquidation(margin, level="maintenence")
    with pytest.raises(xm.InputError, match="must hold 1 and begin above 0"):
        liquidation(margin, reach=(0.0, 2.0))
    with pytest.raises(xm.InputError, match="nothing follows 'ETC'; did you mean 'ETH'"):
        surface(margin, "ETC")
    with pytest.raises(xm.InputError, match="above -100 %"):
        surface(margin, "ETH", moves=[-1.0])
    with pytest.raises(xm.InputError, match="no account 'mian'; did you mean 'main'"):
        liquidation(margin, account="mian")


def test_called_with_a_book_it_is_the_same():
    margin = iron([(2200, "P")], [-20], 9_000.0)
    book, market = margin.run.book, margin.run.market
    again = liquidation(book, market, "derive.portfolio", account="main")
    np.testing.assert_array_equal(again.down, liquidation(margin).down)


def test_percent_has_digits_as_small_moves_need():
    assert [percent(v) for v in (-0.114, 0.0, 0.00042)] == ["-11.4 %", "+0.000 %", "+0.042 %"]

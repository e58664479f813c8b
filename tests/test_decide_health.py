"""Health: states at their thresholds, words, alerts with severity, the position that weighs most."""

from dataclasses import replace

import numpy as np
import pytest

import xlmargin as xm
from tests.test_decide_exposure import desk
from tests.test_decide_trades import perps
from tests.test_decide_worlds import MODELS, law_book
from xlmargin.decide.health import health, relief
from xlmargin.decide.liquidation import liquidation
from xlmargin.decide.venues import FILE, ladder, states
from xlmargin.params import versions


def account(cash, quantity=1.0):
    positions = {"instrument": ["BTCUSDT", "ETHUSDT"], "quantity": [quantity, -5.0], "leverage": [5, 5]}
    positions["entry_price"] = [60_000.0, 3_000.0]
    book, market = perps(positions, {"asset": ["USDT"], "amount": [cash]})
    return xm.margin(book, market, "binance.usdm")


def test_the_words_are_those_of_the_liquidation_search():
    margin = account(8_000.0)
    found = health(margin)
    prices = liquidation(margin)
    row = found.frame().iloc[0]
    btc = int(np.flatnonzero(prices.target == "BTC")[0])
    assert f"BTC {(prices.down[btc] - 1) * 100:+.1f} %" in row["price"]
    assert row["state"] == "sound"
    assert row["weighs most"] == "BTCUSDT"
    assert row["nearest"].startswith("BTC -")
    assert row["market time"] == "2026-11-25 12:00:00Z"


@pytest.mark.parametrize(
    ("cover", "state"),
    [(1.3, None), (1.2, "near"), (1.0, "near"), (0.99, "liquidatable"), (-0.1, "bankrupt")],
)
def test_states_begin_at_their_thresholds(cover, state):
    margin = account(0.0)
    need = margin.maintenance.value[0]
    found = health(account(cover * need - margin.equity.value[0])).state[0]
    assert (found.name if found else None) == state


def test_okx_warns_from_three_hundred_per_cent():
    assert states("okx.cross", 1.79e9)[0].below == 3.0
    assert states("unheard.of", 1.79e9)[0].name == "near"


def test_alerts_are_rows_the_gravest_first():
    book, market = perps(
        {
            "instrument": ["BTCUSDT", "BTCUSDT"],
            "quantity": [1.0, 1.0],
            "entry_price": [60_000.0, 60_000.0],
            "leverage": [5, 50],
            "account": ["broken", "close"],
        },
        {"asset": ["USDT", "USDT"], "amount": [100.0, 2_400.0], "account": ["broken", "close"]},
    )
    table = health(xm.margin(book, market, "binance.usdm")).alerts()
    assert table.iloc[0]["account"] == "broken"
    assert table.iloc[0]["severity"] == "critical"
    assert "short" in table.iloc[0]["message"]
    near = table[(table["account"] == "close") & (table["what"] == "price near")]
    assert near.iloc[0]["severity"] == "serious"
    assert near.iloc[0]["message"].startswith("BTC -3.")
    assert (table["market time"] == "2026-11-25 12:00:00Z").all()


def test_relief_is_a_book_without_the_position():
    margin = desk()
    found = relief(margin)
    legs, session = margin.run.book.legs, margin.run.session
    for h in range(len(legs)):
        if session.market.kind[legs.instrument[h]] == 3:
            continue
        kept = np.arange(len(legs)) != h
        rest = replace(margin.run.book, legs=legs.at(kept, legs.row[kept], legs.rows))
        closed_at_entry = legs.entry[h] == session.market["mark"][legs.instrument[h]]
        assert closed_at_entry
        again = session.run(rest)
        r = legs.row[h]
        assert found[h] == pytest.approx(again.headroom[r] - margin.headroom[r])


def test_collateral_alone_can_break_an_account():
    found = health(desk())
    assert set(found.collateral.target) == {"BTC", "USDC"}
    a = int(np.flatnonzero(found.margin.account == "a")[0])
    assert "BTC -" in found.frame().iloc[a]["collateral"]


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_health(model):
    book, market, params = law_book(model, 6, accounts=2)
    found = health(xm.margin(book, market, model, params=params))
    table = found.frame()
    assert len(table) == len(found.margin.account)
    assert np.all(np.isfinite(found.relief))
    assert set(found.alerts()["severity"]) <= {"critical", "serious", "warning", "note"}


@pytest.mark.parametrize("model", [*xm.models(), "unheard.of"])
def test_every_ladder_is_whole_and_sourced(model):
    own = ladder(model, 1.79e9)
    assert 0 < own.step <= 1
    assert 0 < own.target <= 1
    assert own.cite
    assert [s.below for s in states(model, 1.79e9)] == sorted((s.below for s in states(model, 1.79e9)), reverse=True)


def test_venues_are_dated():
    dates = versions(FILE)
    assert list(dates) == sorted(dates)
    assert ladder("paradex.cross", dates[0].timestamp()).fee_of_margin == 0.0
    assert ladder("paradex.cross", dates[-1].timestamp()).fee_of_margin == 0.7

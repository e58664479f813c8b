"""What-ifs against margins of the book with the same lots from tables; closes, cash, moves; words for bad baskets."""

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests.test_decide_trades import PRICE, perps
from tests.test_decide_worlds import MODELS, law_book
from xlmargin.decide.what_if import what_if

MODEL = "binance.usdm"
HELD = {
    "account": ["a", "a", "b"],
    "instrument": ["BTCUSDT", "ETHUSDT", "SOLUSDT"],
    "quantity": [1.0, -10.0, 50.0],
    "entry_price": [58_000.0, 3_100.0, 140.0],
    "leverage": [5.0, 5.0, 5.0],
}
CASH = {"asset": ["USDT", "USDT"], "amount": [20_000.0, 3_000.0], "account": ["a", "b"]}


def desk():
    return perps(HELD, CASH)


def plus(rows):
    """The margin of the book with further lots at the mark, assembled from tables."""
    table = {k: list(v) for k, v in HELD.items()}
    for account, instrument, quantity in rows:
        for name, value in zip(HELD, (account, instrument, quantity, PRICE[instrument], 5.0), strict=True):
            table[name].append(value)
    return xm.margin(*perps(table, CASH), MODEL)


def test_baskets_are_the_book_with_their_lots():
    book, market = desk()
    baskets = {
        "basket": ["hedge", "more", "more", "turn"],
        "account": ["a", "a", "b", "b"],
        "instrument": ["BTCUSDT", "BTCUSDT", "BTCUSDT", "SOLUSDT"],
        "quantity": [-0.5, 0.5, 0.1, -120.0],
    }
    leverage = {"leverage": [5.0] * 4}
    table = what_if(book, market, MODEL, baskets | leverage).frame().set_index(["account", "basket"])
    rows = list(zip(*baskets.values(), strict=True))
    for (account, basket), row in table.iterrows():
        whole = plus([(a, i, q) for b, a, i, q in rows if (a, b) == (account, basket)])
        r = int(np.flatnonzero(whole.account == account)[0])
        assert row["initial after"] == pytest.approx(whole.initial.value[r])
        assert row["equity after"] == pytest.approx(whole.equity.value[r])
        assert row["maintenance change"] == pytest.approx(row["maintenance after"] - row["maintenance before"])
    assert set(table.index) == {("a", "hedge"), ("a", "more"), ("b", "more"), ("b", "turn")}
    assert table.loc[("a", "hedge"), "initial change"] < 0
    assert table.loc[("a", "hedge"), "passes"]


def test_benefit_is_standalone_less_what_is_added():
    book, market = desk()
    found = what_if(book, market, MODEL, {"instrument": ["BTCUSDT"], "quantity": [-0.5], "account": ["a"]}).frame()
    row = found.iloc[0]
    assert row["standalone"] == pytest.approx(0.5 * 60_000 / 125, rel=0.5)
    assert row["benefit"] == pytest.approx(row["standalone"] - row["initial change"])
    assert row["benefit"] > row["standalone"]


def test_a_share_closes_the_position_that_each_account_holds():
    book, market = desk()
    found = what_if(book, market, MODEL, {"instrument": ["SOLUSDT"], "close": [0.4]}, standalone=False)
    table = found.frame().set_index("account")
    whole = plus([("b", "SOLUSDT", -20.0)])
    assert table.loc["b", "initial after"] == pytest.approx(whole.initial.value[list(whole.account).index("b")])
    assert table.loc["a", "initial change"] == 0.0
    assert np.isnan(found.standalone).all()


def test_deposits_and_withdrawals():
    book, market = desk()
    moves = {"basket": ["in", "out"], "asset": ["USDT", "USDT"], "amount": [500.0, -2_990.0], "account": ["b", "b"]}
    table = what_if(book, market, MODEL, cash=moves).frame().set_index("basket")
    assert table.loc["in", "equity change"] == 500.0
    assert table.loc["out", "equity change"] == -2_990.0
    assert not table.loc["out", "passes"]


def test_a_changed_market_is_before_today_and_after_there():
    book, market = desk()
    table = what_if(book, market, MODEL, moves={"price": {"BTC": -0.1}}).frame().set_index("account")
    assert table.loc["a", "equity change"] == pytest.approx(-6_000.0)
    assert table.loc["b", "equity change"] == 0.0
    both = what_if(
        book,
        market,
        MODEL,
        {"instrument": ["BTCUSDT"], "quantity": [-1.0], "account": ["a"]},
        moves={"price": {"BTC": -0.1}},
    )
    assert both.change["equity"][0] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_closing_half_of_everything_in_every_model(model):
    """A share of each position closed by its name is the same as half of the legs, where the model holds positions."""
    book, market, params = law_book(model, 8, accounts=2)
    if not len(book.legs) or np.isnan(market["mark"]).all() or model.startswith(("simm", "schedule")):
        pytest.skip("no positions with marks")
    held = sorted({str(market.name[i]) for i in book.legs.instrument})
    found = what_if(book, market, model, {"instrument": held, "close": [0.5] * len(held)}, params=params)
    assert not [r for r in found.refused if "whole contracts" not in r[2]]
    assert np.all(np.isfinite(found.after["initial"]))
    if found.refused:
        return
    whole = xm.margin(book, market, model, params=params)
    assert found.before["equity"].sum() == pytest.approx(whole.equity.value.sum())


def test_isolated_pools_that_vanish_count_zero_after():
    table = {k: list(v) for k, v in HELD.items()} | {"margin_mode": ["isolated", "cross", "cross"]}
    book, market = perps(table | {"posted_margin": [9_000.0, None, None]}, CASH)
    assert len(xm.margin(book, market, MODEL).pool) == 3
    trades = {"instrument": ["ETHUSDT"], "quantity": [-1.0], "account": ["a"]}
    pools = what_if(book, market, MODEL, trades).frame()
    assert set(pools["pool"]) == {"USDT", "BTCUSDT isolated"}
    isolated = pools[pools["pool"] == "BTCUSDT isolated"].iloc[0]
    assert isolated["initial change"] == 0.0
    assert isolated["initial before"] > 0


def test_thousands_in_one_call_agree_with_one_at_a_time():
    book, market = desk()
    rng = np.random.default_rng(0)
    names = list(PRICE)
    trades = pd.DataFrame(
        {
            "basket": np.repeat(np.arange(1500), 2).astype(str),
            "instrument": rng.choice(names, 3000),
            "quantity": rng.normal(size=3000),
            "account": "a",
        }
    )
    many = what_if(book, market, MODEL, trades)
    for n in rng.integers(0, 1500, 5):
        one = what_if(book, market, MODEL, trades[trades["basket"] == str(n)])
        at = int(np.flatnonzero(many.basket == str(n))[0])
        assert one.after["initial"][0] == many.after["initial"][at]
        assert one.standalone[0] == many.standalone[at]


def test_a_basket_that_the_model_cannot_take_says_why_and_the_others_go_on():
    book, market = desk()
    trades = {"basket": ["ok", "huge"], "instrument": ["BTCUSDT"] * 2, "quantity": [0.1, 1e6], "account": ["a", "a"]}
    found = what_if(book, market, MODEL, trades)
    assert [b for _, b, _ in found.refused] == ["huge"]
    assert "top bracket" in found.refused[0][2]
    table = found.frame().set_index("basket")
    assert table.loc["ok", "passes"]
    assert not table.loc["huge", "passes"]
    assert "top bracket" in table.loc["huge", "remark"]


def test_bad_tables_are_told_with_row_and_column():
    book, market = desk()
    with pytest.raises(xm.InputError) as caught:
        what_if(
            book,
            market,
            MODEL,
            {
                "instrument": ["BTCUSTD", "ETHUSDT", "SOLUSDT"],
                "quantity": [1, 0, 1],
                "account": ["a", "a", "z"],
                "close": [None, None, 2.0],
            },
            cash={"asset": ["XYZ"], "amount": [1.0]},
        )
    text = str(caught.value)
    assert "trades row 2, column instrument: the market lists no BTCUSTD; did you mean 'BTCUSDT'?" in text
    assert "trades row 3, column quantity: trades nothing" in text
    assert "trades row 4, column account: no account 'z'" in text
    assert "trades row 4, column close: closes 2; must be above 0 and at most 1" in text
    assert "cash row 2, column asset: no price is known of XYZ" in text
    with pytest.raises(xm.InputError, match="no what-if: give trades"):
        what_if(book, market, MODEL, {"instrument": [], "quantity": []})


def test_a_trade_without_an_account_is_every_accounts():
    """Also where pandas wrote the accounts of the others as floats."""
    held = {"account": [1, 2], "instrument": ["BTCUSDT"] * 2, "quantity": [1.0, 2.0], "mark": [60_000.0] * 2}
    cash = {"account": [1, 2], "asset": ["USDT"] * 2, "amount": [1e6] * 2}
    prices = {"asset": ["USDT"], "price": [1.0]}
    book, market = xm.tables({**held, "leverage": [10.0] * 2}, cash, assets=prices, as_of="2026-06-01", venue="bybit")
    asked = {
        "basket": ["all", "one"],
        "account": np.array([np.nan, 2.0]),
        "instrument": ["BTCUSDT"] * 2,
        "quantity": [1.0] * 2,
    }
    found = what_if(book, market, "bybit.cross", asked, standalone=False)
    assert sorted(zip(found.basket, found.account, strict=True)) == [("all", "1"), ("all", "2"), ("one", "2")]

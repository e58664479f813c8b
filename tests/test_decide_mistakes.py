"""A newcomer's mistakes with the verbs: each is answered in words that say what would be right."""

from pathlib import Path

import numpy as np
import pytest

import xlmargin as xm
from tests.command_runs import told

MODEL = "derive.portfolio"
DESK = Path(__file__).parents[1] / "workbooks" / "desk.xlsx"
PERP = {"instrument": ["BTC-PERP"], "quantity": [1.0]}
NAN = float("nan")


@pytest.fixture(scope="module")
def desk():
    return xm.read(DESK)


@pytest.fixture(scope="module")
def margin(desk):
    return xm.margin(*desk, MODEL)


@pytest.mark.parametrize(
    ("verb", "given", "how", "said"),
    [
        ("exposure", (), {"account": "Hedgd"}, r"no account 'Hedgd'; did you mean 'Hedged'\?; there are Hedged, Call"),
        ("health", (), {"pool": "x"}, "no pool 'x'"),
        ("surface", (), {"moves": []}, "surface, column moves: give at least one move"),
        ("surface", (), {"moves": [NAN]}, "surface, column moves: not a finite number: nan"),
        ("surface", (), {"vols": ["much"]}, "surface, column vols: not a number: 'much'"),
        ("surface", (), {"moves": [-1.2, 0]}, "-120%; must be above -100 %"),
        ("dynamic", (), {"vol": {"BTC": ["x"]}}, "volatility, column BTC: not a number: 'x'"),
        ("sensitivity", (), {"days": -1, "bump": 2}, r"bump: 2; must be .*\n.*days: -1; must be zero or more"),
        ("attribution", (), {"price": -0.2}, "a float is no move by name"),
        ("attribution", (), {"price": {"BTC": NAN}}, "BTC: not a finite number: nan"),
        ("surface", ("ETH",), {}, "nothing follows 'ETH'; there are BTC"),
        ("simulate", ({"BTC": [-1.2]},), {"account": "Hedged"}, "BTC by -120%; must be above -100 %"),
        ("simulate", ({"BTC": []},), {"account": "Hedged"}, "give moves of one length for each name, not BTC price 0"),
        ("simulate", ([-0.1],), {"account": "Hedged"}, "a list is no path: give moves by name"),
        ("simulate", ({"BTC": [NAN]},), {"account": "Hedged"}, "BTC: not a finite number: nan"),
        ("simulate", ({"BTC": [0]},), {"account": "Hedged", "slippage": 2}, "slippage: 2; must be from 0 to below 1"),
        ("simulate", ({"BTC": [0]},), {"account": "Hedged", "fund": -5}, "fund: -5; must be zero or more"),
        ("simulate", ({"BTC": [0]},), {"account": "Hedged", "seconds": 0}, "seconds: 0; must be above zero"),
    ],
)
def test_what_is_wrong_with_a_verb_on_a_margin_is_said(margin, verb, given, how, said):
    with pytest.raises(xm.InputError, match=said):
        getattr(xm, verb)(margin, *given, **how)


@pytest.mark.parametrize(
    ("verb", "given", "how", "said"),
    [
        ("health", (), {}, "health takes a margin, or a book, a market and a model"),
        ("what_if", (MODEL, {"BTC-PERP": 1}), {}, "column instrument: required column is missing"),
        ("what_if", (MODEL,), {"moves": {"BTC": -0.2}}, r"no move 'BTC'; there are price, .* as in {'price': {'BTC'"),
        ("what_if", (MODEL,), {"moves": {"days": 4_000}}, "BTC-20261016-90000-C expires before: close or settle it"),
        ("what_if", (MODEL,), {"moves": {"prise": {}}}, "no move 'prise'; did you mean 'price'"),
        ("what_if", (MODEL,), {"moves": {"price": -0.2}}, "a float is no move by name: give a mapping such as"),
        ("path", (MODEL, PERP), {"account": "Hedged", "slices": {"BTC-PRP": 2}}, "'BTC-PRP' is no leg; did you mean"),
        ("path", (MODEL, PERP), {"account": "Hedged", "slices": 2.5}, "one slice or more, a whole number"),
        (
            "path",
            (MODEL, PERP | {"account": ["Calendar"]}),
            {"account": "Hedged"},
            "'Calendar' is not the account",
        ),
        (
            "path",
            (MODEL, {"instrument": ["BTC-PERP"], "close": [1]}),
            {"account": "Hedged"},
            "needs a quantity",
        ),
        ("path", (MODEL, PERP | {"basket": ["a"]}), {"account": "Hedged", "slices": 0}, "one slice or more"),
        (
            "path",
            (MODEL, {"basket": ["a", "b"], "instrument": ["BTC-PERP"] * 2, "quantity": [1, 2]}),
            {"account": "Hedged"},
            "a path is of one basket; there are a, b",
        ),
        ("hedges", (MODEL, []), {"account": "Hedged"}, "no candidates: the list is empty"),
        ("hedges", (MODEL, "BTC-PERP"), {"account": "Hedged", "fee": -1}, "fee: -1; must be zero or more"),
        ("hedges", (MODEL, "BTC-PERP"), {"account": "Hedged", "budget": NAN}, "budget: nan; must be zero or more"),
        ("hedges", (MODEL, "BTC-PERP"), {"account": "Hedged", "delta": {"BTC": (6, 5)}}, "give the lower end first"),
        ("contagion", (), {}, r"no model for 'derive'; give one of its models: derive\.portfolio, derive\.standard"),
        ("place", ({"deriv": MODEL},), {}, "no model for 'derive'; did you mean 'deriv'"),
    ],
)
def test_what_is_wrong_with_a_verb_on_a_book_is_said(desk, verb, given, how, said):
    with pytest.raises(xm.InputError, match=said):
        getattr(xm, verb)(*desk, *given, **how)


def test_limits_that_clash_are_named_without_the_programmes_own_words(desk):
    few = {"instrument": ["BTC-PERP"], "most": [0.1]}
    with pytest.raises(xm.XlmarginError, match=r"delta of BTC within 5 … 6 is missed by \d\.\d+$"):
        xm.hedges(*desk, MODEL, few, account="Hedged", delta={"BTC": (5, 6)})


def test_a_single_value_is_a_row_and_a_text_a_move(desk, margin):
    one = xm.what_if(*desk, MODEL, {"instrument": "BTC-PERP", "quantity": 1, "account": "Hedged"})
    assert one.after["initial"] == xm.what_if(*desk, MODEL, PERP | {"account": ["Hedged"]}).after["initial"]
    texts, numbers = (xm.surface(margin, moves=m, vols=[0]) for m in (["-10 %", "5%"], [-0.1, 0.05]))
    np.testing.assert_array_equal(texts.headroom, numbers.headroom)
    assert xm.hedges(*desk, MODEL, "BTC-PERP", account="Hedged").names == ("BTC-PERP",)
    found = xm.prevent(*desk, MODEL, {"BTC": [-0.2]}, account="Hedged", hedges="BTC-PERP")
    assert [remedy.what for remedy in found if remedy.kind == "hedge"] == ["BTC-PERP"]


def test_an_empty_book_has_no_what_if():
    book, market = xm.tables({"instrument": [], "quantity": []}, as_of="2026-11-25")
    with pytest.raises(xm.InputError, match=r"no what-if: give trades, .* for one account or more"):
        xm.what_if(book, market, MODEL, moves={"rate": 0.01})
    assert xm.health(book, market, MODEL).frame().empty


def test_an_account_is_looked_at_by_itself_where_others_stand_at_venues_of_other_rules():
    """A book of accounts at several venues: the rule of one is not asked of the others."""
    book, market = xm.tables(
        {"account": ["b", "d"], "instrument": ["BTCUSDT", "BTC-PERPETUAL"], "quantity": [1.0, 10_000.0]}
        | {"entry_price": [60_000.0] * 2, "leverage": [10.0, NAN]},
        {"account": ["b", "d"], "asset": ["USDT", "BTC"], "amount": [9_000.0, 1.0]},
        {"instrument": ["BTCUSDT", "BTC-PERPETUAL"], "mark": [60_000.0] * 2, "index": [60_000.0] * 2},
        {"asset": ["USDT", "BTC"], "price": [1.0, 60_000.0]},
        accounts={"account": ["b", "d"], "venue": ["bybit.cross", "deribit.standard"]},
        as_of="2026-11-25",
    )
    with pytest.raises(xm.InputError, match=r"no bybit\.cross risk tiers"):
        xm.health(book, market, "bybit.cross")
    found = xm.health(book, market, "bybit.cross", account="b")
    alone = xm.margin(book.take(np.array([0])), market, "bybit.cross")
    assert found.margin.account.tolist() == ["b"]
    assert found.margin.maintenance.value == alone.maintenance.value
    more = xm.what_if(book, market, "bybit.cross", {"account": "b", "instrument": "BTCUSDT", "quantity": 0.1})
    assert more.before["maintenance"] == alone.maintenance.value


def test_a_command_on_one_account_reads_the_names_of_other_venues(tmp_path):
    tables = {
        "positions": "account,instrument,quantity,entry_price\nb,BTCUSDT,1,60000\nd,BTC-PERPETUAL,10000,60000\n",
        "balances": "account,asset,amount\nb,USDT,9000\nd,BTC,1\n",
        "instruments": "instrument,mark,index\nBTCUSDT,60000,60000\nBTC-PERPETUAL,60000,60000\n",
        "assets": "asset,price\nUSDT,1\nBTC,60000\n",
        "accounts": "account,venue,leverage\nb,bybit.cross,10\nd,deribit.standard,\n",
    }
    folder = tmp_path / "desk"
    folder.mkdir()
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    (row,), _ = told(tmp_path, "health", folder, "-m", "deribit.standard", "-a", "d", "--as-of", "2026-11-25")
    assert (row["account"], row["currency"]) == ("d", "BTC")
    assert row["equity"] == pytest.approx(1.0)


def test_shares_may_be_texts_and_a_table_of_one_row_single_values(margin):
    assets = {"asset": "bond", "quantity": 10, "haircut": "5 %", "cost": 0.01}
    posted = xm.allocate(assets, {"requirement": "call", "required": 9.5}).frame()
    assert posted["quantity"].tolist() == pytest.approx([10.0])
    with pytest.raises(xm.InputError, match="assets row 2, column haircut: not a number: 'five'"):
        xm.allocate(assets | {"haircut": "five"}, {"requirement": "call", "required": 9.5})
    texts = xm.dynamic(margin, vol={"BTC": ["40 %", "50 %"]}, reference="40 %")
    numbers = xm.dynamic(margin, vol={"BTC": [0.4, 0.5]}, reference=0.4)
    assert texts.tomorrow.initial.value.tolist() == numbers.tomorrow.initial.value.tolist()


@pytest.mark.parametrize(
    ("verb", "given", "how", "said"),
    [
        ("what_if", 5, {}, "trades: a int is no table"),
        (
            "what_if",
            PERP | {"close": [0.5]},
            {},
            "row 2, column quantity: give a quantity or a share to close, not both",
        ),
        ("hedges", 5, {}, "candidates: a int is no table"),
        ("hedges", {"instrument": "BTC-PERP", "most": -1.0}, {}, "most: must be above zero, is -1"),
        ("hedges", ["BTC-PERP"], {"most_trades": -1}, "most_trades: -1; must be zero or more"),
        ("hedges", ["BTC-PERP"], {"delta": {"BTC": 5}}, "delta of BTC: 5; give its lower and its higher end"),
    ],
)
def test_tables_and_limits_that_are_none_are_said(desk, verb, given, how, said):
    with pytest.raises(xm.InputError, match=said):
        getattr(xm, verb)(desk[0].take([0]), desk[1], MODEL, given, **how)

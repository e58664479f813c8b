"""A liquidation booked to the last cent: flows cancel, nothing grows, deficits are borne; what prevents it."""

import numpy as np
import pytest

import xlmargin as xm
from tests.test_decide_entries import one_perpetual
from tests.test_decide_trades import perps
from tests.test_decide_worlds import MODELS, law_book
from xlmargin.decide.simulate import prevent
from xlmargin.decide.simulate.price_path import read_path
from xlmargin.decide.simulate.simulate import PARTIES, simulate
from xlmargin.decide.venues import Ladder, ladder

MODEL = "binance.usdm"
PLAIN = Ladder(step=0.25, cite="test")


def account(cash=7_000.0, btc=1.0, eth=0.0):
    positions = {
        "instrument": ["BTCUSDT", "ETHUSDT"][: 1 + (eth != 0)],
        "quantity": [btc, eth][: 1 + (eth != 0)],
        "entry_price": [60_000.0, 3_000.0][: 1 + (eth != 0)],
        "leverage": [10.0, 10.0][: 1 + (eth != 0)],
    }
    return perps(positions, {"asset": ["USDT"], "amount": [cash]})


def check(found, start):
    """The books balance at every event, no position grows, what the account ends with is what it got."""
    for event in found.events:
        assert sum(event.flows.values()) == pytest.approx(0.0, abs=1e-6), event
        assert set(event.flows) <= set(PARTIES)
    assert np.all(np.diff(found.size, axis=0) <= 1e-12)
    assert np.all(found.size >= -1e-12)
    assert sum(found.totals.values()) == pytest.approx(0.0, abs=1e-6)
    assert start + found.totals["account"] == pytest.approx(found.equity[-1], abs=1e-6)


def test_a_calm_path_leaves_the_account_alone():
    margin = xm.margin(*account(), MODEL)
    found = simulate(margin, {"BTC": [0.0, -0.03, 0.02]})
    check(found, 7_000.0)
    assert not found.liquidated
    assert found.equity.tolist() == pytest.approx([7_000.0, 5_200.0, 8_200.0])
    assert [e.kind for e in found.events] == ["price", "price"]


def test_steps_stop_where_maintenance_is_met():
    margin = xm.margin(*account(), MODEL)
    found = simulate(margin, {"BTC": [-0.1136]}, slippage=0.001, rules=PLAIN)
    check(found, 7_000.0)
    assert found.liquidated
    assert 0 < found.size[-1][0] < 1
    assert found.equity[-1] >= found.maintenance[-1]
    table = found.frame()
    assert list(table["kind"])[:2] == ["price", "closed"]
    one = table[table["kind"] == "closed"].iloc[0]
    assert one["market"] == pytest.approx(0.25 * 60_000 * 0.8864 * 0.001)


def test_steps_by_an_independent_loop():
    """Share by share on a single linear position, in plain arithmetic."""
    margin = xm.margin(*account(), MODEL)
    own = Ladder(step=0.2, fee=0.0005, target=0.8, cite="test")
    found = simulate(margin, {"BTC": [-0.1136]}, slippage=0.0005, rules=own)
    q, cash, fund, mark = 1.0, 7_000.0, 0.0, 60_000 * 0.8864
    while True:
        equity, need = cash + q * (mark - 60_000), q * mark * 0.004
        if equity >= need / 0.8:
            break
        gone = 0.2 * q
        fee = 0.0005 * gone * mark
        cash += gone * (mark * 0.9995 - 60_000) - fee
        q, fund = q - gone, fund + fee
        assert q > 1e-3
    assert found.size[-1][0] == pytest.approx(q)
    assert found.equity[-1] == pytest.approx(cash + q * (mark - 60_000))
    assert found.fund == pytest.approx(fund)


def test_what_is_not_published_of_a_ladder_is_said():
    """The venue's own ladder carries its doubt with its source; a ladder of one's own has none; calm paths none."""
    margin = xm.margin(*account(), MODEL)
    own = ladder(MODEL, margin.run.market.as_of)
    told = {n.text: n for n in simulate(margin, {"BTC": [-0.1136]}).notes}
    assert own.doubt.startswith("step sizes are not published")
    assert told[own.doubt].cite == own.cite
    assert any("no slippage" in text for text in told)
    mine = {n.text for n in simulate(margin, {"BTC": [-0.1136]}, rules=PLAIN, slippage=0.001).notes}
    assert mine == {n.text for n in margin.notes}
    assert {n.text for n in simulate(margin, {"BTC": [0.01]}).notes} == mine
    short = [n.text for n in simulate(margin, {"BTC": [-0.2]}, fund=1_000.0).notes]
    assert any("does not cover the deficit" in text for text in short)


@pytest.mark.parametrize("model", xm.models())
def test_every_ladder_whose_steps_are_guessed_has_a_doubt(model):
    """Only what documents state whole may go without: none of today's rulebooks does."""
    assert ladder(model, 1.79e9).doubt


def test_a_gap_bankrupts_and_the_fund_pays():
    margin = xm.margin(*account(), MODEL)
    found = simulate(margin, {"BTC": [0.0, -0.2]}, fund=10_000.0, slippage=0.001)
    check(found, 7_000.0)
    assert found.equity[-1] == 0.0
    loss = 12_000.0 - 7_000.0
    assert found.totals["fund"] == pytest.approx(-loss - 48_000 * 0.001)
    assert found.totals["uncovered"] == 0.0
    assert found.fund == pytest.approx(10_000 - loss - 48)


def test_what_an_empty_fund_cannot_pay_is_left_uncovered_without_others():
    found = simulate(xm.margin(*account(), MODEL), {"BTC": [-0.2]}, fund=1_000.0)
    check(found, 7_000.0)
    assert found.totals["uncovered"] == pytest.approx(-4_000.0)
    assert found.fund == 0.0


def test_the_others_are_deleveraged_in_the_ranking():
    others = {
        "account": ["small", "rich", "profit"],
        "instrument": ["BTCUSDT"] * 3,
        "quantity": [-0.7, -5.0, -0.4],
        "entry_price": [55_000.0, 50_000.0, 65_000.0],
        "wallet": [5_000.0, 1e6, 3_000.0],
    }
    found = simulate(xm.margin(*account(), MODEL), {"BTC": [-0.2]}, others=others, rules=PLAIN)
    check(found, 7_000.0)
    assert found.totals["deleveraged"] == pytest.approx(-5_000.0)
    assert found.totals["fund"] == pytest.approx(0.0, abs=1e-9)
    assert found.totals["uncovered"] == pytest.approx(0.0, abs=1e-9)
    told = next(e for e in found.events if e.kind == "deleveraged")
    assert told.what == "100% against profit, small, by ranking bitmex"


def test_too_few_others_leave_the_rest_to_the_fund():
    others = {
        "account": ["s"],
        "instrument": ["BTCUSDT"],
        "quantity": [-0.4],
        "entry_price": [65_000.0],
        "wallet": [1e4],
    }
    found = simulate(xm.margin(*account(), MODEL), {"BTC": [-0.2]}, others=others, fund=500.0, rules=PLAIN)
    check(found, 7_000.0)
    assert found.totals["deleveraged"] == pytest.approx(-0.4 * 5_000)
    assert found.totals["fund"] == pytest.approx(-500.0)
    assert found.totals["uncovered"] == pytest.approx(-0.6 * 5_000 + 500)


def test_the_backstop_takes_over_before_bankruptcy():
    margin = xm.margin(*account(), MODEL)
    at = Ladder(step=0.2, backstop=2 / 3, cite="test")
    found = simulate(margin, {"BTC": [-0.1145]}, rules=at)
    check(found, 7_000.0)
    assert [e.kind for e in found.events] == ["price", "taken over"]
    assert found.totals["fund"] > 0


def test_orders_are_cancelled_first():
    book, market = account()
    orders = {"instrument": ["BTCUSDT"], "quantity": [1.0], "limit_price": [50_000.0]}
    table = {"instrument": ["BTCUSDT"], "quantity": [1.0], "entry_price": [60_000.0], "leverage": [10.0]}
    book, market = xm.tables(
        table,
        {"asset": ["USDT"], "amount": [7_000.0]},
        {"instrument": ["BTCUSDT"], "mark": [60_000.0]},
        {"asset": ["USDT"], "price": [1.0]},
        orders=orders,
        as_of="2026-11-25",
        venue="binance",
    )
    found = simulate(xm.margin(book, market, MODEL), {"BTC": [-0.1136]}, rules=PLAIN)
    assert [e.kind for e in found.events][:3] == ["price", "orders cancelled", "closed"]
    assert len(found.events[1].flows) == 0


def test_cooldown_bounds_the_steps_of_a_point():
    book, market = account(btc=10.0, cash=70_000.0)
    slow = Ladder(step=0.2, seconds=30.0, target=0.5, cite="test")
    found = simulate(xm.margin(book, market, MODEL), {"BTC": [-0.1136]}, rules=slow, seconds=20.0)
    assert sum(e.kind == "closed" for e in found.events) == 1
    faster = simulate(xm.margin(book, market, MODEL), {"BTC": [-0.1136]}, rules=slow, seconds=60.0)
    assert sum(e.kind == "closed" for e in faster.events) == 3


@pytest.mark.parametrize("model", MODELS)
def test_flows_balance_in_every_model(model):
    """Any ladder, any model: a crash of everything, booked to the last cent."""
    book, market, params = law_book(model, 9, accounts=2)
    margin = xm.margin(book, market, model, params=params)
    row = int(np.argmax([(margin.run.book.legs.row == r).sum() for r in range(len(margin.account))]))
    names = sorted(set(map(str, margin.run.market.underlying)))
    if not names or not len(margin.run.book.legs) or model.startswith(("simm", "schedule")):
        pytest.skip("nothing follows a price")
    path = {n: [0.0, -0.3, -0.6, 0.5] for n in names}
    found = simulate(margin, path, slippage=0.002, fund=1e4, account=margin.account[row], pool=margin.pool[row])
    for event in found.events:
        assert sum(event.flows.values()) == pytest.approx(0.0, abs=1e-6 * max(1.0, abs(found.equity).max()))
    assert np.all(np.diff(found.size, axis=0) <= 1e-9)


def test_an_account_stays_on_its_manager_when_its_positions_are_gone():
    """Derive takes the manager from the positions: what is left of the account is its own, not the fund's."""
    book, market = one_perpetual()
    found = simulate(book, market, "derive.portfolio", {"BTC": [-0.1]}, rules=Ladder(step=1.0, cite="test"))
    assert [e.kind for e in found.events] == ["price", "closed"]
    assert found.equity[-1] == pytest.approx(1e4)
    assert 0.0 <= found.maintenance[-1] < 1e4
    assert prevent(book, market, "derive.portfolio", {"BTC": [-0.5]})[0].amount < 1.0


@pytest.mark.parametrize("again", [" BTC ", "BTC vol"])
def test_a_path_names_each_move_once(again):
    with pytest.raises(xm.InputError, match=r"path row 1, column .*stands twice"):
        read_path({"BTC": [-0.1], "BTC VOL": [0.1], again: [-0.3]})


def test_bad_input_in_words():
    book, market = account()
    margin = xm.margin(book, market, MODEL)
    with pytest.raises(xm.InputError, match="give moves of one length for each name, not BTC price 2, BTC vol 1"):
        simulate(margin, {"BTC": [0.0, -0.1]}, vol={"BTC": [0.1]})
    with pytest.raises(xm.InputError, match="simulate takes a margin, or a book, a market and a model"):
        simulate(book, {"BTC": [0.0]})
    with pytest.raises(xm.InputError, match="nothing follows 'BTX'; did you mean 'BTC'"):
        simulate(margin, {"BTX": [0.0]})
    with pytest.raises(xm.InputError, match="must be above -100 %"):
        simulate(margin, {"BTC": [-1.0]})
    with pytest.raises(xm.InputError, match="others row 1, column wallet: required column is missing"):
        simulate(margin, {"BTC": [0.0]}, others={"account": [], "instrument": [], "quantity": [], "entry_price": []})
    two = perps(
        {"instrument": ["BTCUSDT"] * 2, "quantity": [1.0, 1.0], "account": ["a", "b"], "entry_price": [6e4, 6e4]},
        {"asset": ["USDT"] * 2, "amount": [1e4] * 2, "account": ["a", "b"]},
    )
    with pytest.raises(xm.InputError, match="say which account and pool: a / USDT, b / USDT"):
        simulate(xm.margin(*two, MODEL), {"BTC": [0.0]})


def test_totals_are_told_in_the_digits_of_the_currency():
    """A coin-margined position that loses 0.0004 BTC is not told to have moved nothing."""
    book, market = xm.tables(
        {"instrument": ["BTC-PERPETUAL"], "quantity": [200.0], "entry_price": [50_000.0]},
        {"asset": ["BTC"], "amount": [1.0]},
        {"instrument": ["BTC-PERPETUAL"], "mark": [50_000.0], "index": [50_000.0]},
        {"asset": ["BTC"], "price": [50_000.0]},
        as_of="2026-09-24",
    )
    found = xm.simulate(book, market, "deribit.standard", {"BTC": [-0.1]})
    lost = 200.0 / 45_000.0 - 200.0 / 50_000.0
    assert found.words == f"not liquidated; in all account -{lost:.6f}, others +{lost:.6f} (BTC)"


def test_an_empty_cell_of_a_path_is_refused_with_its_row():
    """Moves are from now: read as no move it would jump back to the start."""
    table = {"step": [1, 2, 3, 4], "BTC": [-0.1, None, None, -0.2], "ETH": [None, -0.05, "", "down"]}
    with pytest.raises(xm.InputError) as caught:
        read_path(table | {"SOL": [None] * 4})
    assert [(p.row, p.column) for p in caught.value.problems] == [(2, "ETH"), (3, "BTC"), (5, "ETH")]
    told = [p.message for p in caught.value.problems]
    assert told[0] == "empty; moves are from now: write 0 for no move"
    assert told[1] == "empty; moves are from now: write -10 % to stay there, or 0 for no move"
    assert "not a number" in told[2]
    prices, vols = read_path({"BTC": [-0.1, None, -0.2], "SOL": [None] * 3})
    assert {name: moves.tolist() for name, moves in prices.items()} == {"BTC": [-0.1, -0.2]}
    assert not vols


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_loan_is_owed_whatever_its_sign(sign):
    """10 ether at 2,500 against 15,000 borrowed: at −30 % the account is worth 2,500, and no more goes to the fund."""
    balances = {"asset": ["WETH", "USDC"], "amount": [10.0, sign * 15_000.0], "kind": ["supplied", "loan"]}
    book, market = xm.tables(
        balances=balances, assets={"asset": ["WETH", "USDC"], "price": [2_500.0, 1.0]}, as_of="2026-09-24"
    )
    found = simulate(book, market, "aave.v3", {"WETH": [-0.3]})
    assert found.totals["fund"] == pytest.approx(2_500.0)
    assert found.totals["account"] == pytest.approx(-10_000.0)
    assert any("takes the account over whole" in note.text for note in found.notes)
    assert xm.pledges(book, market, "aave.v3").asset.tolist() == ["WETH"]

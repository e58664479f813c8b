"""Deleveraging as published, Derive's auction sequences, Bybit's bankruptcy price."""

import itertools

import numpy as np
import pytest

import xlmargin as xm
from tests import shared_golden
from xlmargin.decide.simulate import ranking
from xlmargin.decide.simulate.auction import Auction


def adl():
    return shared_golden.load("simm/liq_adl_examples.json")


def auctions():
    data = shared_golden.load("defi/derive_liquidation_cases.json")
    p = data["auction_params"]
    names = ("starting_mtm_pct", "fast_cutoff_pct", "fast_len_s", "slow_len_s", "insolvent_len_s", "buffer_margin_pct")
    terms = Auction(*(p[n] for n in names), p["liquidator_fee_rate"])
    return terms, [c for c in data["cases"] if c["asserted_by_repo"]]


def test_bitmex_order_percentile_and_fills():
    case = adl()["bitmex"]
    account, quantity, score = (np.array(c, float) for c in zip(*case["accounts"], strict=True))
    assert account[ranking.order(score)].tolist() == case["expected_order"]
    shown = dict(zip(account.astype(int).astype(str), np.rint(100 * ranking.percentile(quantity, score)), strict=True))
    assert shown == case["expected_percentile"]
    filled = ranking.fills(quantity, score, case["event"]["size"])
    named = {str(int(a)): f for a, f in zip(account, filled, strict=True) if f}
    assert named == case["expected_fills"]
    left = {str(int(a)): q - f for a, q, f in zip(account, quantity, filled, strict=True) if 0 < f < q}
    assert left == case["expected_remaining"]


def test_bitmex_score_by_its_words():
    """pnl% × leverage where it gains, ÷ leverage where it loses; leverage on what is left until bankruptcy."""
    profit, entry, mark, wallet = np.array([20.0, -20.0]), np.full(2, 100.0), np.array([120.0, 80.0]), np.full(2, 50.0)
    found = ranking.score("bitmex", profit, entry, mark, wallet, np.zeros(2))
    assert found[0] == pytest.approx(0.2 * 120 / 70)
    assert found[1] == pytest.approx(-0.2 / (80 / 30))


def test_bybit_bankruptcy_price():
    case = adl()["bybit_inverse"]["example"]
    raw = ranking.bankruptcy_price(case["entry"], case["leverage"], True)
    assert raw == pytest.approx(case["bankruptcy_price_raw"], abs=5e-7)
    assert ranking.bankruptcy_price(case["entry"], case["leverage"], True, 0.5) == case["bankruptcy_price_tick_0.5"]
    assert ranking.bankruptcy_price(100.0, 50.0, False) == pytest.approx(5000 / 49)


def test_an_unknown_ranking_is_refused():
    with pytest.raises(xm.InputError, match="did you mean 'bitmex'"):
        ranking.score("bitmx", *np.zeros((5, 1)))


def test_derive_auctions():
    """Every figure that the repository's sequences assert and that follows from value and margin alone."""
    terms, cases = auctions()
    worst = 0.0
    for case in cases:
        paid = 0.0
        for action in case["actions"]:
            e, seconds = action["expected"], action["time_s"]
            value, margin = e["PreMtM"], e["PreMM"]
            share = e["fLiquidatedOfOriginal"]
            cash = terms.bid(value, share, seconds, paid)
            found = {
                "PreBM": terms.buffer_margin(value, margin),
                "PreFMax": terms.largest_share(value, margin, seconds, paid),
                "ExpectedBidPrice": cash,
                "PostMtM": paid + (value - paid) * (1 - share) + cash,
            }
            for name, number in found.items():
                worst = max(worst, abs(number - e[name]))
            paid += cash
    assert worst < 1e-9


def test_an_auction_ends_at_nothing_and_a_sound_account_is_not_sold():
    terms = auctions()[0]
    assert terms.factor(1e9) == 0.0
    assert terms.largest_share(100.0, 50.0, 0.0) == 0.0
    times = [terms.factor(s) for s in np.linspace(0, 20_000, 50)]
    assert all(a >= b for a, b in itertools.pairwise(times))

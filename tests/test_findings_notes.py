"""What is probably a slip of the unit is said on the rows that it concerns, and nothing is refused."""

import numpy as np
import pytest

import xlmargin as xm

CALL = "BTC-20261225-90000-C"


def texts(margin, account):
    row = np.flatnonzero(margin.account == account)
    return [note.text for note in margin.notes if note.where[row].any()]


def options(iv):
    given = {"account": ["a", "b"], "instrument": [CALL, "BTC-PERP"], "quantity": [-1.0, 1.0]}
    terms = {"instrument": [CALL, "BTC-PERP"], "iv": [iv, None], "mark": [0.05, 90_000.0], "forward": [90_000.0, None]}
    book, market = xm.tables(
        positions=given | {"index": [90_000.0] * 2},
        instruments=terms,
        assets={"asset": ["BTC", "USDC"], "price": [90_000.0, 1.0]},
        as_of="2026-11-25",
        venue="derive",
    )
    return xm.margin(book, market, "derive.standard")


def test_a_volatility_in_per_cent_is_asked_about():
    margin = options(46.0)
    said = f"the volatility of {CALL}, 46, is read as 4,600 %; was 46 % meant?"
    assert said in texts(margin, "a")
    assert said not in texts(margin, "b")
    assert not any("volatility of" in text for text in texts(options(0.46), "a"))


@pytest.mark.parametrize("model", ["okx.cross", "okx.portfolio"])
def test_contracts_of_no_given_size_are_asked_about(model):
    """50 contracts of BTC-USDT-SWAP are half a bitcoin at OKX, not fifty."""
    given = {"account": ["a", "b"], "instrument": ["BTC-USDT-SWAP", "ETH-USDT-SWAP"], "quantity": [50.0, 10.0]}
    book, market = xm.tables(
        positions=given | {"mark": [90_000.0, 3_000.0], "index": [90_000.0, 3_000.0], "contract_size": [None, 0.1]},
        balances={"account": ["a", "b"], "asset": ["USDT"] * 2, "amount": [1e6] * 2},
        assets={"asset": ["USDT", "USD"], "price": [1.0, 1.0]},
        as_of="2026-06-01",
        venue="okx",
    )
    margin = xm.margin(book, market, model)
    asked = [any("give contract_size" in text for text in texts(margin, account)) for account in "ab"]
    assert asked == [True, False]

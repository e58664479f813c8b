"""What a verb says of an account does not depend on what other accounts hold."""

import pandas as pd
import pytest

import xlmargin as xm
from xlmargin.decide.exposure import exposure
from xlmargin.decide.liquidation.liquidation import liquidation
from xlmargin.decide.sensitivity import sensitivity

COLUMNS = ["account", "RiskType", "Qualifier", "Bucket", "Label1", "Label2", "Amount", "ProductClass"]
RISKS = [
    ("a", "Risk_IRCurve", "USD", "1", "2y", "OIS", 1e5, "RatesFX"),
    ("a", "Risk_FX", "EUR", "", "", "", 2e5, "RatesFX"),
    ("b", "Risk_IRCurve", "EUR", "1", "5y", "OIS", 3e5, "RatesFX"),
    ("b", "Risk_Commodity", "BTC", "16", "", "", 1e5, "Commodity"),
    ("c", "Risk_FX", "GBP", "", "", "", 1e5, "RatesFX"),
]
HELD = [("a", "USD", 1e6), ("b", "USD", 1e6), ("c", "USD", 1e6), ("c", "BTC", 10.0), ("c", "EUR", 1000.0)]


def rows(verb, model, accounts, asked):
    """The verb's rows of one account, where these accounts stand in the book."""
    crif = pd.DataFrame([r for r in RISKS if r[0] in accounts], columns=COLUMNS)
    crif = crif.assign(AmountCurrency="USD", AmountUSD=crif["Amount"])
    balances = pd.DataFrame([r for r in HELD if r[0] in accounts], columns=["account", "asset", "amount"])
    prices = {"asset": ["USD", "BTC", "EUR"], "price": [1.0, 90_000.0, 1.1]}
    found = verb(xm.margin(*xm.tables(crif=crif, balances=balances, assets=prices, as_of="2026-11-25"), model)).frame()
    return found[found["account"] == asked].reset_index(drop=True)


@pytest.mark.parametrize("model", ["simm", "schedule.im"])
@pytest.mark.parametrize("verb", [liquidation, exposure, sensitivity])
@pytest.mark.parametrize("account", ["a", "b", "c"])
def test_sensitivities_of_others_change_no_row(verb, model, account):
    alone, among = (rows(verb, model, accounts, account) for accounts in (account, "abc"))
    pd.testing.assert_frame_equal(alone, among, check_index_type=False, check_dtype=False)


@pytest.mark.parametrize("model", ["simm", "schedule.im"])
def test_the_unit_of_account_does_not_move_with_rates_risk_in_it(model):
    """Account a holds risk in USD rates and dollars: a fall of the dollar by 99.9 % is no answer."""
    assert "USD" not in list(rows(liquidation, model, "abc", "a")["target"])
    assert rows(liquidation, model, "abc", "c")["target"].tolist() == ["BTC"]

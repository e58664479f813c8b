"""CRIF rows: spellings forgiven, every wrong cell said in its own row, nothing half read."""

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from xlmargin.assemble import assemble
from xlmargin.crif_rows import Words, distinct
from xlmargin.schemas import schema, template

AS_OF = "2026-11-25"
GOOD = {
    "PortfolioID": "NS1",
    "ProductClass": "RatesFX",
    "RiskType": "Risk_IRCurve",
    "Qualifier": "USD",
    "Bucket": "1",
    "Label1": "5y",
    "Label2": "OIS",
    "AmountUSD": 1000.0,
}


def read(*rows, **more):
    return xm.tables(crif=pd.DataFrame([GOOD | row for row in rows]), as_of=AS_OF, **more)


def problems(*rows, **more):
    with pytest.raises(xm.InputError) as caught:
        read(*rows, **more)
    return list(caught.value.problems)


def test_a_sensitivity_is_an_instrument_and_its_amount_the_quantity():
    book, market = read({}, {"AmountUSD": 500.0}, {"PortfolioID": "NS2", "Qualifier": "EUR"})
    assert book.account.tolist() == ["NS1", "NS2"]
    assert book.legs.quantity.tolist() == [1500.0, 1000.0]
    assert sorted(market.name) == ["IRCurve EUR 5y OIS [RatesFX]", "IRCurve USD 5y OIS [RatesFX]"]
    assert book.legs.sheet_row.tolist() == [2, 4]
    assert market.as_of == xm.tables(as_of=AS_OF)[1].as_of


def test_spelling_is_forgiven():
    one = read({})[1]
    headers = {
        "portfolio_id": "NS1",
        " Product Class ": "ratesfx",
        "risk_type": "RISK_IRCURVE",
        "QUALIFIER": "usd",
        "bucket": 1.0,
        "LABEL1": "5Y",
        "label2": "ois",
        "Amount USD": "1,000",
        "colour": "blue",
    }
    two = xm.tables(crif=pd.DataFrame([headers]), as_of=AS_OF)[1]
    assert one.name.tolist() == two.name.tolist()
    pairs = [{"RiskType": "Risk_FXVol", "Qualifier": q} for q in ("EURUSD", "usd/eur", "USD EUR", "USDEUR")]
    assert len(read(*pairs)[0].legs) == 1
    china = [{"RiskType": "Risk_FX", "Qualifier": q} for q in ("CNH", "CNY", "cny")]
    assert read(*china)[1].texts["qualifier"].tolist() == ["CNY"]
    residual = {"RiskType": "Risk_Equity", "Qualifier": "A", "Bucket": "RESIDUAL"}
    assert read(residual)[1].texts["bucket"].tolist() == ["Residual"]


def test_what_a_risk_type_ignores_does_not_part_factors():
    rows = [
        {"RiskType": "Risk_FX", "Qualifier": "EUR", "Label1": label, "Bucket": b}
        for label, b in (("1y", "3"), ("", ""))
    ]
    assert len(read(*rows)[0].legs) == 1


WRONG = [
    ({"RiskType": "Risk_IRCurv"}, "risk_type", "did you mean 'Risk_IRCurve'"),
    ({"RiskType": ""}, "risk_type", "empty; needed: a risk type"),
    ({"ProductClass": "Rates"}, "product_class", "did you mean 'RatesFX'"),
    ({"ProductClass": ""}, "product_class", "empty; needed: a product class"),
    ({"Qualifier": "USX"}, "qualifier", "not a currency code of ISO 4217"),
    ({"Qualifier": None}, "qualifier", "empty; needed: a currency code"),
    ({"Label1": "4y"}, "label1", "not a tenor of this risk type"),
    ({"Label1": "5 years"}, "label1", "not a tenor"),
    ({"Label2": "Libor9m"}, "label2", "did you mean"),
    ({"AmountUSD": "many"}, "amount_usd", "not a number: 'many'"),
    ({"AmountUSD": float("inf")}, "amount_usd", "no amount is as large"),
    ({"AmountUSD": "1e300"}, "amount_usd", "no amount is as large"),
    ({"AmountUSD": "nan"}, "amount_usd", "not a number: 'nan'"),
    ({"AmountUSD": None}, "amount_usd", "empty, and no amount"),
    ({"AmountUSD": True}, "amount_usd", "not a number"),
    ({"RiskType": "Risk_FXVol", "Qualifier": "EURUS"}, "qualifier", "not a pair of currencies"),
    ({"RiskType": "Risk_FXVol", "Qualifier": "EUREUR"}, "qualifier", "both currencies are EUR"),
    ({"RiskType": "Risk_Equity", "Qualifier": "A", "Bucket": ""}, "bucket", "empty; needed: a bucket"),
    ({"RiskType": "Risk_CreditQ", "Qualifier": "A", "Label1": "30y"}, "label1", "not a tenor"),
    ({"RiskType": "Param_ProductClassMultiplier", "Qualifier": "Rates", "ProductClass": ""}, "qualifier", "RatesFX"),
    (
        {"RiskType": "Param_ProductClassMultiplier", "Qualifier": "RatesFX", "ProductClass": "", "AmountUSD": 0.9},
        "amount",
        "at least 1, is 0.9",
    ),
    ({"RiskType": "Param_AddOnFixedAmount"}, "product_class", "must be empty"),
    (
        {"RiskType": "Param_AddOnNotionalFactor", "ProductClass": "", "Qualifier": "X", "AmountUSD": "5 %"},
        "amount_usd",
        "write 5 for 5 %",
    ),
    ({"IMModel": "SIM"}, "im_model", "not an IM model"),
    ({"RiskType": "PV", "IMModel": "SIMM"}, "im_model", "belongs to the schedule"),
    ({"IMModel": "Schedule"}, "im_model", "not part of the schedule"),
    ({"collect_regulations": "ESA,USPRA"}, "collect_regulations", "did you mean 'USPR'"),
    ({"AmountUSD": None, "Amount": 5, "AmountCurrency": "GBP"}, "amount_currency", "no USD price of GBP"),
    ({"AmountUSD": None, "Amount": 5}, "amount_currency", "the amount in USD is not given"),
    ({"AmountUSD": None, "Amount": 5, "AmountCurrency": "pounds"}, "amount_currency", "not a currency code"),
]


@pytest.mark.parametrize(("change", "column", "message"), WRONG, ids=[f"{w[1]}-{n}" for n, w in enumerate(WRONG)])
def test_a_wrong_cell_is_named(change, column, message):
    found = [p for p in problems({}, change) if p.column == column]
    assert found, problems({}, change)
    assert message in found[0].message
    assert (found[0].table, found[0].row, found[0].account) == ("crif", 3, "NS1")


def test_all_problems_are_listed_and_good_rows_kept():
    rows = [GOOD, GOOD | {"Label1": "4y", "Label2": "x"}, GOOD | {"Qualifier": "QQQ", "PortfolioID": "NS2"}]
    said = []
    book, _ = assemble({}, said, as_of=AS_OF, more={"crif": pd.DataFrame(rows)})
    assert [(p.row, p.column, p.account) for p in said] == [
        (4, "qualifier", "NS2"),
        (3, "label1", "NS1"),
        (3, "label2", "NS1"),
    ]
    assert book.legs.quantity.tolist() == [1000.0]


def test_many_wrong_rows_are_counted_not_listed():
    found = problems(*[{"Label1": "4y"}] * 500)
    assert len(found) == 101
    assert "400 more rows like these" in found[-1].message


def test_headers():
    with pytest.raises(xm.InputError, match="crif row 1, column risk_type: required column is missing; did you mean"):
        xm.tables(crif={"RiskTyp": ["x"], "AmountUSD": [1.0]}, as_of=AS_OF)
    with pytest.raises(xm.InputError, match="column amount_usd: required column is missing"):
        xm.tables(crif={"RiskType": ["Risk_FX"]}, as_of=AS_OF)
    with pytest.raises(xm.InputError, match="stands twice"):
        xm.tables(crif={"RiskType": ["Risk_FX"], "risk_type": ["Risk_FX"], "AmountUSD": [1.0]}, as_of=AS_OF)
    with pytest.raises(xm.InputError, match="columns of different lengths"):
        xm.tables(crif={"RiskType": ["Risk_FX"] * 2, "AmountUSD": [1.0]}, as_of=AS_OF)
    doubled = pd.DataFrame([["Risk_FX", "Risk_FX", 1.0]], columns=["RiskType", "RiskType", "AmountUSD"])
    with pytest.raises(xm.InputError, match="stands twice"):
        xm.tables(crif=doubled, as_of=AS_OF)


def test_empty_and_blank_rows():
    book, market = xm.tables(crif=pd.DataFrame([GOOD]).iloc[:0], as_of=AS_OF)
    assert len(book) == len(market) == 0
    blank = dict.fromkeys(GOOD)
    table = pd.DataFrame([GOOD, blank, GOOD | {"Label1": "4y"}])
    with pytest.raises(xm.InputError, match="crif row 4, column label1"):
        xm.tables(crif=table, as_of=AS_OF)


def test_netting_set_details_part_netting_sets():
    rows = ({"agreement_type": "CSA"}, {"agreement_type": "CTA"}, {"PortfolioID": None})
    assert read({}, *rows)[0].account.tolist() == ["NS1", "NS1 / CSA", "NS1 / CTA", "main"]


def test_other_currencies_are_converted():
    assets = {"asset": ["EUR"], "price": [1.25]}
    book, _ = read({"AmountUSD": None, "Amount": 400, "AmountCurrency": "EUR"}, assets=assets)
    assert book.legs.quantity.tolist() == [500.0]


def test_terms_may_stand_apart():
    terms = pd.DataFrame({"account": ["NS1"] * 2, "term": ["Param_AddOnFixedAmount"] * 2, "amount_usd": [5.0, "x"]})
    with pytest.raises(xm.InputError, match="terms row 3, column amount_usd: not a number: 'x'"):
        read({}, terms=terms)
    book, market = read({}, terms=terms.iloc[:1])
    assert len(book.legs) == 2
    assert market.texts["risk_type"].tolist().count("Param_AddOnFixedAmount") == 1


def test_a_multiplier_stands_once():
    multiplier = {
        "RiskType": "Param_ProductClassMultiplier",
        "Qualifier": "Equity",
        "ProductClass": "",
        "AmountUSD": 1.5,
    }
    (found,) = problems(multiplier, multiplier)
    assert (found.row, found.message) == (3, "stands twice for this netting set")
    elsewhere = multiplier | {"PortfolioID": "NS2"}
    assert len(read(multiplier, elsewhere)[0].legs) == 2


def test_dates():
    trade = {"RiskType": "Notional", "IMModel": "Schedule", "ProductClass": "FX", "TradeID": "T"}
    for wrong, message in (
        ({}, "empty; needed: the end date"),
        ({"EndDate": "31/12/2030"}, "not a date: '31/12/2030'"),
    ):
        found = [p for p in problems(trade | wrong) if p.column == "end_date"]
        assert message in found[0].message
    book, market = xm.tables(
        crif=pd.DataFrame([GOOD | {"ValuationDate": "2026-07-01"}, GOOD | {"ValuationDate": None}])
    )
    assert market.as_of == xm.tables(as_of="2026-07-01")[1].as_of
    assert len(book.legs) == 1
    with pytest.raises(xm.InputError, match="no valuation time"):
        xm.tables(crif=pd.DataFrame([GOOD]))


def test_rows_beside_positions():
    positions = {"instrument": ["BTC-PERP"], "quantity": [2.0], "account": ["desk"], "mark": [5.0]}
    book, market = read({}, positions=positions)
    assert book.account.tolist() == ["desk", "NS1"]
    assert [market.name[i] for i in book.legs.instrument] == ["BTC-PERP", "IRCurve USD 5y OIS [RatesFX]"]
    assert len(market["mark"]) == len(market.texts["risk_type"]) == 2


def test_a_workbook_with_a_crif_sheet(tmp_path):
    path = tmp_path / "bilateral.xlsx"
    with pd.ExcelWriter(path) as writer:
        pd.DataFrame([GOOD, GOOD | {"Label1": "10y", "AmountUSD": -400.0}]).to_excel(
            writer, sheet_name="CRIF", index=False
        )
        pd.DataFrame([{"account": "NS1", "side": "post"}]).to_excel(writer, sheet_name="accounts", index=False)
        terms = {"PortfolioID": "NS1", "RiskType": "Param_AddOnFixedAmount", "AmountUSD": 7.0}
        pd.DataFrame([terms]).to_excel(writer, sheet_name="terms", index=False)
    book, market = xm.read(path, as_of=AS_OF)
    result = xm.margin(book, market, "simm")
    k = np.sqrt(61e3**2 + 24e3**2 - 2 * 0.96 * 61e3 * 24e3)
    assert result.initial.value[0] == pytest.approx(k + 7.0)
    assert sorted(book.legs.sheet_row) == [2, 2, 3]


@pytest.mark.parametrize("seed", range(60))
def test_fuzzed_rows_are_read_or_refused(seed):
    """Any mixture of cells ends in a book or in problems with rows: never in another error, never in NaN."""
    rng = np.random.default_rng(seed)
    odd = [None, "", "  ", float("nan"), float("inf"), -0.0, 1e308, 10**400, True, b"x", "\x00", "€", "Residual", "USD",
           "5y", "OIS", 3, pd.NaT, pd.Timestamp("2026-01-01"), [1], "Risk_FXVol", "Notional", "Param_AddOnFixedAmount",
           "Schedule", "1e5", "-7", "١٢", "ESA", "a" * 5000]  # fmt: skip
    columns = [*GOOD, "Amount", "AmountCurrency", "IMModel", "EndDate", "TradeID", "collect_regulations"]
    rows = []
    for _ in range(30):
        row = dict(GOOD)
        for column in rng.choice(columns, size=int(rng.integers(0, 5)), replace=False):
            row[str(column)] = odd[int(rng.integers(len(odd)))]
        rows.append(row)
    said = []
    book, market = assemble({}, said, as_of=AS_OF, more={"crif": pd.DataFrame(rows, dtype=object)})
    assert np.isfinite(book.legs.quantity).all()
    assert all(p.row > 1 and p.column and p.message for p in said if "more rows" not in p.message)
    bad = {p.row for p in said}
    assert bad or len(book.legs)
    result = xm.margin(book, market, "simm", on_problem="collect")
    assert np.isfinite(result.initial.value).all()


@pytest.mark.parametrize("given", [[{"RiskType": "Risk_FX"}], 5, "x", []])
def test_what_is_no_table_is_said(given):
    with pytest.raises(xm.InputError, match=f"crif: a {type(given).__name__} is no table"):
        xm.tables(crif=given, as_of=AS_OF)


def test_words():
    words = Words.of(np.array([3.0, "3", None, " x ", pd.NA], object))
    assert words.texts.tolist() == ["3", "3", "", "x", ""]
    assert words.such("x").tolist() == [False, False, False, True, False]
    first, place = distinct([np.array([2, 0, 2, 1]), np.array([5, 5, 5, 1])], [3, 1 << 40])
    assert (first.tolist(), place.tolist()) == ([1, 3, 0], [2, 0, 2, 1])
    assert distinct([np.zeros(0, np.int64)], [4])[0].tolist() == []


def test_the_schema_is_known():
    assert "risk_type" in template(["crif"])["crif"]
    assert {c.name for c in schema("terms")} == {c.name for c in schema("crif")}

"""SIMM's kernels against slow loops, its laws, and what it says of doubtful books."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests.law_books import isda
from xlmargin.frames import amounts_on
from xlmargin.ledger import LEGS
from xlmargin.rulebooks.isda.forms import Correlation, Level, Table, across, overlap, running

AS_OF = "2026-11-25"


def random_book(seed, accounts=4, **changes):
    made = isda.tables(np.random.default_rng(seed), accounts)
    return {name: pd.DataFrame(rows) for name, rows in made.items()} | changes


def margin(tables, options=None, **more):
    book, market = xm.tables(**(tables | more))
    return xm.margin(book, market, "simm", options=options)


def crif(*rows):
    names = ("product_class", "risk_type", "qualifier", "bucket", "label1", "label2", "amount_usd")
    return pd.DataFrame([dict(zip(names, row, strict=True)) for row in rows])


RATES = ("RatesFX", "Risk_IRCurve", "USD", "1", "5y", "OIS", 1000.0)


@pytest.mark.parametrize("seed", range(5))
def test_overlap_is_the_double_loop(seed):
    rng = np.random.default_rng(seed)
    segment = np.sort(rng.integers(0, 6, 60))
    x, ratio = rng.normal(size=60), np.maximum(1.0, rng.normal(size=60) * 3)
    ratio[segment == 2] = 1.0
    slow = [
        sum(min(ratio[k], ratio[i]) / max(ratio[k], ratio[i]) * x[i] for i in range(60) if segment[i] == segment[k])
        for k in range(60)
    ]
    np.testing.assert_allclose(overlap(x, ratio, segment), slow, rtol=1e-12, atol=1e-12)
    mixed = rng.permutation(60)
    back = np.empty(60)
    back[mixed] = overlap(x[mixed], ratio[mixed], segment[mixed])
    np.testing.assert_allclose(back, slow, rtol=1e-12, atol=1e-12)


def test_running_sums_start_anew():
    rng = np.random.default_rng(1)
    segment = np.repeat(np.arange(7), [1, 2, 3, 8, 9, 40, 1])
    x = rng.normal(size=len(segment))
    slow, total = [], 0.0
    for i, value in enumerate(x):
        total = value if i == 0 or segment[i] != segment[i - 1] else total + value
        slow.append(total)
    np.testing.assert_array_equal(running(x, segment), slow)


def test_blocks_are_a_matrix():
    """Levels, members, keys and tables written out as one full matrix."""
    rng = np.random.default_rng(2)
    n, factors = 40, 12
    segment, factor = np.sort(rng.integers(0, 3, n)), rng.integers(0, factors, n)
    context, x = rng.integers(0, 2, n), rng.normal(size=n)
    ratio = np.maximum(1.0, rng.normal(size=n) * 2)
    level, inside = rng.uniform(-0.5, 0.9, (2, factors)), rng.uniform(0, 0.5, (1, factors))
    member, key, code = rng.random(factors) < 0.5, rng.integers(0, 3, factors), rng.integers(0, 4, factors)
    table = rng.uniform(-1, 1, (4, 4))
    table = (table + table.T) / 2
    own = rng.uniform(0, 1, (2, factors))
    correlation = Correlation(own, (Level(level, member=member), Level(inside, key=key), Table(table, code, key)))
    full = np.zeros((n, n))
    for k in range(n):
        full[k, k] += own[context[k], factor[k]]
        for i in range(n):
            if segment[i] != segment[k]:
                continue
            f = min(ratio[k], ratio[i]) / max(ratio[k], ratio[i])
            full[k, i] += level[context[k], factor[k]] * f * member[factor[i]]
            if key[factor[i]] == key[factor[k]]:
                full[k, i] += inside[0, factor[k]] * f + table[code[factor[k]], code[factor[i]]]
    np.testing.assert_allclose(correlation.times(x, ratio, segment, factor, context), full @ x, rtol=1e-12, atol=1e-12)


def test_across_takes_segments_in_any_order():
    table = np.array([[1.0, 0.5], [0.5, 1.0]])
    found = across(np.array([1.0, 2.0, 4.0]), np.array([0, 1, 1]), np.array([1, 0, 1]), table)
    np.testing.assert_array_equal(found, [3.0, 2.0, 4.5])


@pytest.mark.parametrize("seed", range(6))
def test_contributions_are_the_slope(seed):
    """Without concentration an amount's contribution is amount × ∂margin/∂amount."""
    tables = random_book(seed, accounts=1)
    tables["crif"]["amount_usd"] = np.random.default_rng(seed).normal(size=len(tables["crif"])) * 1e3
    tables["crif"]["collect_regulations"] = ""
    tables["terms"] = None
    book, market = xm.tables(**tables)
    detail = xm.margin(book, market, "simm").detail()
    told = amounts_on(detail.initial, LEGS, len(book.legs))

    def at(h, step):
        quantity = book.legs.quantity.copy()
        quantity[h] *= 1 + step
        moved = replace(book, legs=replace(book.legs, quantity=quantity))
        return xm.margin(moved, market, "simm").initial.value[0]

    for h in range(len(book.legs)):
        slope = (at(h, 1e-6) - at(h, -1e-6)) / 2e-6
        assert told[h] == pytest.approx(slope, rel=1e-4, abs=1e-4 * abs(told).max())


@pytest.mark.parametrize("seed", range(5))
def test_laws_of_the_amounts(seed):
    tables = random_book(seed)
    one = margin(tables).initial.value
    own = tables["crif"]
    halves = pd.concat([own.assign(amount_usd=own["amount_usd"] / 2)] * 2, ignore_index=True)
    np.testing.assert_allclose(margin(tables, crif=halves).initial.value, one, rtol=1e-12)
    turned = own.assign(amount_usd=-own["amount_usd"], post_regulations=own["collect_regulations"])
    np.testing.assert_allclose(margin(tables, {"side": "post"}, crif=turned).initial.value, one, rtol=1e-12)
    opposite = pd.concat([own, own.assign(amount_usd=-own["amount_usd"])], ignore_index=True)
    nothing = margin(tables, crif=opposite, terms=None).initial.value
    assert np.all(nothing <= 1e-9 * np.maximum(one, 1.0))
    pairs = own.assign(qualifier=[q[3:] + q[:3] if len(str(q)) == 6 else q for q in own["qualifier"]])
    np.testing.assert_array_equal(margin(tables, crif=pairs).initial.value, one)


def test_blocks_of_rows_are_one_run():
    """More netting sets than one block holds: the same figures as in smaller books, bit for bit."""
    own = random_book(1, accounts=50)
    sets = [own["crif"].assign(account=own["crif"]["account"] + f"/{n}") for n in range(90)]
    large = pd.concat(sets, ignore_index=True)
    few, many = margin({"crif": own["crif"], "as_of": AS_OF}), margin({"crif": large, "as_of": AS_OF})
    assert len(many.account) > 4096
    one = dict(zip(few.account, few.initial.value, strict=True))
    assert [one[a.split("/")[0]] for a in many.account] == many.initial.value.tolist()


def test_small_books_scale():
    tables = random_book(3, terms=None)
    small = tables["crif"].assign(amount_usd=tables["crif"]["amount_usd"].clip(-100, 100))
    one = margin(tables, crif=small).initial.value
    ten = margin(tables, crif=small.assign(amount_usd=small["amount_usd"] * 10)).initial.value
    np.testing.assert_allclose(ten, 10 * one, rtol=1e-12)


def test_ten_thousand_names_in_one_bucket():
    """A bucket of 10,000 names costs no 10⁸ pairs: ρ(ΣW)² + (1 − ρ)ΣW²."""
    amounts = np.linspace(-5.0, 9.0, 10_000)
    table = pd.DataFrame(
        {
            "product_class": "Equity",
            "risk_type": "Risk_Equity",
            "qualifier": [f"N{i}" for i in range(10_000)],
            "bucket": "8",
            "amount_usd": amounts,
        }
    )
    found = margin({"crif": table, "as_of": AS_OF}).initial.value[0]
    w = 29.0 * amounts
    assert found == pytest.approx(np.sqrt(0.3 * w.sum() ** 2 + 0.7 * (w**2).sum()), rel=1e-12)


def texts(result):
    return " | ".join(n.text for n in result.notes)


def test_notes_say_what_is_left_out():
    rates = crif(RATES, RATES[:2] + ("EUR",) + RATES[3:])
    rates["collect_regulations"] = ["ESA", ""]
    assert "name no regulation" in texts(margin({"crif": rates, "as_of": AS_OF}))
    named = margin({"crif": rates, "as_of": AS_OF}, {"regulation": "USPR"})
    assert named.initial.value[0] == 0
    assert "no record names the regulation asked for" in texts(named)
    twice = crif(("Equity", "Risk_Equity", "A", "1", "", "", 1.0), ("Equity", "Risk_Equity", "A", "2", "", "", 1.0))
    assert "two buckets" in texts(margin({"crif": twice, "as_of": AS_OF}))
    lonely = pd.DataFrame({"risk_type": ["Notional"], "qualifier": ["X"], "amount_usd": [5.0]})
    assert "no factor" in texts(margin({"crif": crif(RATES), "terms": lonely, "as_of": AS_OF}))
    assert "later" not in texts(margin({"crif": crif(RATES), "as_of": AS_OF}))
    assert "may be in force" in texts(margin({"crif": crif(RATES), "as_of": "2027-02-01"}))
    assert "name it as version" in texts(margin({"crif": crif(RATES), "as_of": "2026-07-10"}))
    received = crif(RATES).assign(im_model="SIMM-R")
    assert "received margin only" in texts(margin({"crif": received, "as_of": AS_OF}))
    assert margin({"crif": received, "as_of": AS_OF}, {"side": "post"}).initial.value[0] == 0


def test_cftc_records_count_under_sec():
    table = crif(RATES, RATES[:2] + ("EUR",) + RATES[3:])
    table["collect_regulations"] = ["SEC", "CFTC"]
    result = margin({"crif": table, "as_of": AS_OF})
    assert result.worst[0] == "SEC"
    assert result.initial.value[0] == pytest.approx(61000 * np.sqrt(2 + 2 * 0.35))
    assert result.extras["under CFTC"].value[0] == pytest.approx(61000)
    assert "CFTC records" in texts(result)


def test_versions_by_date_and_by_name():
    table = crif(("RatesFX", "Risk_FX", "EUR", "", "", "", 1.0))
    by_date = {day: margin({"crif": table, "as_of": day}) for day in ("2025-12-05", "2025-12-06", "2026-07-11")}
    assert [m.initial.value[0] for m in by_date.values()] == [7.0, 7.1, 7.4]
    assert by_date["2025-12-05"].stamp["parameter version"] == "2.7+2412"
    named = margin({"crif": table, "as_of": AS_OF}, {"version": "2.3.8"})
    assert named.stamp["parameter version"] == "2.4"
    with pytest.raises(xm.InputError, match=r"'2\.9' is not a SIMM release"):
        margin({"crif": table, "as_of": AS_OF}, {"version": "2.9"})
    with pytest.raises(xm.NoVersion):
        margin({"crif": table, "as_of": "2019-01-01"})


def test_bad_buckets_and_currencies_are_problems_with_their_row():
    table = crif(RATES, ("Equity", "Risk_Equity", "A", "13", "", "", 1.0))
    with pytest.raises(xm.InputError, match=r"crif row 3, column bucket: '13' is not a bucket of SIMM 2\.8\+2512"):
        margin({"crif": table, "as_of": AS_OF})
    accounts = pd.DataFrame({"account": ["main"], "calculation_currency": ["EURO"]})
    with pytest.raises(xm.InputError, match="accounts, column calculation_currency: 'EURO' is not a currency code"):
        margin({"crif": crif(RATES), "accounts": accounts, "as_of": AS_OF})
    with pytest.raises(xm.InputError, match="'EURO' is not a currency code"):
        margin({"crif": crif(RATES), "as_of": AS_OF}, {"calculation_currency": "EURO"})


def test_another_model_says_that_it_takes_no_sensitivities():
    book, market = xm.tables(crif=crif(RATES), as_of=AS_OF)
    with pytest.raises(xm.InputError, match=r"derive\.standard does not margin a sensitivity"):
        xm.margin(book, market, "derive.standard")


def test_collateral_is_equity_and_netting_is_worth_something():
    table = crif(RATES, RATES[:-1] + (-400.0,))
    table["label1"] = ["5y", "10y"]
    balances = pd.DataFrame({"asset": ["EUR"], "amount": [1000.0]})
    assets = pd.DataFrame({"asset": ["EUR"], "price": [1.25]})
    result = margin({"crif": table, "as_of": AS_OF, "balances": balances, "assets": assets})
    assert result.equity.value[0] == 1250.0
    assert "before haircuts" in texts(result)
    saved = xm.benefit(result)
    assert saved.gross_initial[0] == pytest.approx(61000 + 24000)
    assert 0 < saved.percent[0] < 1

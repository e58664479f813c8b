"""The laws of the house, run over every registered rulebook."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xlmargin as xm
from tests.law_books import GENERATORS, PARAMS
from xlmargin.params import versions
from xlmargin.registry import LAWS

MODELS = xm.models()
SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)


def params_of(model, market):
    return PARAMS[model](market.as_of) if model in PARAMS else None


def frames(model, seed, accounts=3):
    if model not in GENERATORS:
        pytest.fail(f"no random books for {model}: add a module to tests/law_books")
    made = GENERATORS[model](np.random.default_rng(seed), accounts)
    return {name: pd.DataFrame(rows) for name, rows in made.items()}


def run(model, tables, **how):
    book, market = xm.tables(**tables)
    how.setdefault("params", params_of(model, market))
    return xm.margin(book, market, model, **how)


def values(margin):
    return {(a, p): [line.value[r] for line in margin.lines().values()] for r, (a, p) in enumerate(rows_of(margin))}


def rows_of(margin):
    return list(zip(margin.account, margin.pool, strict=True))


def close(a, b, scale):
    return all(math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-9 * scale) for x, y in zip(a, b, strict=True))


def size(margin):
    return max(1.0, *(float(np.abs(line.value).max(initial=0.0)) for line in margin.lines().values()))


@pytest.mark.parametrize("model", MODELS)
@few
@given(seed=SEEDS)
def test_every_line_is_the_sum_of_its_parts(model, seed):
    margin = run(model, frames(model, seed))
    for account in dict.fromkeys(margin.account):
        detail = margin.detail(account)
        for heading, line in detail.lines().items():
            assert line.gap(detail.run.book) < 1e-9, heading
        ledger = detail.explain(account)
        tops = ledger[ledger["depth"] == 0].groupby(["heading", "pool"])["amount"].sum()
        for heading, line in margin.lines().items():
            for r in np.flatnonzero(margin.account == account):
                told = tops[heading, margin.pool[r]]
                assert told == pytest.approx(line.value[r], rel=1e-9, abs=1e-9 * size(margin))


@pytest.mark.parametrize("model", MODELS)
def test_an_empty_book_is_zero(model):
    tables = frames(model, 1)
    if "positions" in tables:
        tables["positions"] = tables["positions"].iloc[:0]
    for name in ("balances", "orders", "crif", "terms"):
        tables.pop(name, None)
    tables["accounts"] = pd.DataFrame({"account": ["nobody"]})
    margin = run(model, tables)
    assert all(not line.value.any() for line in margin.lines().values())


@pytest.mark.parametrize("model", MODELS)
@few
@given(seed=SEEDS)
def test_order_of_rows_is_irrelevant(model, seed):
    tables = frames(model, seed)
    mixed = {name: table.sample(frac=1.0, random_state=seed % 1000) for name, table in tables.items()}
    mixed["instruments"] = tables.get("instruments")
    one, other = run(model, tables), run(model, {k: v for k, v in mixed.items() if v is not None})
    assert values(one).keys() == values(other).keys()
    for key, found in values(one).items():
        assert close(found, values(other)[key], size(one)), key


@pytest.mark.parametrize("model", MODELS)
@few
@given(seed=SEEDS)
def test_alone_is_as_inside_many(model, seed):
    """Bit for bit: one account, and the same account among others on the same market."""
    book, market = xm.tables(**frames(model, seed, accounts=6))
    session, checked = xm.session(book, market, model, params=params_of(model, market))
    many = session.margin(checked)
    for r in range(len(checked)):
        alone = session.margin(checked.take([r]))
        for key, found in values(alone).items():
            np.testing.assert_array_equal(found, values(many)[key], err_msg=str(key))


@pytest.mark.parametrize("model", MODELS)
@few
@given(seed=SEEDS)
def test_lots_of_one_position_merge(model, seed):
    tables = frames(model, seed)
    table = tables.get("positions")
    if table is None or not len(table):
        pytest.skip(f"{model} holds no positions table")
    lots = pd.concat([table.assign(quantity=table["quantity"] * share) for share in (0.25, 0.75)], ignore_index=True)
    one, other = run(model, tables), run(model, tables | {"positions": lots})
    for key, found in values(one).items():
        assert close(found, values(other)[key], size(one)), key


@pytest.mark.parametrize("model", MODELS)
@few
@given(seed=SEEDS)
def test_a_basket_and_its_reverse_cancel(model, seed):
    tables = frames(model, seed, accounts=2)
    table = tables.get("positions")
    if table is None or not len(table):
        pytest.skip(f"{model} holds no positions table")
    basket = table.assign(quantity=table["quantity"] * 3.0)
    reverse = table.assign(quantity=table["quantity"] * -3.0)
    both = pd.concat([table, basket, reverse], ignore_index=True)
    one, other = run(model, tables), run(model, tables | {"positions": both})
    for key, found in values(one).items():
        assert close(found, values(other)[key], size(one)), key


@pytest.mark.parametrize("model", MODELS)
def test_the_day_before_a_version_is_the_version_before(model):
    chosen = xm.model(model)
    for before, date in itertools.pairwise(versions(chosen.file)):
        earlier = chosen.params(date.timestamp() - 1)
        assert earlier.effective == before
        assert chosen.params(date.timestamp()).effective == date
        newer = {key for key, origin in chosen.params(date.timestamp()).origin.items() if origin.effective == date}
        assert newer, f"{model}: version {date} changes nothing"
        assert all(origin.effective <= before for origin in earlier.origin.values())


def lawful(law):
    return [m for m in MODELS if law not in xm.model(m).exceptions]


@pytest.mark.parametrize("model", lawful("initial at least maintenance"))
@few
@given(seed=SEEDS)
def test_initial_is_at_least_maintenance(model, seed):
    margin = run(model, frames(model, seed))
    assert np.all(margin.initial.value >= margin.maintenance.value - 1e-9 * size(margin))


@pytest.mark.parametrize("model", lawful("scaling"))
@few
@given(seed=SEEDS)
def test_margin_scales_with_the_book(model, seed):
    tables = frames(model, seed)
    book, market = xm.tables(**tables)
    session, checked = xm.session(book, market, model, params=params_of(model, market))
    legs = replace(checked.legs, quantity=checked.legs.quantity * 2, accrued=checked.legs.accrued * 2)
    cash = replace(checked.cash, amount=checked.cash.amount * 2)
    orders = replace(checked.orders, quantity=checked.orders.quantity * 2)
    one, two = session.margin(checked), session.margin(replace(checked, legs=legs, cash=cash, orders=orders))
    for key, found in values(one).items():
        assert close([2 * v for v in found], values(two)[key], size(two)), key


@pytest.mark.parametrize("model", lawful("merging never raises"))
@few
@given(seed=SEEDS)
def test_merging_accounts_never_raises(model, seed):
    tables = frames(model, seed, accounts=2)
    merged = {k: v.assign(account="all") if "account" in v and k != "accounts" else v for k, v in tables.items()}
    merged.pop("accounts", None)
    apart, together = run(model, tables), run(model, merged)
    for pool in dict.fromkeys(together.pool):
        total = apart.maintenance.value[apart.pool == pool].sum()
        assert together.maintenance.value[together.pool == pool].sum() <= total + 1e-9 * size(apart)


def test_exceptions_name_known_laws_and_reasons():
    for model in map(xm.model, MODELS):
        for law, reason in model.exceptions.items():
            assert law in LAWS, (model.id, law)
            assert len(reason) > 10, (model.id, law)

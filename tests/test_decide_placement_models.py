"""Placements and credit lines under every registered rulebook: figures as held, never worse, bounds kept."""

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests.law_books import GENERATORS, PARAMS
from xlmargin.comparison import in_currency
from xlmargin.decide.credit import credit
from xlmargin.decide.placement import place

LENDING = ("aave.v3", "compound.v3")
MOST = 5


def desk(model, accounts=2):
    tables = {k: pd.DataFrame(v) for k, v in GENERATORS[model](np.random.default_rng(4), accounts).items()}
    book, market = xm.tables(**tables)
    return book, market, {model: PARAMS[model](market.as_of)} if model in PARAMS else None


def few(book, market):
    """The first five positions that may move, as a table."""
    h = np.flatnonzero(~book.legs.isolated & (book.legs.side == 0) & (book.legs.quantity != 0))[:MOST]
    legs = book.legs
    return {"instrument": list(market.name[legs.instrument[h]]), "account": list(book.account[legs.row[h]])}


@pytest.mark.parametrize("model", [m for m in xm.models() if m not in LENDING])
def test_placing_is_never_worse_than_staying(model):
    book, market, params = desk(model)
    found = place(book, market, model, movable=few(book, market), params=params)
    held = xm.margin(book, market, model, params=(params or {}).get(model))
    total = float((held.initial.value * in_currency(held)).sum())
    size = 1e-7 * max(1.0, total)
    assert found.exact
    assert found.before.sum() == pytest.approx(total)
    assert found.required <= total + size
    assert found.gains()["required"].iloc[1] == pytest.approx(found.required)
    assert (found.short >= 0).all()


@pytest.mark.parametrize("model", xm.models())
def test_one_account_under_its_own_rule_is_the_margin_of_that_account(model):
    """With one account an owner there is nothing to net: the house model gives what the venue gives."""
    book, market, params = desk(model, accounts=1)
    if book.legs.isolated.any() or (book.legs.side != 0).any():
        pytest.skip("isolated and hedge-mode legs become cross legs of one account")
    found = credit(book, market, model, portfolio=model, params=params)
    assert found.net[0] == pytest.approx(found.required[0])
    assert found.saved[0] == pytest.approx(0.0, abs=1e-6 * max(1.0, found.required[0]))
    assert found.used[0] == pytest.approx(found.standing.short[0, 0])
    assert "nan" not in found.words.split()


@pytest.mark.parametrize("model", LENDING)
def test_what_only_lends_has_nothing_to_place(model):
    book, market, _ = desk(model)
    with pytest.raises(xm.InputError, match="nothing to place"):
        place(book, market, model)

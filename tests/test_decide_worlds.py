"""Private markets: for every registered model, a row in its own world gives what plain margin gives there."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests.law_books import GENERATORS, PARAMS
from xlmargin.decide.moves import Moves, groups, movable, named
from xlmargin.decide.worlds import apply, figures, requirements

MODELS = [m for m in xm.models() if m in GENERATORS]
COUNT = 5
COINS = ("binance.portfolio", "okx.portfolio", "okx.cross", "bybit.portfolio", "bybit.cross", "hyperliquid.portfolio")


def law_book(model, seed, accounts=4):
    """A random book of a model from the laws, its market, and parameters where they are not the model's own."""
    made = GENERATORS[model](np.random.default_rng(seed), accounts)
    if model in COINS:
        made["assets"].append({**made["assets"][0], "asset": "BTC", "price": 83_500.0})
        for a in range(accounts):
            made["balances"].append({"asset": "BTC", "amount": 0.1 + 0.05 * a, "account": f"a{a}"})
    for row in made.get("instruments", ()):
        _fill(row)
    book, market = xm.tables(**{name: pd.DataFrame(rows) for name, rows in made.items()})
    return book, market, PARAMS[model](market.as_of) if model in PARAMS else None


def _fill(row):
    """Give an option what revaluing it after a move needs, where its model's own books go without."""
    name = str(row["instrument"])
    if name.endswith(("-C", "-P")) and name.count("-") == 2:
        row["expiry"] = 1_790_000_000 + 30 * 86400
    if row.get("kind") == "option" and not {"forward", "index"} & set(row):
        row["forward"] = 1.02 * float(row["strike"])
    if row.get("kind") == "option" or name.endswith(("-C", "-P", " C", " P")):
        row.setdefault("iv", 0.5)


def random_moves(market, rng, seconds=0.0):
    """Moves of everything that can move, each its own way."""
    names, group = groups(market)
    moves = Moves.none(market, COUNT, group, seconds)
    price = np.exp(rng.normal(0, 0.25, (COUNT, len(names))))
    price[0] = 1.0
    moves = replace(
        moves,
        price=price,
        vol=np.exp(rng.normal(0, 0.3, price.shape)),
        basis=np.exp(rng.normal(0, 0.01, price.shape)),
        rate=rng.normal(0, 0.01, COUNT),
    ).follow(market, names, price)
    coins = movable(market)[None, :] & (moves.asset == 1.0)
    return replace(moves, asset=np.where(coins, np.exp(rng.normal(0, 0.2, moves.asset.shape)), moves.asset * 0.997))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_private_market_gives_what_plain_margin_gives(model, seed):
    book, market, params = law_book(model, seed)
    session, checked = xm.session(book, market, model, params=params)
    pooled = session.pooled(checked)
    moves = random_moves(session.market, np.random.default_rng(seed), seconds=3600.0 if seed == 3 else 0.0)
    rows = np.tile(np.arange(len(pooled)), COUNT)
    world = np.repeat(np.arange(COUNT), len(pooled))
    found = figures(session, pooled.take(rows), world, moves)
    for k in range(COUNT):
        there = apply(session.market, moves.take(np.array([k])))
        plain = xm.margin(checked, there, model, params=params)
        at = world == k
        np.testing.assert_array_equal(found.equity[at], plain.equity.value, err_msg=f"{model} equity, move {k}")
        for name, value in requirements(plain).items():
            np.testing.assert_array_equal(found.levels[name][at], value, err_msg=f"{model} {name}, move {k}")


@pytest.mark.parametrize("model", MODELS)
def test_every_row_in_a_world_of_its_own(model):
    """Worlds that interleave accounts: order of rows and cuts must not matter."""
    book, market, params = law_book(model, 7, accounts=6)
    session, checked = xm.session(book, market, model, params=params)
    pooled = session.pooled(checked)
    moves = random_moves(session.market, np.random.default_rng(7))
    world = np.arange(len(pooled)) % COUNT
    found = figures(session, pooled, world, moves)
    for k in range(COUNT):
        plain = xm.margin(checked, apply(session.market, moves.take(np.array([k]))), model, params=params)
        at = world == k
        np.testing.assert_array_equal(found.equity[at], plain.equity.value[at])
        np.testing.assert_array_equal(found.levels["maintenance"][at], plain.maintenance.value[at])


@pytest.mark.parametrize("model", MODELS)
def test_worlds_that_move_one_name_each(model):
    """A row takes from its own world what moves there, and what all share from nobody's."""
    book, market, params = law_book(model, 9)
    session, checked = xm.session(book, market, model, params=params)
    pooled, names = session.pooled(checked), groups(session.market)[0]
    moves = [named(session.market, price={str(n): 0.07}) for n in dict.fromkeys([*names, *session.market.leader])]
    moves += [named(session.market, collateral={str(a): -0.03}) for a in session.market.assets]
    every, count = Moves.stack(moves), len(moves)
    found = figures(
        session, pooled, np.tile(np.arange(count), len(pooled)), every, np.repeat(range(len(pooled)), count)
    )
    for k in range(count):
        plain = xm.margin(checked, apply(session.market, every.take(np.array([k]))), model, params=params)
        np.testing.assert_array_equal(found.equity[k::count], plain.equity.value)
        for name, value in requirements(plain).items():
            np.testing.assert_array_equal(found.levels[name][k::count], value, err_msg=f"{name}, move {k}")


@pytest.mark.parametrize("model", MODELS)
def test_instruments_that_move_one_by_one(model):
    """A scope's index follows its first instrument in every world, whether a row of that world holds it or not."""
    book, market, params = law_book(model, 4)
    session, checked = xm.session(book, market, model, params=params)
    pooled, size = session.pooled(checked), len(session.market)
    if not size:
        pytest.skip(f"{model} has balances only")
    moves = Moves.none(session.market, size, np.arange(size))
    moves = replace(moves, price=np.where(np.eye(size, dtype=bool), 1.1, 1.0))
    world = np.tile(np.arange(size), len(pooled))
    found = figures(session, pooled, world, moves, np.repeat(np.arange(len(pooled)), size))
    for k in range(size):
        plain = xm.margin(checked, apply(session.market, moves.take(np.array([k]))), model, params=params)
        np.testing.assert_array_equal(found.equity[world == k], plain.equity.value)
        np.testing.assert_array_equal(found.levels["maintenance"][world == k], plain.maintenance.value)


def test_named_moves_are_those_of_the_panel():
    """The same market as ``xlmargin.shocks.moved`` where both can say the move."""
    from tests.widgets import sample
    from xlmargin.shocks import moved

    _, market = sample.book()
    mine = apply(market, named(market, {"BTC": -0.1}, {"BTC": 0.2}, days=1.0))
    other = moved(market, {"BTC": -0.1}, {"BTC": 0.2}, days=1.0)
    for column, values in other.columns.items():
        np.testing.assert_array_equal(mine[column], values, err_msg=column)
    np.testing.assert_array_equal(mine.price, other.price)
    np.testing.assert_array_equal(mine.on_scope("index"), other.on_scope("index"))


def test_an_option_without_volatility_cannot_be_revalued():
    book, market = xm.tables(
        {"instrument": ["BTC-25DEC26-90000-C"], "quantity": [-1]},
        instruments={"instrument": ["BTC-25DEC26-90000-C"], "mark": [0.02], "index": [90000.0]},
        as_of="2026-11-25",
        venue="deribit",
    )
    session, checked = xm.session(book, market, "deribit.standard")
    moves = named(session.market, {"BTC": 0.1})
    with pytest.raises(xm.InputError, match="column iv: missing for BTC-25DEC26-90000-C"):
        figures(session, session.pooled(checked), np.zeros(1, np.int64), moves)


def test_bad_names_and_moves_are_listed_together():
    _, market = xm.tables({"instrument": ["BTC-PERP"], "quantity": [1], "mark": [100.0]}, as_of="2026-11-25")
    with pytest.raises(xm.InputError) as caught:
        named(market, {"BTX": 0.1}, {"BTC": -1.0}, days=-1.0)
    text = str(caught.value)
    assert "nothing follows 'BTX'" in text
    assert "did you mean 'BTC'" in text
    assert "BTC by -100%; must be above -100 %" in text
    assert "-1 days" in text

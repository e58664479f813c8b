"""A model made ready again in part: to the last bit what it is when made ready whole, for every model."""

from dataclasses import replace

import numpy as np
import pytest

import xlmargin as xm
from benchmarks.bench_core import AS_OF, options
from tests.test_decide_worlds import MODELS, law_book
from xlmargin.repricing import VALUES, Repricer, _equal, _made

WHOLE = ("crossmargin.one_pot", "crossmargin.two_pot", "var.ewma", "var.fhs")


def changed(market, rng, share):
    """The market with every value of some instruments moved, and which."""
    which = rng.random(len(market)) < share
    move = np.where(which, rng.uniform(0.9, 1.1, len(market)), 1.0)
    columns = {k: v * move if k in VALUES else v for k, v in market.columns.items()}
    return replace(market, columns=columns), which


@pytest.mark.parametrize("model", MODELS)
def test_what_is_made_in_part_is_what_is_made_whole(model):
    """Three changes one after another, of a tenth of the instruments each."""
    book, market, params = law_book(model, 5, accounts=12)
    session, checked = xm.session(book, market, model, params=params)
    rng, state = np.random.default_rng(5), Repricer.of(session)
    for _ in range(3):
        market, which = changed(state.session.market, rng, 0.1)
        state, count = state.again(market, which)
        assert _equal(dict(state.session.ready.made), _made(session, market))
        assert count <= len(market)
    whole = replace(state.session, ready=replace(state.session.ready, made=_made(session, market)))
    for name in ("equity", "initial", "maintenance"):
        mine, theirs = (getattr(s.margin(checked), name).value for s in (state.session, whole))
        np.testing.assert_array_equal(mine, theirs)


def wide(count=400):
    assets = {"asset": ["USDC"], "price": [1.0]}
    instruments = options(count).assign(mark=np.nan)
    positions = {"instrument": instruments["instrument"], "quantity": np.ones(count)}
    return xm.tables(positions=positions, instruments=instruments, assets=assets, as_of=AS_OF)


@pytest.mark.parametrize("model", ["derive.portfolio", "derive.standard"])
def test_only_what_changed_is_priced(model, monkeypatch):
    book, market = wide()
    session, _ = xm.session(book, market, model)
    state = Repricer.of(session)
    which = np.isin(np.arange(len(market)), [17, 203])
    iv = np.where(which, market["iv"] * 1.2, market["iv"])
    state, count = state.again(market.with_columns(iv=iv), which)
    assert count <= 6 + 8 + 2
    assert _equal(dict(state.session.ready.made), _made(session, market.with_columns(iv=iv)))
    first = np.arange(len(market)) == state.first[0]
    forward = np.where(first, 85_000.0, market["forward"])
    _, count = state.again(market.with_columns(iv=iv, forward=forward), first)
    assert count >= (state.group == state.group[state.first[0]]).sum()


@pytest.mark.parametrize("model", [m for m in WHOLE if m in MODELS])
def test_a_model_that_weighs_instruments_together_is_made_whole(model):
    book, market, params = law_book(model, 5, accounts=12)
    session, _ = xm.session(book, market, model, params=params)
    which = np.arange(len(session.market)) == len(session.market) - 1
    assert Repricer.of(session).again(session.market, which)[1] == len(session.market)


def test_another_moment_or_listing_is_made_whole():
    book, market = wide()
    session, _ = xm.session(book, market, "derive.portfolio")
    none = np.zeros(len(market), bool)
    later = replace(market, as_of=market.as_of + 3600.0)
    state, count = Repricer.of(session).again(later, none)
    assert count == len(market)
    assert _equal(dict(state.session.ready.made), _made(session, later))


def test_a_witness_that_comes_out_otherwise_makes_it_whole():
    """A model that ranks its instruments: no trial shows it where the half that is tried ranks alike."""
    book, market = wide()
    session, _ = xm.session(book, market, "derive.portfolio")
    largest = lambda m, p, o: {"peak": np.full(len(m), np.nanmax(m["iv"])), "own": m["iv"] * 2.0}  # noqa: E731
    model = replace(session.model, prepare_step=largest)
    ready = replace(session.ready, made=largest(market, None, None))
    state = Repricer.of(replace(session, model=model, ready=ready))
    which = np.arange(len(market)) == 33
    moved = market.with_columns(iv=np.where(which, 9.0, market["iv"]))
    state, count = state.again(moved, which)
    assert count == len(market)
    np.testing.assert_array_equal(state.session.ready.made["peak"], 9.0)

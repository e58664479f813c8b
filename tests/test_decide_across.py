"""Accounts at several venues, each under its venue's rulebook: the same figures as one by one; who has no model."""

import numpy as np
import pytest

import xlmargin as xm
from tests.placement_desks import MODELS, PERP, VENUE, desk, option
from xlmargin.decide.across import across, venues_of
from xlmargin.errors import InputError

POSITIONS = [("D", PERP, 2.0), ("R", option(90_000, "C"), -1.0), ("Y", option(80_000, "P"), 4.0), ("Y", PERP, 1.0)]


def test_every_account_stands_in_the_margin_of_its_venue():
    book, market = desk(POSITIONS)
    found = across(book, market, MODELS)
    assert list(found) == ["derive", "deribit", "bybit"]
    for r, (account, venue) in enumerate(VENUE.items()):
        own = xm.margin(book.take([r]), market, MODELS[venue])
        assert found[venue].account.tolist() == [account]
        np.testing.assert_array_equal(found[venue].initial.value, own.initial.value)
        np.testing.assert_array_equal(found[venue].equity.value, own.equity.value)


def test_tables_and_words_name_venue_and_model():
    found = across(*desk(POSITIONS), MODELS)
    table = found.frame()
    assert table[["venue", "model"]].drop_duplicates().to_numpy().tolist() == [[v, m] for v, m in MODELS.items()]
    assert table["initial"].sum() == pytest.approx(sum(m.initial.value.sum() for m in found.values()))
    assert found.words.startswith("accounts at 3 venues: derive: 1 under derive.portfolio, ")


@pytest.mark.parametrize(
    "models",
    [
        ["derive.portfolio", "deribit.portfolio", "bybit.portfolio"],
        {"DERIVE": "derive.portfolio", "Deribit": "deribit.portfolio", "bybit": xm.model("bybit.portfolio")},
    ],
)
def test_models_may_be_listed_or_named_in_any_case(models):
    book, market = desk(POSITIONS)
    plain, found = across(book, market, MODELS), across(book, market, models)
    for venue in MODELS:
        np.testing.assert_array_equal(plain[venue].initial.value, found[venue].initial.value)


def test_the_column_itself_may_hold_models_and_one_model_may_do_for_all():
    book, market = desk(POSITIONS, {"D": "derive.portfolio", "R": "deribit.portfolio", "Y": "bybit.portfolio"})
    assert list(across(book, market)) == list(MODELS.values())
    one = across(book, market, "derive.portfolio")
    assert {m.stamp["model"] for m in one.values()} == {"derive.portfolio"}


def test_venues_at_which_no_account_stands_are_known_but_not_margined():
    book, market = desk(POSITIONS[:1], {"D": "derive"})
    assert list(across(book, market, MODELS)) == ["derive"]
    assert list(venues_of(book, MODELS)[1]) == ["derive", "deribit", "bybit"]
    listed = list(MODELS.values())
    assert list(venues_of(book, listed)[1]) == ["derive", "deribit.portfolio", "bybit.portfolio"]


def test_parameters_and_options_go_to_their_model():
    book, market = desk(POSITIONS)
    own = xm.model("derive.portfolio").params(market.as_of)
    dearer = own.override("an experiment", by={"BTC": {"im_factor": 2 * own.on(["BTC"])("im_factor")[0]}})
    plain, found = across(book, market, MODELS), across(book, market, MODELS, params={"derive.portfolio": dearer})
    assert found["derive"].initial.value[0] > plain["derive"].initial.value[0]
    np.testing.assert_array_equal(found["bybit"].initial.value, plain["bybit"].initial.value)


def test_accounts_whose_venue_has_no_model_are_all_named():
    book, market = desk(POSITIONS, {"D": "derve", "R": "deribit", "Y": ""})
    with pytest.raises(InputError) as caught:
        across(book, market, MODELS)
    told = [str(p) for p in caught.value.problems]
    assert told[0] == "accounts row 2, column venue: D: no model for 'derve'; did you mean 'derive'?"
    assert told[1].startswith("accounts row 4, column venue: Y: no venue is given; there are derive, deribit, bybit")
    with pytest.raises(InputError, match="an empty book"):
        across(book.take([]), market, MODELS)

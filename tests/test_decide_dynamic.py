"""Dynamic margin: the rule under scaled parameters against overrides by hand, the path, laws over every rulebook."""

from dataclasses import replace

import numpy as np
import pytest

import xlmargin as xm
from tests.test_decide_trades import perps
from tests.test_decide_worlds import MODELS, law_book
from xlmargin.backtest import procyclicality
from xlmargin.decide.dynamic import dynamic
from xlmargin.decide.dynamic.regime import settings
from xlmargin.decide.moves import groups
from xlmargin.errors import InputError

DAY = 86400.0
SCALED = [m for m in MODELS if settings(1.79e9).get("scales", m)]


def account(leverage=5):
    positions = {"instrument": ["BTCUSDT", "ETHUSDT"], "quantity": [1.0, -5.0], "leverage": [leverage, leverage]}
    positions["entry_price"] = [60_000.0, 3_000.0]
    return perps(positions, {"asset": ["USDT"], "amount": [30_000.0]})


def on_deribit():
    positions = {"instrument": ["BTC-PERPETUAL"], "quantity": [-100_000.0], "mark": [60_000.0], "index": [60_000.0]}
    balances = {"asset": ["BTC"], "amount": [2.0]}
    return xm.tables(
        positions=positions | {"entry_price": [60_000.0]},
        balances=balances,
        assets={"asset": ["BTC"], "price": [60_000.0]},
        as_of="2026-11-25 12:00",
    )


def of(book, market, **how):
    return dynamic(book, market, "binance.usdm", **how)


VOL = {"BTC": [0.5, 0.5, 0.75], "ETH": [0.8, 0.8, 0.8]}
LONG = {"BTC": 0.5, "ETH": 0.8}


def prices(returns, start=100.0):
    return start * np.exp(np.cumsum(np.concatenate([[0.0], returns])))


def history(count=200, size=0.01, **names):
    """A row a day up to 2026-11-25; returns change sign, so that their size is the volatility."""
    moves = size * (-1.0) ** np.arange(count - 1)
    days = [f"{np.datetime64('2026-11-25') - np.timedelta64(count - 1 - k, 'D')}" for k in range(count)]
    return {"date": days} | {name: prices(moves if own is None else own) for name, own in names.items()}


def swung(model, seed, vol):
    """A law book, its market, its margin, and what is dynamic at one volatility against a long run of 0.6."""
    book, market, params = law_book(model, seed)
    plain = xm.margin(book, market, model, params=params)
    names = [str(n) for n in groups(plain.run.market)[0]]
    return book, market, plain, dynamic(plain, vol=dict.fromkeys(names, vol), reference=0.6)


@pytest.mark.parametrize("model", SCALED)
def test_multiplier_one_is_the_margin_itself(model):
    _, _, plain, found = swung(model, 7, 0.6)
    for one in (found.current, found.tomorrow):
        np.testing.assert_array_equal(one.initial.value, plain.initial.value)
        np.testing.assert_array_equal(one.maintenance.value, plain.maintenance.value)
    assert found.params is plain.run.session.params


@pytest.mark.parametrize("model", SCALED)
def test_more_volatility_never_lowers_a_requirement_and_raises_some(model):
    """Every rulebook of dynamic.toml is reached by the parameters that it names there."""
    raised = False
    for seed in range(3):
        _, _, plain, found = swung(model, seed, 0.72)
        for now, then in (
            (plain.initial.value, found.tomorrow.initial.value),
            (plain.maintenance.value, found.tomorrow.maintenance.value),
        ):
            assert (then >= now - 1e-9 * np.abs(now)).all()
            raised |= bool((then > now * 1.0001).any())
    assert raised


@pytest.mark.parametrize("model", SCALED)
def test_its_parameters_give_its_margin_again(model):
    book, market, _, found = swung(model, 2, 0.72)
    again = xm.margin(book, market, model, params=found.params)
    np.testing.assert_array_equal(again.initial.value, found.tomorrow.initial.value)
    np.testing.assert_array_equal(again.maintenance.value, found.tomorrow.maintenance.value)


def test_a_scaled_range_equals_an_override_by_hand():
    book, market = on_deribit()
    found = dynamic(book, market, "deribit.portfolio", vol={"BTC": [0.4, 0.5]}, reference=0.4)
    p = xm.model("deribit.portfolio").params(market.as_of)
    own = {key: 1.25 * p.get(key, "BTC") for key in ("price_range", "volatility_range_up", "volatility_range_down")}
    hand = xm.margin(book, market, "deribit.portfolio", params=p.override("hand", by={"BTC": own}))
    assert found.tomorrow.initial.value == hand.initial.value
    assert found.tomorrow.initial.value[0] > found.published.initial.value[0]


def test_tiered_maintenance_scales_each_underlying_by_its_own():
    book, market = account()
    found = of(book, market, vol=VOL, reference=LONG)
    plain = xm.margin(book, market, "binance.usdm")
    assert found.current.maintenance.value == plain.maintenance.value
    btc, _ = perps({"instrument": ["BTCUSDT"], "quantity": [1.0]}, {"asset": ["USDT"], "amount": [1.0]})
    only = xm.margin(btc, market, "binance.usdm").maintenance.value[0]
    assert found.tomorrow.maintenance.value[0] == pytest.approx(plain.maintenance.value[0] + 0.5 * only, rel=1e-12)


def test_leverage_that_is_no_longer_allowed_is_brought_down_and_said():
    book, market = account(leverage=100)
    found = of(book, market, vol={"BTC": [0.5, 1.5], "ETH": [0.8, 0.8]}, reference=LONG)
    assert any("highest allowed is taken" in n.text for n in found.notes)
    p = xm.model("binance.usdm").params(market.as_of)
    first = np.flatnonzero(np.asarray(p["brackets"]["key"]) == "BTC/USDT:USDT")[0]
    allowed = p["brackets"]["max_leverage"][first] / 3.0
    more = found.tomorrow.initial.value[0] - found.published.initial.value[0]
    assert more == pytest.approx(60_000.0 / allowed - 60_000.0 / 100, rel=1e-9)


def test_stated_leverage_that_stays_allowed_is_said():
    book, market = account(leverage=5)
    found = of(book, market, vol=VOL, reference=LONG)
    assert found.tomorrow.initial.value == found.published.initial.value
    assert any("still allow" in n.text for n in found.notes)


def test_the_stamp_is_tomorrows_and_says_why():
    book, market = on_deribit()
    found = dynamic(book, market, "deribit.portfolio", vol={"BTC": [0.4, 0.5]}, reference=0.4)
    assert found.tomorrow.stamp["parameters"] == "2026-11-26 12:00"
    assert found.tomorrow.stamp["parameter version"] == "dynamic: BTC × 1.25; volatility known on 2026-11-25"
    rows = [r for r in found.params.rows() if r["parameter"] == "price_range" and r["scope"] == "BTC"]
    assert rows[-1]["source"].startswith("dynamic: BTC × 1.25")
    assert rows[-1]["effective"] == "2026-11-26 12:00"


def test_days_ahead_go_on_at_the_speed_limit():
    book, market = on_deribit()
    how = {"vol": {"BTC": [0.4, 0.8]}, "reference": 0.4, "speed": 0.1}
    found = [
        dynamic(book, market, "deribit.portfolio", days=d, **how).regime.tomorrow["BTC"] for d in (1, 2, 3, 10, 20)
    ]
    assert found == pytest.approx([1.1, 1.21, 1.331, 2.0, 2.0])


def test_one_volatility_starts_from_the_published_parameters():
    book, market = on_deribit()
    found = dynamic(book, market, "deribit.portfolio", vol={"BTC": 0.8}, reference=0.4, speed=0.2)
    assert found.regime.current == {"BTC": 1.0}
    assert found.regime.tomorrow == {"BTC": 1.2}
    assert found.current.initial.value == found.published.initial.value


def test_parameters_of_ones_own_choice():
    book, market = on_deribit()
    found = dynamic(book, market, "deribit.portfolio", vol={"BTC": [0.4, 0.5]}, reference=0.4, scale=["price_range"])
    assert [s.name for s in found.scales] == ["price_range"]
    p = xm.model("deribit.portfolio").params(market.as_of)
    assert found.params.get("price_range", "BTC") == 1.25 * p.get("price_range", "BTC")
    assert found.params.get("volatility_range_up", "BTC") == p.get("volatility_range_up", "BTC")


def test_tomorrow_has_the_parameters_published_for_tomorrow():
    """On the eve of a version its values are shown, though volatility has not moved."""
    book, market = on_deribit()
    eve = xm.model("deribit.portfolio").params(market.as_of).effective.timestamp() - 3600.0
    then = replace(market, as_of=eve)
    found = dynamic(book, then, "deribit.portfolio", vol={"BTC": 0.4}, reference=0.4)
    later = xm.model("deribit.portfolio").params(eve + DAY)
    wanted = xm.margin(book, then, "deribit.portfolio", params=later)
    assert found.tomorrow.initial.value == wanted.initial.value
    assert found.published.run.session.params.effective < later.effective
    assert any(n.text.startswith(f"the parameters published for {later.effective:%Y-%m-%d}") for n in found.notes)


def test_one_value_for_all_takes_the_largest_multiplier():
    book, market = account()
    found = of(book, market, vol=VOL, reference=LONG, scale=["brackets", "collateral"])
    assert found.params["collateral"]["BTC"] == 1.5 * xm.model("binance.usdm").params(market.as_of)["collateral"]["BTC"]
    assert any(n.text.startswith("one value for all underlyings: collateral") for n in found.notes)


def test_words_say_how_volatility_stands():
    book, market = account()
    found = of(book, market, vol=VOL, reference=LONG, cap=1.2)
    assert found.regime.words() == (
        "BTC: volatility at 150% of the long run's; multiplier 1 now, 1.2 tomorrow (cap)",
        "ETH: volatility at 100% of the long run's; multiplier 1 now, 1 tomorrow",
    )


def test_the_path_is_the_margin_of_each_day():
    book, market = on_deribit()
    found = dynamic(book, market, "deribit.portfolio", vol={"BTC": [0.4, 0.8, 0.5]}, reference=0.4, cap=1.5)
    path = found.path()
    assert list(path["date"]) == ["2026-11-24", "2026-11-25", "2026-11-26"]
    p = xm.model("deribit.portfolio").params(market.as_of)
    keys = ("price_range", "volatility_range_up", "volatility_range_down")
    for column, factors in (("by ratio alone", (1.0, 2.0, 1.25)), ("dynamic", (1.0, 1.5, 1.25))):
        for value, m in zip(path[column], factors, strict=True):
            own = {key: p.get(key, "BTC") * m for key in keys}
            hand = xm.margin(book, market, "deribit.portfolio", params=p.override("hand", by={"BTC": own}))
            assert value == pytest.approx(hand.initial.value[0], rel=1e-12)
    assert (path["published"] == found.published.initial.value[0]).all()


def test_procyclicality_is_that_of_the_path_and_bounds_lower_it():
    book, market = on_deribit()
    rng = np.random.default_rng(11)
    vol = {"BTC": (0.5 * np.exp(np.cumsum(rng.normal(0, 0.1, 60)))).tolist()}
    found = dynamic(book, market, "deribit.portfolio", vol=vol, reference=0.5, floor=0.8, cap=1.3, speed=0.05)
    path, table = found.path(), found.procyclicality().set_index("course")
    for course in ("published", "by ratio alone", "dynamic"):
        own = procyclicality(path[course].to_numpy(), (1, 5))
        assert table.loc[course, "peak to trough"] == own.peak_to_trough
        assert table.loc[course, "rise over 5"] == own.rise[5]
    assert table.loc["published", "peak to trough"] == 1.0
    for measure in ("peak to trough", "rise over 1", "rise over 5", "deviation"):
        assert table.loc["dynamic", measure] < table.loc["by ratio alone", measure]


def test_a_path_whose_bare_ratio_goes_too_far_is_shown_with_its_bounds():
    book, market = on_deribit()
    found = dynamic(book, market, "deribit.portfolio", vol={"BTC": [0.1, 0.9, 0.1]}, reference=0.1, cap=2.0)
    with pytest.raises(InputError, match=r"BTC at 9 times: .* alone=False"):
        found.path()
    path = found.path(alone=False)
    assert "by ratio alone" not in path
    assert path["dynamic"].tolist()[1] > path["published"].tolist()[1]
    assert list(found.procyclicality(alone=False)["course"]) == ["published", "dynamic"]


def test_many_accounts_each_as_alone():
    positions = {
        "account": ["a", "b"],
        "instrument": ["BTCUSDT", "ETHUSDT"],
        "quantity": [1.0, 3.0],
        "leverage": [5, 5],
    }
    balances = {"account": ["a", "b"], "asset": ["USDT", "USDT"], "amount": [30_000.0, 9_000.0]}
    book, market = perps(positions, balances)
    both = of(book, market, vol=VOL, reference=LONG)
    own = {"instrument": ["ETHUSDT"], "quantity": [3.0], "leverage": [5]}
    alone = of(*perps(own, {"asset": ["USDT"], "amount": [9_000.0]}), vol={"ETH": VOL["ETH"]}, reference=0.8)
    frame = both.frame()
    assert frame["tomorrow"][1] == alone.frame()["tomorrow"][0]
    assert frame["multiplier BTC"].isna().tolist() == [False, True]
    assert frame["multiplier ETH"].isna().tolist() == [True, False]
    assert (frame["change"] == frame["tomorrow"] - frame["published"]).all()

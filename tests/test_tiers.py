"""Tiers against slow loops, at boundaries, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlmargin.errors import ParameterError
from xlmargin.tiers import Tiers, merged

TABLE = {
    "key": ["A", "A", "A", "B", "C", "C"],
    "floor": [0.0, 100.0, 1000.0, 0.0, 0.0, 50.0],
    "rate": [0.01, 0.02, 0.5, 0.1, 0.9, 0.4],
    "max_leverage": [50.0, 25.0, 1.0, 5.0, np.nan, np.nan],
    "cap": [100.0, 1000.0, 5000.0, np.nan, 50.0, np.inf],
}


def slices(name: str, size: float) -> float:
    """Marginal charge by walking up the slices one by one."""
    floors = [f for k, f in zip(TABLE["key"], TABLE["floor"], strict=True) if k == name]
    rates = [r for k, r in zip(TABLE["key"], TABLE["rate"], strict=True) if k == name]
    ends = [*floors[1:], float("inf")]
    return sum(r * max(0.0, min(size, high) - low) for low, high, r in zip(floors, ends, rates, strict=True))


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.floats(0, 1e5)), max_size=30))
def test_marginal_is_the_sum_of_slices(held):
    tiers = Tiers.of(TABLE)
    size = np.array([s for _, s in held])
    found = tiers.marginal(size, tiers.find([k for k, _ in held]))
    np.testing.assert_allclose(found, [slices(*h) for h in held], rtol=1e-12, atol=1e-12)


def test_boundary_belongs_above_or_below():
    above, below = Tiers.of(TABLE), Tiers.of(TABLE, inclusive=True)
    size, key = np.array([0.0, 100.0, 1000.0]), np.zeros(3, np.int64)
    assert above.leverage(size, key).tolist() == [50, 25, 1]
    assert below.leverage(size, key).tolist() == [50, 50, 25]
    np.testing.assert_allclose(above.marginal(size, key), below.marginal(size, key), rtol=1e-15)


def test_whole_position_at_one_rate():
    tiers = Tiers.of(TABLE)
    size, key = np.array([50.0, 200.0]), tiers.find("AA")
    assert tiers.whole(size, key).tolist() == [0.5, 4.0]
    assert tiers.whole(size, key, np.array([10.0, 10.0])).tolist() == [0.1, 0.2]


def test_unknown_key_is_nan_never_another_table():
    tiers = Tiers.of(TABLE)
    key = tiers.find(["nowhere", "B"])
    assert key.tolist() == [-1, 1]
    assert np.isnan(tiers.marginal(np.ones(2), key)).tolist() == [True, False]
    assert np.isnan(tiers.leverage(np.ones(2), key)).tolist() == [True, False]


def test_beyond_the_last_bracket():
    tiers = Tiers.of(TABLE)
    size = np.array([5000.0, 5000.1, 1e12, 1e12])
    assert tiers.beyond(size, tiers.find("AABC")).tolist() == [False, True, False, False]


def test_published_cumulative_amount_is_checked():
    good = Tiers.of({**TABLE, "cum": [0, 1, 481, 0, 0, -25]})
    np.testing.assert_allclose(good.cum[:-1], [0, 1, 481, 0, 0, -25])
    with pytest.raises(ParameterError, match=r"cumulative amount 480 of A is not what its rates give \(481\)"):
        Tiers.of({**TABLE, "cum": [0, 1, 480, 0, 0, -25]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"floor": [0, 100, 90, 0, 0, 50]}, "floors of A do not rise: 100, then 90"),
        ({"floor": [5, 100, 1000, 0, 0, 50]}, "the first bracket of A starts at 5"),
        ({"rate": [0.01, np.nan, 0.5, 0.1, 0.9, 0.4]}, "A has a bracket without floor or rate"),
        ({"key": ["A", "A", "B", "A", "C", "C"], "floor": [0, 1, 0, 0, 0, 1]}, "brackets of A do not stand together"),
    ],
)
def test_bad_tables_are_refused(change, message):
    with pytest.raises(ParameterError, match=message):
        Tiers.of({**TABLE, **change})


def test_missing_column_is_named():
    with pytest.raises(ParameterError, match="brackets: no column 'rate'"):
        Tiers.of({"key": ["A"], "floor": [0.0]})


def test_merging_a_payload_keeps_other_keys():
    both = merged(TABLE, {"key": ["B", "D"], "floor": [0.0, 0.0], "rate": [0.2, 0.3]})
    tiers = Tiers.of(both)
    assert sorted(tiers.names) == ["A", "B", "C", "D"]
    assert tiers.marginal(np.array([10.0, 10.0]), tiers.find("BD")).tolist() == [2.0, 3.0]
    assert np.isnan(tiers.leverage(np.ones(1), tiers.find("D"))).all()


def test_empty_table():
    tiers = Tiers.of({"key": [], "floor": [], "rate": []})
    assert tiers.find(["A"]).tolist() == [-1]
    assert np.isnan(tiers.marginal(np.ones(1), np.array([-1]))).all()

"""The spreadsheet functions in plain Python: figures of the core, one computation for many formulas, messages."""

import datetime as dt
import subprocess
import sys

import numpy as np
import pytest
from xlmargin.workbooks import functions, ranges, reference
from xlmargin.workbooks.cache import Cache, digest
from xlmargin.workbooks.declared import FUNCTIONS
from xlmargin.workbooks.registry import function

import xlmargin as xm
from tests.hosts import calls
from xlmargin.decide.what_if import what_if
from xlmargin.errors import InputError


def call(name, *arguments, **named):
    return FUNCTIONS[name].call(*arguments, **named)


def core(positions=calls.POSITIONS, **more):
    given = {"balances": calls.BALANCES, "instruments": calls.INSTRUMENTS, "assets": calls.ASSETS} | more
    columns = {n: columns_of(rows) for n, rows in {"positions": positions, **given}.items()}
    return xm.tables(**columns, venue=calls.MODEL)


def columns_of(rows):
    return {header: [row[c] for row in rows[1:]] for c, header in enumerate(rows[0])}


@pytest.fixture(scope="module")
def margin():
    return xm.margin(*core(), calls.MODEL)


def test_the_summary_is_the_frame_of_the_core(margin):
    header, *rows = call("XM_MARGIN", *calls.BOOK)
    frame = margin.frame()
    assert header[: len(frame.columns)] == list(frame.columns)
    for name in ("equity", "initial", "maintenance", "available", "ratio", "worst"):
        assert [r[header.index(name)] for r in rows] == frame[name].tolist()
    assert {r[header.index("market_time")] for r in rows} == {"2026-11-25 00:00:00Z (table)"}


def test_every_output_is_its_figure(margin):
    known = functions.figures(margin, lambda: xm.benefit(margin))
    for name, figure in known.items():
        for i, account in enumerate(margin.account):
            assert call("XM_MARGIN", *calls.BOOK, name.upper(), account) == [[figure()[i]]]


def test_the_ledger_adds_up():
    header, *rows = call("XM_EXPLAIN", *calls.BOOK, "main")
    depth, amount = header.index("depth"), header.index("amount")
    for i, row in enumerate(rows):
        below = []
        for later in rows[i + 1 :]:
            if later[depth] <= row[depth]:
                break
            if later[depth] == row[depth] + 1:
                below.append(later[amount])
        if below:
            assert sum(below) == pytest.approx(row[amount], rel=1e-9, abs=1e-9)


def test_positions_add_up_to_the_margin(margin):
    header, *rows = call("XM_POSITIONS", *calls.BOOK)
    own = [r[header.index("initial")] for r in rows if r[0] == "second"]
    assert sum(own) == pytest.approx(margin.initial.value[1], rel=1e-9)


def test_the_grid_holds_the_worst_scenario(margin):
    header, *rows = call("XM_MATRIX", *calls.BOOK, "main")
    worst = next(r for r in rows if r[header.index("worst")])
    assert worst[header.index("pnl")] == min(r[header.index("pnl")] for r in rows)
    assert worst[header.index("scenario")] == margin.worst[0]


def test_a_what_if_is_the_margin_of_the_book_after_the_trades(margin):
    header, *rows = call("XM_WHATIF", calls.POSITIONS, calls.TRADES, *calls.BOOK[1:])
    assert [r[0] for r in rows] == ["main"], "no other account trades"
    row = dict(zip(header, rows[0], strict=True))
    sold = calls.changed(calls.changed(calls.POSITIONS, 2, 2, 1.0), 3, 2, -2.0)
    realised, premium = 61_000.0 - 60_000.0, 2_500.0
    balances = calls.changed(calls.BALANCES, 2, 2, 90_000.0 + realised - premium)
    after = xm.margin(*core(sold, balances=balances), calls.MODEL)
    for figure in ("equity", "initial", "maintenance"):
        assert row[f"{figure} before"] == getattr(margin, figure).value[0]
        assert row[f"{figure} after"] == pytest.approx(getattr(after, figure).value[0], rel=1e-12)
        assert row[f"{figure} change"] == row[f"{figure} after"] - row[f"{figure} before"]
    table = what_if(*core(), calls.MODEL, columns_of(calls.TRADES)).frame()
    assert row["standalone"] == table["standalone"][0]


def test_every_basket_is_a_what_if_of_its_own():
    trades = [["basket", "instrument", "quantity"], ["a", "BTC-PERP", 1.0], ["b", "BTC-PERP", -1.0]]
    rows = call("XM_WHATIF", calls.POSITIONS, trades, *calls.BOOK[1:])[1:]
    assert sorted(r[:2] for r in rows) == [["main", "a"], ["main", "b"], ["second", "a"], ["second", "b"]]
    told = call("XM_WHATIF", calls.POSITIONS, trades, *calls.BOOK[1:], "main", output="initial change")
    assert told == [["#XM! output 'initial change': 2 rows; say which account, and give one basket"]]
    titled = [["My trades", None, None], *calls.changed(trades, 3, 2, "BTC-PRP")]
    told = call("XM_WHATIF", calls.POSITIONS, titled, *calls.BOOK[1:])[0][0]
    assert told.startswith("#XM! trades row 4, column instrument: the market lists no BTC-PRP; did you mean")


def test_a_comparison_is_that_of_the_core():
    header, *rows = call("XM_COMPARE", calls.POSITIONS, "derive.portfolio,derive.standard", *calls.BOOK[2:])
    table = xm.compare(*core(), ["derive.portfolio", "derive.standard"])
    assert [r[header.index("initial")] for r in rows] == table["initial"].tolist()
    assert [r[header.index("model")] for r in rows] == table["model"].tolist()


def test_another_venues_names_may_be_asked_under_any_model():
    positions = [["instrument", "quantity"], ["BTCUSDT", 1.0]]
    instruments = [["instrument", "mark", "index", "as_of"], ["BTCUSDT", 61000.0, 61000.0, calls.AS_OF]]
    assets = [["asset", "price"], ["USDT", 1.0]]
    answer = call("XM_MARGIN", positions, calls.MODEL, None, instruments, assets, "initial")
    assert "cannot read" not in answer[0][0] if isinstance(answer[0][0], str) else True
    hinted = call("XM_MARGIN", positions, calls.MODEL, None, instruments, assets, "initial", options="venue=derive")
    assert "cannot read 'BTCUSDT' for derive" in hinted[0][0]


def test_five_formulas_on_the_same_ranges_compute_once(monkeypatch):
    made = []
    monkeypatch.setattr(xm, "tables", lambda *a, real=xm.tables, **k: made.append("tables") or real(*a, **k))
    monkeypatch.setattr(xm, "margin", lambda *a, real=xm.margin, **k: made.append("margin") or real(*a, **k))
    ranges.KEPT.clear()
    copies = [[list(row) for row in table] for table in (calls.POSITIONS, *calls.BOOK[2:])]
    for output in ("initial", "maintenance", "equity", "ratio", "available"):
        call("XM_MARGIN", copies[0], calls.MODEL, *copies[1:], output, "main")
    assert made == ["tables", "margin"]
    call("XM_MARGIN", calls.changed(calls.POSITIONS, 2, 2, 2.5), *calls.BOOK[1:], "initial", "main")
    assert made == ["tables", "margin"] * 2


def test_the_valuation_time_is_said():
    def told(*arguments):
        header, row = call("XM_MARGIN", *arguments)[:2]
        return row[header.index("market_time")]

    assert told(*calls.BOOK, None, "main", "2026-11-26") == "2026-11-26 00:00:00Z (argument)"
    assert told(*calls.BOOK) == "2026-11-25 00:00:00Z (table)"
    timeless = [row[:-1] for row in calls.INSTRUMENTS]
    assert told(calls.POSITIONS, calls.MODEL, calls.BALANCES, timeless, calls.ASSETS).endswith("(clock)")
    dated = [[*row, extra] for row, extra in zip(calls.POSITIONS, ["as_of", *[calls.AS_OF] * 5], strict=True)]
    assert told(dated, calls.MODEL, calls.BALANCES, timeless, calls.ASSETS) == "2026-11-25 00:00:00Z (table)"
    undated = calls.changed(dated, 3, 5, "soon")
    answer = call("XM_MARGIN", undated, calls.MODEL, calls.BALANCES, timeless, calls.ASSETS)[0][0]
    assert answer.startswith("#XM! positions row 3, column as_of: not a date: 'soon'")


def test_a_bad_account_is_told_and_the_others_go_on(margin):
    mixed = [*calls.POSITIONS, ["BTC-20261225-99000-C", 1.0, None, "third"]]
    header, *rows = call("XM_MARGIN", mixed, *calls.BOOK[1:])
    assert [r[0] for r in rows] == ["main", "second", "third"]
    assert [r[header.index("initial")] for r in rows[:2]] == margin.initial.value.tolist()
    assert rows[2][header.index("equity")] == "#XM! see remark"
    assert rows[2][header.index("remark")].startswith("#XM! positions row 7, column ")
    assert call("XM_MARGIN", mixed, *calls.BOOK[1:], "initial", "second") == [[margin.initial.value[1]]]
    assert call("XM_MARGIN", mixed, *calls.BOOK[1:], "initial", "third")[0][0].startswith("#XM! positions row 7")


def test_greeks_and_prices_of_columns():
    strikes, types = [[50_000.0], [60_000.0], [70_000.0]], [["C"], ["P"], ["put"]]
    fixed = (calls.EXPIRY, calls.AS_OF, 0.55, types)
    prices = call("XM_PRICE", 61_500.0, strikes, *fixed, 0.03)
    single = []
    for [strike], [word] in zip(strikes, types, strict=True):
        single.append(call("XM_PRICE", 61_500.0, strike, calls.EXPIRY, calls.AS_OF, 0.55, word, 0.03))
    assert prices == [row for one in single for row in one]
    up, down = (call("XM_PRICE", f, strikes, *fixed) for f in (61_501.0, 61_499.0))
    delta = [(u - d) / 2 for [u], [d] in zip(up, down, strict=True)]
    assert np.array(call("XM_GREEKS", 61_500.0, strikes, *fixed, "delta"))[:, 0] == pytest.approx(delta, abs=1e-6)
    assert call("XM_PRICE", [[1.0], [2.0]], [[1.0], [2.0], [3.0]], *fixed[:3])[0][0].startswith("#XM! ranges of unlike")


def test_reference_functions_follow_the_registry():
    assert [r[0] for r in call("XM_MODELS")[1:]] == list(xm.models())
    assert [r[0] for r in call("XM_HELP")[1:]] == [reference.usage(FUNCTIONS[n]) for n in sorted(FUNCTIONS)]
    header, *rows = call("XM_PARAMS", "derive.portfolio", "2026-11-25")
    params = xm.model("derive.portfolio").params(dt.datetime(2026, 11, 25, tzinfo=dt.UTC).timestamp())
    assert [r[header.index("parameter")] for r in rows] == [r["parameter"] for r in params.rows()]
    assert all(r[header.index("source")] and r[header.index("unit")] for r in rows)


def test_anything_that_goes_wrong_is_a_text_in_the_cell():
    @function("positions*")
    def XM_BROKEN(ranges):
        """Fails."""
        raise ZeroDivisionError("by nothing")

    try:
        assert XM_BROKEN([["a"]]) == [["#XM! XM_BROKEN: ZeroDivisionError: by nothing"]]
        assert XM_BROKEN(1, 2, 3)[0][0].startswith("#XM! XM_BROKEN: TypeError")
    finally:
        del FUNCTIONS["XM_BROKEN"]


def test_the_cache_forgets_what_was_used_longest_ago():
    cache, made = Cache(2), []
    for key in "abacab":
        cache.get(key, lambda key=key: made.append(key))
    assert made == ["a", "b", "c", "b"]
    with pytest.raises(InputError):
        cache.get("bad", lambda: (_ for _ in ()).throw(InputError("no")))
    assert cache.get("bad", lambda: 1) == 1


def test_digests_are_by_content():
    when = dt.datetime(2026, 11, 25)
    assert digest([["x", when]]) == digest([["x", dt.datetime(2026, 11, 25)]])
    assert digest([["x", when]]) != digest([["x", dt.datetime(2026, 11, 26)]])
    large = np.arange(5000.0)
    assert digest([large]) != digest([np.where(large == 2500.0, 0.0, large)])


def test_importable_without_xlwings():
    code = (
        "import sys; sys.modules['xlwings'] = None\n"
        "import xlmargin.workbooks as w\n"
        "assert not hasattr(w.XM_VERSION, '__xlfunc__')\n"
        "print(w.XM_VERSION()[0][0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("xlmargin ")


def test_star_import_brings_the_functions_and_nothing_else():
    space = {}
    exec("from xlmargin.workbooks import *", space)
    assert {n for n in space if not n.startswith("__")} == set(FUNCTIONS)

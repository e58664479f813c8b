"""The formulas of decisions: figures of the verbs, one computation for many formulas, messages by the range's rows."""

import pytest
from xlmargin.workbooks import decisions_trades, ranges
from xlmargin.workbooks.cells import safe
from xlmargin.workbooks.declared import FUNCTIONS

import xlmargin as xm
from tests.hosts import calls
from xlmargin.decide.contagion import contagion
from xlmargin.decide.credit import credit
from xlmargin.decide.dynamic import dynamic
from xlmargin.decide.placement import place
from xlmargin.decide.simulate.price_path import read_path
from xlmargin.decide.stress import named_stresses, stress

MAIN = [None] * 4
BY_VENUE = {"one": "derive.portfolio", "two": "derive.standard"}


def call(name, *arguments, **named):
    return FUNCTIONS[name].call(*arguments, **named)


def columns_of(rows):
    return {header: [row[c] for row in rows[1:]] for c, header in enumerate(rows[0])}


def core(**more):
    given = {"positions": calls.POSITIONS, "balances": calls.BALANCES, "instruments": calls.INSTRUMENTS}
    given |= {"assets": calls.ASSETS} | more
    return xm.tables(**{n: columns_of(rows) for n, rows in given.items()}, venue="derive")


@pytest.fixture(scope="module")
def book():
    return core()


@pytest.fixture(scope="module")
def main(book):
    return xm.margin(book[0].take([0]), book[1], calls.MODEL)


def agree(rows, frame):
    """Rows of cells against a DataFrame, cell by cell."""
    header, *body = rows
    assert header == list(map(str, frame.columns))
    assert len(body) == len(frame)
    for name in frame:
        for got, want in zip((row[header.index(name)] for row in body), map(safe, frame[name]), strict=True):
            assert got == (pytest.approx(want, rel=1e-9, abs=1e-9) if isinstance(want, float) else want), name


def as_figures(rows):
    """A summary as figures by name."""
    assert rows[0] == ["figure", "value"]
    return dict(rows[1:])


def test_sensitivities(main, book):
    agree(call("XM_SENSITIVITY", *calls.BOOK, "main"), xm.sensitivity(main).frame())
    rows = call("XM_SENSITIVITY", *calls.BOOK, None, *MAIN, "Initial", [["Bump", "2 %"], ["days", 2.0], [None, None]])
    agree(rows, xm.sensitivity(*book, calls.MODEL, "initial", bump=0.02, days=2.0).frame())


def test_an_attribution_adds_up(main):
    moves = [["price BTC", "-20 %"], ["vol BTC", 0.3], ["rate", 0.01]]
    rows = call("XM_ATTRIBUTION", calls.POSITIONS, moves, *calls.BOOK[1:], "main")
    agree(rows, xm.attribution(main, price={"BTC": -0.2}, vol={"BTC": 0.3}, rate=0.01).frame())
    parts = [row[-1] for row in rows[1:]]
    assert sum(parts[:-1]) == pytest.approx(parts[-1])


def test_a_surface_by_figure(main):
    settings = "underlying=BTC; prices=-10%,0,10%; vols=0,50%"
    for figure in ("headroom", "equity", "requirement"):
        rows = call("XM_SURFACE", *calls.BOOK, "main", settings=settings, output=figure)
        agree(rows, xm.surface(main, "BTC", moves=[-0.1, 0.0, 0.1], vols=[0.0, 0.5]).crossed(figure))


def test_stresses_of_names_and_of_a_table(main, book):
    agree(call("XM_STRESS", *calls.BOOK, None, "main"), stress(main).frame())
    agree(
        call("XM_STRESS", *calls.BOOK, "2020-03-12, 2025-10-10", "main"),
        stress(main, ["2020-03-12", "2025-10-10"]).frame(),
    )
    table = {"scenario": ["fall", "rise"], "target": ["BTC", "BTC"], "price": [-0.2, 0.2]}
    found = stress(*book, calls.MODEL, table)
    agree(call("XM_STRESS", *calls.BOOK, calls.SCENARIOS), found.frame())
    agree(call("XM_STRESS", *calls.BOOK, calls.SCENARIOS, output="worst"), found.worst())
    agree(call("XM_STRESS", *calls.BOOK, calls.SCENARIOS, output="parts"), found.parts().frame())
    agree(call("XM_STRESS", *calls.BOOK, output="known"), named_stresses().frame())


def test_tomorrows_requirement_by_volatilities_and_by_prices(main):
    settings = "vol BTC=0.5,0.6,0.8; reference BTC=0.5; cap=1.3; speed=20%"
    found = dynamic(main, vol={"BTC": [0.5, 0.6, 0.8]}, reference={"BTC": 0.5}, cap=1.3, speed=0.2)
    for output, frame in (("", found.frame()), ("path", found.path()), ("multipliers", found.multipliers())):
        agree(call("XM_DYNAMIC", *calls.BOOK, "main", settings=settings, output=output), frame)
    days = [[calls.AS_OF - 199 + d, 60_000.0 * (1.01 if d % 2 else 1.0)] for d in range(200)]
    more = [["history", None], ["date", "BTC"], *days]
    history = {"date": [d for d, _ in days], "BTC": [p for _, p in days]}
    agree(
        call("XM_DYNAMIC", *calls.BOOK, "main", settings="floor=1.1", more=more),
        dynamic(main, history=history, floor=1.1).frame(),
    )


def test_hedges_with_costs_limits_and_their_proof(book):
    candidates = columns_of(calls.CANDIDATES)
    found = xm.hedges(*book, calls.MODEL, candidates, account="main")
    agree(call("XM_HEDGES", *calls.BOOK, calls.CANDIDATES, None, "main"), found.frame())
    agree(call("XM_HEDGES", *calls.BOOK, calls.CANDIDATES, None, "main", output="ranking"), found.ranking())
    limits = [["Most trades", 1.0], ["budget", 20.0], ["delta BTC", "-1 to 3"], ["level", "Maintenance"]]
    told = as_figures(call("XM_HEDGES", *calls.BOOK, calls.CANDIDATES, limits, "main", output="summary"))
    how = {"most_trades": 1, "budget": 20.0, "delta": {"BTC": (-1.0, 3.0)}, "level": "maintenance"}
    found = xm.hedges(*book, calls.MODEL, candidates, account="main", **how)
    assert told["after"] == pytest.approx(found.after)
    assert told["saving"] == pytest.approx(told["before"] - told["after"])
    assert told["words"] == found.words
    assert told["cost"] <= 20.0 + 1e-9


def test_a_path_in_slices(book):
    found = xm.path(*book, calls.MODEL, columns_of(calls.TRADES), slices=2, account="main")
    agree(call("XM_PATH", calls.POSITIONS, calls.TRADES, *calls.BOOK[1:], 2.0, "main"), found.frame())
    told = as_figures(call("XM_PATH", calls.POSITIONS, calls.TRADES, *calls.BOOK[1:], 2.0, "main", output="summary"))
    assert (told["peak"], told["in the order given"]) == pytest.approx((found.peak, found.naive))
    assert told["exact"] is True


def test_a_simulation_and_what_prevents_it(main, book):
    moves, vols = read_path(columns_of(calls.FALL))
    found = xm.simulate(main, moves, vol=vols, slippage=0.01, fund=1000.0)
    settings = "slippage=1%; fund=1,000"
    agree(call("XM_SIMULATE", calls.POSITIONS, calls.FALL, *calls.BOOK[1:], settings, "main"), found.frame())
    told = as_figures(
        call("XM_SIMULATE", calls.POSITIONS, calls.FALL, *calls.BOOK[1:], settings, "main", output="summary")
    )
    assert told["liquidated"] is True
    assert sum(told[party] for party in found.totals) == pytest.approx(0.0, abs=1e-6)
    header, *rows = call(
        "XM_PREVENT", calls.POSITIONS, calls.FALL, *calls.BOOK[1:], [["instrument"], ["BTC-PERP"]], "main"
    )
    alone = book[0].take([0])
    want = xm.prevent(alone, book[1], calls.MODEL, moves, vol=vols, hedges=["BTC-PERP"])
    assert [dict(zip(header, row, strict=True))["amount"] for row in rows] == pytest.approx([r.amount for r in want])
    assert want[0].amount > 0


def test_collateral_where_it_costs_least():
    """The bond is the cheaper: 100 of it count 90, the rest is 60 of cash: 100·0.01 + 60·0.05 = 4."""
    rows = call("XM_COLLATERAL", calls.COLLATERAL, calls.REQUIREMENTS)
    agree(rows, xm.allocate(columns_of(calls.COLLATERAL), columns_of(calls.REQUIREMENTS[1:])).frame())
    told = as_figures(call("XM_COLLATERAL", calls.COLLATERAL, calls.REQUIREMENTS, output="summary"))
    assert told["cost"] == pytest.approx(4.0)
    assert told["exact"] is True
    pairs = [["asset", "requirement", "limit"], ["cash", "CCP", None], ["cash", "bank", None], ["bond", "CCP", 10.0]]
    held = call("XM_COLLATERAL", calls.COLLATERAL, calls.changed(calls.REQUIREMENTS, 3, 2, 60.0), pairs)
    posted = {(row[0], row[1]): row[2] for row in held[1:]}
    assert posted == pytest.approx({("bond", "CCP"): 10.0, ("cash", "CCP"): 42.0, ("cash", "bank"): 30.0})


@pytest.fixture(scope="module")
def several():
    return core(accounts=calls.ACCOUNTS)


def test_places_lines_and_contagion_over_venues(several):
    agree(call("XM_PLACE", *calls.SEVERAL), place(*several, BY_VENUE).frame())
    gains = call("XM_PLACE", *calls.SEVERAL, movable="BTC-PERP", settings="fees=0.1%", output="gains")
    agree(gains, place(*several, BY_VENUE, movable=["BTC-PERP"], fees=0.001).gains())
    found = credit(*several, BY_VENUE, columns_of(calls.LINES), portfolio="derive.portfolio")
    settings = [["portfolio", "derive.portfolio"]]
    for output, frame in (("", found.frame()), ("limits", found.limits()), ("breaches", found.breaches())):
        agree(call("XM_CREDIT", *calls.SEVERAL, calls.LINES, settings, output=output), frame)
    shock = {"price": {"BTC": -0.4}, "venue": {"two": -0.5}}
    found = contagion(*several, BY_VENUE, shock, depth=columns_of(calls.DEPTH))
    rows = call("XM_CONTAGION", *calls.SEVERAL, "price BTC=-40%; lost_at two=50%", calls.DEPTH, output="rounds")
    agree(rows, found.rounds())


def test_what_rests_on_what_over_venues_is_a_summary(several):
    settings, how = "transfer_cost=1%; exact_up_to=2", {"transfer_cost": 0.01, "exact_up_to": 2}
    placed = place(*several, BY_VENUE, **how)
    agree(call("XM_PLACE", *calls.SEVERAL, settings=settings), placed.frame())
    spread = contagion(*several, BY_VENUE, {"price": {"BTC": -0.4}}, slippage=0.5)
    given = (*calls.SEVERAL, "price BTC=-40%")
    agree(call("XM_CONTAGION", *given, settings="slippage=0.5", output="venues"), spread.by_venue())
    for rows, found in (
        (call("XM_PLACE", *calls.SEVERAL, settings=settings, output="summary"), placed),
        (call("XM_CREDIT", *calls.SEVERAL, output="summary"), credit(*several, BY_VENUE)),
        (call("XM_CONTAGION", *given, settings="slippage=0.5", output="summary"), spread),
    ):
        told = [text for what, text in rows[1:] if what == "words"]
        assert "\n".join(told) == found.words
        assert [text for what, text in rows[1:] if what == "note"] == list(dict.fromkeys(n.text for n in found.notes))


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("XM_SENSITIVITY", (*calls.BOOK, "nobody"), "no account 'nobody'"),
        ("XM_SENSITIVITY", (*calls.BOOK, "main", *MAIN, "maintenence"), "did you mean 'maintenance'?"),
        ("XM_SENSITIVITY", (*calls.BOOK, "main", *MAIN, None, "bump=much"), "settings: bump: not a number: 'much'"),
        ("XM_ATTRIBUTION", (calls.POSITIONS, "price BTX=-20%", *calls.BOOK[1:]), "did you mean 'BTC'?"),
        (
            "XM_ATTRIBUTION",
            (calls.POSITIONS, "BTC=-20%", *calls.BOOK[1:]),
            "moves: no 'BTC'; there are price NAME, vol NAME",
        ),
        ("XM_SURFACE", (*calls.BOOK, "main", *MAIN, None, "prices=-100%"), "must be above -100 %"),
        ("XM_STRESS", (*calls.BOOK, "2020-03"), "no scenario '2020-03'; did you mean '2020-03-12'?"),
        (
            "XM_STRESS",
            (*calls.BOOK, [["My own", None, None], *calls.changed(calls.SCENARIOS, 2, 2, "BTX")]),
            "scenarios row 3, column price: nothing follows 'BTX'",
        ),
        ("XM_DYNAMIC", (*calls.BOOK, "main"), "more: no prices by day"),
        ("XM_DYNAMIC", (*calls.BOOK, "main", *MAIN, "vol BTC=0.5; reference BTC=0.5; cap=-1"), "must be above zero"),
        ("XM_HEDGES", (*calls.BOOK, "BTC-PERP"), "say which account: main, second"),
        (
            "XM_HEDGES",
            (*calls.BOOK, calls.changed(calls.CANDIDATES, 3, 3, "dear"), None, "main"),
            "candidates row 3, column cost: not a number: 'dear'",
        ),
        ("XM_HEDGES", (*calls.BOOK, "BTC-PERP", "delta BTC=5", "main"), "settings: delta BTC: write lowest:highest"),
        (
            "XM_HEDGES",
            (*calls.BOOK, "BTC-PERP", None, "main", *MAIN, "rank"),
            "output: 'rank' is not one of trades, ranking, summary",
        ),
        ("XM_PATH", (calls.POSITIONS, [[None]], *calls.BOOK[1:], None, "main"), "trades: the range is empty"),
        (
            "XM_PATH",
            (calls.POSITIONS, calls.TRADES, *calls.BOOK[1:], 1.5, "main"),
            "slices: one whole number is expected, not 1.5",
        ),
        ("XM_SIMULATE", (calls.POSITIONS, calls.FALL, *calls.BOOK[1:]), "a simulation runs one pool"),
        (
            "XM_SIMULATE",
            (calls.POSITIONS, [["BTX"], [-0.1]], *calls.BOOK[1:], None, "main"),
            "nothing follows 'BTX'; did you mean 'BTC'?",
        ),
        ("XM_PREVENT", (calls.POSITIONS, calls.FALL, *calls.BOOK[1:]), "say which account: main, second"),
        (
            "XM_COLLATERAL",
            (calls.changed(calls.COLLATERAL, 3, 2, -1.0), calls.REQUIREMENTS),
            "collateral row 3, column quantity: -1 is out of range",
        ),
        (
            "XM_COLLATERAL",
            (calls.COLLATERAL, calls.REQUIREMENTS, [["asset", "requirement"], [None, None], ["bnd", "CCP"]]),
            "pairs row 3, column asset: no asset 'bnd'",
        ),
        ("XM_COLLATERAL", (calls.COLLATERAL, None), "requirements is missing"),
        (
            "XM_COLLATERAL",
            (calls.COLLATERAL, calls.REQUIREMENTS, [["asset", "requirement"], [None, "CCP"]]),
            "pairs row 2, column asset: empty; name the asset",
        ),
        (
            "XM_COLLATERAL",
            (calls.COLLATERAL, calls.REQUIREMENTS, [["a", "b"], [1.0, None]]),
            "pairs row 1, column asset: required column is missing",
        ),
        (
            "XM_CREDIT",
            (*calls.SEVERAL, calls.changed(calls.LINES, 2, 1, "much")),
            "lines row 2, column line: not a number: 'much'",
        ),
        (
            "XM_CONTAGION",
            (*calls.SEVERAL, "price BTC=-1%", None, None, "scenario=2020-03-12"),
            "give it or moves, not both",
        ),
        ("XM_PLACE", (*calls.SEVERAL[:2], "one=derive.portfoli", *calls.BOOK[2:]), "did you mean 'derive.portfolio'?"),
    ],
)
def test_what_is_wrong_is_a_text_in_the_cell(name, arguments, said):
    [[text]] = call(name, *arguments)
    assert text.startswith("#XM! ")
    assert said in text


def test_several_formulas_on_the_same_ranges_search_once(monkeypatch):
    made = []
    monkeypatch.setattr(decisions_trades, "hedges", lambda *a, real=xm.hedges, **k: made.append(1) or real(*a, **k))
    ranges.KEPT.clear()
    for output in ("", "ranking", "summary"):
        copies = [[list(row) for row in table] if isinstance(table, list) else table for table in calls.BOOK]
        call("XM_HEDGES", *copies, [list(row) for row in calls.CANDIDATES], None, "main", output=output)
    assert len(made) == 1
    call("XM_HEDGES", *calls.BOOK, calls.CANDIDATES, "budget=5", "main")
    assert len(made) == 2


def test_a_header_may_stand_below_a_title_and_blank_rows_between():
    table = [["What I could trade", None], [None, None], ["Instrument", "Cost"], ["BTC-PERP", 5.0], [None, None]]
    table.append([calls.PUT, 10.0])
    want = call("XM_HEDGES", *calls.BOOK, [["instrument", "cost"], ["BTC-PERP", 5.0], [calls.PUT, 10.0]], None, "main")
    assert call("XM_HEDGES", *calls.BOOK, table, None, "main") == want
    [[text]] = call("XM_HEDGES", *calls.BOOK, calls.changed(table, 6, 2, "dear"), None, "main")
    assert text.startswith("#XM! candidates row 6, column cost: ")

"""The same calls for every host: a function's name and its arguments as cells (rows of cells, or one cell)."""

import json
import math

AS_OF = 46351.0
EXPIRY = 46381 + 8 / 24
CALL, PUT = "BTC-20261225-60000-C", "BTC-20261225-55000-P"

POSITIONS = [
    ["instrument", "quantity", "entry_price", "account"],
    ["BTC-PERP", 2.0, 60000.0, "main"],
    [CALL, -3.0, None, "main"],
    [PUT, -1.5, None, "main"],
    ["BTC-PERP", -1.0, 61500.0, "second"],
    [CALL, 4.0, None, "second"],
]
INSTRUMENTS = [
    ["instrument", "mark", "iv", "forward", "index", "rate", "confidence", "index_confidence", "as_of"],
    ["BTC-PERP", 61000.0, None, None, 61000.0, None, 1.0, 1.0, AS_OF],
    [CALL, 2500.0, 0.55, 61500.0, 61000.0, 0.03, 1.0, 1.0, None],
    [PUT, 1100.0, 0.6, 61500.0, 61000.0, 0.03, 1.0, 1.0, None],
]
BALANCES = [["asset", "amount", "account"], ["USDC", 90000.0, "main"], ["USDC", 40000.0, "second"]]
ASSETS = [["asset", "price"], ["USDC", 1.0]]
MODEL = "derive.portfolio"
BOOK = (POSITIONS, MODEL, BALANCES, INSTRUMENTS, ASSETS)
TRADES = [["instrument", "quantity", "account"], ["BTC-PERP", -1.0, "main"], [CALL, 1.0, "main"]]

FALL = [["point", "BTC", "BTC vol"], [1.0, -0.05, 0.1], [2.0, "-30 %", 0.3], [3.0, -0.5, 0.4]]
CANDIDATES = [["instrument", "most", "cost"], ["BTC-PERP", 3.0, 5.0], [PUT, 3.0, 10.0]]
SCENARIOS = [["scenario", "target", "price"], ["fall", "BTC", -0.2], ["rise", "BTC", "20 %"]]
COLLATERAL = [["asset", "quantity", "price", "haircut", "cost"], ["cash", 100.0, 1.0, 0.0, 0.05]]
COLLATERAL += [["bond", 50.0, 2.0, 0.1, 0.01]]
REQUIREMENTS = [["What is asked for", None], ["requirement", "required"], ["CCP", 120.0], ["bank", 30.0]]
ACCOUNTS = [["account", "venue", "owner"], ["main", "one", "we"], ["second", "two", "we"]]
SEVERAL = (POSITIONS, ACCOUNTS, "one=derive.portfolio, two=derive.standard", *BOOK[2:])
LINES = [["line", "venue"], [20000.0, None], [15000.0, "one"]]
DEPTH = [["underlying", "depth"], ["BTC", 200000.0]]

CRIF = [
    ["ProductClass", "RiskType", "Qualifier", "Bucket", "Label1", "Label2", "AmountUSD"],
    ["RatesFX", "Risk_IRCurve", "USD", 1.0, "5y", "OIS", 100000.0],
    ["RatesFX", "Risk_FX", "EUR", None, None, None, 200000.0],
]
MESSY_POSITIONS = [
    ["Positions of the desk", None, None, None],
    [None, None, None, None],
    [" Quantity ", "Remark", "INSTRUMENT", "Entry Price"],
    ["2", "as text", "BTC-PERP", "60,000"],
    [-3.0, None, f" {CALL} ", None],
    [None, None, None, None],
    [None, None, None, None],
]
MESSY_INSTRUMENTS = [
    ["instrument", "iv", "mark", "forward", "index", "rate", "as_of", "expiry"],
    ["BTC-PERP", None, 61000.0, None, 61000.0, None, "2026-11-25T00:00:00Z", None],
    [CALL, "55%", "2500", 61500.0, 61000.0, "3 %", AS_OF, EXPIRY],
]


def changed(table, row, column, value):
    """A copy of a table with one cell changed; rows and columns count from 1 as on a sheet."""
    rows = [list(r) for r in table]
    rows[row - 1][column - 1] = value
    return rows


GOOD = {
    "summary": ("XM_MARGIN", BOOK),
    "initial of main": ("XM_MARGIN", (*BOOK, "initial", "main")),
    "ratio of second": ("XM_MARGIN", (*BOOK, "Ratio", "second")),
    "benefit of main": ("XM_MARGIN", (*BOOK, "benefit", "main")),
    "as of given": ("XM_MARGIN", (*BOOK, "market_time", "main", AS_OF + 1)),
    "messy tables": ("XM_MARGIN", (MESSY_POSITIONS, MODEL, BALANCES[:2], MESSY_INSTRUMENTS, ASSETS)),
    "ledger": ("XM_EXPLAIN", (*BOOK, "main")),
    "ledger of initial": ("XM_EXPLAIN", (*BOOK, "second", None, None, None, None, "initial")),
    "positions": ("XM_POSITIONS", BOOK),
    "scenarios": ("XM_MATRIX", (*BOOK, "main")),
    "grid": ("XM_MATRIX", (*BOOK, "main", None, None, None, None, "grid")),
    "benefit": ("XM_BENEFIT", BOOK),
    "compare": ("XM_COMPARE", (POSITIONS, "derive.portfolio, derive.standard", *BOOK[2:])),
    "compare a range": ("XM_COMPARE", (POSITIONS, [["derive.standard"], ["derive.portfolio"]], *BOOK[2:], "USD")),
    "what if": ("XM_WHATIF", (POSITIONS, TRADES, *BOOK[1:])),
    "what if, change": (
        "XM_WHATIF",
        (POSITIONS, TRADES, *BOOK[1:], "main", None, None, None, None, "initial change"),
    ),
    "exposure": ("XM_EXPOSURE", (*BOOK, "main")),
    "exposure by expiry": ("XM_EXPOSURE", (*BOOK, None, None, None, None, None, "expiry")),
    "liquidation": ("XM_LIQUIDATION", (*BOOK, "main")),
    "liquidation by volatility": ("XM_LIQUIDATION", (*BOOK, "main", None, None, None, None, "volatility", "initial")),
    "health": ("XM_HEALTH", BOOK),
    "alerts": ("XM_HEALTH", (*BOOK, None, None, None, None, None, "alerts")),
    "sensitivity": ("XM_SENSITIVITY", (*BOOK, "main")),
    "sensitivity of initial": ("XM_SENSITIVITY", (*BOOK, None, *[None] * 4, "initial", "bump=2%; days=2")),
    "attribution": ("XM_ATTRIBUTION", (POSITIONS, "price BTC=-20%; vol BTC=30%", *BOOK[1:], "main")),
    "surface": ("XM_SURFACE", (*BOOK, "main", *[None] * 5, [["prices", "-10%, 0, 0.1"], ["vols", 0.5]])),
    "stress": ("XM_STRESS", (*BOOK, SCENARIOS)),
    "a named stress": ("XM_STRESS", (*BOOK, "2020-03-12", "main", *[None] * 4, "parts")),
    "dynamic": ("XM_DYNAMIC", (*BOOK, "main", *[None] * 4, "vol BTC=0.5,0.6; reference BTC=0.5; cap=1.1")),
    "hedges": ("XM_HEDGES", (*BOOK, CANDIDATES, None, "main")),
    "hedges, how sure": ("XM_HEDGES", (*BOOK, "BTC-PERP", "delta BTC=-1 to 1", "main", *[None] * 4, "summary")),
    "path": ("XM_PATH", (POSITIONS, TRADES, *BOOK[1:], 2.0, "main")),
    "simulate": ("XM_SIMULATE", (POSITIONS, FALL, *BOOK[1:], "slippage=1%; fund=1000", "main")),
    "prevent": ("XM_PREVENT", (POSITIONS, FALL, *BOOK[1:], "BTC-PERP", "main")),
    "collateral": ("XM_COLLATERAL", (COLLATERAL, REQUIREMENTS)),
    "collateral, how sure": ("XM_COLLATERAL", (COLLATERAL, REQUIREMENTS, *[None] * 4, "summary")),
    "place": ("XM_PLACE", SEVERAL),
    "credit": ("XM_CREDIT", (*SEVERAL, LINES, "portfolio=derive.portfolio", None, None, "limits")),
    "contagion": ("XM_CONTAGION", (*SEVERAL, "price BTC=-40%", DEPTH)),
    "a CRIF": ("XM_MARGIN", (CRIF, "simm", None, None, None, None, None, AS_OF)),
    "a CRIF beside positions": (
        "XM_MARGIN",
        (
            [["instrument", "quantity"]],
            "simm",
            *[None] * 4,
            "main",
            AS_OF,
            None,
            None,
            None,
            [["crif"] + [None] * 6, *CRIF],
        ),
    ),
    "price": ("XM_PRICE", (61500.0, 60000.0, EXPIRY, AS_OF, 0.55, "C", 0.03)),
    "prices": ("XM_PRICE", ([[61500.0], [None]], [[60000.0], [1.0]], EXPIRY, AS_OF, "55 %", [["C"], ["P"]])),
    "greeks": ("XM_GREEKS", (61500.0, 60000.0, EXPIRY, AS_OF, 0.55, "P")),
    "delta": ("XM_GREEKS", (61500.0, 60000.0, EXPIRY, AS_OF, 0.55, "P", "delta")),
    "models": ("XM_MODELS", ()),
    "params": ("XM_PARAMS", (MODEL, AS_OF)),
    "one parameter": ("XM_PARAMS", (MODEL, AS_OF, "im_factor", "BTC")),
    "template": ("XM_TEMPLATE", ("assets",)),
    "template notes": ("XM_TEMPLATE", ("balances", "notes")),
    "help": ("XM_HELP", ()),
    "help on one": ("XM_HELP", ("XM_MARGIN",)),
}
BAD = {
    "no volatility": ("XM_MARGIN", (POSITIONS, MODEL, BALANCES, changed(INSTRUMENTS, 3, 3, None), ASSETS)),
    "text for a number": ("XM_MARGIN", (changed(POSITIONS, 4, 2, "two"), *BOOK[1:])),
    "unknown model": ("XM_MARGIN", (POSITIONS, "derive.portfoli", *BOOK[2:], "initial")),
    "no model": ("XM_MARGIN", (POSITIONS, None, *BOOK[2:], "initial")),
    "unknown output": ("XM_MARGIN", (*BOOK, "intial", "main")),
    "which account": ("XM_MARGIN", (*BOOK, "initial")),
    "unreadable name": ("XM_MARGIN", (changed(POSITIONS, 3, 1, "BTC-20261325-60000-C"), *BOOK[1:])),
    "merged header": ("XM_MARGIN", (changed(POSITIONS, 1, 2, None), *BOOK[1:])),
    "one cell": ("XM_MARGIN", (5.0, *BOOK[1:])),
    "swapped columns": ("XM_MARGIN", ([["quantity", "instrument"], ["BTC-PERP", 2.0]], *BOOK[1:])),
    "bad trade": ("XM_WHATIF", (POSITIONS, [["instrument", "quantity"], ["BTC-PERP", "many"]], *BOOK[1:])),
    "bad setting": ("XM_SENSITIVITY", (*BOOK, "main", *[None] * 5, "bmp=2%")),
    "bad scenario": ("XM_STRESS", (*BOOK, changed(SCENARIOS, 3, 2, "BTX"))),
    "bad candidate": ("XM_HEDGES", (*BOOK, changed(CANDIDATES, 2, 1, "BTC-PRP"), None, "main")),
    "limits that clash": ("XM_HEDGES", (*BOOK, "BTC-PERP", "delta BTC=900:901", "main")),
    "bad point": ("XM_SIMULATE", (POSITIONS, changed(FALL, 3, 2, "down"), *BOOK[1:], None, "main")),
    "too little collateral": ("XM_COLLATERAL", (COLLATERAL, changed(REQUIREMENTS, 3, 2, 1200.0))),
    "bad requirement": ("XM_COLLATERAL", (COLLATERAL, changed(REQUIREMENTS, 3, 2, "much"))),
    "no model for a venue": ("XM_PLACE", (POSITIONS, ACCOUNTS, "one=derive.portfolio", *BOOK[2:])),
    "bad date": ("XM_MARGIN", (*BOOK, "initial", "main", "yesterday")),
    "bad level": ("XM_LIQUIDATION", (*BOOK, "main", None, None, None, None, None, "maintenence")),
    "bad CRIF": ("XM_MARGIN", (changed(CRIF, 3, 7, "much"), "simm", None, None, None, "initial", "main", AS_OF)),
    "unknown further table": ("XM_MARGIN", (*BOOK, "initial", *[None] * 5, [["crf", None], ["a", "b"]])),
    "bad option": ("XM_MARGIN", (*BOOK, "initial", "main", None, None, None, "im_factr=2")),
}
CALLS = {**GOOD, **BAD}


def canonical(rows):
    """Rows with what hosts show in their own way made alike: TRUE as 1, nothing as "", whole numbers as numbers."""
    if not isinstance(rows, list | tuple):
        rows = [[rows]]
    if rows and not isinstance(rows[0], list | tuple):
        rows = [list(rows)]
    return [[_cell(c) for c in row] for row in rows]


def _cell(cell):
    if cell is None:
        return ""
    return float(cell) if isinstance(cell, bool | int) else cell


def alike(got, want, relative):
    """Whether two tables are equal, numbers within a relative difference."""

    def same(a, b):
        return math.isclose(a, b, rel_tol=relative, abs_tol=relative) if isinstance(a, float) else a == b

    return [len(r) for r in got] == [len(r) for r in want] and all(
        type(a) is type(b) and same(a, b) for x, y in zip(got, want, strict=True) for a, b in zip(x, y, strict=True)
    )


def lines():
    """Every call as a JSON line, for hosts that run in a process of their own."""
    return "\n".join(json.dumps([name, function, arguments]) for name, (function, arguments) in CALLS.items())

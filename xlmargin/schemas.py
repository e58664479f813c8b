"""The tables that a user fills: every column declared once, for checks, notes, forms and documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from .errors import InputError, Problem, nearest

TEXT, NUMBER, TIME, FLAG = "text", "number", "time", "flag"
REQUIRED, OPTIONAL = "required", "optional"


@dataclass(frozen=True)
class Column:
    """One column: what it is called, measured in, made of, and whether it must be there.

    ``positive`` refuses zero and below; ``choices`` are the words allowed (case is forgiven).
    """

    name: str
    meaning: str
    unit: str = ""
    dtype: str = NUMBER
    need: str = OPTIONAL
    choices: tuple[str, ...] = ()
    positive: bool = False
    default: str | float | None = None


def _text(name: str, meaning: str, need: str = OPTIONAL, **more: object) -> Column:
    return Column(name, meaning, dtype=TEXT, need=need, **more)


KINDS = ("spot", "perp", "future", "option", "asset")

INSTRUMENT_COLUMNS = (
    _text("instrument", "name as the venue or ccxt writes it", REQUIRED),
    _text("kind", "what it is; read from the name where the name says it", choices=KINDS),
    _text("underlying", "coin, index or share it follows"),
    _text("settle", "asset in which results are paid"),
    _text("quote", "asset in which price and strike are quoted"),
    Column(
        "contract_size",
        "underlying (inverse futures: quote currency) per contract; 1 if not given",
        "units",
        positive=True,
    ),
    Column("inverse", "results in the coin, 1/price", dtype=FLAG),
    Column("expiry", "moment of expiry, UTC", "date and time", TIME),
    Column("strike", "exercise price", "quote currency"),
    _text("option_type", "call or put", choices=("C", "P")),
    Column("mark", "mark price; options: in the unit that the venue quotes", "price", positive=True),
    Column("iv", "implied volatility of this option", "fraction a year", positive=True),
    Column("forward", "forward price for this expiry", "quote currency", positive=True),
    Column("index", "index (spot) price of the underlying", "quote currency", positive=True),
    Column("rate", "interest rate for this expiry", "fraction a year"),
    Column("confidence", "lowest oracle confidence behind forward, volatility and rate", "0 to 1"),
    Column("index_confidence", "oracle confidence of the index", "0 to 1"),
    _text("scope", "set of parameters that applies; the underlying unless given"),
    Column("as_of", "moment at which these prices held, UTC", "date and time", TIME),
)

SIGNED = "signed contracts, negative is short; without contract_size coins, or USD of an inverse future"
POSITION_COLUMNS = (
    _text("instrument", "name as the venue or ccxt writes it", REQUIRED),
    Column("quantity", SIGNED, "contracts", need=REQUIRED),
    Column("entry_price", "average entry price", "price", positive=True),
    _text("account", "who holds it", default="main"),
    _text("side", "leg in hedge mode; empty is one-way", choices=("long", "short", "one-way")),
    _text("margin_mode", "cross or isolated", choices=("cross", "isolated")),
    Column("leverage", "leverage chosen for this leg", "times", positive=True),
    Column("posted_margin", "margin posted to an isolated leg", "settlement currency"),
    Column("accrued", "unpaid funding and realised result", "settlement currency"),
)

ORDER_COLUMNS = (
    _text("instrument", "name as the venue or ccxt writes it", REQUIRED),
    Column("quantity", "signed number of contracts still open", "contracts", need=REQUIRED),
    Column("limit_price", "limit price", "price", need=REQUIRED, positive=True),
    _text("account", "whose order it is", default="main"),
    _text("side", "leg in hedge mode; empty is one-way", choices=("long", "short", "one-way")),
    Column("reduce_only", "can only lower the position", dtype=FLAG),
)

BALANCE_COLUMNS = (
    _text("asset", "coin or currency", REQUIRED),
    Column("amount", "wallet amount; a debt is negative", "asset", need=REQUIRED),
    _text("kind", "what the balance is", choices=("wallet", "loan", "supplied")),
    _text("account", "who holds it", default="main"),
    _text("location", "custodian, venue or chain where it lies"),
)

ASSET_COLUMNS = (
    _text("asset", "coin or currency", REQUIRED),
    Column("price", "price of one unit", "USD", need=REQUIRED, positive=True),
    Column("confidence", "oracle confidence of the price", "0 to 1"),
    _text("follows", "coin that it wraps or stakes, whose price moves its own"),
)

ACCOUNT_COLUMNS = (
    _text("account", "who", REQUIRED),
    _text("venue", "where"),
)

SCHEMAS: dict[str, tuple[Column, ...]] = {
    "positions": POSITION_COLUMNS,
    "orders": ORDER_COLUMNS,
    "balances": BALANCE_COLUMNS,
    "instruments": INSTRUMENT_COLUMNS,
    "assets": ASSET_COLUMNS,
    "accounts": ACCOUNT_COLUMNS,
}

CRIF_COLUMNS = (
    _text("account", "netting set (PortfolioID)", default="main"),
    _text("trade_id", "trade; the schedule nets by it"),
    _text("product_class", "RatesFX, Credit, Equity, Commodity; for the schedule Rates, FX, Other too"),
    _text("risk_type", "as ISDA spells it: Risk_IRCurve, Risk_EquityVol, Param_AddOnFixedAmount …", REQUIRED),
    _text("qualifier", "currency, pair of currencies, issuer, index, commodity or product"),
    _text("bucket", "bucket of credit, equity and commodity, or Residual"),
    _text("label1", "tenor or expiry: 2w … 30y"),
    _text("label2", "sub-curve, payment currency or group name"),
    Column("amount", "amount in its own currency; multiplier; percent", "amount_currency"),
    _text("amount_currency", "currency of the amount"),
    Column("amount_usd", "PV per +1 bp or +1 %; volatility rows as ISDA defines them; notional; PV", "USD"),
    _text("im_model", "SIMM or Schedule", choices=("SIMM", "Schedule", "SIMM-R", "SIMM-P")),
    Column("end_date", "end of the trade (schedule)", "date", TIME),
    Column("valuation_date", "day of the sensitivities", "date", TIME),
    Column("notional_trade", "notional of the trade, where it has no row of its own (schedule)", "notional_trade_ccy"),
    _text("notional_trade_ccy", "currency of that notional"),
    _text("collect_regulations", "regulations under which margin is collected, separated by commas"),
    _text("post_regulations", "regulations under which margin is posted"),
    _text("agreement_type", "further part of the netting set's name"),
    _text("call_type", "further part of the netting set's name"),
    _text("initial_margin_type", "further part of the netting set's name"),
    _text("legal_entity_id", "further part of the netting set's name"),
)

HISTORY_COLUMNS = (
    Column(
        "date", "day of the prices; then a column per underlying, or the columns name and price", "date", TIME, REQUIRED
    ),
    _text("name", "underlying or asset, where each has rows of its own"),
    Column("price", "its price on that day", "USD", positive=True),
)

LINE_COLUMNS = (
    _text("owner", "whose line or limit it is; empty where all accounts have one owner"),
    Column("line", "credit line, or the most that a venue or an underlying may take", "currency", need=REQUIRED),
    _text("currency", "currency of the amount", default="USD"),
    Column("limit", "share of the line that may be used; all of it unless given", "fraction", positive=True),
    Column("warn", "share of the line from which a warning is wanted", "fraction", positive=True),
    _text("venue", "a limit on what the accounts at this venue require"),
    _text("underlying", "a limit on what this underlying requires or amounts to"),
    _text(
        "measure",
        "what a limit on an underlying is on: the requirement of its positions by themselves, net or gross delta",
        choices=("requirement", "net", "gross"),
        default="requirement",
    ),
)

MOVABLE_COLUMNS = (
    _text("instrument", "position that may stand in another account", REQUIRED),
    _text("account", "who holds it now; every account that does unless given"),
    Column("lots", "equal parts into which it may be split; 1 unless given", "parts", positive=True),
    Column("cost", "what moving it costs", "currency"),
)

HEDGE_COLUMNS = (
    _text("instrument", "contract that is traded as a hedge", REQUIRED),
    Column("quantity", "signed contracts, negative is sold", "contracts", need=REQUIRED),
    Column("price", "price of the trade; the mark unless given", "price", positive=True),
    Column("lots", "equal parts into which it may be split; 1 unless given", "parts", positive=True),
)

ELIGIBLE_COLUMNS = (
    _text("instrument", "position or hedge", REQUIRED),
    _text("venue", "venue or account at which it may stand", REQUIRED),
    Column("most", "most contracts that may stand there, either way", "contracts", positive=True),
    _text("listed_as", "the contract's name there, where it is another"),
)

SCENARIO_COLUMNS = (
    _text("scenario", "name; rows of one name move together", default="stress"),
    _text("target", "underlying, asset or location; empty or *: whatever is not named", default="*"),
    Column("price", "move of all prices that follow the target, and of the coin of that name", "fraction"),
    Column("vol", "move of the volatility of its options", "fraction"),
    Column("basis", "move of marks and forwards against the index", "fraction"),
    Column("rate", "added to every interest rate", "fraction a year"),
    Column("days", "days that pass", "days"),
    Column("collateral", "move of the price of an asset alone", "fraction"),
    Column("lost", "share of the balances at a location that is gone", "fraction"),
    Column("frozen", "share of the balances at a location that is still owned and does not count", "fraction"),
    _text("factor", "target of the same scenario whose price move this one follows"),
    Column("beta", "price move per move of the factor, added to the target's own", "times"),
    _text("note", "an assumption to show beside the results"),
)

MODEL_TABLES: dict[str, tuple[Column, ...]] = {
    "crif": CRIF_COLUMNS,
    "terms": CRIF_COLUMNS,
    "history": HISTORY_COLUMNS,
    "lines": LINE_COLUMNS,
    "movable": MOVABLE_COLUMNS,
    "hedges": HEDGE_COLUMNS,
    "eligible": ELIGIBLE_COLUMNS,
    "scenarios": SCENARIO_COLUMNS,
}


def schema(table: str) -> tuple[Column, ...]:
    """The columns of a table; an unknown name is refused with the nearest known one.

    >>> [c.name for c in schema("assets")]
    ['asset', 'price', 'confidence', 'follows']
    """
    known = SCHEMAS | MODEL_TABLES
    if table not in known:
        allowed = ", ".join(known)
        message = f"no table {table!r}; tables are {allowed}{nearest(table, known)}"
        raise InputError([Problem(table, 0, "", table, message)])
    return known[table]


def template(tables: Iterable[str] = SCHEMAS) -> dict[str, list[str]]:
    """Headers of each table in their order, to start an empty workbook or CSV folder from.

    >>> template(["assets"])
    {'assets': ['asset', 'price', 'confidence', 'follows']}
    """
    return {table: [c.name for c in schema(table)] for table in tables}


@lru_cache(maxsize=1 << 12)
def folded(header: object) -> str:
    """A header without case, spaces, hyphens or underscores, so that spelling is forgiven.

    >>> folded(" Entry Price ")
    'entryprice'
    """
    return "".join(ch for ch in str(header).casefold() if ch.isalnum() or ch == "*").rstrip("*")

"""The spreadsheet functions: one decorator that registers them for every host.

A function is declared once, by the names of its arguments and a body that takes what it needs of them:

    @function("positions* model* balances instruments assets output account …")
    def XM_MARGIN(ranges, output, account): ...

The decorator makes of it a callable with these positional arguments (those without ``*`` optional) that takes cells as
any host hands them over, turns tables into a ``Ranges``, scalars into text, numbers or moments, gives back rows of
safe cells, and turns every error into a text ``#XM! …``. Where xlwings is installed the callable is also an xlwings
function; the Calc add-in, VBA, the reference sheet and the lint test read ``FUNCTIONS``.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Any

from xlmargin.errors import InputError, XlmarginError

from . import cells
from .more_tables import by_name
from .ranges import Ranges

TABLE, TEXT, NUMBERS, MOMENT, WORDS, PAIRS = "table", "text", "numbers", "moment", "words", "pairs"
READ = {
    TEXT: cells.text,
    NUMBERS: cells.numbers,
    MOMENT: cells.moment,
    WORDS: cells.words,
    PAIRS: cells.pairs,
    TABLE: lambda name, given: given,
}
CATEGORY = "xlmargin"
FFI = "pyodide.ffi"
LONGEST_DESCRIPTION = 255


@dataclass(frozen=True)
class Argument:
    """An argument: what kind of cells it takes, what it means (at most 255 characters), whether it must be given."""

    name: str
    kind: str
    meaning: str
    required: bool = False


@dataclass(frozen=True, eq=False)
class Function:
    """A registered function: its name, arguments, first sentence, whole documentation and callable."""

    name: str
    arguments: tuple[Argument, ...]
    description: str
    document: str
    call: Callable[..., list[list[Any]]]


def _a(name: str, kind: str, meaning: str) -> Argument:
    return Argument(name, kind, meaning)


ARGUMENTS = {
    a.name: a
    for a in (
        _a("positions", TABLE, "Range with a header row: instrument, quantity; entry_price, account … or a CRIF"),
        _a("model", TEXT, "Rulebook, such as derive.portfolio; XM_MODELS() lists them"),
        _a("models", WORDS, "Rulebooks in a range, or in one text with commas; left out: all"),
        _a("balances", TABLE, "Range with a header row: asset, amount; account, kind, location"),
        _a("instruments", TABLE, "Range with a header row: instrument, mark, iv, forward, index … and as_of"),
        _a("assets", TABLE, "Range with a header row: asset, price in USD"),
        _a("accounts", TABLE, "Range with a header row: account, venue and the settings that the rulebook declares"),
        _a("orders", TABLE, "Range with a header row: instrument, quantity, limit_price; account"),
        _a("trades", TABLE, "Range with a header row: instrument, quantity or close; price, fee, account, basket"),
        _a("output", TEXT, "Which figure alone is wanted, such as initial; left out: the whole table"),
        _a("account", TEXT, "One account, or account / pool; left out: all, or the only one"),
        _a("as_of", MOMENT, "Valuation time (UTC); left out: the column as_of of instruments, else now"),
        _a("options", PAIRS, "Options of the rulebook: two columns (name, value) or text name=value; name=value"),
        _a("by", TEXT, "What moves: underlying, instrument or volatility; left out: underlying"),
        _a("level", TEXT, "The requirement that equity meets: maintenance, initial …; left out: maintenance"),
        _a("candidates", TABLE, "Range with a header row: instrument; most, cost, lot; or names; left out: all"),
        _a(
            "path",
            TABLE,
            "Range with a header row: a row a point, a column an underlying: moves from now",
        ),
        _a("moves", PAIRS, "Two columns or text: price BTC=-20%; vol BTC=30%; collateral ETH=-5%; rate=0.01"),
        _a("slices", NUMBERS, "How many equal slices each leg is cut into; left out: 1"),
        _a("collateral", TABLE, "Range with a header row: asset, quantity; price, haircut, cost, lot, group"),
        _a("requirements", TABLE, "Range with a header row: requirement, required; minimum, most_assets"),
        _a("pairs", TABLE, "Range with a header row: asset, requirement; haircut, cost, limit, held; left out: all"),
        _a("tiers", TABLE, "Range with a header row: asset, floor, ratio: value by size instead of a haircut"),
        _a("groups", TABLE, "Range with a header row: group, requirement, share: most that a group may cover"),
        _a("scenarios", TABLE, "Names such as 2020-03-12, or a range: scenario, target, price …; left out: all"),
        _a("movable", TABLE, "Range with a header row: instrument; account, lots, cost; or names; left out: all"),
        _a("hedges", TABLE, "Range with a header row: instrument, quantity; price, lots: trades to place"),
        _a("eligible", TABLE, "Range with a header row: instrument, venue; most, listed_as: what may stand where"),
        _a("lines", TABLE, "Range with a header row: line; owner, currency, limit, warn, venue, underlying, measure"),
        _a("depth", TABLE, "Range with a header row: underlying (or instrument, asset), depth in USD per 1 %"),
        _a("funds", TABLE, "Range with a header row: venue, amount of its insurance fund in USD"),
        _a("settings", PAIRS, "Settings of the function: two columns (name, value) or text name=value; name=value"),
        _a("more", TABLE, "A further table: crif, terms or history, named in the cell above its header"),
        _a("unit", TEXT, "Currency of all figures; left out: USD"),
        _a("forward", NUMBERS, "Forward price of the expiry: a cell or a range"),
        _a("strike", NUMBERS, "Exercise price: a cell or a range"),
        _a("expiry", TABLE, "Moment of expiry (UTC): a cell or a range"),
        _a("valued_at", TABLE, "Valuation time (UTC): a cell or a range"),
        _a("iv", NUMBERS, "Implied volatility a year, 0.6 or 60 %: a cell or a range"),
        _a("option_type", TABLE, "C or P: a cell or a range; left out: C"),
        _a("rate", NUMBERS, "Interest rate a year, continuously compounded; left out: 0"),
        _a("parameter", TEXT, "One parameter by name; left out: all"),
        _a("scope", TEXT, "One scope (usually an underlying); left out: all"),
        _a(
            "table_name",
            TEXT,
            "positions, orders, balances, instruments, assets, accounts, scenarios, lines, movable or eligible",
        ),
        _a("function_name", TEXT, "A function such as XM_MARGIN; left out: the list of all"),
    )
}
FUNCTIONS: dict[str, Function] = {}


def function(arguments: str, **meanings: str) -> Callable[[Callable[..., Any]], Callable[..., list[list[Any]]]]:
    """Register the decorated body as a spreadsheet function of these ``arguments`` (``*``: must be given).

    The body names what it wants: ``ranges`` (the tables, model, time and options as one ``Ranges``) and any other
    argument. ``meanings`` replaces the common description of an argument.
    """
    chosen = tuple(_argument(word, meanings) for word in arguments.split())

    def declare(body: Callable[..., Any]) -> Callable[..., list[list[Any]]]:
        document = inspect.getdoc(body) or ""
        description = " ".join(document.split("\n\n")[0].split())
        call = _for_xlwings(_callable(body, chosen, description))
        FUNCTIONS[body.__name__] = Function(body.__name__, chosen, description, document, call)
        return call

    return declare


def _argument(word: str, meanings: dict[str, str]) -> Argument:
    name = word.rstrip("*")
    known = ARGUMENTS[name]
    return Argument(name, known.kind, meanings.get(name, known.meaning), word.endswith("*"))


def _callable(body: Callable[..., Any], arguments: tuple[Argument, ...], description: str) -> Callable[..., Any]:
    signature = inspect.Signature(
        [
            inspect.Parameter(
                a.name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=inspect.Parameter.empty if a.required else None,
            )
            for a in arguments
        ]
    )
    wanted = tuple(inspect.signature(body).parameters)

    def call(*given: Any, **named: Any) -> list[list[Any]]:
        try:
            bound = signature.bind_partial(*given, **named).arguments
            return cells.emitted(body(*_values(arguments, wanted, bound)))
        except XlmarginError as error:
            return [[cells.told(error)]]
        except Exception as error:
            return [[f"{cells.ERROR}{body.__name__}: {type(error).__name__}: {error}"[: cells.LONGEST_TEXT]]]

    call.__name__ = call.__qualname__ = body.__name__
    call.__module__ = body.__module__
    call.__doc__ = description
    call.__signature__ = signature  # type: ignore[attr-defined]
    call.__annotations__ = {
        a.name: Annotated[Any, {"ndim": 2, "err_to_str": True, "doc": a.meaning}] for a in arguments
    }
    return call


def _values(arguments: tuple[Argument, ...], wanted: tuple[str, ...], given: dict[str, Any]) -> list[Any]:
    """What the body names, read by kind: ``ranges`` from the tables, the rest as it is."""
    read = {a.name: _read(a, given.get(a.name)) for a in arguments}
    if "ranges" in wanted:
        read["ranges"] = Ranges(
            by_name(read),
            read.get("model", ""),
            read.get("as_of"),
            read.get("options", {}),
        )
    return [read[name] for name in wanted]


def _read(argument: Argument, given: Any) -> Any:
    value = READ[argument.kind](argument.name, given)
    if argument.required and (given is None or (argument.kind == TEXT and not value)):
        raise InputError(f"{argument.name} is missing: {argument.meaning}")
    return value


def _for_xlwings(call: Callable[..., Any]) -> Callable[..., Any]:
    """The callable as an xlwings function where xlwings is installed; else as it is."""
    _spare_the_search()
    try:
        from xlwings import func
    except ImportError:
        return call
    return func(category=CATEGORY, call_in_wizard=False)(call)


def _spare_the_search() -> None:
    """Let xlwings Server find at once that there is no Pyodide.

    xlwings 0.37.8 tries ``from pyodide.ffi import JsNull`` for every cell; each failing search of the import path costs
    35 µs, which makes 11 s of a range of 100,000 × 3. None in sys.modules is an answer without a search.
    """
    on_server = os.environ.get("XLWINGS_ON_SERVER") == "true" and sys.platform != "emscripten"
    if on_server and FFI not in sys.modules and find_spec("pyodide") is None:
        sys.modules[FFI] = None  # type: ignore[assignment]

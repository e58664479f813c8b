"""What a command was given: times, venues, payloads, options and accounts, each refused in the command's own words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .book import Book
from .errors import InputError, nearest
from .market import Market
from .params import Params
from .parsing import read_number, read_time
from .reading import EXTRA_TABLES
from .reading import read as read_source
from .registry import Model
from .schemas import SCHEMAS, folded
from .symbols import VENUES

UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError)


def read(source: Path, as_of: str | None, venue: str, hint: str = "") -> tuple[Book, Market]:
    """A book and a market; ``hint`` is whose spelling is meant where no venue is given.

    Where accounts stand at several venues each name is read as its own venue writes it.
    """
    spelling(as_of, venue)
    try:
        return read_source(source, as_of=as_of, venue=venue or hint)
    except InputError as refused:
        found = None if venue or not hint else _each_its_own(source, as_of)
        if found is None:
            raise refused from None
        return found


def _each_its_own(source: Path, as_of: str | None) -> tuple[Book, Market] | None:
    """The book and market of accounts at several venues; None where there are not several, or it cannot be read."""
    try:
        book, market = read_source(source, as_of=as_of)
    except InputError:
        return None
    venues = {str(v) for v in book.settings.get("venue", ()) if v}
    return (book, market) if len(venues) > 1 else None


def spelling(as_of: str | None, venue: str) -> None:
    """Refuse a time that cannot be read and a venue that is not known."""
    if as_of is not None:
        moment(as_of)
    if venue and venue.strip().casefold().partition(".")[0] not in VENUES:
        raise InputError(f"--venue: no venue {venue!r}{nearest(venue, VENUES)} (venues: {', '.join(VENUES)})")


def moment(as_of: str) -> float:
    """Epoch seconds of ``--as-of``."""
    try:
        return read_time(as_of)
    except ValueError as error:
        raise InputError(f"--as-of: {error}") from error


def passed_over(source: Path) -> list[str]:
    """Files of a folder or sheets of a workbook that are no table: a misspelt one must not pass for an empty table."""
    tables = {folded(name) for name in (*SCHEMAS, *EXTRA_TABLES)}
    if source.is_dir():
        files = sorted(p for p in source.iterdir() if p.suffix.casefold() in (".csv", ".parquet"))
        return [p.name for p in files if folded(p.stem) not in tables]
    import python_calamine

    titles = python_calamine.CalamineWorkbook.from_path(str(source)).sheet_names
    return [title for title in titles if folded(title) not in tables]


def parameters(path: Path, model: Model, as_of: float) -> Params:
    """The parameters in force with the user's own in place; a file that changes none is refused."""
    published = model.params(as_of)
    payload = _payload(path, model)
    try:
        found = model.load(payload, published)
    except UNREADABLE as error:
        raise InputError(f"{path.name}: not a payload that {model.id} reads ({error})") from error
    if found.origin == published.origin:
        raise InputError(f"{path.name}: nothing in it is a parameter of {model.id}")
    return found


def _payload(path: Path, model: Model) -> Any:
    """A venue's JSON payload, or the path of a file that the model reads by itself."""
    if not path.is_file():
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"--params: no file {str(path)!r}{nearest(path.name, beside)}")
    if path.suffix.casefold() in model.files:
        return path
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name}: not a JSON payload: {error}") from error


def options(pairs: list[str] | None) -> dict[str, str]:
    """Options by name.

    >>> options(["side = post"])
    {'side': 'post'}
    """
    parts = [text.partition("=") for text in pairs or []]
    wrong = [name for name, equals, _ in parts if not equals]
    if wrong:
        raise InputError(f"options are written name=value, not {', '.join(wrong)}")
    return {name.strip(): value.strip() for name, _, value in parts}


def numbers(option: str, texts: Iterable[str] | None, read: Callable[[Any], Any] = read_number) -> dict[str, Any]:
    """Numbers by name from name=value, each value read by ``read``.

    >>> numbers("--price", ["BTC=-10%"]), numbers("--delta", ["BTC=-1:0.5"], between)
    ({'BTC': -0.1}, {'BTC': (-1.0, 0.5)})
    """
    found: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = (part.strip() for part in text.partition("="))
        try:
            if not (name and equals):
                raise ValueError(f"write name=value, not {text!r}")
            number = read(value)
        except ValueError as error:
            raise InputError(f"{option}: {error}") from None
        if name in found:
            raise InputError(f"{option}: {name} is given twice")
        found[name] = number
    return found


def between(cell: Any) -> tuple[float, float]:
    """Lowest and highest from ``low:high`` or ``low to high``.

    >>> between("-1 to 1"), between("0:2.5")
    ((-1.0, 1.0), (0.0, 2.5))
    """
    low, mark, high = str(cell).replace(" to ", ":").partition(":")
    if not mark:
        raise ValueError(f"write lowest:highest, not {cell!r}")
    ends = read_number(low), read_number(high)
    if ends[0] > ends[1]:
        raise ValueError(f"{ends[0]:g} is above {ends[1]:g}")
    return ends


def series(cell: Any) -> list[float]:
    """Numbers separated by commas or semicolons; one number is a series of one.

    >>> series("-20%, 0, 0.2"), series(0.5)
    ([-0.2, 0.0, 0.2], [0.5])
    """
    return [read_number(part) for part in str(cell).replace(";", ",").split(",")]


def known(account: str | None, names: Iterable[Any]) -> None:
    """Refuse an account that is not among ``names``."""
    names = list(dict.fromkeys(map(str, names)))
    if account is not None and account not in names:
        raise InputError(f"no account {account!r}{nearest(account, names)} (accounts: {', '.join(names[:20])})")

"""The parts of an instrument's name: how each is spelt, read into a field and written again."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

_CASH = "USDT|USDC|USDE|USDG|USD1|USD|FDUSD|TUSD|BUSD|DAI|EUR|EURI|EURR|GBP|AUD|BRL|TRY|JPY|BTC|ETH|BNB"
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_CODES = "--H--M--U--Z"
_DAY = f"[0-9]{{1,2}}(?:{'|'.join(MONTHS)})[0-9]{{2}}"


def _coin(text: str) -> str:
    dex, colon, coin = text.rpartition(":")
    return dex.lower() + colon + (coin if coin[0] in "km" and coin[1:].isupper() else coin.upper())


@lru_cache
def expiry(text: str) -> float:
    """Epoch seconds of 08:00 UTC on the day that a name's date (261225, 25DEC26, Z26) means.

    >>> expiry("25DEC26") == expiry("261225") == expiry("Z26")
    True
    """
    if text.isdigit():
        day = date(2000 + int(text[-6:-4]), int(text[-4:-2]), int(text[-2:]))
    elif len(text) > 3:
        day = date(2000 + int(text[-2:]), MONTHS.index(text[-5:-2].upper()) + 1, int(text[:-5]))
    else:  # a quarterly future ends on the last Friday
        year, month = 2000 + int(text[1:]), _CODES.index(text[0].upper()) + 1
        last = date(year, month, monthrange(year, month)[1])
        day = last - timedelta((last.weekday() - 4) % 7)
    return (day - date(1970, 1, 1)).days * 86400.0 + 8 * 3600.0


def _date(epoch: float) -> date:
    return date(1970, 1, 1) + timedelta(epoch // 86400)


def _new_york_close(text: str) -> float:
    # The US rule since 2007, not zoneinfo: Windows and Pyodide may have no time-zone data.
    day = _date(expiry(text))
    latest = date(day.year, 3, 14), date(day.year, 11, 7)
    starts, ends = (sunday - timedelta(sunday.isoweekday() % 7) for sunday in latest)
    return expiry(text) + 3600.0 * (12 if starts <= day < ends else 13)


class Token(NamedTuple):
    """A part of a name: its pattern, the field that it fills, and both ways between text and value."""

    pattern: str
    field: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str


def _decimal(point: str) -> Token:
    return Token(
        rf"(?=[0.d_]*[1-9])[0-9]{{1,15}}(?:{re.escape(point)}[0-9]{{1,15}})?",
        "strike",
        lambda text: float(text.lower().replace(point, ".")),
        lambda strike: format(Decimal(repr(float(strike))), "f").removesuffix(".0").replace(".", point),
    )


TOKENS = {
    # No coin ends in USDT, else Bybit's BTCUSDT-27DEC26 would be Deribit's future on "BTCUSDT".
    "coin": Token(r"[^\W_]+?(?<![A-Z0-9]USDT)", "underlying", _coin),
    "coin2": Token("(?P=coin)", "underlying", _coin),
    "dex": Token(r"[a-z][a-z0-9]*:[^\W_]+", "underlying", _coin),
    "index": Token("@[0-9]+", "underlying", str),
    "root": Token("[A-Z0-9]{1,6} {0,5}", "underlying", lambda t: t.strip().upper(), lambda u: u[:6].ljust(6)),
    "stable": Token("USDC|USDT", "quote", str.upper),
    "cash": Token(_CASH, "quote", str.upper),
    "any": Token(r"[^\W_]+", "quote", str.upper),
    "any2": Token("(?P=any)", "quote", str.upper),
    "pay": Token("USDC|USDT|USDE|USDG", "settle", str.upper),
    "day": Token(_DAY, "expiry", expiry, lambda e: f"{_date(e).day}{MONTHS[_date(e).month - 1]}{_date(e):%y}"),
    "padded": Token(_DAY, "expiry", expiry, lambda e: f"{_date(e).day:02}{MONTHS[_date(e).month - 1]}{_date(e):%y}"),
    "ymd": Token("[0-9]{6}", "expiry", expiry, lambda e: f"{_date(e):%y%m%d}"),
    "long": Token("20[0-9]{6}", "expiry", expiry, lambda e: f"{_date(e):%Y%m%d}"),
    "osi": Token("[0-9]{6}", "expiry", _new_york_close, lambda e: f"{_date(e):%y%m%d}"),
    "code": Token("[HMUZ][0-9]{2}", "expiry", expiry, lambda e: f"{_CODES[_date(e).month - 1]}{_date(e):%y}"),
    "strike": _decimal("."),
    "dstrike": _decimal("d"),
    "ustrike": _decimal("_"),
    "mills": Token("(?=0*[1-9])[0-9]{8}", "strike", lambda t: int(t) / 1000, lambda k: f"{round(k * 1000):08d}"),
    "type": Token("[CP]", "option_type", str.upper),
}

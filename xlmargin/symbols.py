"""Instrument names ↔ fields: one table of forms, read and written by the same templates.

*Without a hint* the first form that matches wins, in the order of the table: Deribit before Bybit for futures and
options, OKX before Derive and Paradex for spot, Bybit before Binance for ``BTCUSDT``, ccxt before Hyperliquid for
``A/B``. A bare coin (Hyperliquid's ``BTC``) could be anything and needs the hint. *With a hint* only that venue's names
are read: ``deribit.portfolio`` means ``deribit``, and a hint that is no venue (``simm``) is none. Spot on Binance and
Bybit is spelt like a perpetual, hence the hints ``binance.spot`` and ``bybit.spot``, for reading and for writing.

Expiry is 08:00 UTC on every crypto venue and 16:00 New York for OCC; a market that differs (Derive's US equities,
AM-settled indices) says so in the instruments table. Underlyings are open; a small ``k`` or ``m`` before capitals and a
builder dex (``xyz:NVDA``) belong to them. ``xyz:NVDA`` and ``@107`` are taken to be in USDC. Not read: OKX ``_XPERP``
(perpetual and dated at once), combos, Paradex's perpetual options.
"""

from __future__ import annotations

import difflib
import re
from calendar import monthrange
from dataclasses import dataclass
from functools import lru_cache
from math import nan
from operator import attrgetter
from typing import NamedTuple

from .errors import SymbolError, nearest
from .symbol_parts import MONTHS, TOKENS, Token, expiry

# A name is stem + ending: "." where a kind has none, "=" where the stem is the name. Settlement in the "coin" makes a
# contract inverse, in the "quote" linear; what is "named" stands in the name. {tokens} are read and written below.
_TABLE = """
venue        quote settle stem                 spot  perp       future        option
deribit      USD   coin   {coin}               .     -PERPETUAL -{day}        -{day}-{dstrike}-{type}
deribit      named quote  {coin}_{stable}      .     -PERPETUAL -{day}        -{day}-{dstrike}-{type}
deribit      named quote  {coin}_{cash}        =     .          .             .
okx          named quote  {coin}-{stable}      .     -SWAP      -{ymd}        .
okx          USD   coin   {coin}-USD           .     -SWAP      -{ymd}        -{ymd}-{strike}-{type}
okx          USD   USD    {coin}-USD_UM        .     -SWAP      -{ymd}        -{ymd}-{strike}-{type}
okx          named quote  {coin}-{cash}        =     .          .             .
derive       USDC  USDC   {coin}               -USDC -PERP      .             -{long}-{ustrike}-{type}
bybit        USDT  USDT   {coin}               .     USDT       USDT-{padded} -{day}-{strike}-{type}-USDT
bybit        USDC  USDC   {coin}               .     PERP       -{padded}     -{day}-{strike}-{type}
bybit        USD   coin   {coin}USD            .     =          {code}        .
bybit.spot   named quote  {coin}{cash}         =     .          .             .
binance      named quote  {coin}{stable}       .     =          _{ymd}        .
binance      USD   coin   {coin}USD            .     _PERP      _{ymd}        .
binance      USDT  USDT   {coin}               .     .          .             -{ymd}-{strike}-{type}
binance.spot named quote  {coin}{cash}         =     .          .             .
paradex      USD   USDC   {coin}-USD           =     -PERP      .             -{day}-{strike}-{type}
ccxt         named quote  {coin}/{any}         =     .          .             .
ccxt         named coin   {coin}/{any}:{coin2} .     =          -{ymd}        -{ymd}-{strike}-{type}
ccxt         named quote  {coin}/{any}:{any2}  .     =          -{ymd}        -{ymd}-{strike}-{type}
ccxt         USD   named  {coin}/USD:{pay}     .     =          -{ymd}        -{ymd}-{strike}-{type}
occ          USD   USD    {root}               .     .          .             {osi}{type}{mills}
hyperliquid  USDC  USDC   {dex}                .     =          .             .
hyperliquid  USDC  USDC   {index}              =     .          .             .
hyperliquid  named quote  {coin}/{any}         =     .          .             .
hyperliquid  USDC  USDC   {coin}               .     =          .             .
"""
_said = attrgetter("kind", "underlying", "quote", "settle", "inverse", "expiry", "strike", "option_type")


@dataclass(frozen=True, slots=True)
class Symbol:
    """What an instrument's name says; ``expiry`` (epoch seconds UTC) and ``strike`` are NaN where they do not apply.

    ``quote`` is the currency of price and strike, ``settle`` that of profit and loss: the coin itself if ``inverse``.

    >>> parse("BTC-27DEC26-60000-C").settle, parse("BTC-20261227-60000-C").settle
    ('BTC', 'USDC')
    """

    text: str
    venue: str
    kind: str
    underlying: str
    quote: str
    settle: str
    inverse: bool
    expiry: float
    strike: float
    option_type: str


@lru_cache(maxsize=1 << 17)
def parse(text: str, venue: str = "") -> Symbol:
    """Read an instrument name; case and surrounding spaces are forgiven.

    Parameters: ``text``, the name; ``venue``, a hint such as ``"okx"`` or ``"deribit.portfolio"`` (see the module).
    Returns the fields as a `Symbol`. Raises `SymbolError` with what is wrong and the nearest readable name.

    >>> parse("XRP_USDC-27DEC26-0d55-C").strike, parse("BTC-27DEC26", "bybit").settle
    (0.55, 'USDC')
    >>> parse("BTC-32DEC26-60000-C")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    xlmargin.errors.SymbolError: cannot read ...: no such expiry '32DEC26'; did you mean 'BTC-31DEC26-60000-C'?
    """
    key = _key(venue)
    forms = _FORMS.get(key, _UNHINTED)
    if symbol := _read(text, forms):
        return symbol
    near, form = _nearest(text, _guess(text), forms)
    elsewhere = next((f"; the venue {venue!r} would read it" for venue in _FORMS if _read(text, _FORMS[venue])), "")
    where = f" for {key}" if key in _FORMS else ""
    raise SymbolError(f"cannot read {text!r}{where}{elsewhere or form.fault(text, near)}; did you mean {near!r}?")


@lru_cache(maxsize=1 << 17)
def known(text: str, venue: str = "") -> Symbol | None:
    """As ``parse``, but None for a name that cannot be read: no time is spent on finding the nearest.

    >>> known("BTC-PERPETUAL").kind, known("my own name")
    ('perp', None)
    """
    return _read(text, _FORMS.get(_key(venue), _UNHINTED))


def write(symbol: Symbol, venue: str) -> str:
    """Name an instrument as a venue does.

    Parameters: ``symbol``, of which ``text`` and ``venue`` do not matter; ``venue``, where the name is wanted.
    Returns the name. Raises `SymbolError` when that venue has no name for these fields.

    >>> write(parse("BTC-27DEC26-60000-C"), "okx"), write(parse("BTC-PERPETUAL"), "ccxt")
    ('BTC-USD-261227-60000-C', 'BTC/USD:BTC')
    """
    key = _key(venue)
    if key not in _FORMS:
        raise SymbolError(f"no instrument names are known of {venue!r}{nearest(venue, VENUES)}")
    for form in _FORMS[key]:
        found = form.kind == symbol.kind and _read(form.fill(symbol), _FORMS[key])
        if found and all(a == b or (a != a and b != b) for a, b in zip(_said(found), _said(symbol), strict=True)):
            return found.text
    what = f"{key} has no name for the {symbol.kind} {symbol.text!r} ({symbol.quote}, settled in {symbol.settle})"
    forms = [form for form in _FORMS[key] + _FORMS.get(f"{key}.spot", []) if form.kind == symbol.kind]
    near, form = _nearest(symbol.text, symbol, forms or _FORMS[key])
    raise SymbolError(f"{what}; nearest is {near!r} of {form.venue}, settled in {form.read(near).settle}")


class _Form(NamedTuple):
    venue: str
    kind: str
    template: str
    quote: str
    settle: str
    hyphens: int
    pattern: re.Pattern[str]
    tokens: dict[str, Token]

    def read(self, text: str) -> Symbol | None:
        if not (found := self.pattern.fullmatch(text.strip())):
            return None
        try:
            said = {token.field: token.read(found[name]) for name, token in self.tokens.items()}
        except ValueError:  # a date that the calendar does not have
            return None
        coin, quote = said["underlying"], said.get("quote", self.quote)
        settle = said.get("settle") or {"coin": coin, "quote": quote}.get(self.settle, self.settle)
        dated = said.get("expiry", nan), said.get("strike", nan), said.get("option_type", "")
        return Symbol(text, self.venue.partition(".")[0], self.kind, coin, quote, settle, self.settle == "coin", *dated)

    def fill(self, symbol: Symbol) -> str:
        try:
            said = {name: token.write(getattr(symbol, token.field)) for name, token in self.tokens.items()}
        except (ValueError, OverflowError):  # a date or number that cannot be spelt
            return ""
        return self.template.format(**said)

    def fault(self, text: str, near: str) -> str:
        rows = [re.split("[-_/:]", row) for row in (text.strip(), near, self.template)]
        if len(rows[0]) > 1 and len(set(map(len, rows))) == 1:
            for word, good, slot in zip(*rows, strict=True):
                if word.upper() != good.upper():
                    token = self.tokens.get(slot[1:-1])
                    return f": no such {token.field.replace('_', ' ') if token else 'part'} {word!r}"
        return ""


def _form(venue: str, kind: str, template: str, quote: str, settle: str) -> _Form:
    tokens = {name: TOKENS[name] for name in re.findall(r"{(\w+)}", template)}
    pattern = template.format(**{name: f"(?P<{name}>{token.pattern})" for name, token in tokens.items()})
    return _Form(venue, kind, template, quote, settle, template.count("-"), re.compile(pattern, re.IGNORECASE), tokens)


_HEAD, *_ROWS = map(str.split, _TABLE.strip().splitlines())
_ALL = [
    _form(venue, kind, stem + ending.strip("="), quote, settle)
    for venue, quote, settle, stem, *endings in _ROWS
    for kind, ending in zip(_HEAD[4:], endings, strict=True)
    if ending != "."
]
_FORMS = {venue: [form for form in _ALL if form.venue == venue] for venue in dict.fromkeys(row[0] for row in _ROWS)}
_UNHINTED = [form for form in _ALL if form.template not in ("{coin}", "{coin}{cash}")]
VENUES: tuple[str, ...] = tuple(venue for venue in _FORMS if "." not in venue)


def _key(venue: str) -> str:
    word = venue.strip().casefold()
    return word if word in _FORMS else word.partition(".")[0]


def _read(text: str, forms: list[_Form]) -> Symbol | None:
    hyphens = text.count("-")  # no token holds one: a quick way to pass over most forms
    return next((symbol for form in forms if form.hyphens == hyphens and (symbol := form.read(text))), None)


def _nearest(text: str, guess: Symbol, forms: list[_Form]) -> tuple[str, _Form]:
    names = {name: form for form in forms if (name := form.fill(guess)) and form.read(name)}
    if not names:
        return _nearest(text, _guess("BTC"), forms)
    return next((near, names[near]) for near in [*difflib.get_close_matches(text.strip().upper(), names, 1), *names])


def _guess(text: str) -> Symbol:
    text = text.strip().upper()
    coin = re.match("([0-9]*[A-Z]+?)(?:US[DT]{1,2}|USD[A-Z]|PERP)?(?![A-Z])", text)
    quote = re.search("USD[CT]?", text)
    strikes = re.findall("(?<=-)[0-9]+(?:[._D][0-9]+)?(?=-|$)|(?<=[CP])[0-9]{5}(?=[0-9]{3}$)", text)
    strike = float(re.sub("[_D]", ".", strikes[-1])) if strikes else 0
    put = re.search("[-0-9]P(?:UT)?(?:[0-9]{8}|-USDT)?$", text)
    fields = coin[1] if coin else "BTC", quote[0] if quote else "USDT", "USDC", False
    return Symbol(text, "", "", *fields, _guess_expiry(text), strike or 60000.0, "P" if put else "C")


def _guess_expiry(text: str) -> float:
    year, month, day = 26, 12, 25
    if found := re.search("([0-9]{1,2})([A-Z]{3})([0-9]{2})(?![0-9])", text):
        year, day = int(found[3]), int(found[1])
        month = MONTHS.index(difflib.get_close_matches(found[2], MONTHS, 1, 0)[0]) + 1
    elif found := re.search("(?<![0-9])(?:20)?([0-9]{2})([0-9]{2})([0-9]{2})(?![0-9])", text):
        year, month, day = int(found[1]), min(max(int(found[2]), 1), 12), int(found[3])
    return expiry(f"{year:02}{month:02}{min(max(day, 1), monthrange(2000 + year, month)[1]):02}")

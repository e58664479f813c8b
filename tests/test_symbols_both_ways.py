"""Instrument names written and read both ways, spelt here once more, independently of the table."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from math import isnan, nan

from hypothesis import given
from hypothesis import strategies as st

from tests.test_symbols import HINTS, fields
from xlmargin.errors import SymbolError
from xlmargin.symbols import Symbol, parse, write

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
COINS = st.from_regex(r"[A-Z0-9]{0,3}[ABCEFG-OQRVWXYZ]", fullmatch=True)  # no ending that could start a quote
DAYS = st.dates(date(2020, 1, 1), date(2099, 12, 31))
WEEK = timedelta(7)
EVERY = [date(2020, 1, 3) + n * WEEK for n in range(52 * 79)]  # Fridays
FRIDAYS = st.sampled_from([day for day in EVERY if day.month % 3 == 0 and (day + WEEK).month != day.month])
STRIKES = st.integers(1, 99_999_999).map(lambda mills: mills / 1000)
TYPES = st.sampled_from("CP")


def plain(strike: float) -> str:
    return f"{strike:.3f}".rstrip("0").rstrip(".")


def dmy(day: date) -> str:
    return f"{day.day}{MONTHS[day.month - 1]}{day:%y}"


def option(coin, day, strike, option_type):
    """Every venue's name of an option of these fields."""
    k, x, ymd = plain(strike), option_type, f"{day:%y%m%d}"
    return [
        ("deribit", f"{coin}-{dmy(day)}-{k.replace('.', 'd')}-{x}"),
        ("deribit", f"{coin}_USDC-{dmy(day)}-{k.replace('.', 'd')}-{x}"),
        ("derive", f"{coin}-{day:%Y%m%d}-{k.replace('.', '_')}-{x}"),
        ("okx", f"{coin}-USD-{ymd}-{k}-{x}"),
        ("okx", f"{coin}-USD_UM-{ymd}-{k}-{x}"),
        ("bybit", f"{coin}-{dmy(day)}-{k}-{x}"),
        ("bybit", f"{coin}-{dmy(day)}-{k}-{x}-USDT"),
        ("binance", f"{coin}-{ymd}-{k}-{x}"),
        ("paradex", f"{coin}-USD-{dmy(day)}-{k}-{x}"),
        ("ccxt", f"{coin}/USD:{coin}-{ymd}-{k}-{x}"),
        ("ccxt", f"{coin}/USDT:USDT-{ymd}-{k}-{x}"),
        ("ccxt", f"{coin}/USD:USDC-{ymd}-{k}-{x}"),
        ("occ", f"{coin:<6}{ymd}{x}{round(strike * 1000):08d}"),
    ]


def future(coin, day, friday):
    """Every venue's name of a future that ends on this day, or on the last Friday of a quarter."""
    ymd = f"{day:%y%m%d}"
    return [
        ("deribit", f"{coin}-{dmy(day)}"),
        ("deribit", f"{coin}_USDC-{dmy(day)}"),
        ("okx", f"{coin}-USDT-{ymd}"),
        ("okx", f"{coin}-USD-{ymd}"),
        ("okx", f"{coin}-USD_UM-{ymd}"),
        ("bybit", f"{coin}-{dmy(day).zfill(7)}"),
        ("bybit", f"{coin}USDT-{dmy(day).zfill(7)}"),
        ("bybit", f"{coin}USD{' HMUZ'[friday.month // 3]}{friday:%y}"),
        ("binance", f"{coin}USDT_{ymd}"),
        ("binance", f"{coin}USD_{ymd}"),
        ("ccxt", f"{coin}/USD:{coin}-{ymd}"),
        ("ccxt", f"{coin}/USDC:USDC-{ymd}"),
    ]


def undated(coin):
    """Every venue's name of perpetuals and spot."""
    return [
        ("deribit", f"{coin}-PERPETUAL"),
        ("deribit", f"{coin}_USDC-PERPETUAL"),
        ("deribit", f"{coin}_USDC"),
        ("derive", f"{coin}-PERP"),
        ("derive", f"{coin}-USDC"),
        ("okx", f"{coin}-USDC-SWAP"),
        ("okx", f"{coin}-USD-SWAP"),
        ("okx", f"{coin}-USD_UM-SWAP"),
        ("okx", f"{coin}-EUR"),
        ("bybit", f"{coin}USDT"),
        ("bybit", f"{coin}USD"),
        ("bybit", f"{coin}PERP"),
        ("bybit.spot", f"{coin}USDC"),
        ("binance", f"{coin}USDT"),
        ("binance", f"{coin}USD_PERP"),
        ("binance.spot", f"{coin}FDUSD"),
        ("paradex", f"{coin}-USD-PERP"),
        ("paradex", f"{coin}-USD"),
        ("hyperliquid", coin),
        ("hyperliquid", f"k{coin}" if coin.isupper() else coin),
        ("hyperliquid", f"xyz:{coin}"),
        ("hyperliquid", f"{coin}/USDC"),
        ("ccxt", f"{coin}/USDT"),
        ("ccxt", f"{coin}/USDT:USDT"),
        ("ccxt", f"{coin}/USD:{coin}"),
    ]


def both_ways(names):
    for venue, name in names:
        symbol = parse(name, venue)
        assert write(symbol, venue) == name, "parse → write is identity on text"
        assert symbol.venue == venue.partition(".")[0]
        yield symbol


@given(COINS, DAYS, STRIKES, TYPES)
def test_options_both_ways(coin, day, strike, option_type):
    for symbol in both_ways(option(coin, day, strike, option_type)):
        assert (symbol.kind, symbol.underlying, symbol.strike) == ("option", coin, strike)
        assert symbol.option_type == option_type
        hour = datetime.fromtimestamp(symbol.expiry, UTC)
        assert (hour.date(), hour.hour in ((20, 21) if symbol.venue == "occ" else (8,))) == (day, True)


@given(COINS, DAYS, FRIDAYS)
def test_futures_both_ways(coin, day, friday):
    for symbol in both_ways(future(coin, day, friday)):
        ends = friday if re.search("USD[HMUZ]", symbol.text) and "-" not in symbol.text else day
        assert (symbol.kind, symbol.underlying, isnan(symbol.strike)) == ("future", coin, True)
        assert datetime.fromtimestamp(symbol.expiry, UTC) == datetime(ends.year, ends.month, ends.day, 8, tzinfo=UTC)


@given(COINS)
def test_perpetuals_and_spot_both_ways(coin):
    for symbol in both_ways(undated(coin)):
        assert symbol.kind in ("perp", "spot")
        assert isnan(symbol.expiry)
        assert symbol.underlying.endswith(coin)


# What a venue has: kind → pairs of quote and settlement, "*" for the coin itself.
HAS = {
    "deribit": {
        "perp": "USD/* USDC/USDC",
        "future": "USD/* USDC/USDC",
        "option": "USD/* USDC/USDC",
        "spot": "USDC/USDC",
    },
    "derive": {"perp": "USDC/USDC", "option": "USDC/USDC", "spot": "USDC/USDC"},
    "okx": {"perp": "USD/* USD/USD USDT/USDT", "future": "USD/* USD/USD USDT/USDT", "option": "USD/* USD/USD"},
    "bybit": {"perp": "USD/* USDT/USDT USDC/USDC", "future": "USDT/USDT USDC/USDC", "option": "USDT/USDT USDC/USDC"},
    "bybit.spot": {"spot": "USDT/USDT USDC/USDC"},
    "binance": {"perp": "USD/* USDT/USDT USDC/USDC", "future": "USD/* USDT/USDT", "option": "USDT/USDT"},
    "binance.spot": {"spot": "USDT/USDT FDUSD/FDUSD EUR/EUR"},
    "paradex": {"perp": "USD/USDC", "option": "USD/USDC", "spot": "USD/USDC"},
    "hyperliquid": {"perp": "USDC/USDC", "spot": "USDC/USDC"},
    "ccxt": dict.fromkeys(("perp", "future", "option"), "USD/* USDT/USDT USD/USDC EUR/EUR") | {"spot": "KRW/KRW"},
    "occ": {"option": "USD/USD"},
}
CONTRACTS = [
    (venue, kind, *pair.split("/")) for venue, kinds in HAS.items() for kind in kinds for pair in kinds[kind].split()
]


def made(venue, kind, quote, settle, coin, day, strike, option_type) -> Symbol:
    eight = datetime(day.year, day.month, day.day, 8, tzinfo=UTC).timestamp()
    expiry = parse(f"X     {day:%y%m%d}C00001000").expiry if venue == "occ" else eight
    dated = {"future": (expiry, nan, ""), "option": (expiry, strike, option_type)}.get(kind, (nan, nan, ""))
    return Symbol("", venue, kind, coin, quote, settle.replace("*", coin), settle == "*", *dated)


@given(st.sampled_from(CONTRACTS), COINS, DAYS, STRIKES, TYPES)
def test_write_then_parse_is_identity_on_fields(contract, coin, day, strike, option_type):
    symbol = made(*contract, coin, day, strike, option_type)
    assert fields(parse(write(symbol, contract[0]), contract[0])) == fields(symbol)


@given(st.sampled_from(CONTRACTS), st.text(max_size=8), DAYS, st.floats(), TYPES, st.sampled_from(HINTS))
def test_write_never_lends_a_name_to_another_instrument(contract, coin, day, strike, option_type, venue):
    symbol = made(*contract, coin, day, strike, option_type)
    try:
        name = write(symbol, venue)
    except SymbolError:
        return
    assert fields(parse(name, venue)) == fields(symbol)


@st.composite
def misspelt(draw) -> str:
    names = option(draw(COINS), draw(DAYS), draw(STRIKES), "C") + undated("BTC")
    name = draw(st.sampled_from(names))[1]
    place = draw(st.integers(0, len(name)))
    return name[:place] + draw(st.text(max_size=2)) + name[place + draw(st.integers(0, 2)) :]


@given(misspelt() | st.text(max_size=30), st.sampled_from(("", *HINTS)))
def test_any_text_is_read_or_answered_with_a_readable_name(text, hint):
    try:
        symbol = parse(text, hint)
    except SymbolError as error:
        near = re.search(r"did you mean '(.+)'\?$", str(error), re.DOTALL)
        assert near
        assert parse(near[1], hint)
    else:
        assert fields(parse(write(symbol, hint or symbol.venue), hint or symbol.venue)) == fields(symbol)

"""Instrument names: known ones, and what is said of names that cannot be read."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from math import isnan, nan
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from xlmargin.errors import InputError, SymbolError
from xlmargin.symbols import VENUES, Symbol, parse, write

HINTS = (*VENUES, "binance.spot", "bybit.spot")
FIELDS = ("kind", "underlying", "quote", "settle", "inverse", "expiry", "strike", "option_type")


def fields(symbol: Symbol) -> tuple:
    values = (getattr(symbol, name) for name in FIELDS)
    return tuple(None if isinstance(value, float) and isnan(value) else value for value in values)


def utc(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%d %H").replace(tzinfo=UTC).timestamp()


XMAS, SUNDAY = utc("2026-12-25 08"), utc("2026-12-27 08")

# hint | name | kind underlying quote settle | expiry, strike, option type
KNOWN = [
    ("", "BTC-PERPETUAL", "perp BTC USD BTC", nan, nan, ""),
    ("", "BTC-27DEC26", "future BTC USD BTC", SUNDAY, nan, ""),
    ("", "BTC-3JAN27", "future BTC USD BTC", utc("2027-01-03 08"), nan, ""),
    ("", "BTC-27DEC26-60000-C", "option BTC USD BTC", SUNDAY, 60000, "C"),
    ("", "BTCC-27DEC26-60000-C", "option BTCC USD BTCC", SUNDAY, 60000, "C"),
    ("", "SOL_USDC-PERPETUAL", "perp SOL USDC USDC", nan, nan, ""),
    ("", "BTC_USDC-27DEC26", "future BTC USDC USDC", SUNDAY, nan, ""),
    ("", "BTC_USDC-27DEC26-60000-C", "option BTC USDC USDC", SUNDAY, 60000, "C"),
    ("", "XRP_USDC-27DEC26-0d55-C", "option XRP USDC USDC", SUNDAY, 0.55, "C"),
    ("", "ETH_BTC", "spot ETH BTC BTC", nan, nan, ""),
    ("", "BTC-USDT-SWAP", "perp BTC USDT USDT", nan, nan, ""),
    ("", "BTC-USD-SWAP", "perp BTC USD BTC", nan, nan, ""),
    ("", "BTC-USD_UM-SWAP", "perp BTC USD USD", nan, nan, ""),
    ("", "BTC-USDT-261227", "future BTC USDT USDT", SUNDAY, nan, ""),
    ("", "BTC-USD-261227", "future BTC USD BTC", SUNDAY, nan, ""),
    ("", "BTC-USD_UM-261227", "future BTC USD USD", SUNDAY, nan, ""),
    ("", "BTC-USD-261227-60000-C", "option BTC USD BTC", SUNDAY, 60000, "C"),
    ("", "BTC-USD_UM-261227-60000-P", "option BTC USD USD", SUNDAY, 60000, "P"),
    ("", "BTC-USDT", "spot BTC USDT USDT", nan, nan, ""),
    ("", "BTC-PERP", "perp BTC USDC USDC", nan, nan, ""),
    ("", "BTC-20261227-60000-C", "option BTC USDC USDC", SUNDAY, 60000, "C"),
    ("", "XRP-20261227-2_5-P", "option XRP USDC USDC", SUNDAY, 2.5, "P"),
    ("derive", "ETH-USDC", "spot ETH USDC USDC", nan, nan, ""),
    ("bybit", "BTCUSDT", "perp BTC USDT USDT", nan, nan, ""),
    ("", "BTCUSD", "perp BTC USD BTC", nan, nan, ""),
    ("", "BTCPERP", "perp BTC USDC USDC", nan, nan, ""),
    ("", "BTCUSDZ26", "future BTC USD BTC", XMAS, nan, ""),
    ("", "ETHUSDH27", "future ETH USD ETH", utc("2027-03-26 08"), nan, ""),
    ("", "BTCUSDT-27DEC26", "future BTC USDT USDT", SUNDAY, nan, ""),
    ("bybit", "BTC-27DEC26", "future BTC USDC USDC", SUNDAY, nan, ""),
    ("bybit", "BTC-02APR27", "future BTC USDC USDC", utc("2027-04-02 08"), nan, ""),
    ("bybit", "BTC-2APR27-60000-C", "option BTC USDC USDC", utc("2027-04-02 08"), 60000, "C"),
    ("bybit", "XRP-27DEC26-0.55-P", "option XRP USDC USDC", SUNDAY, 0.55, "P"),
    ("", "BTC-27DEC26-60000-C-USDT", "option BTC USDT USDT", SUNDAY, 60000, "C"),
    ("bybit.spot", "BTCUSDC", "spot BTC USDC USDC", nan, nan, ""),
    ("binance", "BTCUSDT", "perp BTC USDT USDT", nan, nan, ""),
    ("", "BTCUSDC", "perp BTC USDC USDC", nan, nan, ""),
    ("binance", "1000PEPEUSDT", "perp 1000PEPE USDT USDT", nan, nan, ""),
    ("", "BTCUSD_PERP", "perp BTC USD BTC", nan, nan, ""),
    ("", "BTCUSDT_261225", "future BTC USDT USDT", XMAS, nan, ""),
    ("", "BTCUSD_261225", "future BTC USD BTC", XMAS, nan, ""),
    ("", "BTC-261227-60000-C", "option BTC USDT USDT", SUNDAY, 60000, "C"),
    ("binance.spot", "BTCUSDT", "spot BTC USDT USDT", nan, nan, ""),
    ("binance.spot", "BTCFDUSD", "spot BTC FDUSD FDUSD", nan, nan, ""),
    ("", "BTC-USD-PERP", "perp BTC USD USDC", nan, nan, ""),
    ("", "kPEPE-USD-PERP", "perp kPEPE USD USDC", nan, nan, ""),
    ("", "BTC-USD-8MAY26-78000-C", "option BTC USD USDC", utc("2026-05-08 08"), 78000, "C"),
    ("paradex", "ETH-USD", "spot ETH USD USDC", nan, nan, ""),
    ("hyperliquid", "BTC", "perp BTC USDC USDC", nan, nan, ""),
    ("hyperliquid", "kPEPE", "perp kPEPE USDC USDC", nan, nan, ""),
    ("", "xyz:NVDA", "perp xyz:NVDA USDC USDC", nan, nan, ""),
    ("", "@107", "spot @107 USDC USDC", nan, nan, ""),
    ("hyperliquid", "PURR/USDC", "spot PURR USDC USDC", nan, nan, ""),
    ("", "BTC/USDT:USDT", "perp BTC USDT USDT", nan, nan, ""),
    ("", "BTC/USD:BTC", "perp BTC USD BTC", nan, nan, ""),
    ("", "BTC/USD:USDC", "perp BTC USD USDC", nan, nan, ""),
    ("", "BTC/USD:BTC-261227", "future BTC USD BTC", SUNDAY, nan, ""),
    ("", "BTC/USD:BTC-261227-60000-C", "option BTC USD BTC", SUNDAY, 60000, "C"),
    ("", "BTC/USDT", "spot BTC USDT USDT", nan, nan, ""),
    ("", "SPY   261218C00500000", "option SPY USD USD", utc("2026-12-18 21"), 500, "C"),
    ("", "SPXW  260717P05432500", "option SPXW USD USD", utc("2026-07-17 20"), 5432.5, "P"),
]


@pytest.mark.parametrize(("hint", "name", "words", "expiry", "strike", "option_type"), KNOWN)
def test_known_names(hint, name, words, expiry, strike, option_type):
    kind, underlying, quote, settle = words.split()
    symbol = parse(name, hint)
    expected = (kind, underlying, quote, settle, kind != "spot" and settle == underlying, expiry, strike, option_type)
    assert fields(symbol) == fields(Symbol(name, symbol.venue, *expected))
    assert (symbol.text, write(symbol, hint or symbol.venue)) == (name, name)


@pytest.mark.parametrize(
    ("name", "venue"),
    [
        ("BTC-27DEC26-60000-C", "deribit"),
        ("BTC-27DEC26", "deribit"),
        ("BTC-USDC", "okx"),
        ("BTC-USD", "okx"),
        ("BTCUSDT", "bybit"),
        ("BTCUSDC", "binance"),
        ("BTC-USD-PERP", "paradex"),
        ("PURR/USDC", "ccxt"),
        ("SPY   261218C00500000", "occ"),
        ("xyz:NVDA", "hyperliquid"),
    ],
)
def test_without_a_hint_the_first_form_wins(name, venue):
    assert parse(name).venue == venue


def test_case_and_surrounding_spaces_are_forgiven():
    for name, hint in [(" btc-27dec26-60000-c ", ""), ("xrp_usdc-27Dec26-0D55-c", ""), ("XYZ:nvda", "hyperliquid")]:
        assert parse(name, hint).text == name
        assert fields(parse(name, hint)) == fields(parse(write(parse(name, hint), hint or "deribit"), hint))
    assert fields(parse("SPY261218C00500000")) == fields(parse("SPY   261218C00500000"))


def test_a_hint_is_cut_at_the_dot_and_no_venue_is_no_hint():
    assert parse("BTC-27DEC26", "Bybit.portfolio").venue == "bybit"
    assert parse("BTCUSDT", "binance.usdm").kind == "perp"
    assert parse("BTC-27DEC26", "simm").venue == "deribit"


def test_names_are_cached():
    assert parse("BTC-3JAN27-60000-C", "deribit") is parse("BTC-3JAN27-60000-C", "deribit")


@pytest.mark.parametrize(
    ("name", "venue", "translated"),
    [
        ("BTC-27DEC26-60000-C", "okx", "BTC-USD-261227-60000-C"),
        ("BTC-PERPETUAL", "binance", "BTCUSD_PERP"),
        ("BTC-USD-261225", "bybit", "BTCUSDZ26"),
        ("BTC-27DEC26-60000-C-USDT", "binance.options", "BTC-261227-60000-C"),
        ("BTC-USDT", "binance.spot", "BTCUSDT"),
        ("BTC-20261227-60000-C", "bybit", "BTC-27DEC26-60000-C"),
        ("BTC-USD-PERP", "ccxt", "BTC/USD:USDC"),
    ],
)
def test_one_venue_translates_to_another(name, venue, translated):
    assert write(parse(name), venue) == translated


@pytest.mark.parametrize(
    ("name", "venue", "says"),
    [
        ("BTC-27DEC26-60000-C", "derive", "nearest is 'BTC-20261227-60000-C' of derive, settled in USDC"),
        ("BTC-27DEC26", "bybit", "nearest is 'BTC-27DEC26' of bybit, settled in USDC"),
        ("BTC-USD-261227", "bybit", "bybit has no name"),  # a quarterly future ends on a Friday
        ("BTC-USDT", "binance", "nearest is 'BTCUSDT' of binance.spot"),
        ("xyz:NVDA", "okx", "okx has no name for the perp 'xyz:NVDA'"),
        ("SPY   261218C00500000", "deribit", "deribit has no name"),
        ("BTC-PERPETUAL", "occ", "occ has no name"),
        ("BTC-PERPETUAL", "deribt", "did you mean 'deribit'?"),
    ],
)
def test_no_name_there(name, venue, says):
    with pytest.raises(SymbolError, match=re.escape(says)):
        write(parse(name), venue)


@pytest.mark.parametrize(
    ("name", "hint", "fault", "near"),
    [
        ("BTC-27DEZ26-60000-C", "", "no such expiry '27DEZ26'", "BTC-27DEC26-60000-C"),
        ("BTC-32DEC26-60000-C", "", "no such expiry '32DEC26'", "BTC-31DEC26-60000-C"),
        ("BTC-29FEB27-60000-P", "", "no such expiry '29FEB27'", "BTC-28FEB27-60000-P"),
        ("BTC-27DEC26-60000-X", "", "no such option type 'X'", "BTC-27DEC26-60000-C"),
        ("BTC-27DEC26-0-C", "", "no such strike '0'", "BTC-27DEC26-60000-C"),
        ("XRP_USDC-27DEC26-0.55-C", "", "no such strike '0.55'", "XRP_USDC-27DEC26-0d55-C"),
        ("BTC-USD-261332", "", "no such expiry '261332'", "BTC-USD-261231"),
        ("BTC-PERPETAUL", "", "no such part 'PERPETAUL'", "BTC-PERPETUAL"),
        ("ETH/USD:BTC", "", "no such underlying 'BTC'", "ETH/USD:ETH"),  # quanto
        ("SPY   261318C00500000", "", "", "SPY   261218C00500000"),
        ("BTC-27DEC26-60000", "", "", "BTC-27DEC26-60000-C"),
        ("BTC-USD_UM_XPERP-310404", "", "", "BTC-USD_UM-310404"),
        ("BTC", "", "the venue 'hyperliquid' would read it", "BTCUSD"),
        ("BTC-USDT-SWAP", "deribit", "for deribit; the venue 'okx' would read it", "BTC_USDT"),
        ("BTCUSDC", "bybit", "for bybit; the venue 'bybit.spot' would read it", "BTCUSD"),
        ("", "", "", "BTC-PERPETUAL"),
    ],
)
def test_a_bad_name_says_what_is_wrong_and_names_the_nearest(name, hint, fault, near):
    with pytest.raises(InputError) as error:
        parse(name, hint)
    assert fault in str(error.value)
    assert str(error.value).endswith(f"did you mean {near!r}?")
    assert len(error.value.problems) == 1


def test_occ_expiry_is_the_new_york_close():
    try:
        new_york = ZoneInfo("America/New_York")
    except ZoneInfoNotFoundError:
        pytest.skip("no time-zone data here")
    for day in (date(2020, 1, 1) + timedelta(n) for n in range(366 * 20)):
        close = datetime(day.year, day.month, day.day, 16, tzinfo=new_york).timestamp()
        assert parse(f"SPY   {day:%y%m%d}C00500000").expiry == close

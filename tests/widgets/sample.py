"""A small desk and a large one for the tests of the notebook face: BTC options and a perpetual on Derive."""

import numpy as np

import xlmargin as xm

AS_OF = "2026-09-21T13:33:20Z"
EXPIRIES = ("20261002", "20261030", "20261225", "20270326")
INDEX = 100_000.0


def options(count: int) -> list[tuple[str, int, float]]:
    """Names, expiry numbers and strikes of ``count`` options, near the money first."""
    names = []
    for n in range(count):
        expiry, step = n % 4, n // 4
        strike = INDEX + 500.0 * ((step // 2) + 1) * (1 if step % 2 else -1)
        names.append((f"BTC-{EXPIRIES[expiry]}-{strike:g}-{'CP'[step % 2]}", expiry, strike))
    return names


def desk(count: int = 9, account: str = "main") -> dict[str, dict[str, list]]:
    """Tables of one account with ``count`` options, alternately short and long, a perpetual and two balances."""
    chain = options(count)
    names = [name for name, _, _ in chain]
    quantity = [(-1.0 if n % 3 else 2.0) * (1 + n % 5) for n in range(count)]
    iv = [0.5 + 0.2 * abs(np.log(strike / INDEX)) + 0.01 * expiry for _, expiry, strike in chain]
    forward = [INDEX * (1 + 0.002 * (1 + expiry)) for _, expiry, _ in chain]
    return {
        "positions": {
            "instrument": ["BTC-PERP", *names],
            "quantity": [1.5, *quantity],
            "entry_price": [98_000.0, *[None] * count],
            "account": [account] * (count + 1),
        },
        "balances": {"asset": ["USDC", "BTC"], "amount": [250_000.0, 2.0], "account": [account] * 2},
        "instruments": {
            "instrument": ["BTC-PERP", *names],
            "mark": [100_050.0, *[None] * count],
            "iv": [None, *iv],
            "forward": [None, *forward],
            "rate": [None, *[0.04] * count],
            "index": [INDEX] * (count + 1),
        },
        "assets": {"asset": ["USDC", "BTC"], "price": [1.0, INDEX]},
    }


def book(count: int = 9) -> tuple[xm.Book, xm.Market]:
    """The desk as a book and a market."""
    return xm.tables(**desk(count), as_of=AS_OF)


def venue_book() -> tuple[xm.Book, xm.Market]:
    """One owner's accounts at two venues: options and a perpetual on Derive, perpetuals on Binance."""
    instruments = {
        "instrument": ["BTC-PERP", "BTC-20261225-100500-C", "BTCUSDT", "ETHUSDT"],
        "kind": ["perp", "option", "perp", "perp"],
        "underlying": ["BTC", "BTC", "BTC", "ETH"],
        "settle": ["USDC", "USDC", "USDT", "USDT"],
        "mark": [INDEX, None, 100_010.0, 4_000.0],
        "index": [INDEX, INDEX, INDEX, 4_000.0],
        "iv": [None, 0.5, None, None],
        "forward": [None, 100_800.0, None, None],
        "rate": [None, 0.04, None, None],
    }
    positions = {
        "instrument": ["BTC-PERP", "BTC-20261225-100500-C", "BTCUSDT", "ETHUSDT", "BTCUSDT"],
        "quantity": [3.0, -4.0, -2.5, 40.0, 6.0],
        "entry_price": [99_000.0, None, 100_500.0, 3_900.0, 101_000.0],
        "account": ["derive desk", "derive desk", "binance desk", "binance desk", "binance second"],
        "leverage": [None, None, 20.0, 20.0, 20.0],
    }
    names = ["derive desk", "binance desk", "binance second"]
    balances = {"asset": ["USDC", "USDT", "USDT"], "amount": [60_000.0, 90_000.0, 40_000.0], "account": names}
    accounts = {"account": names, "venue": ["derive", "binance.usdm", "binance.usdm"], "owner": ["fund"] * 3}
    assets = {"asset": ["USDC", "USDT", "BTC", "ETH"], "price": [1.0, 1.0, INDEX, 4_000.0]}
    return xm.tables(positions, balances, instruments, assets, accounts=accounts, as_of=AS_OF)

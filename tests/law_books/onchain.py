"""Books of the on-chain venues: perpetuals with orders, options where listed, supplied and borrowed balances."""

from functools import partial

AS_OF = 1_790_000_000
SPOT = {"BTC": 83_500.0, "ETH": 2_600.0, "SOL": 150.0, "HYPE": 44.0}
EXPIRY = "2026-12-25T08:00:00Z"


def perpetual(coin, rng, settle="USDC"):
    row = {"kind": "perp", "underlying": coin, "settle": settle, "quote": "USD", "index": SPOT[coin], "as_of": AS_OF}
    mark = round(SPOT[coin] * float(rng.uniform(0.99, 1.01)), 4)
    return {"instrument": f"{coin}-USD-PERP", "mark": mark, "funding_rate": 0.0001, "open_interest": 1e4, **row}


def options(coin, rng):
    for moneyness in (0.9, 1.0, 1.2):
        for kind in "CP":
            strike = round(SPOT[coin] * moneyness)
            row = {"kind": "option", "underlying": coin, "settle": "USDC", "quote": "USD", "as_of": AS_OF}
            row |= {"index": SPOT[coin], "expiry": EXPIRY, "strike": strike, "option_type": kind, "rate": 0.0}
            iv = float(rng.uniform(0.3, 0.9))
            yield {"instrument": f"{coin}-{strike}-{kind}", "mark": SPOT[coin] * 0.05, "iv": iv, **row}


def holdings(rng, accounts, instruments, with_orders):
    positions, orders = [], []
    for a in range(accounts):
        for i in instruments:
            spot, own = i["index"], {"instrument": i["instrument"], "account": f"a{a}"}
            if rng.random() < 0.6:
                entry = round(i["mark"] * float(rng.uniform(0.9, 1.1)), 4)
                quantity = round(float(rng.normal()) * 100_000 / spot, 4) or 1.0
                positions.append({"quantity": quantity, "entry_price": entry, **own})
            if with_orders and rng.random() < 0.4:
                size = round(float(rng.normal()) * 50_000 / spot, 4) or 1.0
                orders.append({"quantity": size, "limit_price": round(i["mark"], 4), **own})
    return {"positions": positions} | ({"orders": orders} if orders else {})


def trading(coins, listed, cash, tokens, rng, accounts):
    """Tables of a venue that lists perpetuals (and options) on ``coins`` and takes ``cash`` and other ``tokens``."""
    instruments = []
    for coin in coins:
        instruments += [perpetual(coin, rng, cash)] if "perp" in listed else []
        instruments += list(options(coin, rng)) if "option" in listed else []
    balances = [
        {"asset": asset, "amount": round(float(rng.uniform(0, 1e5 / price)), 6), "account": f"a{a}"}
        for a in range(accounts)
        for asset, price in {cash: 1.0, **tokens}.items()
    ]
    return {
        "instruments": instruments,
        **holdings(rng, accounts, instruments, "orders" in listed),
        "balances": balances,
        "assets": [{"asset": asset, "price": price} for asset, price in {cash: 1.0, **tokens}.items()],
    }


def lending(supplied, borrowed, rng, accounts):
    """Tables of a lending market: ``supplied`` tokens against a debt in ``borrowed``, by price."""
    balances = []
    for a in range(accounts):
        for kind, tokens in (("supplied", supplied), ("loan", borrowed)):
            for asset, price in tokens.items():
                amount = round(float(rng.uniform(0, 1e5 / price)), 6)
                balances.append({"asset": asset, "amount": amount, "kind": kind, "account": f"a{a}"})
    prices = {**supplied, **borrowed}
    instruments = [perpetual("BTC", rng)]
    assets = [{"asset": asset, "price": price} for asset, price in prices.items()]
    return {"instruments": instruments, "balances": balances, "assets": assets}


def borrowing(rng, accounts):
    """Perpetuals beside borrowed USDC and supplied HYPE."""
    tables = trading(("BTC", "ETH"), ("perp",), "USDC", {"HYPE": 44.0}, rng, accounts)
    loans = [{"asset": "USDC", "amount": 1000.0 * (a + 1), "kind": "loan", "account": f"a{a}"} for a in range(accounts)]
    return tables | {"balances": tables["balances"] + loans}


BY_MODEL = {
    "hyperliquid.cross": partial(trading, ("BTC", "ETH", "SOL"), ("perp", "orders"), "USDC", {}),
    "hyperliquid.portfolio": borrowing,
    "dydx.cross": partial(trading, ("BTC", "ETH", "SOL"), ("perp", "orders"), "USDC", {}),
    "drift.cross": partial(trading, ("BTC", "ETH", "SOL"), ("perp", "orders"), "USDC", {"SOL": 150.0}),
    "paradex.cross": partial(trading, ("BTC", "ETH", "HYPE"), ("perp", "option", "orders"), "USDC", {"ETH": 2600.0}),
    "paradex.portfolio": partial(trading, ("BTC", "ETH"), ("perp", "option", "orders"), "USDC", {"BTC": 83500.0}),
    "synthetix.v3": partial(trading, ("BTC", "ETH"), ("perp",), "snxUSD", {}),
    "aevo.portfolio": partial(trading, ("ETH",), ("option",), "USDC", {"ETH": 2600.0}),
    "aave.v3": partial(lending, {"WETH": 2600.0, "WBTC": 83500.0}, {"USDC": 1.0, "DAI": 0.9998}),
    "compound.v3": partial(lending, {"WETH": 2600.0, "LINK": 20.0}, {"USDC": 1.0}),
}
MODELS = tuple(BY_MODEL)

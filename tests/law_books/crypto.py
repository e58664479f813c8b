"""Books of perpetuals for the centralised venues, cross margin."""

from collections.abc import Callable
from typing import Any

AS_OF = "2026-11-01"
SPOT = {"BTC": 83_500.0, "ETH": 2_600.0, "SOL": 130.0}
VENUES: dict[str, dict[str, Any]] = {
    "binance.usdm": {"names": "{}USDT", "settle": "USDT"},
    "binance.coinm": {"names": "{}USD_PERP", "settle": "BTC", "coins": ("BTC",), "size": 100.0, "quote": "USD"},
    "binance.portfolio": {"names": "{}USDT", "settle": "USDT", "assets": {"collateral_rate": 0.9}},
    "bybit.cross": {"names": "{}USDT", "settle": "USDT", "coins": ("BTC",)},
    "bybit.portfolio": {"names": "{}USDT", "settle": "USDT", "coins": ("BTC",)},
    "okx.cross": {"names": "{}-USDT-SWAP", "settle": "USDT", "coins": ("BTC",), "size": 0.01},
    "okx.portfolio": {"names": "{}-USDT-SWAP", "settle": "USDT", "size": 0.01},
}
MODELS = tuple(VENUES)


def tables(rng, accounts, model="binance.usdm"):
    """Accounts with a few positions each and a wallet; marks are the same for all."""
    own = VENUES[model]
    coins = own.get("coins", tuple(SPOT))
    instruments = []
    for coin in coins:
        row = {"instrument": own["names"].format(coin), "mark": SPOT[coin], "index": SPOT[coin], "as_of": AS_OF}
        row |= {"kind": "perp", "underlying": coin, "settle": own["settle"], "quote": own.get("quote", own["settle"])}
        instruments.append(row | {"contract_size": own.get("size", 1.0)})
    positions, balances = [], []
    for a in range(accounts):
        count = int(rng.integers(1, len(instruments) + 1))
        for n in rng.choice(len(instruments), size=count, replace=False):
            chosen = instruments[n]
            unit = chosen["mark"] * chosen["contract_size"]
            quantity = float(rng.normal() * 20_000 / (unit if own["settle"] != "BTC" else 100))
            quantity = round(quantity, 3) or 0.001
            row = {"instrument": chosen["instrument"], "quantity": quantity, "account": f"a{a}"}
            row |= {"entry_price": chosen["mark"] * float(rng.uniform(0.98, 1.02)), "leverage": 5.0}
            positions.append(row)
        balances.append({"asset": own["settle"], "amount": float(round(rng.uniform(5e3, 5e4), 2)), "account": f"a{a}"})
    if own["settle"] == "BTC":
        balances = [b | {"amount": b["amount"] / 1e4} for b in balances]
    assets = [{"asset": own["settle"], "price": 83_500.0 if own["settle"] == "BTC" else 1.0, **own.get("assets", {})}]
    return {"instruments": instruments, "positions": positions, "balances": balances, "assets": assets}


def of(model: str) -> Callable[..., Any]:
    """The generator of one venue."""
    return lambda rng, accounts: tables(rng, accounts, model)


BY_MODEL = {model: of(model) for model in VENUES}

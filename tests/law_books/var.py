"""Books for models over a price history: linear, inverse and option contracts on two coins, half a year of prices."""

import numpy as np

MODELS = ("var.fhs", "var.ewma")
AS_OF = 1_790_000_000
SPOT = {"BTC": 83_500.0, "ETH": 2_600.0}
DAYS = 200


def history(rng):
    dates = AS_OF - 86_400.0 * np.arange(DAYS, -1, -1)
    table = [{"date": float(d)} for d in dates]
    for coin, spot in SPOT.items():
        path = np.exp(np.cumsum(rng.standard_t(4, DAYS + 1) * 0.02))
        for row, price in zip(table, path / path[-1] * spot, strict=True):
            row[coin] = float(price)
    return table


def tables(rng, accounts):
    instruments = []
    for coin, spot in SPOT.items():
        common = {"index": spot, "forward": spot * 1.01, "as_of": AS_OF}
        for name in (f"{coin}-PERPETUAL", f"{coin}_USDC-PERPETUAL"):
            instruments.append({"instrument": name, "mark": spot * float(rng.uniform(0.99, 1.01)), **common})
        for moneyness in (0.8, 1.0, 1.3):
            name = f"{coin}-25DEC26-{round(spot * moneyness, -2):.0f}-{'CP'[moneyness < 1]}"
            instruments.append({"instrument": name, "mark": 0.05, "iv": float(rng.uniform(0.3, 0.9)), **common})
    positions, balances = [], []
    for a in range(accounts):
        names = [i["instrument"] for i in instruments]
        for name in rng.choice(names, size=int(rng.integers(1, 6)), replace=False):
            coins = name.endswith(("C", "P")) or "USDC" in name
            quantity = float(rng.normal()) * (3 if coins else 100_000)
            entry = SPOT[name[:3]] * float(rng.uniform(0.95, 1.05)) if not name.endswith(("-C", "-P")) else None
            positions.append({"instrument": name, "quantity": quantity, "account": f"a{a}", "entry_price": entry})
        balances.append({"asset": "USDC", "amount": float(rng.uniform(0, 5)), "account": f"a{a}"})
    assets = [{"asset": c, "price": p} for c, p in SPOT.items()] + [{"asset": "USDC", "price": 1.0}]
    return {
        "instruments": instruments,
        "positions": positions,
        "balances": balances,
        "assets": assets,
        "history": history(rng),
    }

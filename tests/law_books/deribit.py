"""Books that Deribit's four models take: inverse and USDC contracts, options, coins and stablecoins."""

MODELS = ("deribit.standard", "deribit.portfolio", "deribit.cross_standard", "deribit.cross_portfolio")
AS_OF = 1_790_000_000
SPOT = {"BTC": 83_500.0, "ETH": 2_600.0}


def tables(rng, accounts):
    instruments = []
    for coin, spot in SPOT.items():
        common = {"index": spot, "as_of": AS_OF}
        for name in (f"{coin}-PERPETUAL", f"{coin}-25DEC26", f"{coin}_USDC-PERPETUAL"):
            instruments.append({"instrument": name, "mark": spot * float(rng.uniform(0.99, 1.01)), **common})
        for moneyness in (0.8, 1.0, 1.3):
            for kind in "CP":
                instruments.append(
                    {
                        "instrument": f"{coin}-25DEC26-{round(spot * moneyness, -2):.0f}-{kind}",
                        "mark": float(rng.uniform(0.001, 0.2)),
                        "forward": spot * 1.01,
                        "iv": float(rng.uniform(0.3, 0.9)),
                        **common,
                    }
                )
    positions, balances = [], []
    for a in range(accounts):
        names = [i["instrument"] for i in instruments]
        for name in rng.choice(names, size=int(rng.integers(1, 6)), replace=False):
            coins = name.endswith(("C", "P")) or "USDC" in name
            quantity = float(rng.normal()) * (3 if coins else 100_000)
            entry = SPOT[name[:3]] * float(rng.uniform(0.95, 1.05)) if not name.endswith(("-C", "-P")) else None
            positions.append({"instrument": name, "quantity": quantity, "account": f"a{a}", "entry_price": entry})
        for asset in ("BTC", "USDC"):
            balances.append({"asset": asset, "amount": float(rng.uniform(0, 5)), "account": f"a{a}"})
    assets = [{"asset": c, "price": p} for c, p in SPOT.items()] + [{"asset": "USDC", "price": 1.0}]
    return {"instruments": instruments, "positions": positions, "balances": balances, "assets": assets}

"""Books that both of Derive's managers take: one underlying an account, options, a perpetual, cash and collateral."""

MODELS = ("derive.portfolio", "derive.standard")
AS_OF = 1_790_000_000
SPOT = {"BTC": 83_500.0, "ETH": 2_600.0, "HYPE": 44.0}


def tables(rng, accounts):
    instruments, positions, balances = [], [], []
    for underlying, spot in SPOT.items():
        common = {"index": spot, "index_confidence": 1.0, "confidence": 0.95, "as_of": AS_OF}
        instruments.append({"instrument": f"{underlying}-PERP", "mark": spot * 1.001, **common})
        for date, forward in (("20261002", 1.002), ("20261225", 1.02)):
            for moneyness in (0.9, 1.0, 1.2):
                for kind in "CP":
                    strike = round(spot * moneyness)
                    instruments.append(
                        {
                            "instrument": f"{underlying}-{date}-{strike}-{kind}",
                            "forward": spot * forward,
                            "iv": 0.3 + float(rng.uniform(0, 0.6)),
                            "rate": 0.04,
                            **common,
                        }
                    )
    for a in range(accounts):
        underlying = list(SPOT)[int(rng.integers(len(SPOT)))]
        names = [i["instrument"] for i in instruments if i["instrument"].startswith(underlying)]
        for name in rng.choice(names, size=int(rng.integers(1, 6)), replace=False):
            quantity = float(rng.normal() * 100_000 / SPOT[underlying])
            entry = SPOT[underlying] * float(rng.uniform(0.9, 1.1)) if name.endswith("PERP") else None
            positions.append({"instrument": name, "quantity": quantity, "account": f"a{a}", "entry_price": entry})
        balances.append({"asset": "USDC", "amount": float(rng.uniform(0, 1e5)), "account": f"a{a}"})
        balances.append({"asset": "USDT", "amount": float(rng.uniform(0, 1e3)), "account": f"a{a}"})
    assets = [{"asset": "USDC", "price": 0.9995}, {"asset": "USDT", "price": 1.0001}]
    return {"instruments": instruments, "positions": positions, "balances": balances, "assets": assets}

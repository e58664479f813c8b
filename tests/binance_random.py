"""Random USD-M books in every mode, and their margins by plain loops over accounts and legs."""

import numpy as np

import xlmargin as xm
from tests.tiered_cases import AS_OF, columns
from xlmargin.tiers import Tiers

SYMBOLS = {"BTCUSDT": 61000.0, "ETHUSDT": 3100.0, "BTCUSDC": 61010.0, "SOLUSDC": 150.0}


def random_book(seed, accounts=40):
    rng = np.random.default_rng(seed)
    positions, orders, balances, settings = [], [], [], []
    for n in range(accounts):
        name, multi = f"a{n}", n % 3 == 0
        settings.append({"account": name, "mode": "multi-assets" if multi else "single-asset", "leverage": 10})
        for symbol in rng.permutation(list(SYMBOLS))[: rng.integers(0, 5)]:
            mark, isolated = SYMBOLS[symbol], (not multi) and rng.random() < 0.3
            quantity = float(rng.normal() * 50_000 / mark)
            legs = (
                [(abs(quantity), "long"), (-abs(quantity) / 2, "short")] if rng.random() < 0.3 else [(quantity, None)]
            )
            for q, side in legs:
                row = {"instrument": symbol, "quantity": q, "side": side, "account": name}
                row |= {"entry_price": mark * float(rng.uniform(0.9, 1.1)), "leverage": float(rng.integers(1, 20))}
                row |= {"margin_mode": "isolated", "posted_margin": 5000.0} if isolated else {}
                positions.append(row)
            for _ in range(rng.integers(0, 3)):
                row = {"instrument": symbol, "quantity": float(rng.normal() * 30_000 / mark), "account": name}
                orders.append(row | {"limit_price": mark * float(rng.uniform(0.95, 1.05)), "side": legs[0][1]})
        for asset in ("USDT", "USDC", "BTC"):
            balances.append(
                {"asset": asset, "amount": float(rng.normal() * {"BTC": 0.2}.get(asset, 20_000)), "account": name}
            )
    tables = {"positions": positions, "orders": orders, "balances": balances, "accounts": settings}
    return xm.tables(
        **{k: columns(v) for k, v in tables.items()},
        instruments={"instrument": list(SYMBOLS), "mark": list(SYMBOLS.values())},
        assets={"asset": ["USDT", "USDC", "BTC"], "price": [0.999, 1.001, 61005.0]},
        as_of=AS_OF,
        venue="binance",
    ), tables


def slow(tables, params):
    """Equity, initial and maintenance margin of each (account, pool) by plain loops."""
    tiers = Tiers.of(params["brackets"])
    price = {"USDT": 0.999, "USDC": 1.001, "BTC": 61005.0}
    multi = {a["account"]: a["mode"] == "multi-assets" for a in tables["accounts"]}
    pools, sums = {}, {}

    def pool(account, name):
        return pools.setdefault((account, name), {"equity": 0.0, "initial": 0.0, "maintenance": 0.0})

    def credit(account, asset, name, amount):
        if multi[account]:
            sums[account, asset] = sums.get((account, asset), 0.0) + amount
            pool(account, "USD")
        else:
            pool(account, name)["equity"] += amount

    for b in tables["balances"]:
        credit(b["account"], b["asset"], b["asset"], b["amount"])
    margin_of = {}
    for p in tables["positions"]:
        asset, mark, account = p["instrument"][3:], SYMBOLS[p["instrument"]], p["account"]
        size = abs(p["quantity"]) * mark
        own = f"{p['instrument']}{' ' + p['side'] if p['side'] else ''} isolated"
        name = own if p.get("margin_mode") == "isolated" else asset
        if name == own:
            credit(account, asset, asset, -p["posted_margin"])
            credit(account, asset, own, p["posted_margin"])
        credit(account, asset, name, p["quantity"] * (mark - p["entry_price"]))
        key = f"{p['instrument'][:3]}/{asset}:{asset}"
        number = int(tiers.find([key])[0])
        brackets = range(tiers.first[number], [*tiers.first[1:], len(tiers.rate) - 1][number])
        k = max(b for b in brackets if tiers.floor[b] <= size)
        rate = price[asset] if multi[account] else 1.0
        where = pool(account, "USD" if multi[account] else name)
        where["maintenance"] += (size * tiers.rate[k] - tiers.cum[k]) * rate
        where["initial"] += size / p["leverage"] * rate
        margin_of[account, p["instrument"], p["side"], name == own] = (p["quantity"] * mark, p["leverage"])
    for account, asset in {(o["account"], o["instrument"]) for o in tables["orders"]}:
        _slow_orders(tables, account, asset, margin_of, multi, price, pool)
    ratio = params["collateral"]
    for (account, asset), amount in sums.items():
        value = amount * price[asset]
        pool(account, "USD")["equity"] += min(value, value * ratio[asset])
    return pools


def _slow_orders(tables, account, symbol, margin_of, multi, price, pool):
    mark, asset = SYMBOLS[symbol], symbol[3:]
    rate = price[asset] if multi[account] else 1.0
    where = pool(account, "USD" if multi[account] else asset)
    for side in (None, "long", "short"):
        mine = [o for o in tables["orders"] if (o["account"], o["instrument"], o["side"]) == (account, symbol, side)]
        held, leverage = margin_of.get((account, symbol, side, False), (0.0, 10))
        buys = sum(o["quantity"] * o["limit_price"] for o in mine if o["quantity"] > 0)
        sells = -sum(o["quantity"] * o["limit_price"] for o in mine if o["quantity"] < 0)
        where["initial"] += (max(abs(held + buys), abs(held - sells)) - abs(held)) / leverage * rate
        where["initial"] += sum(-min(0.0, o["quantity"] * (mark - o["limit_price"])) for o in mine) * rate

"""Random Bybit books and their margins by plain loops over accounts and contracts."""

import numpy as np

import xlmargin as xm
from tests.tiered_cases import AS_OF, columns

MARK = {"BTCUSDT": 100_000.0, "ETHUSDT": 4_000.0, "BTCUSD": 100_100.0}
PRICE = {"USDT": 0.999, "BTC": 100_050.0}
TIERS = {
    "BTC/USDT:USDT": [(0, 0.005), (50_000, 0.01), (200_000, 0.02)],
    "ETH/USDT:USDT": [(0, 0.01), (30_000, 0.02)],
    "BTC/USD:BTC": [(0, 0.005), (1, 0.01)],
}
KEY = {"BTCUSDT": "BTC/USDT:USDT", "ETHUSDT": "ETH/USDT:USDT", "BTCUSD": "BTC/USD:BTC"}
COLLATERAL = {"USDT": [(0, 1.0)], "BTC": [(0, 0.95), (0.5, 0.8)]}
BORROW = {"USDT": [(0, 0.02, 0.1), (10_000, 0.04, 0.2)], "BTC": [(0, 0.03, 0.2)], "other": [(0, 0.04, 0.2)]}
TAKER = 0.00055


def parameters(as_of):
    """bybit.cross with tables of our own."""
    rows = [(k, float(f), r) for k, steps in TIERS.items() for f, r in steps]
    key, floor, rate = zip(*rows, strict=True)
    tiers = {"key": np.array(key, object), "floor": np.array(floor), "rate": np.array(rate)}
    own = {"collateral": {a: [list(t) for t in s] for a, s in COLLATERAL.items()}}
    own |= {"borrow": {a: [list(t) for t in s] for a, s in BORROW.items()}}
    return xm.model("bybit.cross").params(as_of).override("ours", tiers=tiers, **own)


def random_book(seed, accounts=40):
    """(book, market) and the tables that they were made of; a third of the accounts in isolated mode."""
    rng = np.random.default_rng(seed)
    positions, orders, balances, settings = [], [], [], []
    for n in range(accounts):
        name, isolated = f"a{n}", n % 3 == 0
        settings.append({"account": name, "mode": "isolated" if isolated else "cross", "leverage": 10})
        for symbol in rng.permutation(list(MARK))[: rng.integers(0, 4)]:
            scale = 1.0 if symbol == "BTCUSD" else 1.0 / MARK[symbol]
            first, second = (float(x) * 60_000 * scale for x in rng.uniform(0.1, 1, 2))
            legs = [(first * float(rng.choice([-1, 1])), None)]
            if symbol != "BTCUSD" and rng.random() < 0.4:
                legs = [(first, "long"), (-(first if rng.random() < 0.2 else second), "short")]
            for quantity, side in legs:
                row = {"instrument": symbol, "quantity": quantity, "side": side, "account": name}
                row |= {
                    "entry_price": MARK[symbol] * float(rng.uniform(0.95, 1.05)),
                    "leverage": float(rng.integers(2, 20)),
                }
                positions.append(row | ({"margin_mode": "isolated", "posted_margin": 0.5} if isolated else {}))
            if not isolated and len(legs) == 1 and rng.random() < 0.6:
                row = {"instrument": symbol, "quantity": float(rng.normal() * 40_000 * scale), "account": name}
                orders.append(row | {"limit_price": MARK[symbol] * float(rng.uniform(0.97, 1.03))})
        for asset, scale in (("USDT", 20_000), ("BTC", 0.6)):
            balances.append({"asset": asset, "amount": float(rng.normal() * scale), "account": name})
    tables = {"positions": positions, "orders": orders, "balances": balances, "accounts": settings}
    book, market = xm.tables(
        **{k: columns(v) for k, v in tables.items()},
        instruments={"instrument": list(MARK), "mark": list(MARK.values())},
        assets={"asset": list(PRICE), "price": list(PRICE.values())},
        as_of=AS_OF,
        venue="bybit",
    )
    return book, market, tables


def slices(amount, steps):
    """An amount with each slice at its own rate."""
    ends = [*(f for f, _ in steps[1:]), float("inf")]
    return sum(r * max(0.0, min(amount, high) - low) for (low, r), high in zip(steps, ends, strict=True))


def close_fee(size, price, side, leverage, inverse):
    """Fee to close at the bankruptcy price."""
    if inverse:
        return size / price * (1 + side / leverage) * TAKER
    return size * price * (1 - side / leverage) * TAKER


def slow(tables):
    """Equity, initial and maintenance margin by (account, pool)."""
    alone = {a["account"]: a["mode"] == "isolated" for a in tables["accounts"]}
    pools, sums, groups = {}, {}, {}

    def pool(account, name):
        return pools.setdefault((account, name), {"equity": 0.0, "initial": 0.0, "maintenance": 0.0})

    def credit(account, asset, amount):
        if alone[account]:
            pool(account, asset)["equity"] += amount
        else:
            sums[account, asset] = sums.get((account, asset), 0.0) + amount
            pool(account, "USD")

    for b in tables["balances"]:
        credit(b["account"], b["asset"], b["amount"])
    for p in tables["positions"]:
        own = p["side"] if alone[p["account"]] else ""
        groups.setdefault((p["account"], p["instrument"], own), []).append(p)
    for (account, symbol, _), legs in groups.items():
        sizes = {p["quantity"] > 0: abs(p["quantity"]) for p in legs}
        hedged = min(sizes.values()) if len(sizes) == 2 else 0.0
        for p in legs:
            _leg(p, legs, hedged, account, symbol, alone[account], pool, credit)
    for o in tables["orders"]:
        _order(o, groups, pool, PRICE["BTC" if o["instrument"] == "BTCUSD" else "USDT"])
    for (account, asset), amount in sums.items():
        where = pool(account, "USD")
        if amount >= 0:
            where["equity"] += slices(amount, COLLATERAL[asset]) * PRICE[asset]
            continue
        _, mmr, imr = [s for s in BORROW[asset] if s[0] < -amount][-1]
        owed = -amount * PRICE[asset]
        where["equity"] -= owed
        where["maintenance"] += owed * mmr
        where["initial"] += owed * imr
    return pools


def _leg(p, legs, hedged, account, symbol, isolated, pool, credit):
    inverse, mark, entry = symbol == "BTCUSD", MARK[symbol], p["entry_price"]
    asset, size, side = "BTC" if inverse else "USDT", abs(p["quantity"]), 1 if p["quantity"] > 0 else -1
    rate = 1.0 if isolated else PRICE[asset]
    where = pool(account, f"{symbol}{' ' + p['side'] if p['side'] else ''} isolated" if isolated else "USD")
    if isolated:
        credit(account, asset, -p["posted_margin"])
        where["equity"] += p["posted_margin"]
    result = p["quantity"] * (1 / entry - 1 / mark) if inverse else p["quantity"] * (mark - entry)
    where["equity"] += result * rate
    fee = close_fee(size + hedged, entry, side, p["leverage"], inverse)
    where["initial"] += fee * rate
    where["maintenance"] += fee * rate
    others = [abs(q["quantity"]) for q in legs if q is not p]
    smaller = hedged > 0 and (size < others[0] or (size == others[0] and side > 0))
    if smaller:
        return
    worth = (size / (entry if isolated else mark)) if inverse else size * (entry if isolated else mark)
    naked = (size - hedged) / mark if inverse else (size - hedged) * mark
    where["initial"] += worth / p["leverage"] * rate
    where["maintenance"] += slices(naked, TIERS[KEY[symbol]]) * rate


def _order(o, groups, pool, rate):
    symbol, quantity, price = o["instrument"], o["quantity"], o["limit_price"]
    inverse, mark = symbol == "BTCUSD", MARK[symbol]
    held = groups.get((o["account"], symbol, ""), [])
    leverage = held[0]["leverage"] if held else 10
    own = held[0]["quantity"] if held else 0.0
    position = own / mark if inverse else own * mark
    value = quantity / price if inverse else quantity * price
    extra = max(abs(position), abs(position + value)) - abs(position)
    where = pool(o["account"], "USD")
    where["initial"] += extra / leverage * rate
    where["initial"] += (
        close_fee(abs(quantity) * extra / abs(value), price, np.sign(quantity), leverage, inverse) * rate
    )
    lost = quantity * (1 / price - 1 / mark) if inverse else quantity * (mark - price)
    where["equity"] += min(0.0, lost) * rate

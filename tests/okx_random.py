"""Random OKX books and their margins by plain loops over accounts and legs."""

import numpy as np

import xlmargin as xm
from tests.tiered_cases import AS_OF, columns, table

MARK = {"BTC-USDT-SWAP": 100_000.0, "ETH-USDT-SWAP": 4_000.0, "SOL-USD-SWAP": 200.0}
SIZE = {"BTC-USDT-SWAP": 0.01, "ETH-USDT-SWAP": 0.1, "SOL-USD-SWAP": 1.0}
PRICE = {"USDT": 0.999, "SOL": 200.5, "BTC": 100_050.0}
TIERS = {
    "BTC-USDT-SWAP": [(0, 0.004), (1000, 0.01), (5000, 0.02)],
    "ETH-USDT-SWAP": [(0, 0.005), (2000, 0.015)],
    "SOL-USD-SWAP": [(0, 0.01), (1000, 0.015), (2500, 0.02)],
}
DISCOUNT = {"USDT": [(0, 1.0)], "SOL": [(0, 0.9), (100, 0.6), (400, 0.0)], "BTC": [(0, 0.98), (0.5, 0.9)]}
BORROW = {"USDT": [(0, 0.02, 0.1), (20_000, 0.04, 0.2)], "SOL": [(0, 0.05, 0.3)], "BTC": [(0, 0.03, 0.2)]}


def parameters(as_of):
    """okx.cross with tables of our own."""
    rows = [(f"SWAP {n.removesuffix('-SWAP')}", float(f), r) for n, steps in TIERS.items() for f, r in steps]
    own = {"discount": {a: [list(t) for t in s] for a, s in DISCOUNT.items()}}
    own |= {"borrow": {a: [list(t) for t in s] for a, s in BORROW.items()}}
    return xm.model("okx.cross").params(as_of).override("ours", tiers=table(rows), discount_usd={}, **own)


def random_book(seed, accounts=40, isolated=True):
    """(book, market) and the tables that they were made of."""
    rng = np.random.default_rng(seed)
    positions, balances, settings = [], [], []
    for n in range(accounts):
        name, single = f"a{n}", n % 3 == 0
        settings.append({"account": name, "mode": "single-currency" if single else "multi-currency"})
        for symbol in rng.permutation(list(MARK))[: rng.integers(0, 4)]:
            row = {"instrument": symbol, "quantity": float(rng.integers(-3000, 3000) or 1), "account": name}
            row |= {
                "entry_price": MARK[symbol] * float(rng.uniform(0.95, 1.05)),
                "leverage": float(rng.integers(1, 10)),
            }
            if isolated and rng.random() < 0.3:
                row |= {"margin_mode": "isolated", "posted_margin": 50.0}
            positions.append(row)
        for asset, scale in (("USDT", 20_000), ("SOL", 300), ("BTC", 0.6)):
            balances.append({"asset": asset, "amount": float(rng.normal() * scale), "account": name})
    tables = {"positions": positions, "balances": balances, "accounts": settings}
    marks = list(MARK.values())
    contracts = {"instrument": list(MARK), "mark": marks, "index": marks, "contract_size": list(SIZE.values())}
    book, market = xm.tables(
        **{k: columns(v) for k, v in tables.items()},
        instruments=contracts,
        assets={"asset": list(PRICE), "price": list(PRICE.values())},
        as_of=AS_OF,
        venue="okx",
    )
    return book, market, tables


def slices(amount, steps):
    """An amount with each slice at its own rate."""
    ends = [*(f for f, _ in steps[1:]), float("inf")]
    return sum(r * max(0.0, min(amount, high) - low) for (low, r), high in zip(steps, ends, strict=True))


def holding(size, steps):
    """The last step that begins below ``size``: a size on a step's end belongs to it."""
    return [s for s in steps if s[0] < size or s[0] == 0][-1]


def slow(tables, taker=0.0005, loan_fee=0.0015):
    """Equity, initial and maintenance margin by (account, pool)."""
    single = {a["account"]: a["mode"] == "single-currency" for a in tables["accounts"]}
    pools, sums = {}, {}

    def pool(account, name):
        return pools.setdefault((account, name), {"equity": 0.0, "initial": 0.0, "maintenance": 0.0})

    def credit(account, asset, amount):
        if single[account]:
            pool(account, asset)["equity"] += amount
        else:
            sums[account, asset] = sums.get((account, asset), 0.0) + amount
            pool(account, "USD")

    for b in tables["balances"]:
        credit(b["account"], b["asset"], b["amount"])
    for p in tables["positions"]:
        symbol, account, mark = p["instrument"], p["account"], MARK[p["instrument"]]
        inverse, size = symbol == "SOL-USD-SWAP", p["quantity"] * SIZE[p["instrument"]]
        asset = "SOL" if inverse else "USDT"
        result = size * (1 / p["entry_price"] - 1 / mark) if inverse else size * (mark - p["entry_price"])
        value = abs(size / mark if inverse else size * mark)
        isolated = p.get("margin_mode") == "isolated"
        where = pool(account, f"{symbol} isolated" if isolated else asset if single[account] else "USD")
        rate = 1.0 if isolated or single[account] else PRICE[asset]
        if isolated:
            credit(account, asset, -50.0)
            where["equity"] += 50.0 + result
        else:
            credit(account, asset, result)
        where["maintenance"] += value * (holding(abs(p["quantity"]), TIERS[symbol])[1] + taker) * rate
        base = abs(size) / p["entry_price"] if isolated and inverse else value
        where["initial"] += base / p["leverage"] * rate
    for (account, asset), amount in sums.items():
        where = pool(account, "USD")
        if amount >= 0:
            where["equity"] += slices(amount, DISCOUNT[asset]) * PRICE[asset]
            continue
        _, mmr, imr = holding(-amount, BORROW[asset])
        owed = -amount * PRICE[asset]
        where["equity"] -= owed
        where["maintenance"] += owed * mmr + owed * (1 + mmr) * loan_fee
        where["initial"] += owed * imr
    return pools

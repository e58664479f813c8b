"""CRIF tables that SIMM and the schedule take: all risk classes, add-ons, two regulations, a schedule trade or two."""

MODELS = ("simm", "schedule.im")
AS_OF = "2026-11-25"
TENORS = ("2w", "1y", "5y", "30y")
FACTORS = (
    *(
        ("RatesFX", "Risk_IRCurve", c, "", t, s)
        for c in ("USD", "JPY", "BRL")
        for t in TENORS
        for s in ("OIS", "Libor3m")
    ),
    *(("RatesFX", kind, c, "", "", "") for kind in ("Risk_Inflation", "Risk_XCcyBasis") for c in ("USD", "BRL")),
    *(("RatesFX", kind, "USD", "", t, "") for kind in ("Risk_IRVol", "Risk_InflationVol") for t in TENORS),
    *(("RatesFX", "Risk_FX", c, "", "", "") for c in ("USD", "EUR", "TRY", "ARS")),
    *(("RatesFX", "Risk_FXVol", p, "", t, "") for p in ("EURUSD", "TRYUSD") for t in TENORS),
    *(
        ("Credit", "Risk_CreditQ", n, b, "5y", "USD")
        for n, b in (("A", "1"), ("B", "1"), ("C", "7"), ("D", "Residual"))
    ),
    *(("Credit", "Risk_CreditVol", "A", "1", t, "USD") for t in ("1y", "10y")),
    *(("Credit", "Risk_CreditNonQ", n, "1", "5y", g) for n, g in (("T1", "CMBX"), ("T2", "CMBX"), ("T3", "ABX"))),
    *(("Credit", "Risk_BaseCorr", n, "", "", "") for n in ("CDX IG", "iTraxx Main")),
    *(("Equity", "Risk_Equity", f"E{b}{n}", b, "", "") for b in ("1", "8", "11", "Residual") for n in "xy"),
    *(("Equity", "Risk_EquityVol", "V", b, t, "") for b in ("5", "12") for t in TENORS),
    *(("Commodity", "Risk_Commodity", f"C{b}", b, "", "") for b in ("2", "16", "17")),
    *(("Commodity", "Risk_CommodityVol", "C2", "2", t, "") for t in TENORS),
)
TERMS = (
    ("", "Param_ProductClassMultiplier", "RatesFX", 1.25),
    ("", "Param_AddOnNotionalFactor", "exotics", 5.0),
    ("", "Notional", "exotics", 2e7),
    ("", "Param_AddOnFixedAmount", "", 1e6),
)


def tables(rng, accounts):
    crif, terms = [], []
    for a in range(accounts):
        for n in rng.choice(len(FACTORS), size=int(rng.integers(1, 12)), replace=False):
            names = ("product_class", "risk_type", "qualifier", "bucket", "label1", "label2")
            crif.append(
                dict(zip(names, FACTORS[n], strict=True))
                | {
                    "account": f"a{a}",
                    "amount_usd": float(rng.normal()) * 10 ** float(rng.uniform(3, 8)),
                    "collect_regulations": str(rng.choice(["", "ESA", "USPR,ESA"])),
                }
            )
        for t in range(int(rng.integers(0, 4))):
            grid = {"account": f"a{a}", "trade_id": f"t{t}", "im_model": "Schedule", "end_date": "2030-06-30"}
            grid["product_class"] = str(rng.choice(["Rates", "Credit", "FX", "Other"]))
            for kind, scale in (("Notional", 1e6), ("PV", 1e4)):
                crif.append(grid | {"risk_type": kind, "amount_usd": float(rng.normal()) * scale})
        for n in rng.choice(len(TERMS), size=int(rng.integers(0, 4)), replace=False):
            product, kind, qualifier, amount = TERMS[n]
            terms.append(
                {
                    "account": f"a{a}",
                    "product_class": product,
                    "risk_type": kind,
                    "qualifier": qualifier,
                    "amount_usd": amount,
                }
            )
    balances = [{"asset": "USD", "amount": float(rng.uniform(0, 1e8)), "account": f"a{a}"} for a in range(accounts)]
    dated = [{"instrument": "BTC-PERP", "mark": 1.0, "index": 1.0, "as_of": AS_OF}]
    return {"crif": crif, "terms": terms, "balances": balances, "instruments": dated}

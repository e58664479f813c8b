"""SIMM 2.6 of a CRIF file by another program, run by that program's own interpreter; prints one line of JSON.

    python simm_peer.py ore|quantark crif.csv

Needs nothing of xlmargin: the peers live in environments of their own.
"""

import csv
import json
import sys
import time
from io import StringIO

TAB_HEADERS = ("ProductClass", "RiskType", "Qualifier", "Bucket", "Label1", "Label2")


def ore(rows):
    """open-source-risk-engine: its CRIF loader from text, then its SimmCalculator (which does call and post)."""
    import ORE

    mapper = ORE.SimmBucketMapperBase()
    configuration = ORE.SimmConfiguration_ISDA_V2_6(mapper, 10)
    kinds = {r["RiskType"]: getattr(ORE.CrifRecord, r["RiskType"].replace("Risk_", "RiskType_"), None) for r in rows}
    for kind, name, bucket in {(r["RiskType"], r["Qualifier"], r["Bucket"]) for r in rows if r["Bucket"]}:
        if kind not in ("Risk_IRCurve", "Risk_IRVol"):
            mapper.addMapping(kinds[kind], name, bucket)
    lines = ["\t".join(("TradeID", "PortfolioID", *TAB_HEADERS, "AmountCurrency", "Amount", "AmountUSD"))]
    for i, r in enumerate(rows):
        amount = r["AmountUSD"]
        lines.append("\t".join((f"T{i}", r["PortfolioID"], *(r[h] for h in TAB_HEADERS), "USD", amount, amount)))
    text = "\n".join(lines) + "\n"
    crif = ORE.Crif()
    crif.setCsvLoaderConfig(configuration)
    start = time.perf_counter()
    crif.fromCSVString(text)
    loaded = time.perf_counter()
    made = ORE.SimmCalculator(crif, configuration)
    done = time.perf_counter()
    every = (ORE.CrifRecord.ProductClass_All, ORE.SimmConfiguration.RiskClass_All, ORE.SimmConfiguration.MarginType_All)
    total = 0.0
    for name in {r["PortfolioID"] for r in rows}:
        result = made.finalSimmResults(ORE.SimmConfiguration.SimmSide_Call, ORE.NettingSetDetails(name))
        total += result.second.get(*every, "All")
    return loaded - start, done - loaded, total


def quantark(rows):
    """quantark: one call a netting set, as it has none; its CRIF parser from text, then its calculator."""
    from quantark.simm import SIMMConfig, crif_to_sensitivities, parse_crif_csv
    from quantark.simm.engines.aggregation.simm_calculator import SIMMCalculator

    sets = {}
    for i, r in enumerate(rows):
        sets.setdefault(r["PortfolioID"], []).append(
            r | {"TradeID": f"T{i}", "AmountCurrency": "USD", "Amount": r["AmountUSD"]}
        )
    reading = margin = total = 0.0
    for own in sets.values():
        text = StringIO()
        writer = csv.DictWriter(text, list(own[0]))
        writer.writeheader()
        writer.writerows(own)
        text.seek(0)
        start = time.perf_counter()
        records, _ = parse_crif_csv(text)
        held = crif_to_sensitivities(records, "USD")
        read = time.perf_counter()
        total += SIMMCalculator(SIMMConfig()).calculate(held).total_margin
        margin += time.perf_counter() - read
        reading += read - start
    return reading, margin, total


if __name__ == "__main__":
    with open(sys.argv[2], newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    reading, margin, total = {"ore": ore, "quantark": quantark}[sys.argv[1]](table)
    print(json.dumps({"read": reading, "margin": margin, "total": total}))

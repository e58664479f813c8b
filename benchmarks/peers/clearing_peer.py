"""Runs a peer on the same work in an interpreter of its own: ``clearing_peer.py marginism|margin_estimator work.json``.

Prints a JSON line with seconds of each job and what came out.
"""

import json
import sys
import time
from datetime import date, timedelta
from decimal import Decimal


def best(work, times=3):
    found = []
    for _ in range(times):
        start = time.perf_counter()
        result = work()
        found.append(time.perf_counter() - start)
    return min(found), result


def marginism(work):
    """Parse a .spn file and margin every account, one call each."""
    from marginism import Position, SpanCalculator, parse_spn

    reading, _ = best(lambda: parse_spn(work["file"]), 1)
    calculator = SpanCalculator.from_file(work["file"])
    accounts = {
        name: [Position(s, k, quantity=q, expiry=e, strike=x) for s, k, q, e, x in legs]
        for name, legs in work["accounts"].items()
    }
    seconds, results = best(lambda: {n: calculator.calculate(p) for n, p in accounts.items()})
    return {"read": reading, "margin": seconds, "span": {n: r.span_margin for n, r in results.items()}}


def margin_estimator(work):
    """The strategy margin of one book."""
    from margin_estimator import Option, OptionType, Underlying, calculate_margin

    kinds = {"C": OptionType.CALL, "P": OptionType.PUT}
    legs = [
        Option(
            expiration=date.today() + timedelta(days=days),
            type=kinds[right],
            strike=Decimal(str(strike)),
            price=Decimal(str(price)),
            quantity=int(quantity),
        )
        for right, quantity, strike, price, days in work["legs"]
    ]
    underlying = Underlying(price=Decimal(str(work["spot"])))
    seconds, result = best(lambda: calculate_margin(legs, underlying))
    return {"margin": seconds, "requirement": float(result.margin_requirement)}


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as file:
        job = json.load(file)
    print(json.dumps({"marginism": marginism, "margin_estimator": margin_estimator}[sys.argv[1]](job)))

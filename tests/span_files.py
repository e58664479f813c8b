"""Risk parameter files made for tests and benchmarks: futures months and option chains with plausible arrays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from xlmargin.pricing import black76

MOVES = np.array([0, 0, 1, 1, -1, -1, 2, 2, -2, -2, 3, 3, -3, -3, 6, -6]) / 3
VOLS = np.array([1, -1] * 7 + [0, 0])
COVER = np.array([1.0] * 14 + [0.35] * 2)
WEIGHTS = {0: 0.27, 1: 0.217, 2: 0.111, 3: 0.037}
MONTHS = ("20260730", "20260827", "20260924", "20261231")
YEARS = (0.095, 0.17, 0.25, 0.52)
POINTS = "".join(
    f"<scanPointDef><point>{n + 1}</point><weight>{COVER[n]}</weight><pairedPoint>{pair}</pairedPoint></scanPointDef>"
    for n, pair in enumerate((2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 15, 16))
)


def future_array(price: float, scan: float) -> np.ndarray:
    """Losses of one long future."""
    return 0.0 - MOVES * price * scan * COVER


def option_arrays(price: float, strikes: np.ndarray, years: float, call: bool, scan: float) -> tuple[np.ndarray, ...]:
    """Prices (K,), loss arrays (K, 16) and composite deltas (K,) of options at 20 % volatility."""
    k = strikes[:, None]
    now = black76(price, k, 0.2 * np.sqrt(years), call)
    later = black76(price * (1 + MOVES * scan), k, (0.2 + 0.04 * VOLS) * np.sqrt(years - 1 / 365), call)
    step = np.arange(-3, 4)
    bump = [black76(price * (1 + step * scan / 3 + e), k, 0.2 * np.sqrt(years), call) for e in (1e-4, -1e-4)]
    weight = np.array([WEIGHTS[abs(s)] for s in step])
    delta = ((bump[0] - bump[1]) / (2e-4 * price)) @ weight
    return now[:, 0], (now - later) * COVER, delta


def spn(scopes: int, strikes: int, months: int = 4, pretty: bool = True, between: bool = True) -> Iterator[str]:
    """An NSE-like .spn in pieces: ``scopes`` underlyings, each with futures and options at ``strikes`` strikes.

    ``pretty`` puts every contract on a line of its own; ``between`` adds spreads between neighbouring underlyings.
    """
    yield '<?xml version="1.0"?>\n<spanFile><fileFormat>4.00</fileFormat><created>202606250000</created>\n'
    yield "<pointInTime><date>20260625</date><isSetl>0</isSetl><setlQualifier>i01</setlQualifier>\n"
    yield f"<clearingOrg><ec>TESTCO</ec><name>Made up</name><pointDef><r>1</r>{POINTS}</pointDef>\n"
    yield "<exchange><exch>TST</exch>\n"
    end = "\n" if pretty else ""
    for u in range(scopes):
        yield from _products(u, f"STOCK{u:03d}", 1000.0 + 10 * u, strikes, months, end)
    yield "</exchange>\n"
    for u in range(scopes):
        yield _commodity(u, f"STOCK{u:03d}", 1000.0 + 10 * u, months)
    yield _inter(scopes if between else 0)
    yield "</clearingOrg></pointInTime></spanFile>\n"


def _a(values: np.ndarray) -> str:
    return "".join(f"<a>{v:.2f}</a>" for v in values)


def _products(u: int, code: str, price: float, strikes: int, months: int, end: str) -> Iterator[str]:
    head = f"<pfCode>{code}</pfCode><name>{code}</name><currency>INR</currency><cvf>1</cvf>"
    spot = f"<phy><cId>1</cId><pe>000000</pe><p>{price}</p><cvf>1</cvf></phy>"
    yield f"<phyPf><pfId>{3 * u + 1}</pfId>{head}{spot}</phyPf>{end}"
    yield f"<futPf><pfId>{3 * u + 2}</pfId>{head}{end}"
    for m in range(months):
        own = price * (1 + 0.06 * YEARS[m])
        yield (
            f"<fut><cId>{m + 1}</cId><pe>{MONTHS[m]}</pe><p>{own:.2f}</p><d>1</d><v>0</v><cvf>1</cvf><sc>1</sc>"
            f"<setlDate>{MONTHS[m]}</setlDate><t>{YEARS[m]}</t>"
            f"<scanRate><r>1</r><priceScan>{own * 0.15:.2f}</priceScan><volScan>0.04</volScan></scanRate>"
            f"<ra><r>1</r>{_a(future_array(own, 0.15))}<d>1.0</d></ra></fut>{end}"
        )
    yield f"</futPf><oopPf><pfId>{3 * u + 3}</pfId>{head}<exercise>EURO</exercise><valueMeth>EQTY</valueMeth>"
    yield f"<undPf><exch>TST</exch><pfId>{3 * u + 1}</pfId><pfCode>{code}</pfCode><pfType>PHY</pfType></undPf>{end}"
    ladder = np.linspace(0.7 * price, 1.3 * price, strikes).round(2)
    for m in range(months):
        yield f"<series><pe>{MONTHS[m]}</pe><v>0.2</v><setlDate>{MONTHS[m]}</setlDate><t>{YEARS[m]}</t>"
        yield f"<cvf>1</cvf><sc>1</sc>{end}"
        for right in "CP":
            now, arrays, delta = option_arrays(price, ladder, YEARS[m], right == "C", 0.15)
            for i, k in enumerate(ladder):
                yield (
                    f"<opt><cId>{m * 10000 + i}</cId><o>{right}</o><k>{k:.2f}</k><p>{now[i]:.2f}</p><pq>1</pq>"
                    f"<d>{delta[i]:.4f}</d><v>0.2</v><val>{now[i]:.2f}</val><cvf>1</cvf><svf>1</svf><sc>1</sc>"
                    f"<ra><r>1</r>{_a(arrays[i])}<d>{delta[i]:.4f}</d></ra></opt>{end}"
                )
        yield f"</series>{end}"
    yield f"</oopPf>{end}"


def _commodity(u: int, code: str, price: float, months: int) -> str:
    links = "".join(
        f"<pfLink><exch>TST</exch><pfId>{3 * u + n}</pfId><pfCode>{code}</pfCode><pfType>{t}</pfType></pfLink>"
        for n, t in ((2, "FUT"), (3, "OOP"))
    )
    pairs = [(i, j) for i in range(months) for j in range(i + 1, months)]
    spreads = "".join(
        f"<dSpread><spread>{n + 1}</spread><chargeMeth>F</chargeMeth>"
        f"<rate><r>1</r><val>{price * 0.022:.2f}</val></rate>"
        f"<pLeg><cc>{code}</cc><pe>{MONTHS[i]}</pe><rs>A</rs><i>1</i></pLeg>"
        f"<pLeg><cc>{code}</cc><pe>{MONTHS[j]}</pe><rs>B</rs><i>1</i></pLeg></dSpread>"
        for n, (i, j) in enumerate(pairs)
    )
    return (
        f"<ccDef><cc>{code}</cc><name>{code}</name><currency>INR</currency><riskExponent>0</riskExponent>"
        f"<wfprMeth>NORMAL</wfprMeth><somMeth>GROSS</somMeth>{links}"
        f"<somTiers><tier><tn>1</tn><rate><r>1</r><val>{price * 0.01:.2f}</val></rate></tier></somTiers>"
        f"{spreads}</ccDef>\n"
    )


def _inter(scopes: int) -> str:
    spreads = "".join(
        f"<dSpread><spread>{u + 1}</spread><rate><r>1</r><val>70</val></rate>"
        f"<tLeg><cc>STOCK{u:03d}</cc><rs>A</rs><i>1</i></tLeg>"
        f"<tLeg><cc>STOCK{u + 1:03d}</cc><rs>B</rs><i>1</i></tLeg></dSpread>"
        for u in range(scopes - 1)
    )
    return f"<interSpreads>{spreads}</interSpreads>\n"


def write(path: Path, pieces: Iterator[str]) -> Path:
    """Write the pieces of a file; returns its path."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(pieces)
    return path

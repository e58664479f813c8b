"""A small but whole .pa2 file, written by the same byte map that the reader uses."""

from typing import Any

from xlmargin.spanfiles.layout import layout


def line(kind: str, **values: Any) -> str:
    """One record: numbers zero-padded to their width with implied decimals, text left-justified."""
    slots = layout()[kind]
    text = [" "] * max(s.end for s in slots)
    values = {"record_id": kind, **values}
    for slot in slots:
        if slot.field not in values:
            continue
        value, width = values.pop(slot.field), slot.end - slot.start
        if slot.decimals is not None:
            value = f"{round(float(value) * 10**slot.decimals):0{width}d}"
        text[slot.start : slot.end] = str(value).ljust(width)[:width]
    assert not values, values
    return "".join(text).rstrip()


def signed(prefix: str, value: float) -> dict[str, Any]:
    return {prefix: abs(value), f"{prefix}_sign": "-" if value < 0 else "+"}


def arrays(key: dict[str, Any], losses: list[int], delta: float, price: float, wide: bool = False) -> list[str]:
    """The pair of array records of one contract."""
    first, second = ("83", "84") if wide else ("81", "82")
    early = {k: v for n in range(9) for k, v in signed(f"a{n + 1}", losses[n]).items()}
    late = {k: v for n in range(9, 16) for k, v in signed(f"a{n + 1}", losses[n]).items()}
    more = {"implied_vol": 0.25, "strike_sign": "+", **signed("settlement", price), **signed("composite_delta", delta)}
    return [line(first, **key, **early), line(second, **key, **late, **more)]


FUTURE = {"exchange": "CBT", "product_code": "06", "underlying_product_code": "06", "product_type": "FUT", "strike": 0}
LOSSES = [0, 0, -567, -567, 567, 567, -1133, -1133, 1133, 1133, -1700, -1700, 1700, 1700, -1683, 1683]
GAINS = [-v // 2 for v in LOSSES]


OPTION = FUTURE | {"product_type": "OOF", "option_right": "C", "option_month": 202507, "strike": 145}
BEAN = FUTURE | {"product_code": "07", "underlying_product_code": "07"}


def whole() -> list[str]:
    """Two combined commodities: 06 with futures, an option, tiers, both kinds of calendar spread; 07 with a future."""
    return [
        *_opening(),
        *_commodities(),
        *_spreads(),
        *_products(),
        "5 CBT       06    07    ",
        line("6", group_code="ALL", priority=1, credit_rate=60, leg1_exch="CBT", leg1_cc="06", leg1_ratio=1,
             leg1_side="A", leg2_exch="CBT", leg2_cc="07", leg2_ratio=1, leg2_side="B", method="01"),
        *arrays(FUTURE | {"futures_month": 202507}, LOSSES, 1.0, 284100),
        *arrays(FUTURE | {"futures_month": 202508}, LOSSES, 1.0, 285100),
        *arrays(OPTION | {"futures_month": 202507}, GAINS, 0.5, 139100),
        *arrays(BEAN | {"futures_month": 202507}, [v * 100 for v in LOSSES], 1.0, 1_050_000, wide=True),
    ]  # fmt: skip


def _opening() -> list[str]:
    header = {"exchange_complex": "CME", "business_date": 20250620, "settle_or_intraday": "S", "file_format": "U2"}
    return [
        line("0", **header, file_identifier="E", creation_date=20250620, creation_time=1407),
        line("T", from_iso="CLP", from_code="C", to_iso="USD", to_code="$", rate=0.001063),
        line("1", exchange="CBT", exchange_code="01"),
    ]


def _commodities() -> list[str]:
    shared = {"exchange": "CBT", "pb_currency_iso": "USD", "option_margin_style": "P", "p1_type": "FUT"}
    option = {"p2_code": "06", "p2_type": "OOF"}
    return [
        line("2", **shared, combined_commodity="06", risk_exponent=0, p1_code="06", **option),
        line("2", **shared, combined_commodity="07", risk_exponent=1, p1_code="07"),
    ]


def _spreads() -> list[str]:
    """Tiers, spreads of tiers and of series, spot charge and short option minimum of 06."""
    return [
        "3 06    1001202507202507022025082025080320250920250904202510202511  100010001100",
        "C 06    1001020000100011401A021502B",
        "C 06    1001020000150010101A020201B",
        "E 06    0000100002502507   010000A2508   010000B",
        "4 06    10010120250700000010000200                            00001701001001001",
        "S 06    10020120250720250702202508202512                                          2",
    ]


def _products() -> list[str]:
    priced = {"exchange": "CBT", "settle_dec": 3, "strike_dec": 0, "contract_value_factor": 100, "currency_iso": "USD"}
    return [
        line("P", **priced, product_code="06", product_type="FUT"),
        line("P", **priced, product_code="06", product_type="OOF"),
        line("P", **priced, product_code="07", product_type="FUT"),
        line("B", exchange="CBT", product_code="06", product_type="FUT", futures_month=202507, price_scan_range=1700,
             delta_scaling=2, expiration_date=20250714),
    ]  # fmt: skip


def data(lines: list[str] | None = None) -> bytes:
    return ("\n".join(whole() if lines is None else lines) + "\n").encode("ascii")

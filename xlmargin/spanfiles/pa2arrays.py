"""The array records of a .pa2 file (81 with 82, 83 with 84), read column by column for all contracts at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from .faults import Faults
from .layout import Slot, layout, record
from .model import SCENARIOS, columns_of, end_of, named
from .pa2records import Commodities, _month

ARRAYS = {"81": "82", "82": "", "83": "84", "84": ""}
KEY = slice(2, 54)
BLANK, ZERO = 32, 48


def contracts(
    text: list[str], ids: list[str], bulk: list[int], rest: Commodities, faults: Faults
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns (I,) and arrays (I, 16) in money of every pair of array records."""
    first = _paired(text, ids, bulk, faults)
    faults.stop()
    rows: list[dict[str, Any]] = []
    blocks: list[np.ndarray] = []
    for start, second in (("81", "82"), ("83", "84")):
        chosen = [i for i in first if ids[i] == start]
        values = [_matrix(text, [i + shift for i in chosen], kind, faults) for shift, kind in ((0, start), (1, second))]
        faults.stop()
        merged = values[0] | values[1]
        blocks.append(np.stack([merged[f"a{n + 1}"] for n in range(SCENARIOS)], axis=1))
        for n, i in enumerate(chosen):
            own = {k: v[n] for k, v in merged.items()}
            rows.append(_row(text[i], i + 1, own, rest, faults))
    columns = columns_of(rows)
    named(columns, faults)
    scale = np.array([r["scale"] for r in rows], np.float64)
    return columns, np.concatenate(blocks) * scale[:, None]


def _paired(text: list[str], ids: list[str], bulk: list[int], faults: Faults) -> list[int]:
    """Lines that start a pair; a record without its other half is a problem."""
    starts, skip = [], -1
    for i in bulk:
        if i == skip:
            continue
        wanted = ARRAYS[ids[i]]
        if not wanted:
            message = f"a record {ids[i]} without the one that comes before it (wrong order?)"
            faults.add(i + 1, f"{ids[i]} record_id", ids[i], message)
        elif i + 1 >= len(ids) or ids[i + 1] != wanted or text[i + 1][KEY] != text[i][KEY]:
            message = f"no record {wanted} of the same contract follows (the file is cut or out of order)"
            faults.add(i + 1, f"{ids[i]} record_id", ids[i], message)
        else:
            starts.append(i)
            skip = i + 1
    return starts


def _matrix(text: list[str], index: list[int], kind: str, faults: Faults) -> dict[str, np.ndarray]:
    """Numbers of one record type over many lines: {field: (N,)}, signs applied, blank is 0 where it may be."""
    slots = {s.field: s for s in layout()[kind]}
    width = max(s.end for s in slots.values())
    lines = "".join(text[i].ljust(width)[:width] for i in index).encode("ascii")
    cells = np.frombuffer(lines, np.uint8).reshape(-1, width)
    lengths = np.array([len(text[i]) for i in index], np.int64)
    out = {}
    for field, slot in slots.items():
        if slot.decimals is None or field in ("futures_month", "option_month"):
            continue
        value = _digits(cells, lengths, index, kind, slot, faults)
        sign = slots.get(f"{field}_sign")
        if sign is not None:
            value = np.where(cells[:, sign.start] == ord("-"), -value, value)
            _signed(cells, index, kind, field, slot, sign, faults)
        out[field] = value
    return out


def _digits(
    cells: np.ndarray, lengths: np.ndarray, index: list[int], kind: str, slot: Slot, faults: Faults
) -> np.ndarray:
    digits = cells[:, slot.start : slot.end].astype(np.int64) - ZERO
    blank = (digits == BLANK - ZERO).all(axis=1)
    wrong = ~blank & ((digits < 0) | (digits > 9)).any(axis=1)
    needed = slot.field.startswith("a") or slot.field in ("composite_delta", "strike", "settlement")
    cut = (lengths < slot.end) & (lengths > slot.start)
    for n in np.flatnonzero(wrong | cut | (blank & needed)):
        where = f"columns {slot.start + 1}–{slot.end}"
        cell = cells[n, slot.start : slot.end].tobytes().decode("ascii")
        what = f"the line ends at column {lengths[n]}" if lengths[n] < slot.end else f"not digits: {cell!r}"
        faults.add(index[n] + 1, f"{kind} {slot.field}", cell, f"{what} ({where})")
    power = 10.0 ** np.arange(digits.shape[1] - 1, -1, -1)
    return np.where(blank | wrong, 0.0, digits @ power) / 10.0 ** (slot.decimals or 0)


def _signed(cells: np.ndarray, index: list[int], kind: str, field: str, slot: Slot, sign: Slot, faults: Faults) -> None:
    """Array values, deltas and prices must carry a plus or a minus."""
    if not (field.startswith("a") or field in ("composite_delta", "settlement")):
        return
    mark = cells[:, sign.start]
    for n in np.flatnonzero((mark != ord("+")) & (mark != ord("-"))):
        sign_here, at = chr(mark[n]), sign.start + 1
        message = f"+ or - is needed in column {at}, not {sign_here!r}"
        faults.add(index[n] + 1, f"{kind} {field}_sign", sign_here, message)


def _row(first: str, line: int, v: dict[str, float], rest: Commodities, faults: Faults) -> dict[str, Any]:
    words = record(first[:54].ljust(54), line, faults)
    product = (words.get("exchange", ""), words.get("product_code", ""), words.get("product_type", ""))
    future = _month(words, "futures_month", "futures_day_week")
    option = _month(words, "option_month", "option_day_week")
    right = words.get("option_right", "")
    code, decimals = rest.home_of(*product)
    price = rest.prices.get(product)
    if price is None:
        faults.add(line, "product_code", product[1], f"no record P for {' '.join(product)}: price decimals are unknown")
        price = {}
    series = rest.series.get((*product, future, option)) or rest.series.get((*product, future, "")) or {}
    period = (option or future) if right else future
    own = rest.values.get(code, {})
    settled = v["hp_settlement"] if first[122:123] == "Y" else v["settlement"]
    return {
        "name": "",
        "exchange": product[0],
        "product": product[1],
        "type": product[2],
        "right": right,
        "period": period,
        "delta_period": (future or period) if product[2] in ("OOF", "OOC") else period,
        "commodity": code,
        "currency": own.get("currency") or price.get("currency_iso", ""),
        "strike": v["strike"] / 10.0 ** price.get("strike_dec", 0) if right else np.nan,
        "price": settled / 10.0 ** price.get("settle_dec", 0),
        "size": _scaled(price, "contract_value_factor", "cvf_exp", 1.0) if price else np.nan,
        "premium": 0.0 if own.get("style") == "F" or price.get("valuation", "") == "FUT" else 1.0,
        "delta": v["composite_delta"],
        "scaling": series.get("delta_scaling") or 1.0,
        "iv": v["implied_vol"],
        "expiry": _expiry(series, period, line, faults),
        "scan_range": _scaled(series, "price_scan_range", "psr_exp", np.nan),
        "index": np.nan,
        "line": float(line),
        "scale": decimals * 10.0 ** own.get("exponent", 0.0),
    }


def _scaled(values: dict[str, Any], field: str, exponent: str, default: float) -> float:
    sign = -1 if values.get(f"{exponent}_sign") == "-" else 1
    value = values.get(field)
    return default if not value else value * 10.0 ** (sign * abs(values.get(exponent, 0)))


def _expiry(series: dict[str, Any], period: str, line: int, faults: Faults) -> float:
    date = series.get("expiration_date", 0)
    try:
        return end_of(f"{date:08d}" if date > 19_000_000 else period)
    except ValueError:
        faults.add(line, "B expiration_date", date, f"no such date: {date or period}")
        return np.nan

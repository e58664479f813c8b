"""Core results as plain HTML tables: no style sheet, no script, the same in a notebook, on GitHub and in nbconvert."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np

from .ledger import Line, Margin

MOST_ROWS = 20
MOST_LEDGER = 400
MOST_LEGS = 2_000
TWO_DIGITS = frozenset({"USD", "USDC", "USDT", "EUR", "GBP", "CHF", "CAD", "AUD"})
INDENT = "&emsp;"
DUST = 1e-9  # a tenth of a satoshi: what is left of a sum that rounds
SHARES = frozenset({"ratio", "percent", "share", "down", "up", "cover"})
MORE_SHARES = frozenset({"utilisation", "volatility", "reference", "haircut"})
MOVES = frozenset({"down", "up", "move", "shock"})


def amount(value: float, currency: str = "USD") -> str:
    """An amount as text: two decimals of money, six of a coin; a dash where there is none.

    >>> amount(1234.5), amount(-0.25, "BTC"), amount(float("nan"))
    ('1,234.50', '-0.250000', '–')
    """
    if not math.isfinite(value):
        return "–"
    text = f"{value:,.{2 if str(currency).upper().split('@')[0] in TWO_DIGITS else 6}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text


def share(value: float) -> str:
    """A fraction as per cent; a dash where there is none.

    >>> share(0.2402), share(float("nan"))
    ('24.0 %', '–')
    """
    return f"{value * 100:,.1f} %" if math.isfinite(value) else "–"


def cell(column: str, value: Any, currency: str = "USD") -> str:
    """A cell of a result table as text, by the heading of its column."""
    if isinstance(value, float | np.floating):
        return share(float(value)) if column in SHARES else amount(float(value), currency)
    return "" if value is None or value != value else str(value).removesuffix("+00:00")


def figure(value: float) -> str:
    """A figure of any unit: two decimals from a hundred upwards, six digits below; a dash where there is none.

    >>> figure(1234567.891), figure(-0.0123456789), figure(float("nan"))
    ('1,234,567.89', '-0.0123457', '–')
    """
    if not math.isfinite(value):
        return "–"
    return f"{value:,.2f}" if abs(value) >= 100 else f"{value:.6g}" if abs(value) >= DUST else "0"


def told(column: str, value: Any) -> str:
    """A cell of a decision's table as text, by the heading of its column.

    >>> told("down", -0.114), told("net", -0.0197796), told("passes", False), told("change, fraction", 0.2)
    ('-11.4 %', '-0.0197796', 'no', '20.0 %')
    """
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        if (column in MOVES or column.startswith("move ")) and math.isfinite(value) and value:
            return f"{value:+.1%}".replace("%", " %")
        parts = column in SHARES | MOVES | MORE_SHARES or column.endswith((" share", ", fraction"))
        return (share if parts else figure)(float(value))
    return cell(column, value)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[bool], caption: str = "") -> str:
    """An HTML table of text cells, numbers to the right; every cell is escaped."""
    side = ["right" if n else "left" for n in numeric]
    head = "".join(f'<th align="{s}">{escape(h)}</th>' for h, s in zip(headers, side, strict=True))
    body = "".join(
        "<tr>" + "".join(f'<td align="{s}">{_text(c)}</td>' for c, s in zip(row, side, strict=True)) + "</tr>"
        for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(content: str) -> str:
    depth = len(content) - len(content.lstrip("\t"))
    return INDENT * depth + escape(content[depth:])


def frame(data: Any, caption: str = "") -> str:
    """A result DataFrame (summary, comparison) as an HTML table, the first rows of a long one."""
    names = [str(c) for c in data.columns]
    money = data["currency"].head(MOST_ROWS) if "currency" in names else ["USD"] * min(len(data), MOST_ROWS)
    rows = [
        [cell(name, value, str(unit)) for name, value in zip(names, record, strict=True)]
        for record, unit in zip(_first(data), money, strict=True)
    ]
    numeric = [data[c].dtype.kind == "f" for c in data.columns]
    return table(names, rows, numeric, caption) + _rest(data)


def decision(data: Any, words: str = "", notes: Iterable[Any] = ()) -> str:
    """A decision's DataFrame as an HTML table without its empty columns, under what it says, over what it rests on."""
    rows = [[told(str(c), v) for c, v in zip(data.columns, row, strict=True)] for row in _first(data)]
    kept = [n for n in range(len(data.columns)) if not rows or any(row[n] not in ("", "–") for row in rows)]
    numeric = [data.dtypes.iloc[n].kind in "fiu" for n in kept]
    shown = table([str(data.columns[n]) for n in kept], [[row[n] for n in kept] for row in rows], numeric)
    said = "".join(f"<p>{escape(line)}</p>" for line in words.splitlines())
    return said + shown + _rest(data) + _list("Notes", dict.fromkeys(str(getattr(n, "text", n)) for n in notes))


def _first(data: Any) -> Any:
    return data.head(MOST_ROWS).itertuples(index=False, name=None)


def _rest(data: Any) -> str:
    return f"<p>… and {len(data) - MOST_ROWS:,} more rows</p>" if len(data) > MOST_ROWS else ""


def margin(result: Margin) -> str:
    """A margin: figures by account and pool, what netting saves, the ledger of a single row, notes and problems."""
    stamp = result.stamp
    title = f"{stamp.get('model', 'Margin')} · parameters of {stamp.get('parameters', '?')}"
    title += f" · market at {stamp.get('market time', '?')} ({stamp.get('market source', '?')})"
    parts = [frame(_summary(result), title)]
    if len(result.account) == 1 and result.run is not None:
        parts.append(f"<details><summary>Ledger</summary>{ledger(result)}</details>")
    parts += [_list("Notes", (n.text + (f" [{n.cite}]" if n.cite else "") for n in result.notes))]
    parts += [_list("Left out", map(str, result.problems))]
    return "".join(parts)


def _summary(result: Margin) -> Any:
    """The summary with what netting saves, where the book is small enough to show it at once."""
    from .frames import summary
    from .netting import benefit

    data = summary(result, most_legs=MOST_LEGS)
    if result.run is not None and len(result.run.book.legs) <= MOST_LEGS:
        saving = benefit(result)
        data.insert(list(data.columns).index("ratio"), "netting benefit", saving.amount)
    return data


def ledger(result: Margin) -> str:
    """The ledger of a margin's only account and pool as an indented table that re-adds."""
    rows = result.explain()
    money = str(result.currency[0])
    alone = ["alone"] if "alone" in rows else []
    shown = [
        (
            "\t" * r.depth + (r.holding or r.line),
            amount(r.amount, money),
            *(amount(r.alone, money) if r.alone == r.alone else "" for _ in alone),
            r.formula,
            r.source,
        )
        for r in rows.head(MOST_LEDGER).itertuples()
    ]
    more = f"<p>… and {len(rows) - len(shown):,} more rows: see explain()</p>" if len(rows) > len(shown) else ""
    heads, numeric = ("line", money, *alone, "formula", "source"), (False, True, *[True for _ in alone], False, False)
    return table(heads, shown, numeric) + more


def line(top: Line) -> str:
    """A line and its parts as an indented table, a column for each of the first rows."""
    rows = min(len(top.value), 4)
    headers = ["line", *(f"row {r}" for r in range(rows)), "formula", "source"]
    body = [
        ["\t" * depth + part.name, *(amount(float(v)) for v in part.value[:rows]), part.formula, part.cite]
        for depth, part in top.walk()
    ]
    more = f"<p>… {len(top.value):,} rows in all</p>" if len(top.value) > rows else ""
    return table(headers, body, [False, *[True] * rows, False, False]) + more


def _list(title: str, texts: Iterable[str]) -> str:
    items = [f"<li>{escape(t)}</li>" for t in texts]
    shown = "".join(items[:MOST_ROWS])
    more = f"<li>… and {len(items) - MOST_ROWS:,} more</li>" if len(items) > MOST_ROWS else ""
    return f"<p>{escape(title)}</p><ul>{shown}{more}</ul>" if items else ""

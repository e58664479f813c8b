"""The regions of the panel around its tabs: head, market controls, sheets, status; each a dictionary to draw."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from xlmargin.html import share
from xlmargin.params import versions
from xlmargin.registry import model as find
from xlmargin.registry import models
from xlmargin.run import moment

from .figures import figures as figures_of
from .figures import tile
from .inputs import field
from .sheet import TITLES, Sheet, cell_text
from .turns import Block

if TYPE_CHECKING:
    from .state import PanelState

PRICE_REACH, VOL_REACH, DAYS_REACH = 50, 90, 60
UNIT, RECORD = "\x1f", "\x1e"
WAIT_LEAST = 2.0
WAIT_FACTOR = 5.0


def head(panel: PanelState) -> Block:
    """Model, date, account, pool and options, with what may be chosen for each."""
    chosen, margin = find(panel.model), panel.verdict.margin if panel.verdict else None
    accounts = list(dict.fromkeys(map(str, margin.account))) if margin else []
    pools = [str(p) for a, p in zip(margin.account, margin.pool, strict=True) if a == panel.account] if margin else []
    fields = [
        field("model", "Model", panel.model, [(id, id) for id in models()], chosen.title or chosen.summary),
        field("as_of", "Date (UTC)", _moment_text(panel), _moments(panel), "when the prices hold", free=True),
        field("account", "Account", panel.account, [(a, a) for a in accounts]),
        field("pool", "Pool", panel.pool, [(p, p or "all") for p in pools]) if len(pools) > 1 else None,
        *(_option(panel, name) for name in chosen.options),
    ]
    return {
        "fields": [f for f in fields if f is not None],
        "undo": bool(panel.desk.done),
        "redo": bool(panel.desk.undone),
    }


def _option(panel: PanelState, name: str) -> Block:
    option = find(panel.model).options[name]
    value = str(panel.options.get(name, option.default))
    listed = [(word, word) for word in option.choices]
    return field(f"option:{name}", name.replace("_", " "), value, listed, option.meaning, free=not listed)


def _moment_text(panel: PanelState) -> str:
    return str(panel.as_of) if isinstance(panel.as_of, str) and panel.as_of else moment(panel.moment())


def _moments(panel: PanelState) -> list[tuple[str, str]]:
    """The market's own time, and the first day of every version of the model's parameters that the book can see."""
    own = moment(panel.desk.as_of)
    file = find(panel.model).file
    dates = sorted(versions(file), reverse=True) if file is not None else []
    listed = [(f"{d.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}Z", "parameters changed") for d in dates]
    return [(own, "time of the market"), *listed]


def shocks(panel: PanelState) -> Block:
    """A slider for the price and the volatility of each underlying, and one for days; in per cent and days."""
    names = list(dict.fromkeys(map(str, panel.market.underlying))) if panel.market is not None else []
    optional = set(panel.market.underlying[panel.market.columns["iv"] > 0]) if panel.market is not None else set()
    controls = []
    for name in names:
        controls.append(_slider("price", name, "price", panel, PRICE_REACH))
        if name in optional:
            controls.append(_slider("vol", name, "volatility", panel, VOL_REACH))
    days = float(panel.shocks.get("days", 0.0))
    if names:
        controls.append(_control("days", "", "Days pass", days, 0, DAYS_REACH, f"{days:g}", "days"))
    return {"controls": controls, "moved": bool(_shocked_words(panel))}


def _slider(what: str, name: str, words: str, panel: PanelState, reach: int) -> Block:
    move = float(panel.shocks.get(what, {}).get(name, 0.0))
    percent = round(move * 100, 9)
    return _control(what, name, f"{name} {words}", percent, -reach, reach, f"{percent:+g}" if percent else "0", "%")


def _control(what: str, name: str, label: str, value: float, low: int, high: int, text: str, unit: str) -> Block:
    limits = {"min": low, "max": high, "step": 1}
    return {"what": what, "name": name, "label": label, "value": value, "text": text, "unit": unit, **limits}


def sheet(panel: PanelState, name: str) -> Block:
    """A sheet as texts: [row id, cell …] a row, and the message of every wrong cell."""
    return sheet_block(panel.desk.sheets[name], panel.errors.get(name, {}))


def sheet_block(own: Sheet, errors: dict[tuple[int, str], str]) -> Block:
    """A sheet as texts and the message of every wrong cell.

    Rows come as one text, cells apart by UNIT and rows by RECORD, the row's id first: a thousand rows travel fast.
    """
    columns = own.shown()
    place = {c.name: i for i, c in enumerate(columns)}
    return {
        "name": own.name,
        "title": TITLES[own.name],
        "columns": [
            {
                "name": c.name,
                "label": c.name.replace("_", " "),
                "meaning": c.meaning + (f", {c.unit}" if c.unit else ""),
                "number": c.dtype == "number",
                "choices": list(c.choices),
                "required": c.need == "required",
            }
            for c in columns
        ],
        "rows": RECORD.join(
            UNIT.join([str(id), *(cell_text(c, row.get(c.name)) for c in columns)]) for id, row in own.rows.items()
        ),
        "errors": {f"{id},{place[column]}": words for (id, column), words in errors.items() if column in place},
    }


def status(panel: PanelState, answers: dict[str, int]) -> Block:
    """What the view must know of the last answer: whom it answers, and whether the figures are current."""
    stamp = panel.verdict.margin.stamp if panel.verdict else {}
    words = [f"{name} {stamp[name]}" for name in ("model", "parameters", "market time") if stamp.get(name)]
    return {
        "answers": answers,
        "stale": panel.stale,
        "message": panel.message,
        "said": panel.said,
        "busy": panel.body.busy,
        "wait": max(WAIT_LEAST, WAIT_FACTOR * panel.took),
        "stamp": " · ".join(words),
        "shocked": _shocked_words(panel),
    }


def _shocked_words(panel: PanelState) -> str:
    moves = [
        f"{name} {what} {share(move).replace(' ', '')}"
        for what, by in (("price", panel.shocks.get("price", {})), ("volatility", panel.shocks.get("vol", {})))
        for name, move in by.items()
        if move
    ]
    days = panel.shocks.get("days", 0)
    return ", ".join([*moves, *([f"{days:g} days later"] if days else [])])


def figures(panel: PanelState) -> Block:
    """The figures on top, or dashes while there are none."""
    if panel.verdict is not None:
        return figures_of(panel.verdict)
    names = {"equity": "Equity", "initial": "Initial margin", "maintenance": "Maintenance margin"}
    tiles = [tile(id, label, "–") for id, label in names.items()]
    return {"kind": "figures", "title": "", "tiles": tiles, "gauges": [], "accounts": None}


def body(panel: PanelState) -> Block:
    """The blocks of the open tab."""
    return {"tab": panel.tab, "blocks": panel.body.blocks, "busy": panel.body.busy}


REGIONS = {"_head": head, "_shocks": shocks, "_figures": figures, "_body": body}
BLANK: dict[str, Block] = {
    "_head": {"fields": [], "undo": False, "redo": False},
    "_shocks": {"controls": [], "moved": False},
    "_figures": {"kind": "figures", "title": "", "tiles": [], "gauges": [], "accounts": None},
    "_body": {"tab": "", "blocks": [], "busy": False},
}

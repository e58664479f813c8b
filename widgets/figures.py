"""The figures on top as blocks: tiles, equity against what the model asks and where the venue acts, every account."""

from __future__ import annotations

import numpy as np

from xlmargin.decide.venues import states
from xlmargin.html import amount, share
from xlmargin.ledger import Margin

from .turns import Block
from .verdict import Verdict
from .views import finite, table_of

STATES = {
    "good": "above initial margin",
    "watch": "below initial margin: no new risk",
    "bad": "below maintenance margin: liquidation",
}


def tile(id: str, label: str, text: str, detail: str = "") -> Block:
    """One figure with its name."""
    return {"id": id, "label": label, "text": text, "detail": detail}


def figures(verdict: Verdict) -> Block:
    """The figures of one account and pool, with the venue's own thresholds on its equity."""
    m, r, unit = verdict.margin, verdict.row, verdict.currency
    saving = verdict.saving
    lines = {name: line.value[r] for name, line in (m.levels | m.extras).items()}
    tiles = [
        tile("equity", "Equity", amount(m.equity.value[r], unit)),
        tile("initial", "Initial margin", amount(m.initial.value[r], unit)),
        tile("maintenance", "Maintenance", amount(m.maintenance.value[r], unit)),
        tile("available", "Available", amount(m.available[r], unit)),
        tile("ratio", "Ratio", share(float(m.ratio[r]))),
        tile("benefit", "Netting benefit", amount(saving.amount[r], unit), share(float(saving.percent[r]))),
        *(tile(name, name, amount(value, unit)) for name, value in lines.items()),
    ]
    return {
        "kind": "figures",
        "title": " · ".join(filter(None, [str(m.account[r]), str(m.pool[r]), unit])),
        "tiles": tiles,
        "gauges": gauges(verdict),
        "accounts": summary(m) if len(m.account) > 1 else None,
    }


def gauges(verdict: Verdict) -> list[Block]:
    """Equity against every requirement, and its cover of maintenance against the states of the venue."""
    return [requirements(verdict), *([states_of(verdict)] if np.isfinite(verdict.margin.cover[verdict.row]) else [])]


def requirements(verdict: Verdict) -> Block:
    """Equity against every requirement that the model tests it with."""
    m, r, unit = verdict.margin, verdict.row, verdict.currency
    equity = float(m.equity.value[r])
    tests = {"Maintenance": m.maintenance, "Initial": m.initial, **m.levels}
    state = "good" if equity >= m.initial.value[r] else "watch" if equity >= m.maintenance.value[r] else "bad"
    marks = [(name, float(line.value[r]), amount(float(line.value[r]), unit)) for name, line in tests.items()]
    return _gauge("Equity", equity, amount(equity, unit), (state, STATES[state]), marks)


def states_of(verdict: Verdict) -> Block:
    """Equity over maintenance against the thresholds at which the venue acts."""
    m, r = verdict.margin, verdict.row
    cover, known = float(m.cover[r]), states(str(m.stamp["model"]), m.run.market.as_of)
    held = [s for s in known if cover < s.below]
    words = held[-1].name if held else "sound"
    state = "good" if not held else "bad" if held[-1].severity == "critical" else "watch"
    marks = [(s.name, s.below, f"below {share(s.below)}") for s in known if s.below > 0]
    return _gauge("Equity / maintenance", cover, share(cover), (state, words), marks)


def _gauge(label: str, value: float, text: str, state: tuple[str, str], marks: list[tuple[str, float, str]]) -> Block:
    listed = [{"label": name, "value": finite(at), "text": words} for name, at, words in marks]
    return {"label": label, "value": finite(value), "text": text, "state": state[0], "words": state[1], "marks": listed}


def summary(margin: Margin) -> Block:
    """Every account and pool with its figures."""
    table = margin.frame()
    unnamed = not any(map(str, margin.pool))
    return table_of(table.drop(columns="pool") if unnamed else table, "Accounts" if unnamed else "Accounts and pools")

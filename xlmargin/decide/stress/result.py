"""What a stress found: figures of every pool in every scenario, what breaks, the worst, and what each part adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import Note
from ...ledger import Margin
from ..sensitivity import Attribution, shapley
from ..shown import Shown, tabled
from ..subject import level_of
from ..venues import State
from .plan import PARTS, Plan, outcomes

FIGURES = ("equity", "initial", "maintenance", "available")

READ = ("scenario", "account", "pool", "currency", "equity after", "equity change", "initial after")
READ += ("maintenance after", "headroom", "state after", "remark")


@dataclass(frozen=True, eq=False, repr=False)
class Stress(Shown):
    """K scenarios on R pools, arrays (K, R): ``equity`` that counts and every requirement in ``levels``.

    ``pnl`` is the change of equity by the market's moves alone, ``lost`` and ``frozen`` what balances at failed
    locations take from it: equity before + pnl − lost − frozen = equity. ``state`` (K, R) and ``state_before`` (R,)
    number the venue's ``states``, −1 where sound.
    """

    margin: Margin
    plan: Plan
    equity: np.ndarray
    levels: dict[str, np.ndarray]
    pnl: np.ndarray
    lost: np.ndarray
    frozen: np.ndarray
    states: tuple[State, ...]
    state: np.ndarray
    state_before: np.ndarray
    notes: tuple[Note, ...]

    def __repr__(self) -> str:
        count, rows = self.equity.shape
        return f"<Stress of {rows} pools in {count} scenarios under {self.margin.stamp.get('model')}>\n{self.words}"

    @property
    def scenario(self) -> tuple[str, ...]:
        """Names of the scenarios (K,)."""
        return tuple(s.name for s in self.plan.scenarios)

    @property
    def initial(self) -> np.ndarray:
        """Initial margin (K, R) after each scenario."""
        return self.levels["initial"]

    @property
    def maintenance(self) -> np.ndarray:
        """Maintenance margin (K, R) after each scenario."""
        return self.levels["maintenance"]

    @property
    def owned(self) -> np.ndarray:
        """Equity (K, R) with what is frozen: it is still owned and does not count."""
        return self.equity + self.frozen

    @property
    def available(self) -> np.ndarray:
        """Equity less initial margin (K, R)."""
        return self.equity - self.initial

    @property
    def headroom(self) -> np.ndarray:
        """Equity less maintenance margin (K, R): below zero the venue liquidates."""
        return self.equity - self.maintenance

    @property
    def before(self) -> dict[str, np.ndarray]:
        """Figures (R,) before any move."""
        m = self.margin
        return {
            "equity": m.equity.value,
            "initial": m.initial.value,
            "maintenance": m.maintenance.value,
            "available": m.available,
        }

    @property
    def after(self) -> dict[str, np.ndarray]:
        """Figures (K, R) after each scenario."""
        return {name: getattr(self, name) for name in FIGURES}

    def shown(self) -> Any:
        """The columns that are read first."""
        return self.frame()[[*READ]]

    def frame(self) -> Any:
        """A row per scenario, account and pool (pandas DataFrame): before, after, change, what breaks, states."""
        count, rows = self.equity.shape
        return self._table(np.repeat(np.arange(count), rows), np.tile(np.arange(rows), count))

    @tabled
    def worst(self) -> Any:
        """For each account and pool the scenario that leaves least headroom: rows of ``frame`` (pandas DataFrame)."""
        return self._table(np.argmin(self.headroom, axis=0), np.arange(self.equity.shape[1]))

    def _table(self, k: np.ndarray, r: np.ndarray) -> Any:
        """Scenarios ``k`` (N,) on pools ``r`` (N,), a row each."""
        import pandas as pd

        columns: dict[str, Any] = {"scenario": np.array(self.scenario, object)[k]}
        columns |= {name: getattr(self.margin, name)[r] for name in ("account", "pool", "currency")}
        for name, all_after in self.after.items():
            before, after = self.before[name][r], all_after[k, r]
            columns |= {f"{name} before": before, f"{name} after": after, f"{name} change": after - before}
        columns |= {name: getattr(self, name)[k, r] for name in ("pnl", "lost", "frozen", "owned", "headroom")}
        columns["breaks initial"] = self.available[k, r] < 0
        columns["breaks maintenance"] = self.headroom[k, r] < 0
        columns["state before"] = self._told(self.state_before[r], "name")
        columns["state after"] = self._told(self.state[k, r], "name")
        columns["severity"] = self._told(self.state[k, r], "severity")
        remarks = np.full(len(k), "", object)
        for n in np.flatnonzero((self.margin.headroom[r] < 0) | (self.headroom[k, r] < 0) | (self.available[k, r] < 0)):
            remarks[n] = self.remark(k[n], r[n])
        return pd.DataFrame(columns | {"remark": remarks})

    def _told(self, state: np.ndarray, what: str) -> np.ndarray:
        """Names or severities of states by number; the last entry answers −1."""
        sound = "sound" if what == "name" else ""
        return np.array([*(getattr(s, what) for s in self.states), sound], object)[state]

    def remark(self, k: int, r: int) -> str:
        """What a scenario does to a row, in words; empty where both requirements stay covered."""
        left, money = self.headroom[k, r], self.margin.currency[r]
        if self.margin.headroom[r] < 0:
            now = f"still {amount(-left)} {money} short" if left < 0 else f"{amount(left)} {money} above after it"
            return f"already below maintenance before any move, {now}"
        if left < 0:
            return f"below maintenance, {amount(-left)} {money} short"
        if self.available[k, r] < 0 <= self.margin.available[r]:
            return f"below initial margin, {amount(-self.available[k, r])} {money} short"
        return ""

    @property
    def words(self) -> str:
        """A line per scenario: how many fall below maintenance, and which account is left with least cover."""
        return "\n".join(self._line(k) for k in range(len(self.plan)))

    def _line(self, k: int) -> str:
        rows, m = self.equity.shape[1], self.margin
        fall = np.flatnonzero((self.headroom[k] < 0) & (m.headroom >= 0))
        already = int(((self.headroom[k] < 0) & (m.headroom < 0)).sum())
        told = f"{self.scenario[k]}: {len(fall)} of {rows} fall below maintenance"
        told += f", {already} were below before" if already else ""
        if not rows:
            return told
        with np.errstate(divide="ignore", invalid="ignore"):
            cover = np.where(self.maintenance[k] > 0, self.equity[k] / self.maintenance[k], np.inf)
        r = int(np.argmin(np.where(np.isnan(cover), np.inf, cover)))
        name = f"{m.account[r]} {m.pool[r]}".strip()
        change = self.equity[k, r] - m.equity.value[r]
        left = f"headroom {amount(self.headroom[k, r])} {m.currency[r]}, equity by {amount(change, '+')}"
        return f"{told}; weakest {name}: {left}"

    def parts(self, level: str = "maintenance") -> Parts:
        """What each part of every scenario adds to the change of equity and of a requirement; parts add up.

        Shapley value over the parts (price, volatility, basis, rates, time, collateral, lost, frozen), see
        ``xlmargin.decide.attribution``: every coalition of parts is the whole rule on its market and balances.
        """
        level_of(self.margin, level)
        return Parts(self.scenario, tuple(self._attributed(k, level) for k in range(len(self.plan))))

    def _attributed(self, k: int, level: str) -> Attribution:
        m, used = self.margin, np.flatnonzero(self.plan.used[k])
        count = 2 ** len(used)
        member = (np.arange(count)[:, None] >> np.arange(len(used))) & 1 > 0
        inside = np.zeros((count, len(PARTS)), bool)
        inside[:, used] = member
        equity, levels = outcomes(m, self.plan, np.full(count, k), inside)
        shares = (shapley(values, member) for values in (equity, levels[level]))
        return Attribution(m.account, m.pool, tuple(PARTS[p] for p in used), *shares, level)


@dataclass(frozen=True, eq=False, repr=False)
class Parts(Shown):
    """What each part of K scenarios adds to equity and a requirement: an attribution (F, R) per scenario."""

    scenario: tuple[str, ...]
    attributions: tuple[Attribution, ...]

    def frame(self) -> Any:
        """A row per scenario, pool and part, and their sum (pandas DataFrame)."""
        import pandas as pd

        told = [a.frame().assign(scenario=s) for s, a in zip(self.scenario, self.attributions, strict=True)]
        table = pd.concat(told, ignore_index=True).rename(columns={"factor": "part"})
        return table[["scenario", *(c for c in table.columns if c != "scenario")]]


def amount(value: float, sign: str = "") -> str:
    """A sum of money in words: two decimals from 100 on, six figures below.

    >>> amount(-107732.201), amount(0.0593561234)
    ('-107,732.20', '0.0593561')
    """
    return f"{value:{sign},.2f}" if abs(value) >= 100.0 else f"{value:{sign},.6g}"

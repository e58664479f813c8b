"""Parts of the panel on their own: a grid, the figures, the heat map, the ledger, a chart along the price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import anywidget
import numpy as np
import traitlets as T

from xlmargin import html
from xlmargin.book import Book
from xlmargin.errors import InputError, Problem, XlmarginError
from xlmargin.ledger import Margin
from xlmargin.market import Market
from xlmargin.shocks import MOVES, profile

from . import views
from .actions import GRID_ACTIONS
from .assets import script, style
from .desk import Desk
from .figures import figures as figures_of
from .regions import sheet_block
from .state import guarded
from .tabs import Scenarios
from .turns import Block
from .verdict import Verdict


class Piece(anywidget.AnyWidget):
    """Blocks in a widget of their own; what a view asks is answered with the number of its question."""

    _esm = script("piece.js")
    _css = style()
    _blocks = T.List().tag(sync=True)
    _status = T.Dict().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        unknown = sorted(set(traits) - set(self.trait_names()))
        if unknown:
            raise TypeError(f"unknown argument {', '.join(unknown)}")
        self.answers: dict[str, int] = {}
        self.said = ""
        super().__init__(**traits)
        self.on_msg(lambda _, content, buffers: self.receive(content))
        self.draw()

    def receive(self, content: Mapping[str, Any]) -> None:
        """Do what a view asked and answer once."""
        self.said, found = "", []
        for action in content.get("actions", ()):
            found += guarded(lambda action=action: self.act(action))
        self.answers = {**self.answers, str(content.get("view", "")): int(content.get("seq", 0))}
        self.draw(found)

    def act(self, action: Mapping[str, Any]) -> None:
        """One action of a view."""
        raise NotImplementedError

    def blocks(self) -> list[Block]:
        """What to show."""
        raise NotImplementedError

    def draw(self, found: Sequence[Problem] = ()) -> None:
        """Show the blocks, or say why there are none."""
        made: list[Block] = []
        problems = [*found, *guarded(lambda: made.extend(self.blocks()))]
        with self.hold_sync():
            if made:
                self._blocks = made
            message = "\n".join(map(str, problems))
            self._status = {"answers": self.answers, "message": message, "said": self.said, "stale": bool(problems)}

    def static_html(self) -> str:
        """The same as plain HTML, for viewers without a kernel or without widgets."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, meta = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/plain": repr(self), "text/html": self.static_html()}, meta


class OfMargin(Piece):
    """A piece that shows one account and pool of a margin; set ``margin`` to show another."""

    margin = T.Instance(Margin)
    account = T.Unicode()
    pool = T.Unicode()

    def __init__(self, margin: Margin, **traits: Any) -> None:
        self.chosen: dict[str, Any] = {}
        super().__init__(margin=margin, **traits)
        self.observe(lambda _: self.draw(), names=["margin", "account", "pool"])

    def verdict(self) -> Verdict:
        """The row looked at."""
        found = Verdict.of(self.margin, self.account, self.pool)
        if found is None:
            raise InputError("this margin has no account")
        if self.account and found.account != self.account:
            names = ", ".join(dict.fromkeys(map(str, self.margin.account)))
            raise InputError(f"no account {self.account!r}; there are {names[:300]}")
        return found

    def act(self, action: Mapping[str, Any]) -> None:
        if action.get("do") != "choose":
            raise InputError(f"no action {action.get('do')!r} here")
        self.chosen[action["id"]] = action["value"]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.margin.stamp.get('model', 'margin')}, {len(self.margin.account)} rows)"

    def static_html(self) -> str:
        return html.margin(self.margin)


class MarginSummary(OfMargin):
    """The figures of an account, with equity against every requirement of the venue."""

    def blocks(self) -> list[Block]:
        return [figures_of(self.verdict())]


class ScenarioHeatmap(OfMargin):
    """The scenario grid with its worst cell; ``scenario`` (a column of the grid) opens its positions."""

    scenario = T.Int(None, allow_none=True)

    def __init__(self, margin: Margin, **traits: Any) -> None:
        super().__init__(margin, **traits)
        self.observe(lambda _: self.draw(), names=["scenario"])

    def act(self, action: Mapping[str, Any]) -> None:
        super().act(action)
        self.scenario = int(action["value"])

    def blocks(self) -> list[Block]:
        page = Scenarios()
        page.choose("scenario", self.scenario)
        return page.blocks(self.verdict())


class LedgerTree(OfMargin):
    """Every line of the ledger down to positions; it re-adds at every level."""

    def blocks(self) -> list[Block]:
        return [views.ledger(self.verdict(), self.chosen.get("open", ()))]


class ProfileChart(OfMargin):
    """Equity, requirements and P&L as the price of ``underlying`` moves (all together where it is empty)."""

    underlying = T.Unicode()
    moves: ClassVar[np.ndarray] = MOVES

    def __init__(self, margin: Margin, underlying: str | None = None, **traits: Any) -> None:
        first = next(iter(map(str, margin.run.market.underlying)), "") if underlying is None else underlying
        super().__init__(margin, underlying=first, **traits)
        self.observe(lambda _: self.draw(), names=["underlying"])

    def blocks(self) -> list[Block]:
        v = self.verdict()
        line = profile(v.margin, self.underlying or None, self.moves, account=v.account, pool=v.pool)
        return [views.profile(line, 0, v.currency)]


class PositionsGrid(Piece):
    """An editable table of a book, positions unless ``sheet`` names another; ``book`` follows while it is right.

    ``problems`` lists what is wrong with what has been typed; ``decimal`` is the decimal mark of pasted numbers.
    """

    book = T.Instance(Book, allow_none=True)
    market = T.Instance(Market, allow_none=True)
    problems = T.Tuple(read_only=True)
    decimal = T.Enum([".", ","], ".")
    sheet = T.Enum(["positions", "balances", "instruments", "assets", "accounts", "orders"], "positions")
    _grid = T.Dict().tag(sync=True)
    _own = False

    def __init__(self, book: Book, market: Market, **traits: Any) -> None:
        self.desk = Desk.of(book, market)
        self.errors: dict[tuple[int, str], str] = {}
        super().__init__(book=book, market=market, **traits)
        self.observe(self._replaced, names=["book", "market"])

    @property
    def frame(self) -> Any:
        """The table as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.desk.sheets[self.sheet].columns)

    def _replaced(self, change: Any) -> None:
        if not self._own:
            self.desk.load(self.book, self.market)
            self.draw()

    def static_html(self) -> str:
        return html.frame(self.frame)

    def act(self, action: Mapping[str, Any]) -> None:
        what = action.get("do")
        if what not in GRID_ACTIONS:
            raise InputError(f"no action {what!r} here")
        self.said = GRID_ACTIONS[what](self.desk, {**action, "sheet": self.sheet}, self.decimal, "")
        self._build()

    def _build(self) -> None:
        """The book of what stands in the table, or what is wrong with it."""
        try:
            book, market, problems = self.desk.build(self.desk.as_of)
        except XlmarginError as error:
            problems = list(getattr(error, "problems", ())) or [Problem("", 0, "", None, str(error))]
        self.errors = self.desk.errors(problems).get(self.sheet, {})
        self.set_trait("problems", tuple(problems))
        if not problems:
            self._own = True
            try:
                with self.hold_trait_notifications():
                    self.book, self.market = book, market
            finally:
                self._own = False

    def blocks(self) -> list[Block]:
        own = self.desk.sheets[self.sheet]
        self._grid = sheet_block(own, self.errors)
        return [{"kind": "grid", "sheet": "grid", "title": own.name.capitalize(), "hint": "", "name": own.name}]

    def __repr__(self) -> str:
        return f"PositionsGrid({len(self.desk.sheets[self.sheet])} {self.sheet})"

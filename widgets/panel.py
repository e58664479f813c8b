"""The live panel: the state of `state.py` as a widget, one message in for what was asked, one out for what moved."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets as T

from xlmargin import html

from . import exchange
from .actions import act
from .assets import script, style
from .regions import BLANK, REGIONS, sheet, status
from .sheet import TITLES
from .state import PanelState, guarded

FILES = ("report", "save", "open")


def _wire(blank: Any = None) -> T.TraitType:
    """A trait that only the browser reads."""
    return T.Any(blank).tag(sync=True)


class MarginPanel(PanelState, anywidget.AnyWidget):
    """A book with live netted margin: edit, paste, shock, compare; every figure comes from the core.

    Parameters as ``PanelState``; ``MarginPanel(book, market, model="derive.portfolio")`` in the last line of a cell
    shows it. ``panel.margin`` is the result on the shocked market; ``observe`` it to follow.
    """

    _esm = script("panel.js")
    _css = style()
    _head, _shocks, _figures, _body = (_wire(BLANK[name]) for name in ("_head", "_shocks", "_figures", "_body"))
    _status, _tabs = _wire({}), _wire([])
    _positions, _balances, _instruments, _assets = _wire(), _wire(), _wire(), _wire()
    _accounts, _orders, _crif, _trades = _wire(), _wire(), _wire(), _wire()
    _candidates, _costs, _scenarios, _lines, _depth, _funds = (_wire() for _ in range(6))

    def __init__(self, book: Any = None, market: Any = None, **inputs: Any) -> None:
        self.answers: dict[str, int] = {}
        self._drawn: dict[str, Any] = {}
        super().__init__(book, market, **inputs)
        self._tabs = [{"id": page.id, "title": page.title, "group": page.group} for page in self.pages.values()]
        self.on_msg(lambda _, content, buffers: self.receive(content, buffers))
        self.draw()

    def receive(self, content: Any, buffers: list[Any]) -> None:
        """Do what a view asked, in order, and answer once."""
        view, seq = str(content.get("view", "")), int(content.get("seq", 0))
        self.said, waiting = "", list(buffers or ())
        for action in content.get("actions", ()):
            self.attempt(lambda action=action: self._do(action, view, waiting))
        self.answers = {**self.answers, view: seq}
        self.touch(now=True)

    def _do(self, action: dict[str, Any], view: str, buffers: list[Any]) -> None:
        if action.get("do") == "open":
            exchange.open_workbook(self, action["name"], buffers.pop(0))
        elif action.get("do") in FILES:
            name, data = exchange.report(self) if action["do"] == "report" else exchange.desk(self)
            self.send({"file": name, "view": view}, buffers=[data])
        else:
            act(self, action)

    def draw(self) -> None:
        """Send what has changed as one message; a view that cannot be made says so."""
        with self.hold_sync():
            found = guarded(self._draw_sheets)
            for name, region in REGIONS.items():
                found += guarded(lambda name=name, region=region: self._put(name, region(self)))
            if found:
                self.message = "\n".join([*map(str, found), *filter(None, [self.message])])
            self._put("_status", status(self, self.answers))

    def _draw_sheets(self) -> None:
        for name in TITLES:
            made = (self.desk.sheets[name], self.errors.get(name, {}))
            if self._drawn.get(name) != made:
                self._put(f"_{name}", sheet(self, name))
                self._drawn[name] = made

    def _put(self, name: str, value: Any) -> None:
        if getattr(self, name) != value:
            setattr(self, name, value)

    def frames(self) -> dict[str, Any]:
        """Results and tables as DataFrames by name."""
        return exchange.frames_of(self)

    def to_excel(self, path: str | Path) -> Path:
        """Write the report of the current margin as a workbook."""
        return exchange.write_report(self, Path(path))

    def __repr__(self) -> str:
        v = self.verdict
        if v is None:
            return f"MarginPanel({self.model}, no figures yet)"
        figures = f"equity {html.amount(v.margin.equity.value[v.row], v.currency)}"
        figures += f", initial {html.amount(v.margin.initial.value[v.row], v.currency)} {v.currency}"
        return f"MarginPanel({self.model}, {len(self.desk.sheets['positions'])} positions, {figures})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        self.flush()
        data, meta = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/plain": repr(self), "text/html": self.static_html()}, meta

    def static_html(self) -> str:
        """The figures as plain HTML, for viewers without a kernel or without widgets."""
        if self.verdict is None:
            return f"<p>{escape(repr(self))}: {escape(self.message)}</p>"
        return html.margin(self.verdict.margin)

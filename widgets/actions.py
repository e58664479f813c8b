"""What a view may ask: each action by name, as it comes from the browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from xlmargin.errors import InputError, Problem, nearest
from xlmargin.parsing import read_number

from .blocks import tables_in
from .desk import Desk

if TYPE_CHECKING:
    from .state import PanelState

Action = Mapping[str, Any]


def act(panel: PanelState, action: Action) -> None:
    """Do one action; raises InputError for one that is not known or cannot be read."""
    what = str(action.get("do"))
    if what in GRID_ACTIONS:
        panel.cause = cells_of(action)
        panel.said = GRID_ACTIONS[what](panel.desk, action, panel.decimal, panel.account)
    elif what in PANEL_ACTIONS:
        PANEL_ACTIONS[what](panel, action)
    else:
        known = [*GRID_ACTIONS, *PANEL_ACTIONS]
        raise InputError(f"no action {what!r}{nearest(what, known)}; actions are {', '.join(known)}")


def cells_of(action: Action) -> list[tuple[str, int, str]]:
    """The cells that an action changes, for messages that name none."""
    if action.get("do") == "set":
        return [(action["sheet"], int(id), str(column)) for id, column, _ in action["cells"]]
    if action.get("do") == "paste" and action.get("row") is not None:
        return [(action["sheet"], int(action["row"]), str(action.get("column", "")))]
    return []


def _rows(count: int) -> str:
    return f"{count} row" + "s" * (count != 1)


def _set(desk: Desk, action: Action, decimal: str, account: str) -> str:
    cells = [(int(id), str(column), str(text)) for id, column, text in action["cells"]]
    desk.put(action["sheet"], cells, account)
    return ""


def _add(desk: Desk, action: Action, decimal: str, account: str) -> str:
    after = action.get("after")
    desk.add(action["sheet"], None if after is None else int(after))
    return "Added a row"


def _delete(desk: Desk, action: Action, decimal: str, account: str) -> str:
    desk.delete(action["sheet"], [int(id) for id in action["rows"]])
    return f"Deleted {_rows(len(action['rows']))}"


def _paste(desk: Desk, action: Action, decimal: str, account: str) -> str:
    row = action.get("row")
    place = {"row": None if row is None else int(row), "column": str(action.get("column", ""))}
    return desk.paste(action["sheet"], str(action["text"]), **place, decimal=decimal, account=account)


def _undo(desk: Desk, action: Action, decimal: str, account: str) -> str:
    return "Undone" if desk.undo() else "Nothing to undo"


def _redo(desk: Desk, action: Action, decimal: str, account: str) -> str:
    return "Done again" if desk.redo() else "Nothing to do again"


def _field(panel: PanelState, action: Action) -> None:
    name, value = action["id"], action["value"]
    if name.startswith("option:"):
        panel.options = {**panel.options, name.removeprefix("option:"): value}
    elif name in ("model", "as_of", "account", "pool"):
        setattr(panel, name, value)
    else:
        raise InputError(f"no field {name!r}")


def _shock(panel: PanelState, action: Action) -> None:
    what, name = action["what"], action["name"]
    if what == "days":
        panel.shocks = {**panel.shocks, "days": _number(action)}
    else:
        panel.shocks = {**panel.shocks, what: {**panel.shocks.get(what, {}), name: _number(action, " %")}}


def _number(action: Action, unit: str = "") -> float:
    text = str(action["value"]).strip().removesuffix("%").strip() or "0"
    try:
        return read_number(text + unit)
    except ValueError as error:
        raise InputError([Problem("shocks", 0, action["what"], action["value"], str(error))]) from None


def _still(panel: PanelState, action: Action) -> None:
    panel.shocks = {}


def _tab(panel: PanelState, action: Action) -> None:
    panel.tab = action["id"]


def _choose(panel: PanelState, action: Action) -> None:
    panel.pages[panel.tab].choose(action["id"], action["value"])


def _press(panel: PanelState, action: Action) -> None:
    panel.said = panel.pages[panel.tab].press(panel, action["id"])


def _replace(panel: PanelState, action: Action) -> None:
    tables = tables_in(action["text"], panel.decimal)
    panel.desk.replace(tables)
    panel.said = f"Took over {', '.join(tables)}"


GRID_ACTIONS: dict[str, Callable[[Desk, Action, str, str], str]] = {
    "set": _set,
    "add": _add,
    "delete": _delete,
    "paste": _paste,
    "undo": _undo,
    "redo": _redo,
}
PANEL_ACTIONS: dict[str, Callable[[PanelState, Action], None]] = {
    "field": _field,
    "shock": _shock,
    "still": _still,
    "tab": _tab,
    "choose": _choose,
    "press": _press,
    "replace": _replace,
}

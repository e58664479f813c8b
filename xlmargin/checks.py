"""What a model needs, held against what is there: every gap is a problem with its row and column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .book import Book, Holdings
from .errors import InputError, Problem, nearest
from .market import KIND, Market
from .params import Params
from .registry import Model, Setting
from .texts import numbered

KIND_NAME = {number: word for word, number in KIND.items()}
ARTICLE = {"option": "an", "asset": "an"}


def check(book: Book, market: Market, model: Model, params: Params) -> tuple[list[Problem], np.ndarray]:
    """Problems of the book under a model, and the rows (R,) that have any."""
    found: list[Problem] = []
    bad = np.zeros(len(book), bool)
    gaps = [gap for gap in _instrument_gaps(market, model, params) if gap[-1].any()]
    for table, name in ((book.legs, "positions"), (book.orders, "orders")):
        for message, column, mask in gaps:
            _report(found, bad, book, table, name, column, message, mask[table.instrument], market)
    _balance_gaps(found, bad, book, market, model)
    if model.check_step:
        for problem, where in model.check_step(book, market, params):
            found.append(problem)
            bad[where] = True
    return found, bad


def _instrument_gaps(market: Market, model: Model, params: Params) -> list[tuple[str, str, np.ndarray]]:
    """(message, column, instruments (I,) that it concerns) for everything that this model cannot go without."""
    gaps = []
    for number in np.flatnonzero(np.bincount(market.kind)).tolist():
        word, of_kind = KIND_NAME[number], market.kind == number
        if word not in model.needs:
            allowed = ", ".join(k for k in model.needs if k in KIND) or "balances only"
            message = f"{model.id} does not margin {ARTICLE.get(word, 'a')} {word}; it takes {allowed}: {{name}}"
            gaps.append((message, "instrument", of_kind))
            continue
        for column in model.needs[word].split():
            if not column.endswith("?"):
                gaps.append(_gap(market, model, word, column, of_kind))
    expired = market["expiry"] < market.as_of
    gaps.append(("expired before the market's time: {name}", "expiry", expired))
    if model.payoffs != "any":
        wrong = market.inverse == (model.payoffs == "linear")
        gaps.append((f"{model.id} takes {model.payoffs} contracts only: {{name}}", "instrument", wrong))
    if model.scoped:
        unknown = np.array([s not in params.by for s in market.scopes], bool)
        if unknown.any():
            words = ", ".join(list(params.by)[:12]) or "none"
            text = f"no parameters in {model.id} for {{name}}; it has {words}"
            gaps.append((text, "instrument", unknown[market.scope]))
    return gaps


def _gap(market: Market, model: Model, word: str, column: str, of_kind: np.ndarray) -> tuple[str, str, np.ndarray]:
    if column in market.texts:
        missing = market.texts[column] == ""
    elif column == "scope_index":
        missing, column = np.isnan(market.on_scope("index"))[market.scope], "index"
    else:
        missing = np.isnan(market.column(column))
    article = ARTICLE.get(word, "a")
    return f"missing for {{name}} ({model.id} needs it for {article} {word})", column, of_kind & missing


def _report(
    found: list[Problem],
    bad: np.ndarray,
    book: Book,
    table: Holdings,
    name: str,
    column: str,
    message: str,
    where: np.ndarray,
    market: Market,
) -> None:
    for h in np.flatnonzero(where):
        bad[table.row[h]] = True
        text = message.format(name=market.name[table.instrument[h]])
        found.append(Problem(name, int(table.sheet_row[h]), column, None, text, str(book.account[table.row[h]])))


def _balance_gaps(found: list[Problem], bad: np.ndarray, book: Book, market: Market, model: Model) -> None:
    needed = model.needs.get("balance", "").split()
    for column in (c for c in needed if not c.endswith("?")):
        missing = np.isnan(market.asset_columns[column])
        for h in np.flatnonzero(missing[book.cash.asset]):
            bad[book.cash.row[h]] = True
            name, account = market.assets[book.cash.asset[h]], str(book.account[book.cash.row[h]])
            message = f"no {column} for {name}: add it to the assets table"
            found.append(Problem("balances", int(book.cash.sheet_row[h]), "asset", name, message, account))
    if "settle" in model.needs:
        unpriced = np.append(np.isnan(market.price), True)[market.settle]
        for h in np.flatnonzero(unpriced[book.legs.instrument]):
            bad[book.legs.row[h]] = True
            i = book.legs.instrument[h]
            settle = market.assets[market.settle[i]] if market.settle[i] >= 0 else "its settlement asset"
            message = f"no price for {settle}, in which {market.name[i]} settles: add it to the assets table"
            account = str(book.account[book.legs.row[h]])
            found.append(Problem("positions", int(book.legs.sheet_row[h]), "settle", None, message, account))


def typed_options(model: Model, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a run with defaults filled in; unknown ones and bad values are refused together."""
    problems = [
        Problem("options", 0, name, value, f"{model.id} has no option {name!r}{_others(name, model.options)}")
        for name, value in given.items()
        if name not in model.options
    ]
    out = {}
    for name, option in model.options.items():
        value, message = _value(option, given.get(name))
        out[name] = value
        if message:
            problems.append(Problem("options", 0, name, given[name], message))
    if problems:
        raise InputError(problems)
    return out


def _others(name: str, options: Mapping[str, Setting]) -> str:
    """The option that was probably meant, and those that there are."""
    return f"{nearest(name, options)}; it has {', '.join(options) or 'none'}"


def typed_settings(book: Book, model: Model, bad: np.ndarray) -> tuple[dict[str, np.ndarray], list[Problem]]:
    """Account settings that the model declares as typed arrays (R,), others as they are; marks ``bad`` rows."""
    settings, problems = dict(book.settings), []
    for name, setting in model.settings.items():
        dtype = object if isinstance(setting.default, str) else np.float64
        given = book.settings.get(name)
        if given is None:
            settings[name] = np.full(len(book), setting.default, dtype)
            continue
        number, cells = numbered(given.tolist())
        values, messages = zip(*(_value(setting, cell) for cell in cells), strict=True) if len(cells) else ((), ())
        settings[name] = np.array(values, dtype)[number]
        wrong = np.array([bool(message) for message in messages], bool)[number]
        bad |= wrong
        for r in np.flatnonzero(wrong):
            message = f"{book.account[r]}: {messages[number[r]]}"
            problems.append(Problem("accounts", 0, name, given[r], message, book.account[r]))
    return settings, problems


def _value(setting: Setting, cell: Any) -> tuple[Any, str]:
    """A cell as the setting's type, or its default and what is wrong."""
    if cell is None or cell == "" or (isinstance(cell, float) and np.isnan(cell)):
        return setting.default, ""
    if setting.choices:
        folded = {c.casefold(): c for c in setting.choices}
        choice = folded.get(str(cell).strip().casefold())
        if choice is None:
            words = ", ".join(setting.choices)
            return setting.default, f"{cell!r} is not one of {words}{nearest(str(cell), setting.choices)}"
        return choice, ""
    if isinstance(setting.default, str):
        return str(cell).strip(), ""
    try:
        return float(cell), ""
    except (TypeError, ValueError):
        return setting.default, f"not a number: {cell!r}"

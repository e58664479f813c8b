"""What the panel knows and computes, without any widget: traits in, traits out."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from typing import Any

import traitlets as T

from xlmargin.book import Book
from xlmargin.errors import InputError, Problem, XlmarginError
from xlmargin.ledger import Margin
from xlmargin.market import Market
from xlmargin.params import Params
from xlmargin.parsing import read_time
from xlmargin.registry import model as find
from xlmargin.registry import models
from xlmargin.run import margin
from xlmargin.shocks import moved

from .desk import Desk
from .tabs import Tab, all_tabs
from .turns import Body, later
from .verdict import Verdict

INPUTS = ("book", "market", "model", "as_of", "account", "pool", "shocks", "options", "params", "tab")
Cell = tuple[str, int, str]


def guarded(step: Callable[[], None]) -> list[Problem]:
    """Run a step; what it raises comes back as problems, never as a traceback that nobody sees."""
    try:
        step()
    except XlmarginError as error:
        return list(getattr(error, "problems", ())) or [Problem("", 0, "", None, str(error))]
    except Exception as error:
        return [Problem("", 0, "", None, f"{type(error).__name__}: {error}")]
    return []


def suited(book: Book | None, market: Market | None) -> str:
    """The first model that takes a book as it is; the first of all where none does or nothing is held."""
    for id in models() if book is not None and len(book.legs) else ():
        if not guarded(lambda id=id: margin(book, market, id)):
            return id
    return models()[0]


class Fresh(T.Instance):
    """A result that is computed before it is read if an input has changed since."""

    def get(self, obj: Any, cls: Any = None) -> Any:
        obj.flush()
        return super().get(obj, cls)


class PanelState(T.HasTraits):
    """A desk under a model: setting ``book``, ``market``, ``model`` … gives a new ``margin``; all may be observed.

    ``shocks`` is {"price": {underlying: fraction}, "vol": {underlying: fraction}, "days": number}; ``as_of`` None
    is the market's own time. While a cell is wrong ``margin`` stays that of the last good book, ``stale`` is True and
    ``problems`` lists what is wrong. Without ``model`` the first that takes the book is used. ``decimal`` is the
    decimal mark of pasted numbers.
    """

    book = T.Instance(Book, allow_none=True)
    market = T.Instance(Market, allow_none=True)
    model = T.Unicode()
    as_of = T.Any(None)
    account = T.Unicode()
    pool = T.Unicode()
    shocks = T.Dict()
    options = T.Dict()
    params = T.Instance(Params, allow_none=True)
    tab = T.Unicode()
    decimal = T.Enum([".", ","], ".")
    margin = Fresh(Margin, allow_none=True, read_only=True)
    problems = T.Tuple(read_only=True)
    stale = T.Bool(read_only=True)

    def __init__(self, book: Book | None = None, market: Market | None = None, **inputs: Any) -> None:
        unknown = sorted(set(inputs) - set(self.trait_names()))
        if unknown:
            raise TypeError(f"unknown argument {', '.join(unknown)}; allowed: {', '.join(INPUTS)}")
        if (book is None) != (market is None):
            raise TypeError("give a book and the market that it is numbered by, or neither")
        self.desk = Desk(as_of=dt.datetime.now(dt.UTC).timestamp())
        self.pages: dict[str, Tab] = {page.id: page for page in (cls() for cls in all_tabs())}
        self.body, self.page = Body(self.draw), None
        self.verdict: Verdict | None = None
        self.shocked: Market | None = None
        self.message = self.said = ""
        self.errors: dict[str, dict[tuple[int, str], str]] = {}
        self.cause: list[Cell] = []
        self.complaints: list[tuple[list[Problem], list[Cell]]] = []
        self.took = 0.0
        self._dirty, self._own, self._reload = True, False, False
        if "model" not in inputs:
            inputs["model"] = suited(book, market)
        super().__init__(**{"tab": next(iter(self.pages)), **inputs})
        if book is not None and market is not None:
            self.show(book, market)
            self.desk.done = []
        self.observe(self._changed, names=list(INPUTS))
        self.touch()

    @T.validate("model")
    def _known(self, proposal: Any) -> str:
        return find(proposal.value).id

    def show(self, book: Book, market: Market) -> None:
        """Take over a book and the market that it is numbered by, both at once."""
        self.desk.load(book, market)
        self.said = ""
        self.take(book=book, market=market)
        self.touch()

    def take(self, **values: Any) -> None:
        """Set inputs to what the desk itself made of them."""
        self._own = True
        try:
            for name, value in values.items():
                setattr(self, name, value)
        finally:
            self._own = False

    def _changed(self, change: Any) -> None:
        if not self._own:
            self._reload |= change.name in ("book", "market")
            self.touch()

    def touch(self, now: bool = False) -> None:
        """Something changed: compute when the kernel is free, or as soon as a result is asked for."""
        self._dirty = True
        if now or not later(self.flush):
            self.flush()

    def flush(self) -> None:
        """Compute now if an input has changed, and draw."""
        if not self._dirty:
            return
        self._dirty = False
        start = time.perf_counter()
        found = guarded(self._compute)
        if found:
            self.refuse(found)
        self.complain()
        self.open_tab()
        self.took = time.perf_counter() - start
        self.cause, self.complaints = [], []
        self.draw()

    def attempt(self, action: Callable[[], None]) -> None:
        """Do what was asked; what goes wrong is said with the next figures."""
        before, self.cause = self.cause, []
        found = guarded(action)
        if found:
            self.complaints.append((found, self.cause))
            self.cause = []
        self.cause = before + self.cause

    def complain(self) -> None:
        """Say what could not be done, at the cells that were meant where there are any."""
        for problems, cells in self.complaints:
            self.point(problems, cells)
            self.message = "\n".join(filter(None, [*map(str, problems), self.message]))

    def point(self, problems: Sequence[Problem], cells: Sequence[Cell]) -> None:
        """Put problems at their cells; those without a place go to the ``cells`` that were changed last."""
        placed = self.desk.errors(problems)
        if not placed:
            for sheet, id, column in cells:
                placed.setdefault(sheet, {})[id, column] = "\n".join(p.message for p in problems)
        for sheet, said in placed.items():
            self.errors[sheet] = {**self.errors.get(sheet, {}), **said}

    def _compute(self) -> None:
        if self._reload and self.book is not None and self.market is not None:
            self._reload = False
            self.desk.load(self.book, self.market)
        book, market, problems = self.desk.build(self.moment(), venue=self.model)
        if problems:
            self.refuse(problems)
            return
        self.take(book=book, market=market)
        self.shocked = self.after_shocks(market)
        result = self.margin_of(book, self.shocked)
        bad = sorted({p.account for p in result.problems})
        verdict = None if self.account in bad else Verdict.of(result, self.account, self.pool)
        if verdict is None:
            self.refuse(result.problems)
            return
        self._accept(verdict, bad)

    def _accept(self, verdict: Verdict, bad: Sequence[str]) -> None:
        result = verdict.margin
        self.errors = self.desk.errors(result.problems)
        self.message = f"Left out: {', '.join(bad)}: {result.problems[0]}" if bad else ""
        self.verdict = verdict
        self.take(account=verdict.account, pool=verdict.pool)
        with self.hold_trait_notifications():
            self.set_trait("problems", result.problems)
            self.set_trait("stale", False)
            self.set_trait("margin", result)

    def refuse(self, problems: Sequence[Problem]) -> None:
        """Keep the last good figures and say, at the cell where it can be known, what is wrong."""
        self.errors = {}
        self.point(problems, self.cause)
        count = len(problems)
        first = "\n".join(map(str, problems[:5]))
        self.message = f"{count} problem{'s' * (count != 1)}; the figures are those before: {first}"
        self.set_trait("problems", tuple(problems))
        self.set_trait("stale", True)

    def after_shocks(self, market: Market) -> Market:
        """A market of this desk after the moves in force."""
        return moved(market, **self.shocks)

    def margin_of(self, book: Book, market: Market) -> Margin:
        """A book under the model, parameters and options in force; bad accounts are left out and listed."""
        how = {"params": self.params, "options": self.options, "on_problem": "collect"}
        return margin(book, market, self.model, **how)

    def basis(self) -> tuple[Any, ...]:
        """What a result rests on: two of them are equal while nothing has been changed between."""
        where = (self.model, self.account, self.pool, self.as_of, id(self.params))
        return (dict(self.desk.sheets), *where, self.shocks, self.options)

    def moment(self) -> float:
        """The time at which the prices hold, in epoch seconds."""
        if self.as_of in (None, ""):
            return self.desk.as_of
        try:
            return read_time(self.as_of)
        except ValueError as error:
            raise InputError([Problem("", 0, "as_of", self.as_of, str(error))]) from None

    def open_tab(self) -> None:
        """Make the blocks of the open tab."""
        page = self.pages.get(self.tab) or next(iter(self.pages.values()))
        if page is not self.page:
            self.page, self.body.blocks = page, []
        if self.verdict is not None:
            self.body.begin(page.steps(self, self.verdict))

    def draw(self) -> None:
        """Show what has changed; a view overrides this."""

"""Which rulebooks there are, what each needs and promises; found by folder and by entry point."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from .book import Book
from .errors import Problem, UnknownModel, nearest
from .market import Market
from .params import Params

LAWS = frozenset(
    {
        "initial at least maintenance",
        "merging never raises",
        "scaling",
    }
)
ALL = LAWS


@dataclass(frozen=True)
class Setting:
    """A setting of an account or an option of a run: default, words allowed (or a number), meaning."""

    default: Any
    meaning: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Ready:
    """What a rule needs and holdings do not change: made once by ``prepare``; attributes by name."""

    market: Market
    params: Params
    options: Mapping[str, Any]
    made: Mapping[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["made"][name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(eq=False)
class Model:
    """A rulebook: its rule and what is known about it.

    ``needs`` maps a kind of holding to the columns that it needs ("forward iv rate?"; a question mark makes
    one optional); a kind that is not named is refused. ``balance`` stands for balances, needing assets columns.
    ``scoped`` says that every scope held must have parameters of its own. ``exceptions`` maps a law that does
    not hold to the reason. ``files`` are endings of files that its loader reads by itself. ``index_by`` "instrument"
    says that the rule reads an index of each instrument (``market.spot()``) and none of a scope.
    """

    id: str
    rule: Callable[..., Any]
    needs: dict[str, str]
    settings: dict[str, Setting] = field(default_factory=dict)
    options: dict[str, Setting] = field(default_factory=dict)
    exceptions: dict[str, str] = field(default_factory=dict)
    payoffs: str = "any"
    scoped: bool = False
    scope_setting: str = ""
    index_by: str = "scope"
    evidence: str = ""
    title: str = ""
    tables: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    file: Path | None = None
    prepare_step: Callable[..., dict[str, Any]] | None = None
    pools_step: Callable[..., Book] | None = None
    check_step: Callable[..., list[Problem]] | None = None
    loader_step: Callable[..., Any] | None = None
    version_step: Callable[..., Params] | None = None

    def prepare(self, step: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        """Register ``step(market, params, options)`` -> what the rule finds in ``ready``, by name."""
        self.prepare_step = step
        return step

    def pools(self, step: Callable[..., Book]) -> Callable[..., Book]:
        """Register ``step(book, market, params, options)`` -> the book whose rows are pools."""
        self.pools_step = step
        return step

    def check(self, step: Callable[..., list[Problem]]) -> Callable[..., list[Problem]]:
        """Register ``step(book, market, params)`` -> problems beyond missing columns."""
        self.check_step = step
        return step

    def loader(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """Register ``step(payload, params)`` -> parameters with a venue's own payload in them."""
        self.loader_step = step
        return step

    def choose(self, step: Callable[..., Params]) -> Callable[..., Params]:
        """Register ``step(as_of, options)`` -> parameters, where an option may name a version instead of the date."""
        self.version_step = step
        return step

    def in_force(self, as_of: float, options: Mapping[str, Any]) -> Params:
        """The parameters of a run: by date, unless the model lets an option name the version."""
        return self.version_step(as_of, options) if self.version_step else self.params(as_of)

    def params(self, as_of: float) -> Params:
        """The parameters in force at ``as_of`` (epoch seconds)."""
        assert self.file is not None
        return Params.load(self.file, as_of)

    def load(self, payload: Any, params: Params) -> Params:
        """``params`` with what the venue's own API payload says in place."""
        if self.loader_step is None:
            raise UnknownModel(f"{self.id} has no loader for venue payloads")
        return self.loader_step(payload, params)

    @property
    def summary(self) -> str:
        """First sentence of the rule's docstring."""
        return (self.rule.__doc__ or "").strip().split("\n")[0]


MODELS: dict[str, Model] = {}


def margin_model(id: str, *, needs: dict[str, str], params: str = "", **facts: Any) -> Callable[..., Model]:
    """Declare the decorated rule ``(book, ready) -> Margin`` as the model ``id``.

    ``params`` names the TOML beside the module where it is not the module's own name.
    """

    def declare(rule: Callable[..., Any]) -> Model:
        module = sys.modules[rule.__module__]
        own = Path(module.__file__ or "")
        file = own.with_name(params) if params else own.with_suffix(".toml")
        MODELS[id] = Model(id, rule, needs, file=file, **facts)
        return MODELS[id]

    return declare


@cache
def _discover() -> None:
    from . import rulebooks

    _import_room(rulebooks.__path__, f"{rulebooks.__name__}.")
    for point in entry_points(group="xlmargin.rulebooks"):
        point.load()


def _import_room(path: Iterable[str], prefix: str) -> None:
    for info in pkgutil.walk_packages(path, prefix):
        importlib.import_module(info.name)


@cache
def _discover_venue(venue: str) -> None:
    """Import the rulebooks of one venue only, where its package has the venue's name: a start without the rest."""
    from . import rulebooks

    name = f"{rulebooks.__name__}.{venue}"
    if venue.isidentifier() and importlib.util.find_spec(name) is not None:
        _import_room(getattr(importlib.import_module(name), "__path__", []), f"{name}.")


def models() -> tuple[str, ...]:
    """Ids of all rulebooks, sorted."""
    _discover()
    return tuple(sorted(MODELS))


def model(id: str | Model) -> Model:
    """The rulebook of that id; an unknown one is refused with the nearest.

    >>> model("derive.portfolio").id
    'derive.portfolio'
    """
    if isinstance(id, Model):
        return id
    wanted = str(id).strip().casefold()
    if wanted not in MODELS:
        _discover_venue(wanted.partition(".")[0])
    if wanted not in MODELS:
        _discover()
    found = MODELS.get(wanted)
    if found is None:
        raise UnknownModel(f"no model {id!r}{nearest(str(id), MODELS)} (models: {', '.join(sorted(MODELS))})")
    return found

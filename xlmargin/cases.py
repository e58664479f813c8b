"""What a command is about: a source and how to margin it; read, margined and stamped when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .book import Book
from .errors import InputError, Note, Problem
from .given import known, options, parameters, read
from .ledger import Margin
from .market import Market
from .reading import read_table
from .registry import Model, models
from .registry import model as find
from .run import margin, moment


@dataclass(frozen=True, eq=False)
class Case:
    """What a command is about: a source and how to margin it; book, market and margin are made when asked for."""

    source: Path
    model: str
    account: str | None = None
    as_of: str | None = None
    option: list[str] | None = None
    params: Path | None = None
    venue: str = ""

    @cached_property
    def rulebook(self) -> Model:
        """The model asked for."""
        return find(self.model)

    @cached_property
    def read(self) -> tuple[Book, Market]:
        """Every account of the source, and the market."""
        book, market = read(self.source, self.as_of, self.venue, self.rulebook.id)
        known(self.account, book.account)
        return book, market

    @cached_property
    def how(self) -> dict[str, Any]:
        """Options and parameters as the verbs take them."""
        own = parameters(self.params, self.rulebook, self.read[1].as_of) if self.params else None
        return {"params": own, "options": options(self.option)}

    @cached_property
    def margin(self) -> Margin:
        """The margin of the account named, or of all."""
        book, market = self.read
        if self.account is not None:
            book = book.take([list(map(str, book.account)).index(self.account)])
        with self.payload_blamed():
            return margin(book, market, self.rulebook, **self.how)

    @contextmanager
    def payload_blamed(self) -> Iterator[None]:
        """A value that the model cannot use is said to stand in the payload, where there is one."""
        try:
            yield
        except (TypeError, ValueError) as error:
            if self.params is None:
                raise
            words = f"{self.params.name}: {self.rulebook.id} cannot use a value in it: {error}"
            raise InputError(words) from error

    @property
    def stamp(self) -> str:
        """Model, parameters and market of the margin, in words."""
        told = self.margin.stamp
        own = f" with {self.params.name}" if self.params else ""
        market = f"market of {told['market time']} ({told['market source']})"
        return f"{told['model']}, parameters of {told['parameters']}{own}, {market}"

    @property
    def notes(self) -> list[str]:
        """The doubts and assumptions that the margin rests on, and whom they concern."""
        return [said(note, self.margin.account) for note in self.margin.notes]

    @property
    def empty(self) -> bool:
        """Whether a model that margins positions finds none."""
        held = self.margin.run.book
        return not (len(held.legs) or len(held.orders)) and bool(set(self.rulebook.needs) - {"balance"})

    def table(self, name: str, file: Path | None = None, *, needed: str = "") -> Any:
        """A table of ``file``, else of the source (see ``table``)."""
        return table(self.source, name, file, needed=needed)


@dataclass(frozen=True, eq=False)
class Venues:
    """What a command over several venues is about: a source, and which model stands for which venue."""

    source: Path
    model: list[str] | None = None
    as_of: str | None = None
    option: list[str] | None = None
    params: list[str] | None = None
    venue: str = ""

    empty = False
    notes = ()

    @cached_property
    def models(self) -> str | list[str] | dict[str, str] | None:
        """One model for all, a model by venue, models that stand for their venues, or what the accounts say."""
        return models_of(self.model or ())

    @cached_property
    def read(self) -> tuple[Book, Market]:
        """Every account of the source, and the market."""
        return read(self.source, self.as_of, self.venue, self.models if isinstance(self.models, str) else "")

    @cached_property
    def how(self) -> dict[str, Any]:
        """Options and parameters by model, as the verbs take them."""
        chosen: dict[str, dict[str, str]] = {}
        for text in self.option or ():
            id, colon, pair = text.partition(":")
            if not colon:
                raise InputError(f"--option: write model:name=value, not {text!r}")
            chosen.setdefault(find(id.strip()).id, {}).update(options([pair]))
        own = {}
        for text in self.params or ():
            id, equals, file = text.partition("=")
            if not equals:
                raise InputError(f"--params: write model=FILE, not {text!r}")
            own[find(id.strip()).id] = parameters(Path(file.strip()), find(id.strip()), self.read[1].as_of)
        return {"options": chosen or None, "params": own or None}

    @contextmanager
    def payload_blamed(self) -> Iterator[None]:
        """Values that a model cannot use are said to stand in its payload, venues without a model with the option."""
        try:
            yield
        except InputError as error:
            names = (str(p.value) for p in error.problems if (p.table, p.column) == ("accounts", "venue"))
            asked = " ".join(f"-m {name}={_first_of(name)}" for name in dict.fromkeys(names) if name)
            if not asked:
                raise
            raise InputError([*error.problems, Problem("", 0, "", None, f"say it with {asked}")]) from error
        except (TypeError, ValueError) as error:
            if not self.params:
                raise
            raise InputError(f"--params: a value in it cannot be used: {error}") from error

    @property
    def stamp(self) -> str:
        """Source, models and market in words."""
        given = self.models
        told = ", ".join(f"{v} under {m}" for v, m in given.items()) if isinstance(given, dict) else given
        models = told if isinstance(told, str) else ", ".join(told or ["models as the accounts say"])
        return f"{self.source.name}, {models}, market of {moment(self.read[1].as_of)}"

    def table(self, name: str, file: Path | None = None, *, needed: str = "") -> Any:
        """A table of ``file``, else of the source (see ``table``)."""
        return table(self.source, name, file, needed=needed)


def _first_of(venue: str) -> str:
    """The first model of a venue, else a word in its place."""
    return next((id for id in models() if id.startswith(f"{venue.casefold()}.")), "MODEL")


def models_of(texts: Iterable[str]) -> str | list[str] | dict[str, str] | None:
    """Models from VENUE=MODEL or MODEL: by venue, one for all, several that stand for their venues, or None.

    >>> models_of(["derive=derive.portfolio"]), models_of(["derive.portfolio"]), models_of([])
    ({'derive': 'derive.portfolio'}, 'derive.portfolio', None)
    """
    parts = [(venue.strip(), find(id.strip()).id) for venue, _, id in (text.rpartition("=") for text in texts)]
    if any(venue for venue, _ in parts) and not all(venue for venue, _ in parts):
        raise InputError("models: give a venue with every model (VENUE=MODEL), or with none")
    if any(venue for venue, _ in parts):
        return dict(parts)
    ids = [id for _, id in parts]
    return None if not ids else ids[0] if len(ids) == 1 else ids


def said(note: Note, account: Any) -> str:
    """A note, and the accounts (R,) whose rows it concerns; nothing where it concerns none."""
    if note.where is None:
        return note.text
    who = ", ".join(dict.fromkeys(map(str, account[note.where])))
    return f"{note.text} [{who[:80]}]" if who else ""


def table(source: Path, name: str, file: Path | None = None, *, needed: str = "") -> Any:
    """A table from ``file``, else the source's own of that ``name``; ``needed`` says in words what one must hold.

    None where there is none and none is needed.
    """
    found = read_table(file, name) if file is not None else read_table(source, name, lone=False)
    if found is None and (needed or file is not None):
        where = source if file is None else file
        raise InputError(f"{where.name}: no {name} table{f'; {needed}' if needed else ''}")
    return found

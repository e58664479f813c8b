"""Leverage that changed parameters no longer allow: such legs take the highest allowed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...book import Book
from ...run import Session

SETTING = "leverage"


def lowered(book: Book, session: Session) -> tuple[Book, np.ndarray]:
    """The pools with leverage left to the rule where the rule's own check refuses it, and the rows (R,) it concerns.

    A rule takes the highest leverage allowed where none is stated. What an account states for all its legs is written
    on each of them first, so that the check sees it.
    """
    none = np.zeros(len(book), bool)
    stated = _stated(book)
    if session.model.check_step is None or np.isnan(stated).all():
        return book, none
    full = replace(book, legs=replace(book.legs, leverage=stated))
    refused = np.zeros(len(book.legs), bool)
    for problem, row in session.model.check_step(full, session.market, session.params):
        if problem.column == SETTING and isinstance(row, int | np.integer):
            refused |= (book.legs.row == row) & (book.legs.sheet_row == problem.row)
    if not refused.any():
        return book, none
    none[book.legs.row[refused]] = True
    settings = dict(book.settings)
    if SETTING in settings:
        settings[SETTING] = np.where(none, np.nan, np.asarray(settings[SETTING], np.float64))
    legs = replace(full.legs, leverage=np.where(refused, np.nan, stated))
    return replace(full, legs=legs, settings=settings), none


def _stated(book: Book) -> np.ndarray:
    """Leverage of each leg (H,): its own, else its account's; NaN where neither is given."""
    own, account = book.legs.leverage, book.settings.get(SETTING)
    if account is None:
        return own
    return np.where(np.isnan(own), np.asarray(account, np.float64)[book.legs.row], own)

"""The live loop: margined again on save, only where something changed, with changes of state."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests.law_books.derive import tables
from xlmargin import live

MODEL = "derive.portfolio"


@pytest.fixture
def desk(tmp_path):
    made = {name: pd.DataFrame(rows) for name, rows in tables(np.random.default_rng(3), 6).items()}
    return tmp_path, made


def save(folder, made):
    for name, table in made.items():
        path = folder / f"{name}.csv"
        table.to_csv(path, index=False)
        os.utime(path, ns=(0, save.tick))
    save.tick += 10**9


save.tick = 10**18


def loop(folder, made, *changes):
    """The changes that the loop yields when ``changes`` are made between its looks."""
    save(folder, made)
    todo = iter(changes)

    def pause(_seconds):
        change = next(todo, None)
        if change is not None:
            change(made)
            save(folder, made)

    return list(xm.watch(folder, MODEL, rounds=len(changes) + 1, pause=pause))


def figures(frame):
    return frame.set_index("account")[["equity", "initial", "maintenance"]].sort_index()


def test_only_touched_accounts_run_again(desk, monkeypatch):
    folder, made = desk
    held = made["positions"]["account"].iloc[0]
    ran = []
    real = live.margin
    monkeypatch.setattr(live, "margin", lambda book, *a, **k: ran.append(list(book.account)) or real(book, *a, **k))

    def double_first(made):
        made["positions"].loc[0, "quantity"] *= 2

    first, second = loop(folder, made, double_first)
    assert len(first.touched) == 6
    assert second.touched == (held,)
    assert ran[1] == [held]
    pd.testing.assert_frame_equal(figures(second.frame), figures(xm.margin(*xm.read(folder), MODEL).frame()))


def test_a_price_touches_its_holders(desk):
    folder, made = desk
    name = made["positions"]["instrument"].iloc[0]
    holders = set(made["positions"].loc[made["positions"]["instrument"] == name, "account"])

    def move(made):
        row = made["instruments"]["instrument"] == name
        column = "mark" if name.endswith("PERP") else "iv"
        made["instruments"].loc[row, column] *= 1.1

    _, change = loop(folder, made, move)
    assert set(change.touched) == holders
    pd.testing.assert_frame_equal(figures(change.frame), figures(xm.margin(*xm.read(folder), MODEL).frame()))


def test_new_and_gone_accounts(desk):
    folder, made = desk

    def swap(made):
        table = made["positions"]
        gone = table["account"].iloc[-1]
        made["positions"] = table[table["account"] != gone]
        made["balances"] = made["balances"][made["balances"]["account"] != gone]
        extra = {"asset": "USDC", "amount": 5.0, "account": "new"}
        made["balances"] = pd.concat([made["balances"], pd.DataFrame([extra])], ignore_index=True)

    _, change = loop(folder, made, swap)
    assert change.touched == ("new",)
    pd.testing.assert_frame_equal(figures(change.frame), figures(xm.margin(*xm.read(folder), MODEL).frame()))


def test_states_are_told_when_they_change(desk):
    folder, made = desk

    def lose_cash(made):
        made["balances"].loc[made["balances"]["account"] == "a0", "amount"] = -1e7

    first, second = loop(folder, made, lose_cash)
    assert {s[0] for s in first.states} == {f"a{n}" for n in range(6)}
    assert [(s[0], s[3]) for s in second.states] == [("a0", "below maintenance")]


def test_a_bad_save_is_said_and_the_last_figures_stay(desk):
    folder, made = desk

    def spoil(made):
        made["positions"]["quantity"] = made["positions"]["quantity"].astype(object)
        made["positions"].loc[0, "quantity"] = "many"

    def mend(made):
        made["positions"].loc[0, "quantity"] = 1.0

    first, bad, good = loop(folder, made, spoil, mend)
    assert "positions row 2, column quantity: not a number: 'many'" in bad.problem
    pd.testing.assert_frame_equal(bad.frame, first.frame)
    assert good.problem == ""


def test_nothing_saved_nothing_said(desk):
    folder, made = desk
    assert len(loop(folder, made, None, None)) == 1


def test_command(desk):
    folder, made = desk
    save(folder, made)
    command = [
        sys.executable,
        "-m",
        "xlmargin.cli",
        "watch",
        str(folder),
        "--rounds",
        "1",
        "-o",
        str(folder / "out.csv"),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(folder / "out.csv")) == 6

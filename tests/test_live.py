"""The live loop: margined again on save, only where something changed, with changes of state."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests.law_books.derive import tables
from xlmargin.run import Session

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
    real = Session.margin
    monkeypatch.setattr(Session, "margin", lambda self, book: ran.append(list(book.account)) or real(self, book))

    def double_first(made):
        made["positions"].loc[0, "quantity"] *= 2

    first, second = loop(folder, made, double_first)
    assert len(first.touched) == 6
    assert second.touched == (held,)
    assert ran[1] == [held]
    assert (first.repriced, second.repriced) == (first.listed, 0)
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


def test_an_account_that_is_gone_leaves_the_others_as_they_are(desk):
    folder, made = desk

    def close(made):
        for name in ("positions", "balances"):
            made[name] = made[name][made[name]["account"] != "a3"]

    first, change = loop(folder, made, close)
    assert change.touched == ()
    assert list(change.frame["account"]) == [a for a in first.frame["account"] if a != "a3"]
    pd.testing.assert_frame_equal(figures(change.frame), figures(xm.margin(*xm.read(folder), MODEL).frame()))


def test_a_sheet_in_another_order_changes_nothing(desk):
    folder, made = desk

    def turn(made):
        for name in ("positions", "instruments"):
            made[name] = made[name].iloc[::-1].reset_index(drop=True)

    _, change = loop(folder, made, turn)
    assert change.touched == ()
    assert change.repriced == 0


def test_time_and_assets_touch_everything(desk):
    folder, made = desk

    def depeg(made):
        made["assets"]["price"] = made["assets"]["price"] * 0.999

    _, change = loop(folder, made, depeg)
    assert len(change.touched) == 6
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


def run(folder, *more):
    command = [sys.executable, "-m", "xlmargin.cli", "watch", str(folder), "--rounds", "1", *more]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("-m", "derive.portfoleo"), "did you mean 'derive.portfolio'"),
        (("--venue", "derebit"), "did you mean 'deribit'"),
        (("--option", "side=post"), "side"),
        (("--as-of", "yesterday"), "--as-of"),
        (("--params", "none.json"), "no file 'none.json'"),
    ],
)
def test_what_cannot_be_watched_ends_the_command(desk, more, said):
    folder, made = desk
    save(folder, made)
    done = run(folder, *more)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_source_that_is_not_there_is_told_with_the_nearest(desk):
    folder, made = desk
    save(folder, made)
    done = run(folder.with_name(folder.name + "x"))
    assert done.returncode == 2
    assert f"did you mean '{folder.name}'" in done.stderr


def test_a_payload_that_is_saved_anew_margins_everything_again(tmp_path):
    folder, payload = tmp_path / "desk", tmp_path / "payload.json"
    folder.mkdir()
    made = {
        "positions": {"account": ["a", "b"], "instrument": ["BTC-PERPETUAL"] * 2, "quantity": [10_000.0, -20_000.0]},
        "balances": {"account": ["a", "b"], "asset": ["BTC", "BTC"], "amount": [1.0, 1.0]},
        "instruments": {"instrument": ["BTC-PERPETUAL"], "mark": [80_000.0], "index": [80_000.0]},
        "assets": {"asset": ["BTC"], "price": [80_000.0]},
    }
    save(folder, {name: pd.DataFrame(rows) for name, rows in made.items()})

    def asked(price_range):
        pair = {"currency_pair": {"btc_usd": {"price_range": price_range}}}
        payload.write_text(json.dumps({"result": {"model_params": pair}}), encoding="utf-8")
        os.utime(payload, ns=(0, save.tick))
        save.tick += 10**9

    asked(0.2)
    rounds = xm.watch(folder, "deribit.portfolio", as_of="2026-11-25", params=payload, pause=lambda _: asked(0.4))
    first, second = next(rounds), next(rounds)
    assert (first.problem, second.problem) == ("", "")
    assert second.touched == ("a", "b")
    assert np.all(second.frame["maintenance"] > first.frame["maintenance"])
    rounds = xm.watch(folder, "deribit.portfolio", as_of="2026-11-25", params=payload, pause=lambda _: asked("wide"))
    next(rounds)
    bad = next(rounds)
    assert "price_range of BTC is a number" in bad.problem
    pd.testing.assert_frame_equal(figures(bad.frame), figures(second.frame))

"""Many accounts: the same figures as one, nothing lost, nothing twice, whatever happens on the way."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests.law_books.derive import tables
from xlmargin.bulk import Outcome, batch, spill
from xlmargin.bulk import bucket as bucket_room

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install -e '.[batch]'")
MODEL = "derive.portfolio"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """200 accounts as Parquet in random order, in buckets of about 100 rows."""
    monkeypatch.setattr("xlmargin.bulk.run.ROWS_OF_A_BUCKET", 100)
    made = {name: pd.DataFrame(rows) for name, rows in tables(np.random.default_rng(5), 200).items()}
    made["positions"] = made["positions"].sample(frac=1.0, random_state=1, ignore_index=True)
    for name, table in made.items():
        table.to_parquet(tmp_path / f"{name}.parquet", index=False)
    return tmp_path, made


def files(folder, *names):
    return {name: folder / f"{name}.parquet" for name in names or ("balances", "instruments", "assets")}


def run(folder, **how):
    how.setdefault("others", files(folder))
    return batch(folder / "positions.parquet", folder / "margins.parquet", MODEL, **how)


def whole(made):
    return xm.margin(*xm.tables(**made), MODEL).frame()


def same(got, want):
    got, want = (f.set_index("account").sort_index() for f in (got, want))
    for column in ("equity", "initial", "maintenance"):
        np.testing.assert_array_equal(got[column], want[column], err_msg=column)


def test_same_figures_as_one_call(desk):
    folder, made = desk
    outcome = run(folder)
    assert (outcome.accounts, outcome.margined, outcome.bad) == (200, 200, 0)
    same(pd.read_parquet(outcome.output), whole(made))
    assert not list(folder.glob("*.part*"))


def test_partitioned_data_set(desk):
    folder, made = desk
    data = folder / "set"
    for n in range(4):
        (data / f"day={n % 2}").mkdir(parents=True, exist_ok=True)
        made["positions"].iloc[n::4].to_parquet(data / f"day={n % 2}" / f"{n}.parquet", index=False)
    outcome = batch(data, folder / "out.parquet", MODEL, others=files(folder))
    same(pd.read_parquet(outcome.output), whole(made))


def test_bad_accounts_become_rows_with_their_place(desk):
    folder, made = desk
    positions = made["positions"].copy()
    positions["quantity"] = positions["quantity"].astype(object)
    broken = [3, 77]
    for row in broken:
        positions.loc[row, "quantity"] = "many"
    positions["quantity"] = positions["quantity"].astype(str)
    positions.to_parquet(folder / "positions.parquet", index=False)
    outcome = run(folder)
    bad = {positions["account"][row] for row in broken}
    problems = pd.read_parquet(outcome.problems)
    assert set(problems["account"]) == bad
    assert set(problems["row"]) == {row + 2 for row in broken}
    assert outcome.margined + outcome.bad == 200
    good = {k: v[~v["account"].isin(bad)] if "account" in v else v for k, v in made.items()}
    same(pd.read_parquet(outcome.output), whole(good))


def test_resumes_where_finished_parts_stand(desk, monkeypatch):
    folder, made = desk
    real, calls = bucket_room.margins, []

    def dies_at_the_third(job, number):
        calls.append(number)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(job, number)

    monkeypatch.setattr("xlmargin.bulk.run.margins", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run(folder)
    assert not (folder / "margins.parquet").exists()
    monkeypatch.setattr("xlmargin.bulk.run.margins", real)
    outcome = run(folder)
    assert outcome.resumed == 2
    same(pd.read_parquet(outcome.output), whole(made))


def test_changed_input_is_not_resumed(desk, monkeypatch):
    folder, made = desk
    monkeypatch.setattr("xlmargin.bulk.run._gathered", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        run(folder)
    monkeypatch.undo()
    monkeypatch.setattr("xlmargin.bulk.run.ROWS_OF_A_BUCKET", 100)
    made["positions"]["quantity"] *= 2
    made["positions"].to_parquet(folder / "positions.parquet", index=False)
    outcome = run(folder)
    assert outcome.resumed == 0
    same(pd.read_parquet(outcome.output), whole(made))


def test_killed_process_resumes(desk):
    """A real kill of a real process in the middle; the command is then run again."""
    folder, made = desk
    code = (
        "import time; from xlmargin.bulk import run, bucket\n"
        "run.ROWS_OF_A_BUCKET = 100\n"
        "real = run.margins\n"
        "def slow(job, number):\n    time.sleep(0.3); return real(job, number)\n"
        "run.margins = slow\n"
        f"run.batch({str(folder / 'positions.parquet')!r}, {str(folder / 'margins.parquet')!r}, {MODEL!r}, others="
        f"{ ({k: str(v) for k, v in files(folder).items()})!r})\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    parts = folder / "margins.parquet.parts"
    deadline = time.monotonic() + 60
    while len(list(parts.glob("part-*.problems.parquet"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (folder / "margins.parquet").exists()
    outcome = run(folder)
    assert outcome.resumed >= 1
    same(pd.read_parquet(outcome.output), whole(made))


def test_a_lost_worker_loses_nothing(desk):
    """Two worker processes, one killed in the middle."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install -e '.[batch]'")
    folder, made = desk
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None, silence_logs=50
    )
    killed = []

    def kill_one(text, now, total):
        if now == 2 and not killed:
            pid = next(iter(cluster.workers.values())).pid
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)

    with cluster:
        outcome = run(folder, scheduler=cluster.scheduler_address, progress=kill_one)
    assert killed
    assert (outcome.accounts, outcome.margined, outcome.bad) == (200, 200, 0)
    got = pd.read_parquet(outcome.output)
    assert got["account"].is_unique
    same(got, whole(made))


def test_local_cluster_by_default_for_workers(desk):
    pytest.importorskip("distributed", reason="Dask is not installed: pip install -e '.[batch]'")
    folder, made = desk
    outcome = run(folder, workers=2)
    same(pd.read_parquet(outcome.output), whole(made))


def test_truncated_parquet(desk):
    folder, _ = desk
    path = folder / "positions.parquet"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(xm.InputError, match=r"positions: positions\.parquet cannot be read"):
        run(folder)
    assert not (folder / "margins.parquet").exists()


def test_column_missing_in_one_partition(desk):
    folder, made = desk
    data = folder / "set"
    data.mkdir()
    half = len(made["positions"]) // 2
    made["positions"].iloc[:half].to_parquet(data / "a.parquet", index=False)
    made["positions"].iloc[half:].drop(columns="quantity").to_parquet(data / "b.parquet", index=False)
    with pytest.raises(xm.InputError, match=r"quantity: required column is missing in b\.parquet, though other files"):
        batch(data, folder / "out.parquet", MODEL, others=files(folder))


def test_an_account_in_two_partitions_is_one_account(desk):
    folder, made = desk
    data = folder / "set"
    data.mkdir()
    for n in range(2):
        share = made["positions"].assign(quantity=made["positions"]["quantity"] * (0.25, 0.75)[n])
        share.to_parquet(data / f"{n}.parquet", index=False)
    got = pd.read_parquet(batch(data, folder / "out.parquet", MODEL, others=files(folder)).output)
    want = whole(made).set_index("account").sort_index()
    assert got["account"].is_unique
    np.testing.assert_allclose(got.set_index("account").sort_index()["initial"], want["initial"], rtol=1e-12)


def test_full_disk_leaves_nothing_half_written(desk, monkeypatch):
    folder, made = desk
    import pyarrow.parquet as pq

    real = pq.write_table

    def full(table, path, **how):
        if "part-00001.parquet" in str(path):
            raise OSError(28, "No space left on device")
        return real(table, path, **how)

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(xm.InputError, match=r"cannot be written: .*No space left"):
        run(folder)
    assert not (folder / "margins.parquet").exists()
    monkeypatch.undo()
    monkeypatch.setattr("xlmargin.bulk.run.ROWS_OF_A_BUCKET", 100)
    same(pd.read_parquet(run(folder).output), whole(made))


def test_full_disk_while_sorting(desk, monkeypatch):
    folder, made = desk
    real = spill._writer

    def full(path, schema):
        if "bucket-00002" in path.name:
            raise OSError(28, "No space left on device")
        return real(path, schema)

    monkeypatch.setattr(spill, "_writer", full)
    with pytest.raises(xm.InputError, match=r"positions cannot be written: .*No space left"):
        run(folder)
    monkeypatch.setattr(spill, "_writer", real)
    same(pd.read_parquet(run(folder).output), whole(made))


@pytest.mark.parametrize("accounts", ["spaces", "gaps", "numbers", "floats", "categories"])
def test_accounts_however_they_are_written(desk, accounts):
    """Spaces, empty names, whole numbers and categories: the accounts of one call, each once."""
    folder, made = desk
    number = {name: n for n, name in enumerate(made["balances"]["account"])}
    first = made["positions"]["account"].iloc[0]
    for name in ("positions", "balances"):
        own = made[name]["account"]
        written = {
            "spaces": own.where(np.arange(len(own)) % 2 == 0, " " + own + " "),
            "gaps": own.where(own != first, None) if name == "positions" else own.replace(first, ""),
            "numbers": own.map(number),
            "floats": own.map(number).astype(float if name == "balances" else int),
            "categories": own.astype("category"),
        }[accounts]
        made[name] = made[name].assign(account=written)
        made[name].to_parquet(folder / f"{name}.parquet", index=False)
    outcome = run(folder)
    assert (outcome.accounts, outcome.bad) == (200, 0)
    same(pd.read_parquet(outcome.output), whole(made))


def test_payload_that_changes_nothing_is_refused(desk):
    folder, _ = desk
    own = folder / "own.json"
    own.write_text("{}", encoding="utf-8")
    with pytest.raises(xm.UnknownModel, match=r"no loader"):
        run(folder, payload=own)
    with pytest.raises(xm.InputError, match=r"own\.json: nothing in it is a parameter of deribit\.portfolio"):
        batch(folder / "positions.parquet", folder / "m.parquet", "deribit.portfolio", payload=own, as_of="2026-11-25")
    assert not list(folder.glob("*.parts"))


def test_a_short_result_is_refused(desk, monkeypatch):
    """If a bucket wrote too little, the outcome says so and no output appears."""
    folder, _ = desk
    real = bucket_room.margins

    def forgetful(job, number):
        rows = real(job, number)
        if number == 0:
            pd.read_parquet(job.part(0)).iloc[1:].to_parquet(job.part(0), index=False)
        return rows

    monkeypatch.setattr("xlmargin.bulk.run.margins", forgetful)
    with pytest.raises(xm.InputError, match="not whole"):
        run(folder)
    assert not (folder / "margins.parquet").exists()


def test_shared_tables_that_are_wrong_stop_the_job(desk):
    folder, made = desk
    made["assets"].assign(price=[-1.0, 1.0]).to_parquet(folder / "assets.parquet", index=False)
    with pytest.raises(xm.InputError, match="assets row 2, column price"):
        run(folder)


def test_inputs_are_not_overwritten(desk):
    """Margins written onto a table that is read would be the end of that table."""
    folder, made = desk
    positions = folder / "positions.parquet"
    before = positions.read_bytes()
    with pytest.raises(xm.InputError, match=r"positions: positions\.parquet would be overwritten"):
        batch(positions, folder / ".." / folder.name / "positions.parquet", MODEL, others=files(folder))
    with pytest.raises(xm.InputError, match=r"balances: balances\.parquet would be overwritten"):
        batch(positions, folder / "balances.parquet", MODEL, others=files(folder))
    (folder / "m.problems.parquet").write_bytes(before)
    with pytest.raises(xm.InputError, match=r"positions: m\.problems\.parquet would be overwritten"):
        batch(folder / "m.problems.parquet", folder / "m.parquet", MODEL, others=files(folder))
    data = folder / "set"
    data.mkdir()
    made["positions"].to_parquet(data / "0.parquet", index=False)
    with pytest.raises(xm.InputError, match=r"out\.parquet would be written into set, from which positions are read"):
        batch(data, data / "out.parquet", MODEL, others=files(folder))
    assert positions.read_bytes() == before
    assert not list(folder.glob("*.parts"))


@pytest.mark.parametrize("workers", [0, -2])
def test_no_workers_are_refused(desk, workers):
    with pytest.raises(xm.InputError, match=f"workers {workers}: give 1 or more"):
        run(desk[0], workers=workers)
    with pytest.raises(xm.InputError, match=f"workers {workers}: give 1 or more"):
        xm.margin(*xm.tables(**desk[1]), MODEL, workers=workers)


def test_outcome_checks_the_sum(tmp_path):
    short = Outcome(tmp_path / "x", tmp_path / "y", accounts=3, margined=1, bad=1, rows=1, seconds=0.1, resumed=0)
    with pytest.raises(xm.InputError, match="3 accounts in, 1 margined and 1 with problems"):
        short.check()


def test_command(desk):
    folder, made = desk
    arguments = ["batch", "positions.parquet", "-o", "margins.parquet", "-m", MODEL]
    for name in ("balances", "instruments", "assets"):
        arguments += ["--table", f"{name}={name}.parquet"]
    done = subprocess.run(
        [sys.executable, "-m", "xlmargin.cli", *arguments], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "200 accounts margined, 0 with problems" in done.stdout
    same(pd.read_parquet(folder / "margins.parquet"), whole(made))

"""The sample desks: their market is the source's, cell by cell, and what they show is what the model says."""

import datetime as dt

import numpy as np
import openpyxl
import pytest
from python_calamine import CalamineWorkbook
from xlmargin.workbooks import desk

import xlmargin as xm
from tests import shared_golden
from xlmargin.reading import read
from xlmargin.schemas import schema

SOURCES = desk.SOURCES


@pytest.fixture(params=SOURCES)
def source(request):
    return desk.load(request.param)


def cells(path):
    book = CalamineWorkbook.from_path(str(path))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def rows(source, sheet):
    header, *body = cells(desk.HERE / source["file"])[sheet]
    return [dict(zip(header, row, strict=True)) for row in body]


def margin(source):
    book, market = read(desk.HERE / source["file"])
    return xm.margin(book, market, source["model"])


def test_the_workbook_is_what_its_source_gives(source, tmp_path):
    rebuilt = desk.write(source, tmp_path / "again.xlsx")
    assert cells(rebuilt) == cells(desk.HERE / source["file"])
    assert rebuilt.read_bytes() == desk.write(source, tmp_path / "twice.xlsx").read_bytes()


def snapshot(source):
    name = source["source"].rsplit("snapshot ", 1)[1]
    cases = shared_golden.load("defi/derive_chain_cases.json")["pm2_cases"]
    return [case for case in cases if case["snapshot"] == name]


def test_prices_are_those_of_the_snapshot(source):
    instruments = {row["instrument"]: row for row in rows(source, "instruments")}
    assets = {row["asset"]: row["price"] for row in rows(source, "assets")}
    coin, cases = source["underlying"], snapshot(source)
    assert cases
    for case in cases:
        given = case["inputs"]
        assert assets["USDC"] == given["stable"][0]
        assert assets[coin] == given["spot"][0]
        perpetual = instruments[f"{coin}-PERP"]
        assert (perpetual["mark"], perpetual["index"]) == (given["perp"]["price"], given["spot"][0])
        feeds = {feed["expiry"]: feed for feed in given["feeds"]}
        for option in given["options"]:
            expiry = dt.datetime.fromtimestamp(option["expiry"], dt.UTC).replace(tzinfo=None)
            row = instruments[f"{coin}-{expiry:%Y%m%d}-{option['strike']:.0f}-{option['type'][0].upper()}"]
            feed = feeds[option["expiry"]]
            assert (row["iv"], row["strike"], row["expiry"]) == (option["vol"], option["strike"], expiry)
            assert (row["forward"], row["rate"]) == (feed["forward"], feed["rate"])
            assert row["confidence"] == min(feed[k] for k in feed if k.endswith("_confidence"))


def test_every_price_is_the_snapshots_or_says_why_not(source):
    options = {(o["expiry"], o["strike"]) for case in snapshot(source) for o in case["inputs"]["options"]}
    for row in rows(source, "instruments"):
        assert row["as_of"].replace(tzinfo=dt.UTC).timestamp() == snapshot(source)[0]["timestamp"]
        if row["kind"] == "option":
            assert (row["expiry"].replace(tzinfo=dt.UTC).timestamp(), row["strike"]) in options
    for row in rows(source, "assets"):
        assert bool(row.get("assumed")) == (row["asset"] not in ("USDC", source["underlying"]))


def test_accounts_that_the_contract_margined(source):
    result, cases = margin(source), {case["id"]: case for case in snapshot(source)}
    named = {account["name"]: account["case"] for account in source["account"] if "case" in account}
    assert named
    for name, case in named.items():
        r, want = list(result.account).index(name), cases[case]["expected"]
        assert result.available[r] == pytest.approx(float(want["IM"]), abs=1e-6)
        assert result.headroom[r] == pytest.approx(float(want["MM"]), abs=1e-6)
        assert result.worst[r] == want["worst_scenario_index"]


def test_the_desk_shows_health_strain_and_failure():
    result = margin(desk.load("desk.toml"))
    left = result.available / result.equity.value
    assert (result.problems, result.notes) == ((), ())
    assert np.any(left > 0.25)
    assert np.any((left >= 0) & (left < 0.05))
    assert np.any((result.available < 0) & (result.headroom >= 0))
    assert np.any(result.headroom < 0)


def test_headers_are_the_schemas_and_say_what_they_mean(source):
    book = openpyxl.load_workbook(desk.HERE / source["file"])
    assert book.sheetnames == ["about", "positions", "balances", "instruments", "assets", "accounts"]
    for name in book.sheetnames[1:]:
        columns, sheet = {column.name: column for column in schema(name)}, book[name]
        assert sheet.freeze_panes
        for cell in sheet[1]:
            assert cell.value in columns or cell.value in desk.OWN_COLUMNS
            if cell.value in columns:
                assert columns[cell.value].meaning in cell.comment.text
                assert columns[cell.value].unit in cell.comment.text

"""Shared SIMM suites as one book each: every case is a netting set named after itself."""

import csv
import datetime as dt
import re
from functools import cache

import pandas as pd

import xlmargin as xm
from tests import shared_golden

FOLDER = "simm"
NOON = dt.time(12)


def path(name):
    found = shared_golden.ROOT / FOLDER / name
    if not found.exists():
        shared_golden.load(f"{FOLDER}/{name}")
    return found


def files(pattern):
    """Shared files whose name matches, and the groups of the match."""
    folder = shared_golden.ROOT / FOLDER
    matches = (re.fullmatch(pattern, p.name) for p in sorted(folder.glob("*"))) if folder.exists() else ()
    return {m.string: m.groups() for m in matches if m}


@cache
def table(name):
    with path(name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@cache
def inputs(name):
    return {row["Id"]: row for row in table(name)}


@cache
def releases():
    """The shared parameter files by every name of their release."""
    found = {}
    for name in files(r"simm_params_.*\.json"):
        payload = shared_golden.load(f"{FOLDER}/{name}")
        found |= dict.fromkeys((payload["simm_version"], *payload.get("names", ())), payload)
    return found


def stacked(cases, rows):
    """One CRIF of all ``cases`` {name: ids}, the account of each row being its case."""
    out = [rows[i] | {"account": name} for name, ids in cases.items() for i in ids]
    return pd.DataFrame(out).drop(columns=["Id"], errors="ignore")


def run(crif, version, horizon, accounts=None, loaded=False, **options):
    """The margin under a release: the rulebook's own file, or (``loaded``) the shared JSON through the loader."""
    book, market = xm.tables(crif=crif, accounts=accounts, as_of="2026-11-25")
    model = xm.model("simm")
    known = versions_by_name()
    options = {"horizon": f"{horizon}d", **options}
    if loaded or version not in known:
        params = model.load(releases()[version], model.params(market.as_of))
        return xm.margin(book, market, "simm", params=params, options=options)
    return xm.margin(book, market, "simm", options={**options, "version": version})


@cache
def versions_by_name():
    from xlmargin.params import versions

    model = xm.model("simm")
    found = {}
    for moment in versions(model.file):
        params = model.params(moment.timestamp())
        found |= dict.fromkeys((params["release"], *params["release_names"]), moment)
    return found

"""Payloads of SIMM parameters: every release has the shape, another is refused with what is wrong."""

import copy
import random

import numpy as np
import pandas as pd
import pytest

import xlmargin as xm
from tests import shared_golden
from tests.law_books import isda
from xlmargin.params import versions
from xlmargin.rulebooks.isda import shapes

AS_OF = "2026-11-25"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("fx"), "nothing given for fx_volatility_groups"),
        (lambda p: p["equity"].pop("hvr"), "nothing given for eq_volatility_ratio_10d"),
        (lambda p: p["equity"].update(hvrr=1), "unknown table equity.hvrr; did you mean 'hvr'"),
        (lambda p: p.update(equities={}), "unknown table 'equities'"),
        (lambda p: p["equity"]["inter_corr"][0].pop(), "eq_outer_correlation is not a table of 12 by 12"),
        (lambda p: p["equity"]["conc_delta"].pop("5"), "eq_delta_threshold lacks a value for 5"),
        (
            lambda p: p["interest_rate"]["tenor_corr"][0].__setitem__(1, 0.1),
            r"ir_tenor_correlation is not symmetric with ones on its diagonal at \[0\]\[1\]",
        ),
        (lambda p: p["fx"].update(groups={"high": ["ARS"]}), "takes all other currencies"),
        (lambda p: p.pop("simm_version"), "no 'simm_version'"),
        (lambda p: p.update(commodity=[1, 2]), "commodity is not a set of tables"),
        (lambda p: p["credit_qualifying"].update(inter_buckets=7), "cq_buckets is not a list of different words"),
    ],
)
def test_a_payload_of_the_wrong_shape_is_refused(change, message):
    payload = copy.deepcopy(shared_golden.load("simm/simm_params_2.6.json"))
    change(payload)
    model = xm.model("simm")
    with pytest.raises(xm.ParameterError, match=message):
        model.load(payload, model.params(1.79e9))


def test_a_payload_that_is_no_release():
    model = xm.model("simm")
    for payload in ("[1, 2]", "{broken", "/nowhere/at/all.json"):
        with pytest.raises(xm.ParameterError):
            model.load(payload, model.params(1.79e9))


def test_every_release_has_the_shape():
    model = xm.model("simm")
    for moment in versions(model.file):
        shapes.check(model.params(moment.timestamp()))


@pytest.mark.parametrize("seed", range(3))
def test_a_mutated_payload_is_refused_or_gives_numbers(seed):
    payload = shared_golden.load("simm/simm_params_2.6.json")
    model, rng = xm.model("simm"), random.Random(seed)
    rows = [dict(zip(NAMES, factor, strict=True)) | {"amount_usd": 1e5} for factor in isda.FACTORS]
    book, market = xm.tables(crif=pd.DataFrame(rows), as_of=AS_OF)
    odd = [None, "x", -1, 0, 1e400, float("nan"), [], {}, [1, 2], {"a": 1}, True, "USD", 10**400, "5"]
    for _ in range(40):
        mutant = copy.deepcopy(payload)
        mutate(mutant, rng, odd)
        loaded = loaded_or_none(model, mutant)
        for horizon in ("10d", "1d") if loaded else ():
            found = xm.margin(book, market, "simm", params=loaded, options={"horizon": horizon})
            assert np.isfinite(found.initial.value).all()


NAMES = ("product_class", "risk_type", "qualifier", "bucket", "label1", "label2")


def mutate(payload, rng, odd):
    """Replace or remove one value somewhere."""
    node, key = payload, rng.choice([k for k in payload if isinstance(payload[k], dict | list)])
    while isinstance(node[key], dict | list) and node[key] and rng.random() < 0.8:
        node = node[key]
        key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
    if rng.random() < 0.2:
        del node[key]
    else:
        node[key] = rng.choice(odd)


def loaded_or_none(model, payload):
    try:
        return model.load(payload, model.params(1.79e9))
    except xm.ParameterError:
        return None

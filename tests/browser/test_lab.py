"""The example notebook in real JupyterLab: every figure on screen is the core's own."""

import pytest

import xlmargin as xm
from tests.browser.conftest import ROOT, watched
from tests.browser.notebooks import cell, figure, open_notebook, run_all, run_code, type_into
from xlmargin.html import amount

expect = pytest.importorskip("playwright.sync_api").expect
MODEL = "derive.portfolio"


@pytest.fixture(scope="module")
def desk():
    return xm.read(ROOT / "workbooks" / "desk.xlsx")


@pytest.fixture(scope="module")
def lab(chromium, jupyter):
    """The example notebook, open and run, in a page that all tests of this file share."""
    context = chromium.new_context(viewport={"width": 1500, "height": 1000}, accept_downloads=True)
    context.set_default_timeout(20_000)
    page = watched(context.new_page())
    open_notebook(page, jupyter, "examples/panel.ipynb")
    run_all(page)
    yield page
    context.close()


@pytest.fixture(autouse=True)
def as_read(lab):
    """Every test starts from the desk as it was read."""
    run_code(
        lab,
        "panel.shocks = {}; panel.model = 'derive.portfolio'; panel.as_of = None; panel.tab = 'scenarios'\n"
        "panel.show(book, market); panel.account = 'Hedged'; _ = panel.margin",
    )
    expect(figure(lab, "initial")).to_have_text(shown(xm.margin(*xm.read(ROOT / "workbooks" / "desk.xlsx"), MODEL)))


def shown(margin, account="Hedged", what="initial"):
    """A figure as the panel writes it."""
    row = list(margin.account).index(account)
    value = margin.available[row] if what == "available" else getattr(margin, what).value[row]
    return amount(value, str(margin.currency[row]))


def with_quantity(desk, name, account, quantity):
    """The desk's book with one position at another quantity."""
    from dataclasses import replace

    book, market = desk
    legs = book.legs
    row = list(book.account).index(account)
    here = (legs.row == row) & (market.name[legs.instrument] == name)
    assert here.sum() == 1
    changed = legs.quantity.copy()
    changed[here] = quantity
    return replace(book, legs=replace(legs, quantity=changed)), market


def test_figures_are_those_of_the_core(lab, desk):
    margin = xm.margin(*desk, MODEL)
    for what in ("equity", "initial", "maintenance", "available"):
        expect(figure(lab, what)).to_have_text(shown(margin, what=what))
    saving = xm.benefit(margin).amount[0]
    expect(figure(lab, "benefit")).to_have_text(amount(saving, "USDC"))


def test_edit_a_quantity(lab, desk):
    type_into(lab, cell(lab, "Positions", 2, "quantity"), "9.5")
    margin = xm.margin(*with_quantity(desk, "BTC-PERP", "Hedged", 9.5), MODEL)
    expect(figure(lab, "initial")).to_have_text(shown(margin))
    expect(figure(lab, "equity")).to_have_text(shown(margin, what="equity"))
    assert run_code(lab, "print(panel.margin.initial.value[0])").strip() == repr(float(margin.initial.value[0]))

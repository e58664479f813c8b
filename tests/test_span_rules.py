"""SPAN's spreads, totals, pools and refusals against slow scalar loops and its own laws."""

import numpy as np
import pytest

import xlmargin as xm
from tests import span_files
from tests.span_cases import Cases, columns, flat_array, line, over_file, row
from xlmargin import spanfiles


def scalar_spreads(deltas, spreads, tiers):
    """Charges of calendar spreads formed one by one, without a single array."""
    left, charge = dict(deltas), 0.0
    for spread in spreads:
        for turn in (1, -1):
            pools = []
            for _, which, ratio, side in spread["legs"]:
                start, end = next(t[1:] for t in tiers if t[0] == which)
                sign = turn * (1 if side == "A" else -1)
                months = [m for m in sorted(left) if start <= m <= end and left[m] * sign > 0]
                pools.append((sign, ratio, months))
            formed = min(sum(abs(left[m]) for m in months) / ratio for _, ratio, months in pools)
            for sign, ratio, months in pools:
                need = formed * ratio
                for m in months:
                    taken = min(need, abs(left[m]))
                    left[m] -= sign * taken
                    need -= taken
            charge += formed * spread["rate"]
    return charge


def test_calendar_spreads_against_a_scalar_loop():
    rng = np.random.default_rng(7)
    made, expected = Cases(), {}
    months = [f"2026{m:02d}" for m in range(7, 13)]
    tiers = [[1, "202607", "202608"], [2, "202609", "202610"], [3, "202611", "202612"]]
    for n in range(40):
        case = f"case {n}"
        pairs = [(1, 1), (2, 2), (3, 3), (1, 2), (2, 3), (1, 3)]
        rng.shuffle(pairs)
        spreads = [
            {
                "priority": k,
                "rate": float(rng.integers(50, 500)),
                "charge": "F",
                "legs": [["tier", a, float(rng.integers(1, 3)), "A"], ["tier", b, float(rng.integers(1, 3)), "B"]],
            }
            for k, (a, b) in enumerate(pairs)
        ]
        deltas = {m: float(d) for m, d in zip(months, rng.integers(-9, 10, len(months)), strict=True) if d}
        for month, delta in deltas.items():
            made.add(case, flat_array(0.0), delta, month=month)
        made.commodity(case, intra_tiers=tiers, intra_spreads=spreads)
        expected[case] = scalar_spreads(deltas, spreads, tiers)
    margin = made.margin()
    for case, charge in expected.items():
        assert line(margin, "Calendar spreads", case) == pytest.approx(charge, abs=1e-9), case


@pytest.fixture(scope="module")
def made_file(tmp_path_factory):
    path = span_files.write(tmp_path_factory.mktemp("span") / "made.spn", span_files.spn(5, 9, months=3))
    return spanfiles.read(path)


def random_book(file, accounts=30, legs=12, seed=3):
    rng, names = np.random.default_rng(seed), file.contracts["name"]
    rows = [
        {"instrument": str(rng.choice(names)), "quantity": float(rng.integers(-9, 10)), "account": f"a{a:02d}"}
        for a in range(accounts)
        for _ in range(legs)
    ]
    return [r for r in rows if r["quantity"]]


@pytest.mark.parametrize("model", ["span.cme", "span.nse"])
def test_ledger_readds_and_alone_is_inside_many(made_file, model):
    held = random_book(made_file)
    margin = over_file(made_file, model, held)
    assert (margin.initial.value > 0).all()
    for account in margin.account:
        detail = margin.detail(account)
        at = row(margin, account)
        assert detail.initial.value[0] == margin.initial.value[at]
        for tree in detail.lines().values():
            assert tree.gap(detail.run.book) < 1e-9, (account, tree.name)
        alone = over_file(made_file, model, [h for h in held if h["account"] == account])
        assert alone.initial.value[0] == margin.initial.value[at]
        assert alone.maintenance.value[0] == margin.maintenance.value[at]


def scalar_scan(file, held):
    """Scan risk of one account contract by contract."""
    number = {n: i for i, n in enumerate(file.contracts["name"])}
    totals = {}
    for h in held:
        i = number[h["instrument"]]
        total = totals.setdefault(file.contracts["commodity"][i], [0.0] * 16)
        for j in range(16):
            total[j] += h["quantity"] * file.arrays[i][j]
    return sum(max(0.0, max(total)) for total in totals.values())


def test_scan_risk_against_a_scalar_loop(made_file):
    held = random_book(made_file)
    margin = over_file(made_file, "span.cme", held)
    for account in margin.account:
        own = [h for h in held if h["account"] == account]
        assert line(margin, "Scan risk", account) == pytest.approx(scalar_scan(made_file, own), rel=1e-12)


def test_gross_accounts_net_nothing(made_file):
    held = random_book(made_file, accounts=1)
    accounts = {"account": ["a00"], "netting": ["gross"]}
    params = xm.model("span.cme").params(made_file.as_of)
    book, market = xm.tables(
        columns(held), instruments=made_file.instruments(), accounts=accounts, as_of=made_file.as_of
    )
    margin = xm.margin(book, market, "span.cme", params=xm.model("span.cme").load(made_file, params))
    legs = margin.run.book.legs
    assert line(margin, "Calendar spreads", "a00") == 0.0 == line(margin, "Inter-commodity credits", "a00")
    each = margin.run.session.ready.plan.loss[legs.instrument] * legs.quantity[:, None]
    assert line(margin, "Scan risk", "a00") == pytest.approx(np.maximum(each.max(axis=1), 0.0).sum(), rel=1e-12)


def test_currencies_are_pools(made_file):
    made = Cases()
    made.add("both", flat_array(100.0), 1.0, commodity="dollars")
    made.add("both", flat_array(70.0), 1.0, commodity="euros")
    made.commodity("both", "euros", currency="EUR")
    margin = made.margin()
    assert dict(zip(margin.pool, margin.maintenance.value, strict=True)) == {"EUR": 70.0, "USD": 100.0}


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        ({"a7": np.nan}, "a7", "array value of scenario 7 is missing"),
        ({"a1": np.nan}, "a1", "missing for"),
        ({"delta": np.nan}, "delta", "missing for"),
        ({"scope": "ZZ"}, "scope", "load the clearing house's file"),
    ],
)
def test_bad_input_is_named(made_file, change, column, words):
    table = {k: v.copy() for k, v in made_file.instruments(["STOCK000 FUT 20260730"]).items()}
    for key, value in change.items():
        table[key][:] = value
    book, market = xm.tables(
        {"instrument": table["instrument"], "quantity": [1]}, instruments=table, as_of=made_file.as_of
    )
    model = xm.model("span.cme")
    with pytest.raises(xm.InputError) as error:
        xm.margin(book, market, "span.cme", params=model.load(made_file, model.params(made_file.as_of)))
    problem = error.value.problems[0]
    assert (problem.table, problem.row, problem.column) == ("positions", 2, column)
    assert words in problem.message


def test_unpublished_charges_are_refused():
    made = Cases()
    made.add("weighted", flat_array(10.0), 1.0)
    made.commodity("weighted", intra_spreads=[{"priority": 1, "rate": 1.0, "charge": "W", "legs": []}])
    made.add("basis", flat_array(10.0), 1.0)
    made.commodity("basis", spot_method="11")
    with pytest.raises(xm.InputError) as error:
        made.margin()
    assert [p.account for p in error.value.problems] == ["weighted", "basis"]
    assert all("not published" in p.message for p in error.value.problems)


def test_arrays_and_parameters_of_different_files_are_noted(made_file):
    model = xm.model("span.cme")
    table = made_file.instruments(["STOCK000 FUT 20260730"])
    book, market = xm.tables(
        {"instrument": table["instrument"], "quantity": [1]}, instruments=table, as_of=made_file.as_of
    )
    params = model.load(made_file, model.params(made_file.as_of)).override("another file")
    margin = xm.margin(book, market, "span.cme", params=params)
    assert any("different files" in n.text for n in margin.notes)


def test_an_index_of_the_rulebook_is_refused_without_its_file():
    """span.nse knows exposure rates of NIFTY, but no calendar spread: without the file nothing is computed."""
    made = Cases("span.nse")
    made.add("NIFTY", flat_array(100.0), 1.0)
    made.by.clear()
    made.instruments[0]["underlying"] = "NIFTY"
    with pytest.raises(xm.InputError, match="no parameters of NIFTY"):
        made.margin()


def test_models_are_compared_with_parameters_of_their_own(made_file):
    held = random_book(made_file, accounts=2)
    names = [h["instrument"] for h in held]
    book, market = xm.tables(columns(held), instruments=made_file.instruments(names), as_of=made_file.as_of)
    models = ("span.cme", "span.nse")
    params = {m: xm.model(m).load(made_file, xm.model(m).params(market.as_of)) for m in models}
    table = xm.compare(book, market, models, currency="INR", params=params)
    assert sorted(table["model"]) == sorted(models * 2)
    assert (table["remark"] == "").all()


def test_credits_as_parts_are_read_as_such_and_noted(tmp_path):
    """CME's XML gives per cent; a file whose credits are all at most 1 can only mean parts."""
    pieces = [p.replace("<val>70</val>", "<val>0.7</val>") for p in span_files.spn(2, 3, months=2)]
    part = spanfiles.read(span_files.write(tmp_path / "part.spn", iter(pieces)))
    percent = spanfiles.read(span_files.write(tmp_path / "percent.spn", span_files.spn(2, 3, months=2)))
    held = [{"instrument": f"STOCK00{n} FUT 20260730", "quantity": q} for n, q in ((0, 5), (1, -5))]
    margins = [over_file(file, "span.cme", held) for file in (part, percent)]
    assert margins[0].maintenance.value[0] == pytest.approx(margins[1].maintenance.value[0], rel=1e-12)
    assert any("at most 1" in n.text for n in margins[0].notes)
    assert not any("at most 1" in n.text for n in margins[1].notes)
    assert any("ratio of initial to maintenance" in n.text for n in margins[1].notes)

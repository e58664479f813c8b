"""Readers of .spn and .pa2: whole files right, broken ones refused with line and field, nothing half loaded."""

import gzip
import tracemalloc
import zipfile

import numpy as np
import pytest

import xlmargin as xm
from tests import pa2_file, shared_golden, span_files
from tests.span_cases import line, over_file
from xlmargin import spanfiles
from xlmargin.spanfiles.layout import layout

SMALL = "".join(span_files.spn(2, 3, months=2))


@pytest.fixture
def read(tmp_path):
    def of(content, name="file.spn", **how):
        path = tmp_path / name
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return spanfiles.read(path, **how)

    return of


def refused(read, content, name="file.spn"):
    """The problems with which a file is refused."""
    with pytest.raises(xm.InputError) as error:
        read(content, name)
    problems = error.value.problems
    assert told(error.value), problems
    return problems


def same(one, other):
    return np.array_equal(one.arrays, other.arrays) and one.commodities == other.commodities


def told(error):
    """Whether every problem names its line and field."""
    return all(p.row >= 1 and p.column and p.message for p in error.problems)


def test_every_published_record_is_parsed_as_published():
    golden = shared_golden.load("tradfi/pa2_golden_parse.json")
    assert golden["cases"]
    for case in golden["cases"]:
        assert spanfiles.record(case["line"]) == case["parsed"], case["line"]


def test_byte_map_is_the_published_one():
    published = shared_golden.load("tradfi/pa2_layout.json")["records"]
    assert set(layout()) == set(published)
    assert len(layout()) == 24
    for kind, slots in layout().items():
        fields = {f["name"]: f for f in published[kind]["fields"]}
        for slot in slots:
            assert (slot.start + 1, slot.end - slot.start) == (fields[slot.field]["start"], fields[slot.field]["width"])


def test_whole_pa2_file(read):
    file = read(pa2_file.data(), "cme.pa2")
    names = ["06 FUT 202507", "06 FUT 202508", "06 OOF 202507 C 145", "07 FUT 202507"]
    assert sorted(file.contracts["name"]) == names
    at = {n: i for i, n in enumerate(file.contracts["name"])}
    np.testing.assert_array_equal(file.arrays[at["06 FUT 202507"]], pa2_file.LOSSES)
    np.testing.assert_array_equal(file.arrays[at["07 FUT 202507"]], [v * 1000 for v in pa2_file.LOSSES])
    option = {k: v[at["06 OOF 202507 C 145"]] for k, v in file.contracts.items()}
    assert (option["price"], option["size"], option["strike"], option["delta"]) == (139.1, 100.0, 145.0, 0.5)
    soy = file.commodities["06"]
    assert soy["initial_ratio"] == {"member": 1.0, "hedger": 1.0, "speculator": 1.1}
    assert soy["spot"] == [["202507", 1.0, 200.0]]
    assert [s["series"] for s in soy["intra_spreads"]] == [True, False, False]
    assert soy["intra_spreads"][0]["legs"] == [["period", "202507", 1.0, "A"], ["period", "202508", 1.0, "B"]]
    assert soy["scan_tiers"] == [[1, "202507", "202507"], [2, "202508", "202512"]]
    assert (soy["wfpr_method"], file.spreads[0]["rate"], file.conversions["CLP/USD"]) == (2, 60.0, 0.001063)
    assert "CME 20250620 settlement E" in file.revision


def test_margin_over_a_pa2_file(read):
    """Worked by hand: July outright 1 and August −1 in two scanning tiers, one series spread, July in delivery.

    Delta scaling 2 in July alone: 2 long against 1 short forms one series spread; one July delta stays outright.
    """
    file = read(pa2_file.data(), "cme.pa2")
    held = [{"instrument": "06 FUT 202507", "quantity": 1}, {"instrument": "06 FUT 202508", "quantity": -1}]
    margin = over_file(file, "span.cme", held)
    assert line(margin, "Scan risk", "main") == 1700 + 1700
    assert line(margin, "Calendar spreads", "main") == 250
    assert line(margin, "Delivery months", "main") == 1 * 1 + 1 * 200
    assert margin.maintenance.value[0] == 3400 + 250 + 201
    assert margin.initial.value[0] == np.floor(1.1 * (3400 + 250 + 201) + 0.5)


def test_spread_between_commodities_of_a_pa2_file(read):
    """Weighted risk of 06 is its cap 1700/2 a delta, of 07 its own 17000 × 10; one spread, 60 %."""
    file = read(pa2_file.data(), "cme.pa2")
    held = [{"instrument": "06 FUT 202507", "quantity": 1}, {"instrument": "07 FUT 202507", "quantity": -1}]
    margin = over_file(file, "span.cme", held)
    credit = 0.6 * (850 * 1 + 1_700_000 * 1)
    assert line(margin, "Inter-commodity credits", "main") == pytest.approx(-credit, abs=1e-9)


def test_record_numbers_do_not_depend_on_trailing_blanks(read):
    padded = [text.ljust(200) for text in pa2_file.whole()]
    one, other = read(pa2_file.data(), "a.pa2"), read(pa2_file.data(padded), "b.pa2")
    np.testing.assert_array_equal(one.arrays, other.arrays)
    assert one.commodities == other.commodities


def test_excerpt_without_commodities_is_refused(read):
    path = shared_golden.ROOT / "tradfi" / "sample_cme_20250620_lines.pa2"
    if not path.exists():
        pytest.skip("shared golden cases are not here")
    problems = refused(read, path.read_bytes(), "excerpt.pa2")
    assert problems[0].row == 5
    assert "no record 2 before this line" in problems[0].message


@pytest.mark.parametrize("packed", ["gz", "zip"])
def test_packed_files(tmp_path, packed):
    path = tmp_path / f"file.spn.{packed}"
    if packed == "gz":
        path.write_bytes(gzip.compress(SMALL.encode()))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("file.spn", SMALL)
    assert len(spanfiles.read(path)) == len(spanfiles.read(span_files.write(tmp_path / "plain.spn", iter([SMALL]))))


def test_kept_as_parquet(tmp_path):
    path = span_files.write(tmp_path / "file.spn", iter([SMALL]))
    first = spanfiles.read(path, cache_in=tmp_path / "cache")
    (kept,) = (tmp_path / "cache").iterdir()
    assert kept.suffix == ".parquet"
    again = spanfiles.read(path, cache_in=tmp_path / "cache")
    np.testing.assert_array_equal(first.arrays, again.arrays)
    for key, column in first.contracts.items():
        np.testing.assert_array_equal(column, again.contracts[key])
    assert (first.commodities, first.spreads, first.revision) == (again.commodities, again.spreads, again.revision)
    path.write_text(SMALL.replace("TESTCO", "OTHERS"), encoding="utf-8")
    assert spanfiles.read(path, cache_in=tmp_path / "cache").organisation == "OTHERS"


def test_streamed_with_progress_in_little_memory(tmp_path):
    path = span_files.write(tmp_path / "large.spn", span_files.spn(20, 25, months=4))
    size, seen = path.stat().st_size, []
    tracemalloc.start()
    file = spanfiles.read(path, progress=lambda done, total: seen.append((done, total)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(file) == 20 * 4 * (1 + 2 * 25)
    assert seen == sorted(seen)
    assert seen[-1] == (size, size)
    assert peak < 20 * size


def test_instruments_by_name(read):
    file = read(SMALL)
    assert len(file.instruments(["STOCK000 FUT 20260730"])["instrument"]) == 1
    with pytest.raises(xm.InputError, match="did you mean 'STOCK000 FUT 20260730'"):
        file.instruments(["STOCK000 FUT 20260731"])


@pytest.mark.parametrize(
    ("old", "new", "field", "words"),
    [
        ("<a>0.00</a>", "<a>abc</a>", "fut ra a (scenario 1)", "not a number: 'abc'"),
        ("<a>0.00</a>", "<a>1e400</a>", "fut ra a (scenario 1)", "not a number"),
        ("<a>0.00</a>", "<a>9e99</a>", "fut ra a (scenario 1)", "is not between"),
        ("<a>0.00</a>", "<a>1_0</a>", "fut ra a (scenario 1)", "not a number"),
        ("<a>0.00</a>", "", "fut ra a", "15 array values; 16 are needed"),
        ("<d>1.0</d></ra>", "<d>1e9</d></ra>", "ra d", "is not between"),
        ("<pe>20260730</pe>", "<pe>20261330</pe>", "fut pe", "not a contract period"),
        ("<setlDate>20260730</setlDate>", "<setlDate>30 July</setlDate>", "", ""),
        ("<v>0</v><cvf>1</cvf>", "<v>0</v><cvf>-1</cvf>", "fut cvf", "is not between"),
        ("<o>C</o>", "<o>X</o>", "opt o", "C or P is needed"),
        ("<k>700.00</k>", "", "opt k", "k is missing"),
        ("<riskExponent>0<", "<riskExponent>99<", "ccDef riskExponent", "is not between -9 and 9"),
        ("<rs>A</rs>", "<rs>Z</rs>", "pLeg rs", "side A or B is needed"),
        ("<i>1</i>", "<i>0</i>", "pLeg i", "is not between"),
        ("<somMeth>GROSS<", "<somMeth>SOME<", "ccDef somMeth", "is not one of"),
        ("<pairedPoint>2<", "<pairedPoint>3<", "pointDef", "only SPAN's own 16 scenarios"),
        ("<date>20260625</date>", "", "pointInTime date", "no business date"),
        ("<cc>STOCK001</cc><name>", "<cc>STOCK000</cc><name>", "ccDef cc", "is defined twice"),
        ("<pfCode>STOCK000</pfCode><name>STOCK000</name><currency>INR</currency><cvf>1</cvf>\n", "", "", ""),
    ],
)
def test_wrong_values_are_named_with_line_and_field(read, old, new, field, words):
    assert old in SMALL
    at = SMALL.index(old, SMALL.index("<futPf>") if field[:3] in ("fut", "ra ", "") else 0)
    broken = SMALL[:at] + new + SMALL[at + len(old) :]
    if not field:
        problems = [] if "July" in new and read(broken) else refused(read, broken)
        assert "July" in new or "pfCode of its product or series is missing" in problems[0].message
        return
    problems = refused(read, broken)
    assert any(p.column == field and words in p.message for p in problems), problems
    assert problems[0].row > 1 or field == "pointInTime date"


def test_wrong_order_and_wrong_kind_of_file(read):
    assert "its root is not spanFile" in refused(read, "<html><body/></html>")[0].message
    doctype = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><spanFile></spanFile>'
    assert "refused" in refused(read, doctype)[0].message
    assert "the file is empty" in refused(read, b"", "empty.pa2")[0].message
    assert "not a .pa2 file" in refused(read, b"hello\n", "hello.pa2")[0].message
    loose = "<spanFile><pointInTime><date>20260625</date><fut><pe>202607</pe><p>1</p></fut></pointInTime></spanFile>"
    assert "outside its product family" in refused(read, loose)[0].message
    twice = pa2_file.whole()
    assert "two files in one" in refused(read, pa2_file.data([*twice, twice[0]]), "twice.pa2")[0].message


def test_wrong_encoding(read):
    assert "0x00 in column" in refused(read, pa2_file.data().decode().encode("utf-16-le"), "wide.pa2")[0].message
    accented = pa2_file.data().replace(b"CME", "CM\u00c9".encode("latin-1"), 1)
    problem = refused(read, accented, "accent.pa2")[0]
    assert (problem.row, problem.column) == (1, "column 5")
    cut = SMALL.encode("utf-8").replace(b"TESTCO", b"TEST\xff\xfe")
    assert "well-formed" in refused(read, cut)[0].message
    assert len(read(SMALL.replace('version="1.0"', 'version="1.0" encoding="utf-16"').encode("utf-16"))) == len(
        read(SMALL)
    )


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        (lambda lines: lines[:-1], "83 record_id", "no record 84 of the same contract follows"),
        (lambda lines: [*lines[:17], *lines[18:]], "82 record_id", "without the one that comes before it"),
        (lambda lines: [*lines[:18], lines[19], lines[18], *lines[20:]], "81 record_id", "no record 82"),
        (lambda lines: [lines[0], *lines[5:8], *lines[1:5], *lines[8:]], "3 combined_commodity", "wrong order"),
        (lambda lines: [*lines[:17], lines[17][:75], *lines[18:]], "81 a4", "the line ends at column 75"),
        (lambda lines: [*lines[:17], lines[17].replace("00567", "0O567", 1), *lines[18:]], "81 a3", "not digits"),
        (lambda lines: [*lines[:17], lines[17].replace("00567-", "00567 ", 1), *lines[18:]], "81 a3_sign", "+ or -"),
        (lambda lines: [t for t in lines if not t.startswith("P CBT06        FUT")], "product_code", "no record P"),
        (lambda lines: [lines[0].replace("U2", "S "), *lines[1:]], "0 file_format", "U2 (expanded unpacked) is read"),
        (lambda lines: [lines[0].replace("20250620", "20251320", 1), *lines[1:]], "0 business_date", "not a contract"),
        (lambda lines: [*lines, *lines[17:19]], "contract", "stands twice"),
        (lambda lines: [t.replace("1401A", "1400A") for t in lines], "C leg1_ratio", "above zero"),
        (lambda lines: [t.replace("1401A", "1401Q") for t in lines], "C leg1_side", "side A or B is needed"),
    ],
)
def test_broken_pa2_records_are_named(read, change, column, words):
    problems = refused(read, pa2_file.data(change(pa2_file.whole())), "cme.pa2")
    assert any(p.column == column and words in p.message for p in problems), problems

"""Readers of .spn and .pa2 under random damage: refused in words, or whole; never half loaded, never a traceback."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xlmargin as xm
from tests import pa2_file, span_files
from xlmargin import spanfiles

SMALL = "".join(span_files.spn(2, 3, months=2))
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def read(tmp_path):
    def of(content, name):
        path = tmp_path / name
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return spanfiles.read(path)

    return of


def attempt(read, content, name):
    """The file, or None where it is refused in words that name line and field."""
    try:
        return read(content, name)
    except xm.InputError as error:
        if not all(p.table == name and p.row >= 1 and p.column and p.message for p in error.problems):
            raise
        return None


@FUZZ
@given(cut=st.integers(0, len(SMALL) - 2))
def test_a_cut_xml_file_is_never_half_loaded(read, cut):
    assert attempt(read, SMALL[:cut], "cut.spn") is None


@FUZZ
@given(cut=st.integers(1, len(pa2_file.data()) - 2))
def test_a_cut_pa2_file_is_never_half_loaded(read, cut):
    """Cut anywhere it is refused, unless whole pairs of records or optional fields at the very end were lost."""
    file, full = attempt(read, pa2_file.data()[:cut], "cut.pa2"), read(pa2_file.data(), "whole.pa2")
    if file is not None:
        assert len(file)
        np.testing.assert_array_equal(file.arrays, full.arrays[: len(file)])
        np.testing.assert_array_equal(file.contracts["price"], full.contracts["price"][: len(file)])
        np.testing.assert_array_equal(file.contracts["delta"], full.contracts["delta"][: len(file)])


@FUZZ
@given(data=st.data())
def test_flipped_bytes_never_crash(read, data):
    """Any byte replaced: refused in words, or a file that is still whole."""
    kind = data.draw(st.sampled_from(["cme.pa2", "file.spn"]))
    content = bytearray(pa2_file.data() if kind.endswith("pa2") else SMALL.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = attempt(read, bytes(content), kind)
    if file is not None:
        assert np.isfinite(file.arrays).all()
        assert len(file.arrays) == len(file.contracts["name"])


@FUZZ
@given(data=st.data())
def test_swapped_records_are_refused_or_lose_nothing(read, data):
    lines = pa2_file.whole()
    i, j = data.draw(st.integers(0, len(lines) - 1)), data.draw(st.integers(0, len(lines) - 1))
    lines[i], lines[j] = lines[j], lines[i]
    file = attempt(read, pa2_file.data(lines), "mixed.pa2")
    assert file is None or len(file) == len(read(pa2_file.data(), "whole.pa2"))

"""The examples in docstrings hold, in the core and in the faces."""

import doctest
import importlib
import pkgutil

import pytest
import xlmargin.widgets
import xlmargin.workbooks

import xlmargin

STARTED_BY_HOSTS = ("calc_worker", "calc_addin", "__main__")


def modules():
    for package in (xlmargin, xlmargin.widgets, xlmargin.workbooks):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if info.name.rpartition(".")[2] not in STARTED_BY_HOSTS:
                yield info.name


@pytest.mark.parametrize("name", sorted({*modules(), "xlmargin"}))
def test_examples(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        pytest.skip(f"{name} needs {error.name}")
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in finder.find(module, name):
        runner.run(test)
    assert runner.failures == 0

"""Names and descriptions that every host can take: VBA, Office.js, UNO, and the function wizard."""

import ast
import re
from pathlib import Path

import pytest
from xlmargin.workbooks import calc_files
from xlmargin.workbooks.declared import FUNCTIONS
from xlmargin.workbooks.registry import ARGUMENTS, LONGEST_DESCRIPTION

WORKBOOKS = Path(__file__).parents[1] / "workbooks"


def words_in(text):
    return frozenset(text.split())


# MS-VBAL 3.3.5.2 reserved identifiers, and words that xlwings' wrapper uses itself.
VBA = words_in("""
abs access addressof alias and any append array as attribute base binary boolean byref byte byval call case cbool
cbyte ccur cdate cdbl cdec cdecl cint circle class_initialize clng clnglng clngptr close const csng cstr currency
cvar cverr date debug decimal declare defbool defbyte defcur defdate defdbl defdec defint deflng defobj defsng
defstr defvar dim do doevents double each else elseif empty end endif enum eqv erase error event exit explicit false
fix for friend function get global gosub goto if imp implements in input inputb int integer is lbound len lenb let
lib like line linput lock long longlong longptr loop lset me mid midb mod module name new next not nothing null
object on open option optional or paramarray preserve print private property pset public put raiseevent random read
redim rem resume return rset scale seek select set sgn shared single spc static step stop string sub tab text then
to true type typeof ubound unlock until variant wend while with withevents write xor caller failed application
thisworkbook activeworkbook xlpy this
""")
UNO = words_in("""
any attribute boolean bound byte char const constants constrained default double enum exception false float get
hyper in inout interface long maybeambiguous maybedefault maybevoid module needs observes oneway optional out
property published raises readonly removable sequence service set short singleton singletons string struct transient
true type typedef union unsigned void
""")
EVERY = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=list(FUNCTIONS))


@EVERY
def test_the_name_can_be_typed_in_every_host(function):
    assert re.fullmatch(r"XM_[A-Z][A-Z0-9]*", function.name)
    assert not re.fullmatch(r"[A-Z]{1,3}[0-9]+", function.name), "looks like a cell"
    assert calc_files.method(function) not in UNO


@EVERY
def test_the_arguments_can_be_vba_parameters(function):
    names = [a.name for a in function.arguments]
    folded = [n.casefold() for n in names]
    assert len(set(folded)) == len(folded), "VBA does not tell upper from lower case"
    assert function.name.casefold() not in folded
    assert len(names) <= 13
    for name in names:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert name.casefold() not in VBA, f"{name} is a VBA word"
        assert calc_files.parameter(name).casefold() not in UNO
    required = [a.required for a in function.arguments]
    assert required == sorted(required, reverse=True), "optional arguments stand last"


@EVERY
def test_everything_is_described_for_the_wizard(function):
    assert 20 <= len(function.description) <= LONGEST_DESCRIPTION
    assert function.description.endswith(".")
    for argument in function.arguments:
        assert 8 <= len(argument.meaning) <= LONGEST_DESCRIPTION


def test_one_word_means_one_thing_and_none_is_idle():
    used = {a.name for f in FUNCTIONS.values() for a in f.arguments}
    assert used == set(ARGUMENTS)
    for function in FUNCTIONS.values():
        for argument in function.arguments:
            assert argument.kind == ARGUMENTS[argument.name].kind


def test_the_page_of_the_folder_names_every_decision():
    page = (WORKBOOKS / "README.md").read_text(encoding="utf-8")
    decided = {n for n, f in FUNCTIONS.items() if ".decisions" in f.call.__module__}
    assert len(decided) == 17
    assert {n for n in decided if f"`{n}`" in page} == decided


def test_the_package_never_imports_the_licensed_part_of_xlwings():
    for file in WORKBOOKS.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = getattr(node, "module", "") or ""
            for name in (module, *names, *(f"{module}.{n}" for n in names)):
                assert not name.startswith(("xlwings.pro", "xlwings.server", "xlwings.reports")), file.name


def test_the_add_in_runs_on_the_oldest_python_of_libreoffice():
    """LibreOffice for Windows and macOS brought 3.7 and 3.8 for long: no newer syntax in what runs inside it."""
    source = (WORKBOOKS / "calc_addin.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 7))
    standard = {"json", "marshal", "os", "site", "struct", "subprocess", "sys", "unohelper"}
    top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    assert {a.name for n in top if isinstance(n, ast.Import) for a in n.names} == standard

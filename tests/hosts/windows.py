"""Enough of pywin32 and of Excel's objects to run xlwings' real classic code on Linux.

``install()`` puts stand-ins for pywin32 into sys.modules and then imports the real ``xlwings._xlwindows``,
``xlwings.udfs`` and ``xlwings.com_server``; ranges and workbooks are the stand-ins below. Not covered: COM itself, VBA,
the add-in.
"""

import ctypes
import datetime as dt
import importlib
import sys
import types
from unittest.mock import MagicMock

RANGE = "{00020846-0000-0000-C000-000000000046}"
MISSING = -2147352572  # what VBA hands over for an optional argument that is left out


class ComError(Exception):
    pass


class TimeType(dt.datetime):
    """pywin32's date and time."""


class Dispatch:
    pass


class _TypeInfo:
    def GetTypeAttr(self):
        return types.SimpleNamespace(iid=RANGE)


class _Ole:
    def GetTypeInfo(self):
        return _TypeInfo()


class Range:
    """An Excel range with values: a tuple of tuples, or one cell."""

    _oleobj_, CLSID, Row, Column = _Ole(), RANGE, 1, 1

    def __init__(self, values, address="$A$1"):
        self.Value, self.address = values, address

    def GetAddress(self, *_):
        return self.address

    @property
    def Worksheet(self):
        return self

    @property
    def Parent(self):
        return self

    @property
    def Application(self):
        return types.SimpleNamespace(Hwnd=1)

    @property
    def Rows(self):
        return types.SimpleNamespace(Count=len(self.Value) if isinstance(self.Value, tuple) else 1)

    @property
    def Columns(self):
        return types.SimpleNamespace(Count=len(self.Value[0]) if isinstance(self.Value, tuple) else 1)


class _Sheets:
    Count = 0

    def __iter__(self):
        return iter(())

    def __call__(self, _):
        raise ComError


class _Components:
    def __init__(self, book):
        self.book = book

    def __call__(self, _):
        raise ComError

    def Remove(self, _):
        pass

    def Import(self, path):
        with open(path, encoding="utf-8") as file:
            self.book.vba = file.read()


class Workbook:
    """A workbook that keeps the VBA module and the wizard's texts which xlwings writes into it."""

    Name, Worksheets = "Book1.xlsm", _Sheets()

    def __init__(self):
        self.vba, self.options = "", {}
        self.VBProject = types.SimpleNamespace(VBComponents=_Components(self))
        self.Application = types.SimpleNamespace(Version="16.0", MacroOptions=self._options)

    def _options(self, name, **texts):
        self.options[name] = texts


def _module(name, **members):
    made = sys.modules.setdefault(name, types.ModuleType(name))
    made.__dict__.update(members)
    parent, _, own = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], own, made)


def install():
    """The real udfs and com_server modules of xlwings over the stand-ins."""
    _module("pywintypes", com_error=ComError, TimeType=TimeType, IID=lambda s: s, Time=lambda t: t)
    interfaces = {0: type("PyIDispatch", (), {})}
    _module(
        "pythoncom", __file__="x", CoInitialize=lambda: None, com_error=ComError, IID_IDispatch=0, TypeIIDs=interfaces
    )
    for name in ("win32api", "win32con", "win32event", "win32gui", "win32process", "win32timezone"):
        sys.modules[name] = MagicMock(name=name)
    sys.modules["win32timezone"].TimeZoneInfo.utc = lambda: dt.UTC
    _module("win32com")
    bases = {name: type(name, (), {}) for name in ("CDispatch", "DispatchBaseClass", "CoClassBaseClass")}
    _module("win32com.client", Dispatch=lambda o, **_: o, DispatchEx=lambda o: o, **bases)
    _module("win32com.client.dynamic")
    _module("win32com.server")
    _module("win32com.server.util", unwrap=_refuse, wrap=lambda o, *_: o)
    _module("win32com.server.policy", DefaultPolicy=object)
    _module("win32com.server.dispatcher")
    real = ctypes.PyDLL
    ctypes.windll = ctypes.oledll = MagicMock()
    ctypes.PyDLL = MagicMock()
    import xlwings

    windows = importlib.import_module("xlwings._xlwindows")
    ctypes.PyDLL = real
    xlwings._xlwindows = windows
    xlwings.engines.add(xlwings.main.Engine(impl=windows.engine))
    udfs = importlib.import_module("xlwings.udfs")
    udfs.__pro__ = False
    for name, function in (("func", udfs.xlfunc), ("arg", udfs.xlarg), ("ret", udfs.xlret)):
        setattr(xlwings, name, function)
    return udfs, importlib.import_module("xlwings.com_server")


def _refuse(_):
    raise TypeError

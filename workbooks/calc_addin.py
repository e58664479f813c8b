"""The part of the Calc add-in that runs inside LibreOffice: it hands cells over and takes results back.

This file is copied into the .oxt and must run on whatever Python LibreOffice brings (3.7 and later, standard library
only). Where that Python is of the same version as the one that xlmargin is installed in, the functions run here;
otherwise (Windows, macOS, a newer environment on Linux) in a worker process of that other Python, which is started
at the first call and asked over its standard input and output.
"""

import json
import marshal
import os
import site
import struct
import subprocess
import sys

import unohelper

HERE = os.path.dirname(__file__)
with open(os.path.join(HERE, "xlmargin.json"), encoding="utf-8") as _file:
    SETTINGS = json.load(_file)
SERVICE = SETTINGS["service"]
FOREIGN = ("PYTHONHOME", "PYTHONPATH", "PYTHONEXECUTABLE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

try:
    from org.xlmargin import XFunctions
except ImportError:  # with ``unopkg --shared`` the type is not live yet while this file is looked at
    from com.sun.star.lang import XServiceInfo as XFunctions


class Here:
    """The functions in this very process."""

    def __init__(self):
        for path in reversed(SETTINGS["paths"]):
            before = list(sys.path)
            site.addsitedir(path)
            new = [p for p in sys.path if p not in before]
            sys.path[:] = new + before
        from xlmargin.workbooks.declared import FUNCTIONS

        self.functions = FUNCTIONS

    def call(self, name, cells):
        return self.functions[name].call(*cells)


class Worker:
    """The functions in a process of the Python that xlmargin is installed in."""

    def __init__(self):
        environment = {k: v for k, v in os.environ.items() if k not in FOREIGN}
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        self.process = subprocess.Popen(
            [SETTINGS["python"], "-m", "xlmargin.workbooks.calc_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            creationflags=flags,
        )

    def call(self, name, cells):
        content = marshal.dumps((name, cells), 2)
        self.process.stdin.write(struct.pack("<Q", len(content)) + content)
        self.process.stdin.flush()
        size = struct.unpack("<Q", self.process.stdout.read(8))[0]
        return marshal.loads(self.process.stdout.read(size))


class Bridge:
    """Whichever of the two works; a worker that has died is started anew at the next call."""

    runner = None

    @classmethod
    def call(cls, name, cells):
        try:
            if cls.runner is None:
                cls.runner = cls.start()
            return cls.runner.call(name, cells)
        except Exception as error:
            cls.runner = None
            told = "#XM! the Python at {} does not answer ({}): run xlmargin calc install"
            return [[told.format(SETTINGS["python"], error)]]

    @staticmethod
    def start():
        same = list(sys.version_info[:2]) == SETTINGS["version"]
        if same and SETTINGS["mode"] != "worker":
            try:
                return Here()
            except ImportError:
                pass
        return Worker()


def shown(cell):
    """A cell as Calc takes it: whole numbers and TRUE as floating numbers."""
    return float(cell) if isinstance(cell, int) else cell


def method(name, count):
    """The UNO method of a function with so many arguments."""

    def call(self, *cells):
        return tuple(tuple(map(shown, row)) for row in Bridge.call(name, cells[:count]))

    return call


class Functions(unohelper.Base, XFunctions):
    """The UNO service: one method a spreadsheet function."""

    def __init__(self, context):
        self.context = context


for _method, (_name, _count) in SETTINGS["functions"].items():
    setattr(Functions, _method, method(_name, _count))

g_ImplementationHelper = unohelper.ImplementationHelper()
g_ImplementationHelper.addImplementation(Functions, SERVICE, ("com.sun.star.sheet.AddIn", SERVICE))

"""Drives one headless LibreOffice Calc: commands as JSON lines in, answers as JSON lines out.

Runs under the Python that has LibreOffice's ``uno`` module (Debian: /usr/bin/python3), whatever Python the tests use.
"""

import json
import os
import subprocess
import sys
import time

import uno
from com.sun.star.beans import PropertyValue

# With another python3 first on the PATH (pyenv, a venv) the Python inside LibreOffice takes that one's library for its
# own, does not find its uno module, and every formula of an add-in ends in std::bad_alloc.
CLEAN_PATH = "/usr/local/bin:/usr/bin:/bin"


def prop(name, value):
    made = PropertyValue()
    made.Name, made.Value = name, value
    return made


class Calc:
    def __init__(self, flags):
        self.flags = flags
        self.pipe = f"xlmargin{os.getpid()}"
        self.process = subprocess.Popen(
            ["soffice", "--headless", "--norestore", "--nologo", *flags, f"--accept=pipe,name={self.pipe};urp"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**{k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}, "PATH": CLEAN_PATH},
        )
        self.desktop = self.connect()
        self.document = None

    def connect(self):
        local = uno.getComponentContext()
        resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
        for _ in range(600):
            try:
                url = f"uno:pipe,name={self.pipe};urp;StarOffice.ComponentContext"
                context = resolver.resolve(url)
                return context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
            except Exception:
                if self.process.poll() not in (None, 81):
                    raise RuntimeError(f"soffice ended with {self.process.returncode}") from None
                time.sleep(0.05)
        raise RuntimeError("soffice does not answer")

    def range(self, address):
        sheet, _, cells = address.rpartition("!")
        sheets = self.document.Sheets
        return (sheets.getByName(sheet) if sheet else sheets.getByIndex(0)).getCellRangeByName(cells)

    def new(self):
        self.open("private:factory/scalc")

    def open(self, path):
        if self.document is not None:
            self.document.close(True)
        url = path if ":" in path else uno.systemPathToFileUrl(path)
        self.document = self.desktop.loadComponentFromURL(url, "_blank", 0, (prop("Hidden", True),))

    def save(self, path):
        self.document.storeToURL(uno.systemPathToFileUrl(path), (prop("FilterName", "Calc MS Excel 2007 XML"),))

    def put(self, address, value):
        """A number, a text or (with a leading =) a formula into a cell, as typing it would."""
        cell = self.range(address)
        if isinstance(value, str) and value.startswith("="):
            cell.setFormula(value)
        elif isinstance(value, str):
            cell.setString(value)
        else:
            cell.setValue(float(value))

    def fill(self, address, rows):
        """Rows of cells at once; None is an empty cell."""
        top = self.range(address)
        start = top.getRangeAddress()
        sheet = top.getSpreadsheet()
        area = sheet.getCellRangeByPosition(
            start.StartColumn, start.StartRow, start.StartColumn + len(rows[0]) - 1, start.StartRow + len(rows) - 1
        )
        area.setDataArray(tuple(tuple("" if c is None else c for c in row) for row in rows))

    def array(self, address, formula):
        self.range(address).setArrayFormula(formula)

    def get(self, address):
        """Values of a range; a cell whose error is Calc's own comes as its text."""
        area = self.range(address)
        return [
            [cell if cell != "" else area.getCellByPosition(j, i).getString() for j, cell in enumerate(row)]
            for i, row in enumerate(area.getDataArray())
        ]

    def formulas(self, address):
        return [list(row) for row in self.range(address).getFormulaArray()]

    def text(self, address):
        return self.range(address).getCellByPosition(0, 0).getString()

    def recalculate(self):
        self.document.calculateAll()

    def clock(self, address, values, result):
        """Seconds from setting a cell to reading the dependent one, for each of ``values``."""
        cell, dependent = self.range(address), self.range(result)
        took = []
        for value in values:
            start = time.perf_counter()
            cell.setValue(float(value))
            dependent.getValue()
            took.append(time.perf_counter() - start)
        return took

    def quit(self):
        try:
            if self.document is not None:
                self.document.close(True)
            self.desktop.terminate()
        except Exception:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def main():
    calc = Calc(sys.argv[1:])
    try:
        print(json.dumps({"ok": True}), flush=True)
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            try:
                answer = {"ok": getattr(calc, name)(*arguments)}
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), flush=True)
    finally:
        calc.quit()


if __name__ == "__main__":
    main()

"""A headless LibreOffice Calc with the add-in, installed by the real command into a profile of its own."""

import json
import subprocess
from pathlib import Path

from xlmargin.workbooks.calc_install import install, layer

from tests.hosts.needs import SYSTEM_PYTHON

HERE = Path(__file__).parent
SECONDS = 60


class Calc:
    """Commands of ``calc_driver`` as methods: ``calc.put("desk!B3", "simm")``, ``calc.get("A1:B2")`` …"""

    def __init__(self, profile, mode="auto"):
        install(profile=profile, mode=mode)
        self.process = subprocess.Popen(
            [SYSTEM_PYTHON, str(HERE / "calc_driver.py"), *layer(profile)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def __getattr__(self, name):
        return lambda *arguments: self._ask(name, *arguments)

    def _ask(self, *command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self):
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["ok"]

    def close(self):
        """End Calc and its driver."""
        self.process.stdin.close()
        try:
            self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()


def place(calc, arguments, left="A"):
    """Write arguments into a fresh sheet one beside the other; returns their references."""
    references, column = [], _number(left)
    for given in arguments:
        if given is None:
            references.append("")
            continue
        rows = given if isinstance(given, list) else [[given]]
        top = f"{_letters(column)}1"
        calc.fill(top, rows)
        corner = f"{_letters(column + len(rows[0]) - 1)}{len(rows)}"
        references.append(top if top == corner else f"{top}:{corner}")
        column += len(rows[0]) + 1
    return references, _letters(column)


def _number(letters):
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _letters(number):
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def area(left, rows, columns):
    """The address of so many rows and columns from ``left`` at the top."""
    return f"{left}1:{_letters(_number(left) + columns - 1)}{rows}"

"""The worker that the Calc add-in asks when LibreOffice's own Python is another than xlmargin's.

Requests and answers are marshal version 2 (read alike by every Python) behind their length in eight bytes; the
worker ends when its input does.
"""

from __future__ import annotations

import marshal
import struct
import sys
from typing import BinaryIO


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer (function name, cells) with rows until the requests end."""
    from xlmargin.workbooks.declared import FUNCTIONS

    while len(head := requests.read(8)) == 8:
        name, cells = marshal.loads(requests.read(struct.unpack("<Q", head)[0]))
        content = marshal.dumps(FUNCTIONS[name].call(*cells), 2)
        answers.write(struct.pack("<Q", len(content)) + content)
        answers.flush()


def main() -> None:
    """Serve standard input and output; whatever else is printed goes to standard error."""
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()

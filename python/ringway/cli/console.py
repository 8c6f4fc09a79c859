"""What goes to the terminal, and how much of it may be drawn.

Results go to standard output; errors and progress go to standard error, so that a pipe carries results only.
Colours, boxes and bars are for terminals: a pipe, a file, ``TERM=dumb`` and ``NO_COLOR`` get plain text.
`rich` draws when it is installed.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TextIO

from ringway.cli.table import Table

COLOURS = {"green": "32", "red": "31", "yellow": "33", "bold": "1"}


class Console:
    """The two streams of one run.

    Parameters
    ----------
    out, err : text stream
        Standard output and standard error.
    """

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self.out = out
        self.err = err
        # A name that the terminal's encoding lacks is shown escaped instead of ending the run.
        for stream in (out, err):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")

    def draws(self, stream: TextIO) -> bool:
        """Whether a stream is a terminal that can move its cursor."""
        return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def colour(self, text: str, name: str) -> str:
        """The text in a colour where standard output shows colours."""
        if os.environ.get("NO_COLOR") or not self.draws(self.out):
            return text
        return f"\x1b[{COLOURS[name]}m{text}\x1b[0m"

    def line(self, text: str = "") -> None:
        """One line of results."""
        self.out.write(text + "\n")

    def table(self, table: Table) -> None:
        """A table of results."""
        if self.draws(self.out) and find_spec("rich") is not None:
            table.draw(self.out)
        else:
            for text in table.lines():
                self.line(text)

    def pairs(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Names and values, one pair a line, values in one column."""
        width = max(len(name) for name, _ in pairs)
        for name, value in pairs:
            self.line(f"  {name:<{width}}  {value}")

    def note(self, text: str) -> None:
        """One line for the person, not for the pipe."""
        self.err.write(text + "\n")

    def error(self, text: str) -> None:
        """One line that says what went wrong."""
        self.err.write(f"ringway: error: {text}\n")

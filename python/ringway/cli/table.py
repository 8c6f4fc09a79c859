"""Tables as plain aligned text, or drawn by `rich`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TextIO

WIDE = ("W", "F")


def printable(text: str) -> str:
    """A name from a file, with its control characters shown instead of obeyed."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    columns = 0
    for character in text:
        if not unicodedata.combining(character):
            columns += 2 if unicodedata.east_asian_width(character) in WIDE else 1
    return columns


@dataclass
class Table:
    """Rows of text under titles.

    Parameters
    ----------
    titles : sequence of str
        One for each column.
    right : sequence of int
        Columns that are aligned to the right: numbers.
    """

    titles: Sequence[str]
    right: Sequence[int] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        """Add a row."""
        self.rows.append(tuple(printable(cell) for cell in cells))

    def lines(self) -> Iterator[str]:
        """The table as aligned plain text."""
        everything = [tuple(self.titles), *self.rows]
        widths = [max(width(row[column]) for row in everything) for column in range(len(self.titles))]
        for row in everything:
            cells = []
            for column, cell in enumerate(row):
                blanks = " " * (widths[column] - width(cell))
                cells.append(blanks + cell if column in self.right else cell + blanks)
            yield "  ".join(cells).rstrip()

    def draw(self, out: TextIO) -> None:
        """The table drawn by `rich`, which must be installed."""
        from rich import box
        from rich.console import Console
        from rich.table import Table as RichTable
        from rich.text import Text

        drawn = RichTable(box=box.SIMPLE_HEAD)
        for column, title in enumerate(self.titles):
            drawn.add_column(title, justify="right" if column in self.right else "left", overflow="fold")
        for row in self.rows:
            drawn.add_row(*(Text(cell) for cell in row))
        Console(file=out).print(drawn)

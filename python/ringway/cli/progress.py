"""A progress bar on standard error: `rich`, or one rewritten line without it, or nothing off a terminal."""

from __future__ import annotations

import time
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Protocol

from ringway.cli.console import Console

REDRAW_SECONDS = 0.1
BAR_CELLS = 24


class Bar(Protocol):
    """What a running command tells about itself."""

    def update(self, title: str, fraction: float | None, detail: str) -> None:
        """Show a step: its title, the part done from 0 to 1 (None = unknown), and what is known of it."""

    def close(self) -> None:
        """Take the bar away."""


class NoBar:
    """Nobody watches."""

    def update(self, title: str, fraction: float | None, detail: str) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Nothing to take away."""


class LineBar:
    """One line, rewritten at most ten times a second."""

    def __init__(self, console: Console) -> None:
        self.err = console.err
        self.drawn = float("-inf")

    def update(self, title: str, fraction: float | None, detail: str) -> None:
        """Rewrite the line."""
        now = time.monotonic()
        if now - self.drawn < REDRAW_SECONDS:
            return
        self.drawn = now
        done = round((fraction or 0.0) * BAR_CELLS)
        self.err.write(f"\r{title} [{'#' * done}{'.' * (BAR_CELLS - done)}] {detail}\x1b[K")
        self.err.flush()

    def close(self) -> None:
        """Clear the line."""
        if self.drawn > float("-inf"):
            self.err.write("\r\x1b[K")
            self.err.flush()


class RichBar:
    """A bar drawn by `rich`."""

    def __init__(self, console: Console) -> None:
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.progress: Any = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            TimeElapsedColumn(),
            console=RichConsole(file=console.err),
            transient=True,
        )
        self.task = self.progress.add_task("", total=None, detail="")
        self.progress.start()

    def update(self, title: str, fraction: float | None, detail: str) -> None:
        """Redraw the bar; `rich` limits how often."""
        total = None if fraction is None else 1.0
        self.progress.update(
            self.task, description=title, total=total, completed=fraction or 0.0, detail=detail
        )

    def close(self) -> None:
        """Take the bar away."""
        self.progress.stop()


class Progress:
    """A bar for the length of a ``with`` block.

    Parameters
    ----------
    console : Console
        Whose standard error shows the bar.
    wanted : bool
        False shows nothing.
    """

    def __init__(self, console: Console, wanted: bool) -> None:
        self.bar: Bar
        if not wanted or not console.draws(console.err):
            self.bar = NoBar()
        elif find_spec("rich") is not None:
            self.bar = RichBar(console)
        else:
            self.bar = LineBar(console)

    def __enter__(self) -> Bar:
        return self.bar

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.close()

"""What a check is: a named function that returns a value beside its limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import ringway as rw
from ringway.errors import BackendUnavailable

Number = float | int


class Skip(Exception):
    """Raised by a check that means nothing on this machine; the text says why."""


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Parameters
    ----------
    value : float or int
        What was measured or counted.
    unit : str
        Its unit; empty for a count that the title names.
    limit : str
        What it is held to: ``< 10``, ``= 7``.
    passed : bool
    note : str
        What else the reader needs to judge it.
    """

    value: Number
    unit: str
    limit: str
    passed: bool
    note: str = ""


@dataclass(frozen=True)
class Setting:
    """What all checks of one run share.

    Parameters
    ----------
    backend : str
        The backend asked for; ``"auto"`` is the best that the machine has.
    """

    backend: str

    def runtime(self) -> rw.Runtime:
        """A new runtime on that backend."""
        return rw.Runtime(backend=self.backend)

    def device(self) -> rw.Device:
        """A new device for dispatches on it; a backend without that level is a reason to skip."""
        try:
            return rw.Device(self.backend)
        except BackendUnavailable as error:
            raise Skip(str(error)) from error


@dataclass(frozen=True)
class Check:
    """A check by name; a measured one depends on the machine and on what else it does."""

    name: str
    title: str
    run: Callable[[Setting], Finding]
    measured: bool = False


def below(value: Number, limit: Number, unit: str, note: str = "") -> Finding:
    """A value that must be less than its limit."""
    return Finding(value, unit, f"< {limit:g}", value < limit, note)


def above(value: Number, limit: Number, unit: str, note: str = "") -> Finding:
    """A value that must be more than its limit."""
    return Finding(value, unit, f"> {limit:g}", value > limit, note)


def exactly(value: Number, wanted: Number, unit: str, note: str = "") -> Finding:
    """A count that must be right."""
    return Finding(value, unit, f"= {wanted:g}", value == wanted, note)


def best_seconds(run: Callable[[], object], repeats: int) -> float:
    """The least time in seconds that a call took: what the machine can do, undisturbed."""
    least = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        least = min(least, time.perf_counter() - start)
    return least


def demand(condition: bool, what: str) -> None:
    """End the check as failed unless the condition holds."""
    if not condition:
        raise AssertionError(what)

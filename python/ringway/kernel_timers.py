"""Timers of a program's own kernels."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable
from typing import Any, TypeVar

from ringway.arguments import real
from ringway.errors import InvalidOption, InvalidState, KernelError

Tick = TypeVar("Tick", bound=Callable[[Any, Any], Any])
Timers = tuple[tuple[Callable[[Any, Any], Any], int], ...]
_LEAST, _MOST = 1e-6, 366 * 86_400.0  # seconds


def period_of(field: str, every: Any) -> int:
    """Return the nanoseconds between two ticks."""
    must = f"a number of seconds from {_LEAST:g} to {_MOST:.0f}"
    seconds = real(field, every, must)
    if not math.isfinite(seconds) or not _LEAST <= seconds <= _MOST:
        raise InvalidOption(f"{field} is {every!r}; it must be {must}")
    return round(seconds * 1e9)


class HasTimers(abc.ABC):
    """A kernel whose timers are Python functions.

    Attributes
    ----------
    timers
        What each timer calls, with its period in nanoseconds.
    """

    name: str
    timers: Timers = ()

    @abc.abstractmethod
    def _set_timers(self, timers: Timers) -> None:
        """Take these timers; changes nothing when it raises."""

    @abc.abstractmethod
    def _has_begun(self) -> bool:
        """Whether it has been launched."""

    def timer(self, *, every: float) -> Callable[[Tick], Tick]:
        """Return a decorator of a function ``tick(ctx, state)`` that is called every so many seconds.

        Beside the messages and between two of them, with the same state, in the kernel's mode, on each
        replica, for as long as the kernel is active: first one period after it was activated, then at whole
        periods, whatever the ticks take. Ticks that come due while the kernel is busy are left out but for
        one, whose ``ctx.missed`` says how many; `Kernel.telemetry` counts both. A tick that fails is handled
        as ``LaunchOptions(on_error=...)`` says, without a dead letter. A kernel may have several timers.

        Parameters
        ----------
        every
            Seconds, from 1e-6 to 366 days.

        Raises
        ------
        KernelError
            What the function does has no meaning in the kernel's mode, or it takes other parameters.
        InvalidOption
            ``every`` is no such number.
        InvalidState
            The kernel has been launched.
        """
        period = period_of("every", every)

        def add(function: Tick) -> Tick:
            if not callable(function):
                raise KernelError(
                    f"{function!r} is no function; write @{self.name}.timer(every=...) above "
                    "def tick(ctx, state)"
                )
            if self._has_begun():
                raise InvalidState(
                    f"kernel {self.name!r} has been launched; give it its timers before its first launch"
                )
            timers: Timers = (*self.timers, (function, period))
            self._set_timers(timers)
            self.timers = timers
            return function

        return add

"""What is looked up about a kernel at once, by threads and tasks alike."""

from __future__ import annotations

from typing import Literal

from ringway import _core
from ringway._core import Telemetry
from ringway.arguments import flag
from ringway.dead_letters import DeadLetter, dead_letters

State = Literal["launched", "active", "inactive", "terminated", "failed"]


class KernelFacts:
    """Names, state, counters and dead letters of a kernel."""

    __slots__ = ("__weakref__", "_core")

    _core: _core.Kernel

    @property
    def name(self) -> str:
        """The name it was launched under, unique in its runtime."""
        return self._core.name

    @property
    def kind(self) -> str:
        """The name of what was launched, for example ``"echo"``."""
        return self._core.kind

    @property
    def state(self) -> State:
        """Where it is in its life."""
        return self._core.state

    @property
    def worker(self) -> int:
        """The worker slot it lives on; of a kernel in Python one of its own, beyond ``Runtime.workers``."""
        return self._core.worker

    @property
    def bridge(self) -> Literal["direct", "pumped"]:
        """How messages reach its queues; see `LaunchOptions`."""
        return self._core.bridge

    @property
    def failure(self) -> str:
        """Why it failed; empty when it did not."""
        return self._core.failure

    @property
    def replacements(self) -> int:
        """How many times another kernel took its place."""
        return self._core.replacements

    @property
    def stuck(self) -> bool:
        """Whether its handler has not returned for longer than the runtime's ``watchdog`` allows."""
        return self._core.stuck

    def telemetry(self) -> Telemetry:
        """Return a snapshot of its counters, without stopping anything."""
        return self._core.telemetry()

    def reset_telemetry(self) -> None:
        """Count from here on; ``depth``, ``last_message`` and ``uptime`` stay what they are."""
        self._core.reset_telemetry()

    @property
    def telemetry_enabled(self) -> bool:
        """Whether counters count and latency is timed; what queues drop or refuse is always counted."""
        return self._core.telemetry_enabled

    @telemetry_enabled.setter
    def telemetry_enabled(self, on: bool) -> None:
        self._core.telemetry_enabled = flag("telemetry_enabled", on)

    def dead_letters(self, *, clear: bool = False) -> list[DeadLetter]:
        """Return the messages that were not handled and why, oldest first; also of an ended kernel.

        At most ``LaunchOptions(dead_letters=...)`` are kept, the latest. ``clear`` takes them out.
        """
        return dead_letters(self._core, clear)

    def __repr__(self) -> str:
        return f"<ringway kernel {self.name!r} ({self.kind}), {self.state}>"

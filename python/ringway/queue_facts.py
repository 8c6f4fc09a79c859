"""What is looked up about a queue at once, by threads and tasks alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from ringway import _core
from ringway._core import QueueCounts, QueueTelemetry
from ringway.arguments import flag
from ringway.dead_letters import DeadLetter, queue_letters
from ringway.queue_types import Carried, QueueType


class QueueFacts:
    """Name, kind, sizes, counters and dead letters of a queue."""

    __slots__ = ("__weakref__", "_core", "_kind")

    _core: _core.Queue
    _kind: QueueType

    @property
    def name(self) -> str:
        """Its name."""
        return self._core.name

    @property
    def message(self) -> Carried:
        """What it carries: a message class, a dtype, ``bytes``, or None for any message."""
        return self._kind.message

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The dtype of its messages in arrays; None when they have no fixed layout."""
        return self._kind.dtype

    @property
    def capacity(self) -> int:
        """Number of slots."""
        return self._core.capacity

    @property
    def slot_size(self) -> int:
        """Bytes of the largest message."""
        return self._core.max_message

    @property
    def closed(self) -> bool:
        """Whether it takes no more messages."""
        return self._core.closed

    def counts(self) -> QueueCounts:
        """Return a snapshot of its counters, without stopping anything."""
        return self._core.counts()

    def telemetry(self) -> QueueTelemetry:
        """Return a snapshot of its counters and latencies, without stopping anything.

        In shared memory counters are those of all processes; a reset, and whether telemetry is on, is this
        process's own. Latency is not measured there.
        """
        return self._core.telemetry()

    def reset_telemetry(self) -> None:
        """Let `telemetry` count from here on; ``depth`` and ``last_message`` stay, and `counts` too."""
        self._core.reset_telemetry()

    @property
    def telemetry_enabled(self) -> bool:
        """Whether messages are timed. What is counted costs nothing, and is always counted."""
        return self._core.telemetry_enabled

    @telemetry_enabled.setter
    def telemetry_enabled(self, on: bool) -> None:
        self._core.telemetry_enabled = flag("telemetry_enabled", on)

    def dead_letters(self, *, clear: bool = False) -> list[DeadLetter]:
        """Return what the policy dropped of this process's messages and why, oldest first.

        At most ``dead_letters=`` of them are kept, the latest. ``clear`` takes them out.
        """
        return queue_letters(self._core, self._kind, clear)

    def __len__(self) -> int:
        return self._core.depth

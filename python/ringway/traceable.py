"""What a runtime offers for traces; the rest is loaded when one is taken."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ringway._core import Runtime as NativeRuntime

if TYPE_CHECKING:
    from ringway.telemetry.trace import AsyncTrace, Trace

EVENTS = 65_536
INTERVAL = 0.01  # seconds


class Traceable:
    """A runtime whose kernels and queues can be traced."""

    _core: NativeRuntime

    def trace(
        self, path: str | os.PathLike[str], *, events: int = EVENTS, interval: float = INTERVAL
    ) -> Trace:
        """Take a trace of the kernels and queues into a file that ui.perfetto.dev opens.

        ``with runtime.trace("trace.json"):`` takes it during the block; or call its ``start`` and ``stop``.
        The file is Chrome's trace-event JSON: a track for each worker with a slice for each turn of a
        kernel that handled messages (``args``: how many, and how many it sent), counters of the depths of
        mailboxes, outboxes, links and queues, and an arrow from send to handler for each message whose
        latency was measured (``LaunchOptions.latency_sample``).

        Parameters
        ----------
        path
            The file to write; replaced when it exists.
        events
            The last so many slices, and as many arrows, are kept on each worker, and as many depths; 56
            bytes for both on a worker. ``otherData`` in the file says how many were dropped.
        interval
            Seconds between two looks at depths of outboxes, links and queues.

        Raises
        ------
        InvalidOption
            An argument is out of range.
        """
        from ringway.telemetry.trace import Trace

        return Trace(self._core, path, events=events, interval=interval)


class AsyncTraceable:
    """The same of an `AsyncRuntime`."""

    _core: NativeRuntime

    def trace(
        self, path: str | os.PathLike[str], *, events: int = EVENTS, interval: float = INTERVAL
    ) -> AsyncTrace:
        """Take a trace during an ``async with`` block; see `ringway.Runtime.trace`."""
        from ringway.telemetry.trace import AsyncTrace, Trace

        return AsyncTrace(Trace(self._core, path, events=events, interval=interval))

"""A trace of a runtime as Chrome's trace-event JSON, which Perfetto (ui.perfetto.dev) opens.

One track for each worker with a slice for each turn of a kernel, one for the host with a slice for each
message whose latency was measured, arrows from send to handler for these, and counters of queues' depths.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

from ringway import _core
from ringway._core import __version__
from ringway.arguments import real, whole
from ringway.errors import Error, InvalidOption, InvalidState
from ringway.recording import path_of
from ringway.runtime import snapshot
from ringway.telemetry.trace_events import Recorded, events_of


class Trace:
    """A trace that is being taken; see `ringway.Runtime.trace`. Ends with its ``with`` block or `stop`."""

    def __init__(
        self, runtime: _core.Runtime, path: str | os.PathLike[str], *, events: int, interval: float
    ) -> None:
        self._path = Path(path_of("path", path))
        self._runtime = runtime
        self._events = whole("events", events, "a number of events, 1 to 16777216")
        self._interval = real("interval", interval, "a number of seconds, 0.0001 to 3600")
        if not 1e-4 <= self._interval <= 3600:
            raise InvalidOption(f"interval is {interval}; it must be a number of seconds, 0.0001 to 3600")
        self._file: IO[str] | None = None
        self._thread: threading.Thread | None = None
        self._over = threading.Event()
        self._pid = 0
        self._began = 0
        self._depths: list[tuple[int, str, int]] = []
        self._depths_dropped = 0

    def start(self) -> None:
        """Begin; the ``with`` block does.

        Raises
        ------
        InvalidState
            It was begun before, or another trace of the runtime is being taken.
        Error
            The file cannot be written.
        """
        if self._pid:
            raise InvalidState("this trace was begun before; Runtime.trace makes another")
        try:
            file = open(self._path, "w", encoding="utf-8")  # noqa: SIM115 (kept until stop)
        except OSError as error:
            raise Error(f"cannot write a trace to {self._path}: {error.strerror}") from error
        try:
            self._began = _core.steady_ns()
            _core.start_trace(self._runtime, self._events)
        except BaseException:
            file.close()
            raise
        self._file, self._pid = file, os.getpid()
        self._thread = threading.Thread(target=self._sample, name="ringway trace", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End and write the file; nothing when it has ended, or in a child after fork.

        Raises
        ------
        Error
            The file cannot be written.
        """
        file, self._file = self._file, None
        if file is None or self._thread is None:
            return
        if self._pid != os.getpid():
            return
        self._over.set()
        self._thread.join()
        names, tracks = _core.stop_trace(self._runtime)
        recorded = Recorded(self._runtime.name, self._began, names, tracks, self._depths)
        try:
            with file:
                self._write(file, recorded)
        except OSError as error:
            raise Error(f"cannot write a trace to {self._path}: {error.strerror}") from error

    def _write(self, file: IO[str], recorded: Recorded) -> None:
        about = {
            "ringway": __version__,
            "runtime": recorded.runtime,
            "seconds": (_core.steady_ns() - self._began) * 1e-9,
            "dropped_turns": sum(track[1] for track in recorded.tracks),
            "dropped_arrows": sum(track[3] for track in recorded.tracks),
            "dropped_depths": self._depths_dropped,
        }
        file.write(f'{{"displayTimeUnit": "ns", "otherData": {json.dumps(about)},\n"traceEvents": [\n')
        first = True
        for event in events_of(recorded):
            file.write(("" if first else ",\n") + json.dumps(event))
            first = False
        file.write("\n]}\n")

    def _sample(self) -> None:
        last: dict[str, int] = {}
        while True:
            over = self._over.wait(self._interval)
            with contextlib.suppress(Error):  # closed meanwhile
                for name, depth in self._now():
                    if last.get(name) == depth:
                        continue
                    last[name] = depth
                    if len(self._depths) < self._events:
                        self._depths.append((_core.steady_ns(), name, depth))
                    else:
                        self._depths_dropped += 1
            if over:
                return

    def _now(self) -> Iterator[tuple[str, int]]:
        seen = snapshot(self._runtime)
        for name, kernel in seen.kernels.items():
            yield f"{name}.outbox", kernel.outbox_depth
        for link in seen.links:
            yield f"{link.source} → {link.target}", link.depth
        for name, queue in seen.queues.items():
            yield name, queue.depth

    def __enter__(self) -> Trace:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class AsyncTrace:
    """The same of an `AsyncRuntime`: ``async with``, or `start` and `stop`, awaited."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    async def start(self) -> None:
        """Begin; the ``async with`` block does."""
        self._trace.start()

    async def stop(self) -> None:
        """End and write the file; other tasks run meanwhile."""
        await asyncio.to_thread(self._trace.stop)

    async def __aenter__(self) -> AsyncTrace:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

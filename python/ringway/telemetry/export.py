"""Telemetry for another process: a socket in a directory of this user's own, answered when somebody asks.

Each runtime that is exported listens on ``DIRECTORY/PID-NUMBER.sock``. Who connects says ``telemetry`` or
``trace SECONDS``, and gets one JSON document and the end of the stream. Nothing is published, or costs
anything, while nobody asks.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import stat
import sys
import tempfile
import threading
import time
import weakref
from pathlib import Path
from typing import Any, Protocol

from ringway._core import Latency, __version__
from ringway.errors import Error
from ringway.telemetry.metrics import HasTelemetry
from ringway.topology import Topology

FORMAT = 4  # of the document
PATIENCE = 1.0  # seconds with one who connects and does not ask, or does not read
_numbers = itertools.count()


def directory() -> Path:
    """Return where this user's runtimes listen; made with mode 0700 when it is missing.

    Raises
    ------
    Error
        It belongs to somebody else, or others may look into it.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    path = Path(runtime, "ringway") if runtime else Path(tempfile.gettempdir(), f"ringway-{os.getuid()}")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Error(
            f"{path} is no directory of user {os.getuid()} alone (mode 0700); remove it, or set "
            "XDG_RUNTIME_DIR"
        )
    return path


class Exported(HasTelemetry, Protocol):
    """A runtime as another process sees it."""

    def topology(self) -> Topology:
        """Return the graph of kernels and queues."""


def document(runtime: Exported, began: float) -> dict[str, Any]:
    """Return a snapshot as plain values; times in seconds, ``clock`` of one that only counts up."""
    snapshot = runtime.telemetry()
    return {
        "format": FORMAT,
        "ringway": __version__,
        "pid": os.getpid(),
        "runtime": runtime.name,
        "program": " ".join(sys.argv) or sys.executable,
        "uptime": time.monotonic() - began,
        "clock": time.monotonic(),
        "kernels": {
            name: {
                "state": kernel.state,
                "stuck": kernel.stuck,
                "received": kernel.received,
                "processed": kernel.processed,
                "sent": kernel.sent,
                "errors": kernel.errors,
                "restarts": kernel.restarts,
                "replacements": kernel.replacements,
                "iterations": kernel.iterations,
                "ticks": kernel.ticks,
                "ticks_missed": kernel.ticks_missed,
                "counters": kernel.counters,
                "depth": kernel.depth,
                "outbox_depth": kernel.outbox_depth,
                "dropped": kernel.dropped,
                "last_message": kernel.last_message,
                "uptime": kernel.uptime,
                "bridge": kernel.bridge,
                "latency": _latency(kernel.latency),
            }
            for name, kernel in snapshot.kernels.items()
        },
        "links": [
            {
                "source": link.source,
                "target": link.target,
                "capacity": link.capacity,
                "received": link.received,
                "depth": link.depth,
                "latency": _latency(link.latency),
            }
            for link in snapshot.links
        ],
        "topology": runtime.topology().to_dict(),
        "queues": {
            name: {
                "capacity": queue.capacity,
                "sent": queue.sent,
                "received": queue.received,
                "depth": queue.depth,
                "dropped": queue.dropped,
                "last_message": queue.last_message,
                "latency": _latency(queue.latency),
            }
            for name, queue in snapshot.queues.items()
        },
    }


def _latency(latency: Latency) -> dict[str, float]:
    return {
        "count": latency.count,
        "mean": latency.mean,
        "p50": latency.p50,
        "p99": latency.p99,
        "p999": latency.p999,
    }


class Exporter:
    """Answers for one runtime, which it does not keep alive, until `close`."""

    def __init__(self, runtime: Exported) -> None:
        self._runtime = weakref.ref(runtime)
        self._began = time.monotonic()
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self.path = directory() / f"{self._pid}-{next(_numbers)}.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.path.unlink(missing_ok=True)  # of a dead process whose number this one has
            self._socket.bind(str(self.path))
            self.path.chmod(0o600)
            self._socket.listen(8)
        except OSError as error:
            self._socket.close()
            raise Error(f"cannot export telemetry at {self.path}: {error.strerror}") from error
        _living.add(self)
        threading.Thread(target=self._serve, name="ringway telemetry", daemon=True).start()

    def close(self) -> None:
        """Stop answering and remove the socket; nothing in a child after fork, whose socket it is not."""
        with self._lock:
            if self._socket.fileno() < 0:
                return
            if self._pid == os.getpid():
                self.path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)  # wakes accept()
            self._socket.close()

    def forget(self) -> None:
        """In a child after fork: leave the socket to the parent."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            peer.settimeout(PATIENCE)
            asked = b""
            with contextlib.suppress(OSError):
                asked = peer.recv(64)
            if asked.startswith(b"trace "):  # takes as long as it is asked for
                threading.Thread(target=self._answer, args=(peer, asked), daemon=True).start()
            else:
                self._answer(peer, asked)

    def _answer(self, peer: socket.socket, asked: bytes) -> None:
        runtime = self._runtime()
        with peer, contextlib.suppress(OSError):
            if runtime is None:
                return
            if asked.startswith(b"trace "):
                peer.settimeout(None)
                peer.sendall(_traced(runtime, float(asked[6:])))
            else:
                peer.sendall(json.dumps(document(runtime, self._began)).encode())


def _traced(runtime: Any, seconds: float) -> bytes:
    """Take a trace for some seconds; the file, or ``{"error": ...}``."""
    from ringway.telemetry.trace import Trace
    from ringway.traceable import EVENTS, INTERVAL

    with tempfile.TemporaryDirectory(prefix="ringway-trace-") as folder:
        path = Path(folder, "trace.json")
        try:
            with Trace(runtime._core, path, events=EVENTS, interval=INTERVAL):
                time.sleep(seconds)
            return path.read_bytes()
        except (Error, OSError) as error:
            return json.dumps({"error": str(error)}).encode()


_living: weakref.WeakSet[Exporter] = weakref.WeakSet()


def _leave_to_parent() -> None:
    for exporter in list(_living):
        exporter.forget()


os.register_at_fork(after_in_child=_leave_to_parent)

"""The runtimes of this user that export telemetry: found, asked, and cleared away when their process died."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ringway.errors import Error, NotFound, Timeout
from ringway.telemetry.export import FORMAT, directory

NAME = re.compile(r"(\d+)-(\d+)\.sock")
PATIENCE = 2.0  # seconds


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's process has the number now; the directory is this user's
        return False
    return True


def sockets() -> dict[int, list[Path]]:
    """Return the sockets of living processes by process id. Those of dead ones are removed."""
    found: dict[int, list[tuple[int, Path]]] = {}
    for path in directory().iterdir():
        named = NAME.fullmatch(path.name)
        if not named:
            continue
        pid = int(named[1])
        if _alive(pid):
            found.setdefault(pid, []).append((int(named[2]), path))
        else:
            path.unlink(missing_ok=True)
    return {pid: [path for _, path in sorted(paths)] for pid, paths in sorted(found.items())}


def ask(path: Path, timeout: float = PATIENCE) -> dict[str, Any] | None:
    """Return what a runtime says now; None when nobody listens there any more.

    Raises
    ------
    Timeout, Error
        As for `fetch`; or it speaks another format.
    """
    text = fetch(path, b"telemetry", timeout)
    if not text:
        return None
    answer: dict[str, Any] = json.loads(text)
    if answer.get("format") != FORMAT:
        raise Error(
            f"process {answer.get('pid')} runs ringway {answer.get('ringway')}, whose telemetry has format "
            f"{answer.get('format')}, not {FORMAT}; use that version's `ringway top`"
        )
    return answer


def fetch(path: Path, request: bytes, timeout: float) -> bytes:
    """Return what a runtime answers; nothing when nobody listens any more, whose socket is then removed.

    Raises
    ------
    Timeout
        The process does not answer: it is stopped, or a library holds the interpreter's lock.
    """
    pieces = []
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.settimeout(timeout)
            peer.connect(str(path))
            # One that closes without reading, of another version, may have answered all the same.
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                peer.sendall(request)
            with contextlib.suppress(ConnectionResetError):
                while piece := peer.recv(1 << 16):
                    pieces.append(piece)
    except TimeoutError:
        raise Timeout(
            f"process {path.name.split('-', maxsplit=1)[0]} does not answer within {timeout} s: it is "
            "stopped, or a library holds Python's interpreter lock there"
        ) from None
    except (ConnectionError, FileNotFoundError):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        return b""
    return b"".join(pieces)


def runtimes(pids: Sequence[int] = ()) -> list[Path]:
    """Return the sockets of the processes of those ids, or of all that there are.

    Raises
    ------
    NotFound
        No such process exports a runtime.
    """
    found = sockets()
    for pid in pids:
        if pid not in found:
            raise NotFound(
                f"process {pid} exports no runtime; start it with RINGWAY_EXPORT=1 or Runtime(export=True)"
                + (f". Those that do: {', '.join(map(str, found))}" if found else "")
            )
    if not found:
        raise NotFound(
            "no process of this user exports a runtime; start one with RINGWAY_EXPORT=1 or "
            "Runtime(export=True)"
        )
    return [path for pid in pids or found for path in found[pid]]

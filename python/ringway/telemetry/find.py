"""The runtimes of this user that export telemetry: found, asked, and cleared away when their process died."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
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
    """Return what a runtime says now; None when nobody listens there any more, whose socket is then removed.

    Raises
    ------
    Timeout
        The process does not answer: it is stopped, or a library holds the interpreter's lock.
    Error
        It speaks another format.
    """
    pieces = []
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.settimeout(timeout)
            peer.connect(str(path))
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
        return None
    if not pieces:
        return None
    answer: dict[str, Any] = json.loads(b"".join(pieces))
    if answer.get("format") != FORMAT:
        raise Error(
            f"process {answer.get('pid')} runs ringway {answer.get('ringway')}, whose telemetry has format "
            f"{answer.get('format')}, not {FORMAT}; use that version's `ringway top`"
        )
    return answer


def runtimes(pid: int | None) -> list[Path]:
    """Return the sockets of the process of that id, or of the only process that there is.

    Raises
    ------
    NotFound
        No such process exports a runtime, or several do and ``pid`` names none of them.
    """
    found = sockets()
    if pid is not None:
        if pid not in found:
            raise NotFound(
                f"process {pid} exports no runtime; start it with RINGWAY_EXPORT=1 or Runtime(export=True)"
                + (f". Those that do: {', '.join(map(str, found))}" if found else "")
            )
        return found[pid]
    if not found:
        raise NotFound(
            "no process of this user exports a runtime; start one with RINGWAY_EXPORT=1 or "
            "Runtime(export=True)"
        )
    if len(found) > 1:
        raise NotFound(f"several processes export runtimes; name one: {', '.join(map(str, found))}")
    return next(iter(found.values()))

"""What a trace recorded, as trace events."""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import os
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

HOST = (1 << 32) - 1  # where a message came from that no kernel sent
LONGEST_SEND = 1000  # ns that a send is drawn with
Event = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Recorded:
    """``tracks`` holds turns, how many were dropped, passages, and how many were dropped, of each worker."""

    runtime: str
    began: int  # ns, as every time here
    names: dict[int, str]
    tracks: list[tuple[NDArray[Any], int, NDArray[Any], int]]
    depths: list[tuple[int, str, int]]

    def event(self, phase: str, name: str, tid: int, at: int, **more: Any) -> Event:
        """An event at a time; the unit of the format is the microsecond."""
        return {
            "ph": phase,
            "name": name,
            "pid": os.getpid(),
            "tid": tid,
            "ts": (at - self.began) / 1e3,
            **more,
        }

    def name(self, kernel: int) -> str:
        """The kernel's name."""
        return self.names.get(kernel, f"kernel {kernel}")


def events_of(recorded: Recorded) -> Iterator[Event]:
    """All events of a trace; thread 0 is the host, thread n + 1 worker n."""
    yield _title(recorded, "process_name", 0, f"ringway {recorded.runtime}")
    yield _title(recorded, "thread_name", 0, "host")
    for worker in range(len(recorded.tracks)):
        yield _title(recorded, "thread_name", worker + 1, f"worker {worker}")
    for worker, (turns, _, _, _) in enumerate(recorded.tracks):
        for turn in turns.tolist():
            began, ended, kernel, messages, sent, depth = turn
            yield recorded.event(
                "X",
                recorded.name(kernel),
                worker + 1,
                began,
                cat="turn",
                dur=(ended - began) / 1e3,
                args={"messages": messages, "sent": sent},
            )
            yield _depth(recorded, ended, f"{recorded.name(kernel)}.mailbox", depth)
    for at, name, depth in recorded.depths:
        yield _depth(recorded, at, name, depth)
    yield from _arrows(recorded)


def _title(recorded: Recorded, kind: str, tid: int, name: str) -> Event:
    return {"ph": "M", "name": kind, "pid": os.getpid(), "tid": tid, "args": {"name": name}}


def _depth(recorded: Recorded, at: int, name: str, depth: int) -> Event:
    return recorded.event("C", name, 0, at, args={"messages": depth})


class _Slices:
    """Which slices of kernels enclose a time."""

    def __init__(self, recorded: Recorded) -> None:
        self._of: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
        for worker, (turns, _, _, _) in enumerate(recorded.tracks):
            for began, ended, kernel, *_ in turns.tolist():
                starts, ends = self._of.setdefault((kernel, worker), ([], []))
                starts.append(began)
                ends.append(ended)

    def worker(self, kernel: int, at: int) -> int | None:
        """The worker that ran the kernel then; None when it is not known."""
        for (of, worker), (starts, ends) in self._of.items():
            place = bisect.bisect_right(starts, at) - 1
            if of == kernel and place >= 0 and at <= ends[place]:
                return worker
        return None


def _arrows(recorded: Recorded) -> Iterator[Event]:
    slices = _Slices(recorded)
    passages = sorted(
        (*passage, worker)
        for worker, (_, _, passages, _) in enumerate(recorded.tracks)
        for passage in passages.tolist()
    )
    from_host = [passage[0] for passage in passages if passage[2] == HOST]
    room = dict(itertools.pairwise(from_host))  # until the next one begins, so that none overlap
    for number, (sent, handled, source, target, worker) in enumerate(passages):
        name = f"to {recorded.name(target)}"
        if source == HOST:
            if sent < recorded.began:
                continue
            dur = min(LONGEST_SEND, room.get(sent, sent + LONGEST_SEND) - sent)
            yield recorded.event("X", name, 0, sent, cat="send", dur=dur / 1e3)
            start = 0
        else:
            found = slices.worker(source, sent)
            if found is None:
                continue
            start = found + 1
        if slices.worker(target, handled) != worker:
            continue
        yield recorded.event("s", name, start, sent, cat="message", id=number)
        yield recorded.event("f", name, worker + 1, handled, cat="message", id=number, bp="e")

"""Replay: the messages of a recording once more, and what came out compared with what came out then."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from ringway import _core
from ringway.arguments import flag, instance, real, whole
from ringway.errors import DecodeError, InvalidOption, TypeMismatch
from ringway.recording import path_of
from ringway.replay_kernels import Given, Kernels
from ringway.same import Ignored, same_values

Finding = Literal["different", "missing", "extra"]
FINDINGS: tuple[Finding, Finding, Finding] = ("different", "missing", "extra")
# What differs from run to run: the answer's own id, and how long it took.
IGNORED = ("VectorResponse.message_id", "VectorResponse.processing_ns")
TIMEOUT = 10.0  # seconds


@dataclasses.dataclass(frozen=True)
class ReplayedMessage:
    """One side of a difference.

    Attributes
    ----------
    message
        An object of its message class where this process knows it, else bytes; of a failure its text.
    text
        Of a dead letter its reason, of an answer that is an error its text; else empty.
    id
        Of the message it answers, or that it is; None where there is none.
    """

    message: Any
    text: str
    id: UUID | None


@dataclasses.dataclass(frozen=True)
class ReplayDifference:
    """An output that is not the same in both runs.

    Attributes
    ----------
    finding
        ``"different"``; ``"missing"`` in the replay; ``"extra"`` there.
    what
        ``"answer"`` to a request, ``"message"`` to the host, ``"dead letter"``, ``"failure"`` of the kernel,
        or ``"queue"``: a message that a queue gave out.
    where
        Name of the kernel or queue.
    recorded, replayed
        What came out then and now; None where nothing did.
    """

    finding: Finding
    what: str
    where: str
    recorded: ReplayedMessage | None
    replayed: ReplayedMessage | None


@dataclasses.dataclass(frozen=True)
class ReplayedPart:
    """The comparison of one kernel or named queue; counts of messages.

    Attributes
    ----------
    name, type
        Its name; the kernel that was launched, or ``"queue"``.
    unordered
        Why its messages to the host were compared as a multiset; empty: in order.
    queue, earlier
        Whether it is a queue; whether it was there before the recording began, with a state and contents that
        the recording does not hold.
    entered, withheld, refused
        Recorded inputs; of these, left out because the recorded run never handled them; that the replay could
        not put in, with the first reason in ``refusal``.
    out, equal, different, missing
        Recorded outputs, and how the replay's compare.
    extra, reordered
        Outputs of the replay alone; equal ones that came in another order.
    beyond
        Outputs of the replay with nothing to compare them with: the recording ended before, or nobody waited.
    unasked
        Recorded outputs of messages that entered before the recording began.
    dropped
        Messages that the policy dropped in the recorded run.
    refusal
        See ``refused``.
    """

    name: str
    type: str
    unordered: str
    queue: bool
    earlier: bool
    entered: int
    withheld: int
    refused: int
    out: int
    equal: int
    different: int
    missing: int
    extra: int
    reordered: int
    beyond: int
    unasked: int
    dropped: int
    refusal: str


@dataclasses.dataclass(frozen=True)
class ReplayReport:
    """What `replay` found.

    Attributes
    ----------
    path, backend, recorded_backend
        The recording; on what it was replayed, and recorded.
    started, ringway
        When it was recorded, in seconds since the Unix epoch, and by which version.
    parts
        Every kernel and named queue, in order of creation.
    differences
        The first ``limit`` of them.
    complete
        Whether the recording was stopped in order; else it is what its process left behind.
    warnings
        What could not be compared, in words.
    seconds
        How long the replay took.
    """

    path: str
    backend: str
    recorded_backend: str
    started: float
    ringway: str
    parts: Sequence[ReplayedPart]
    differences: Sequence[ReplayDifference]
    complete: bool
    stalled: bool
    warnings: Sequence[str]
    seconds: float

    def _sum(self, field: str) -> int:
        return sum(getattr(part, field) for part in self.parts)

    @property
    def entered(self) -> int:
        """Messages that entered the queues in the recorded run."""
        return self._sum("entered")

    @property
    def out(self) -> int:
        """Outputs of the recorded run that were compared."""
        return self._sum("out")

    @property
    def equal(self) -> int:
        """Outputs that are the same in both runs."""
        return self._sum("equal")

    @property
    def different(self) -> int:
        """Outputs that differ."""
        return self._sum("different")

    @property
    def missing(self) -> int:
        """Outputs that the replay did not have."""
        return self._sum("missing")

    @property
    def extra(self) -> int:
        """Outputs that only the replay had."""
        return self._sum("extra")

    @property
    def same(self) -> bool:
        """Whether all that could be compared is the same, and in the same order."""
        wrong = ("different", "missing", "extra", "reordered")
        return not self.stalled and not any(map(self._sum, wrong))


def replay(
    path: str | os.PathLike[str],
    *,
    backend: str | None = None,
    workers: int | None = None,
    speed: float | None = None,
    tolerance: float = 0.0,
    ignore: Iterable[str] = (),
    timeout: float = TIMEOUT,
    chunks: int | None = None,
    limit: int = 100,
    output: str | os.PathLike[str] | None = None,
    kernels: Kernels = (),
    states: Mapping[str, Any] | None = None,
    allow_changed: bool = False,
) -> ReplayReport:
    """Run a recording's messages again and compare what comes out with what came out then.

    Parameters
    ----------
    path
        A file made by `Runtime.record`.
    backend, workers
        What to replay on; None means as recorded.
    speed
        Times as fast as recorded, above 0; None means as fast as possible.
    tolerance
        By how much a number may differ, relative to the larger of 1 and its recorded absolute value, where a
        message class is known; for another backend's rounding.
    ignore
        Members that need not be the same, as ``"Class.member"``; in addition to the id and the time that a
        `VectorResponse` holds.
    timeout
        Seconds without any progress after which the replay gives up.
    chunks
        Replay the first so many chunks of the file only, for one that is damaged behind them.
    limit
        How many differences the report holds; all are counted.
    output
        Where to keep the replay's own recording; None: it is removed.
    kernels
        What to launch for recorded kernels of the program's own: kernels made by `ringway.kernel` or
        `ringway.KernelSource`, found by their names, or by the names that they were launched under in a
        mapping.
    states
        What such kernels begin with, by the names that they were launched under; others begin with the
        recorded state, which of a kernel in Python is known where it is a struct or the default.
    allow_changed
        Whether their sources may differ from the recorded ones: to compare a new version with what the old
        one did.

    Raises
    ------
    RecordingError
        The file cannot be read; for a damaged chunk the text names its number. Or the source of a kernel
        differs from the recorded one.
    NotFound
        The backend has no kernel of a recorded name, or one of the program's own is not given.
    InvalidOption
        An argument is out of range.
    """
    source = path_of("path", path)
    allowed = _at_least("tolerance", tolerance, "0 or more")
    if speed is not None and not (0 < real("speed", speed, _SPEED) <= 1e6):
        raise InvalidOption(f"speed is {speed!r}; it must be {_SPEED}")
    wait = _at_least("timeout", timeout, "0 or more seconds")
    if workers is not None and not 1 <= whole("workers", workers, _WORKERS) <= 1024:
        raise InvalidOption(f"workers is {workers!r}; it must be {_WORKERS}")
    if backend is not None:
        instance("backend", backend, str)
    if chunks is not None and not 1 <= whole("chunks", chunks, _CHUNKS) < 2**32:
        raise InvalidOption(f"chunks is {chunks!r}; it must be {_CHUNKS}")
    if whole("limit", limit, "0 or more") < 0:
        raise InvalidOption(f"limit is {limit!r}; it must be 0 or more")
    ignored = Ignored(IGNORED, ignore)
    given = Given(kernels, {} if states is None else states, flag("allow_changed", allow_changed))
    with contextlib.ExitStack() as stack:
        if output is not None:
            own = path_of("output", output)
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ringway-replay-"))
            own = os.path.join(folder, "replayed.rwr")
        native = _core.Replay(
            source, chunks, backend or "", workers or 0, speed or 0.0, wait, own, False, given
        )
    return _report(source, native, allowed, ignored, limit)


_SPEED = "above 0 and at most 1,000,000, or None for as fast as possible"
_WORKERS = "1 to 1024, or None for as many as recorded"
_CHUNKS = "a number of chunks of 1 or more, or None for all"


def _at_least(field: str, value: float, must: str) -> float:
    number = real(field, value, must)
    if not 0 <= number < float("inf"):
        raise InvalidOption(f"{field} is {value!r}; it must be {must}")
    return number


def _report(path: str, native: _core.Replay, tolerance: float, ignored: Ignored, limit: int) -> ReplayReport:
    parts = native.parts()
    differences: list[ReplayDifference] = []
    for index in range(len(native)):
        finding, what, where, place, then, now = native.difference(index)
        if FINDINGS[finding] == "different" and _alike(then, now, tolerance, ignored):
            parts[place]["different"] -= 1
            parts[place]["equal"] += 1
        elif len(differences) < limit:
            differences.append(
                ReplayDifference(FINDINGS[finding], what, where, _side(what, then), _side(what, now))
            )
    facts = native.facts()
    compared = [ReplayedPart(**part) for part in parts]
    return ReplayReport(
        path=path,
        backend=facts["backend"],
        recorded_backend=facts["recorded_backend"],
        started=facts["started"],
        ringway=facts["ringway"],
        parts=compared,
        differences=differences,
        complete=facts["complete"],
        stalled=bool(facts["stalled"]),
        warnings=list(_warnings(facts, compared)),
        seconds=facts["seconds"],
    )


def _alike(
    then: _core._RecordedSide | None, now: _core._RecordedSide | None, tolerance: float, ignored: Ignored
) -> bool:
    """Whether two messages of one known class are the same but for what may differ."""
    if then is None or now is None or then[:2] != now[:2] or then[3] != now[3] or not then[0] or then[1]:
        return False
    mine, other = _decode(then), _decode(now)
    if isinstance(mine, bytes) or isinstance(other, bytes):
        return False
    return same_values(mine, other, tolerance, ignored)


def _decode(side: _core._RecordedSide) -> Any:
    try:
        return _core.decode_as(side[0], side[2])
    except (DecodeError, TypeMismatch):
        return side[2]


def _side(what: str, side: _core._RecordedSide | None) -> ReplayedMessage | None:
    if side is None:
        return None
    _, failed, body, text, sender = side
    number = UUID(bytes_le=sender) if sender and any(sender) else None
    if what == "failure":
        return ReplayedMessage(body.decode(errors="replace"), body.decode(errors="replace"), number)
    if failed:
        return ReplayedMessage(body, body.decode(errors="replace"), number)
    return ReplayedMessage(_decode(side) if what != "queue" else body, text, number)


def _warnings(facts: dict[str, Any], parts: Sequence[ReplayedPart]) -> Iterable[str]:
    if not facts["complete"]:
        yield "the recording has no end: what it holds up to there was compared"
    if facts["lost"]:
        yield f"{facts['lost']} records were left out while recording: what was theirs cannot be compared"
    if facts["buffers"]:
        yield (
            "messages may name memory of the recorded process by handle, which a recording does not hold: "
            "what such messages do cannot be repeated"
        )
    for name, times in facts["replaced"]:
        yield f"{name}: it was replaced {times} times while recording; the replay ran one version throughout"
    if facts["stalled"]:
        yield f"the replay gave up when nothing moved any more: {facts['stalled']}"
    for part in parts:
        if part.earlier:
            yield f"{part.name}: it was there before the recording, whose state then is not in it"
        if part.refused:
            reason = part.refusal or "the replay had ended"
            yield f"{part.name}: {part.refused} messages could not be put in: {reason}"
        if part.unordered:
            yield f"{part.name}: compared as a multiset, since {part.unordered}"

"""Recordings: what enters and leaves the queues of a runtime, kept in a file for `ringway.replay`."""

from __future__ import annotations

import dataclasses
import os
from types import TracebackType
from typing import Literal

from ringway import _core
from ringway._core import Runtime as NativeRuntime
from ringway.arguments import flag, instance, whole
from ringway.errors import InvalidOption, RecordingError

OnFull = Literal["block", "drop"]
BUFFER = 16 << 20  # bytes


@dataclasses.dataclass(frozen=True)
class RecordingReport:
    """What a recording holds.

    Attributes
    ----------
    path
        Of the file.
    records
        Messages, launches and other events that were kept.
    nbytes
        Size of the file.
    lost
        Records that were left out, because the disk was too slow under ``on_full="drop"``, or because writing
        failed.
    """

    path: str
    records: int
    nbytes: int
    lost: int


class Recording:
    """A recording under way, as `Runtime.record` returns it.

    It ends with its ``with`` block, by `stop`, or with its runtime.

    Attributes
    ----------
    path
        Of the file.
    """

    def __init__(self, runtime: _core.Runtime, path: str) -> None:
        self._runtime = runtime
        self.path = path
        self._stopped: RecordingReport | None = None

    @property
    def report(self) -> RecordingReport:
        """What has been recorded so far."""
        return self._stopped or self._report(_core.recording_report(self._runtime))

    def stop(self) -> RecordingReport:
        """Write what is left and close the file; once more does nothing.

        Raises
        ------
        RecordingError
            Writing failed on the way, as on a full disk; what was written before can be replayed.
        """
        if self._stopped is None:
            counts = _core.stop_recording(self._runtime)
            self._stopped = self._report(counts)
            if counts[3]:
                raise RecordingError(
                    f"the recording {self.path!r} ended early: {counts[3]}; {counts[2]} records are not in it"
                )
        return self._stopped

    def _report(self, counts: _core._RecordCounts) -> RecordingReport:
        records, nbytes, lost, _ = counts
        return RecordingReport(self.path, records, nbytes, lost)

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<ringway recording {self.path!r}, {self.report.records} records>"


def path_of(field: str, value: str | os.PathLike[str]) -> str:
    """Return a path as text; `InvalidOption` for what is none."""
    try:
        path = os.fspath(value)
    except TypeError:
        path = None
    if not isinstance(path, str) or not path or "\0" in path:
        raise InvalidOption(f"{field} is {value!r}; it must be the path of a file, as str or os.PathLike")
    return instance(field, path, str)


class Recordable:
    """A runtime, whose queues can be recorded."""

    _core: NativeRuntime

    def record(
        self,
        path: str | os.PathLike[str],
        *,
        on_full: OnFull = "block",
        buffer: int = BUFFER,
        overwrite: bool = False,
    ) -> Recording:
        """Keep in a file what enters and leaves the queues from now on, for `ringway.replay`.

        It ends with its ``with`` block, its ``stop()``, or the runtime. See docs/replay.md for what it holds.

        Parameters
        ----------
        on_full
            What happens when the disk is too slow and ``buffer`` bytes, 65,536 to 1,073,741,824, wait for it:
            ``"block"`` makes senders and kernels wait; ``"drop"`` leaves records out and counts them.
        overwrite
            Whether the file may be there already.

        Raises
        ------
        InvalidState
            The runtime is being recorded already.
        RecordingError
            The file cannot be made.
        """
        target = path_of("path", path)
        if not isinstance(on_full, str) or on_full not in ("block", "drop"):
            raise InvalidOption(f"on_full is {on_full!r}; it must be 'block' or 'drop'")
        size = whole("buffer", buffer, "65536 to 1073741824 bytes")
        _core.start_recording(self._core, target, on_full == "block", size, flag("overwrite", overwrite))
        return Recording(self._core, target)

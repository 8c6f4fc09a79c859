"""What moves messages in a native thread of its own: feeds and topics."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from ringway import _core

if TYPE_CHECKING:
    from typing_extensions import Self


class BaseMover:
    """What feeds and topics of both runtimes are."""

    __slots__ = ("__weakref__", "_core")

    _core: _core.Feed | _core.Topic

    @property
    def done(self) -> bool:
        """Whether it has ended: it was stopped, or what it moves messages between has ended."""
        return self._core.done

    @property
    def why(self) -> str:
        """Why it ended; empty before that."""
        return self._core.why


class Mover(BaseMover):
    """One of a `Runtime`. A ``with`` block stops it at its end; forgetting the object does not."""

    __slots__ = ()

    def stop(self) -> None:
        """Move nothing more. A message in hand that finds no room goes to the kernel's dead letters."""
        self._core.stop()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended; False after ``timeout`` seconds, None waits as long as it takes."""
        return self._core.wait(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

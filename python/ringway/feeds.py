"""Feeds: messages that pass between a named queue and a kernel without a thread of the program's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ringway import _core
from ringway._core import Feed as NativeFeed
from ringway.arguments import made
from ringway.errors import InvalidOption
from ringway.movers import BaseMover, Mover

if TYPE_CHECKING:
    from ringway.kernels import Kernel
    from ringway.queues import Queue


class BaseFeed(BaseMover):
    """What feeds of both runtimes are; see `Feed`."""

    __slots__ = ("_text",)

    _core: NativeFeed

    def __init__(self, core: NativeFeed, source: str, target: str) -> None:
        self._core = made(core, NativeFeed, "Runtime.feed")
        self._text = f"from {source!r} to {target!r}"

    @property
    def moved(self) -> int:
        """Messages handed on, those included that the target's policy dropped."""
        return self._core.moved

    @property
    def refused(self) -> int:
        """Messages that the target does not carry; they are among the kernel's dead letters."""
        return self._core.refused

    def __repr__(self) -> str:
        return f"<ringway feed {self._text}, {'ended' if self.done else f'{self.moved} moved'}>"


class Feed(BaseFeed, Mover):
    """What moves messages between a queue and a kernel, in a native thread; made by `Runtime.feed`.

    A ``with`` block stops it at its end. Forgetting the object does not.
    """

    __slots__ = ()


def start(
    runtime: _core.Runtime, source: Any, target: Any, queue: type[Any], kernel: type[Any]
) -> tuple[_core.Feed, str, str]:
    """Start natively between an object of class ``queue`` and one of class ``kernel``, either way."""
    if isinstance(source, queue) and isinstance(target, kernel):
        core = _core.start_feed(runtime, source._core, target._core, True)
    elif isinstance(source, kernel) and isinstance(target, queue):
        core = _core.start_feed(runtime, target._core, source._core, False)
    else:
        raise InvalidOption(
            f"a feed from {source!r} to {target!r}; one of them must be a {queue.__name__}, the other a "
            f"{kernel.__name__}"
        )
    return core, source.name, target.name


def start_feed(runtime: _core.Runtime, source: Queue | Kernel, target: Queue | Kernel) -> Feed:
    """Return a feed of a `Runtime`."""
    from ringway.kernels import Kernel
    from ringway.queues import Queue

    return Feed(*start(runtime, source, target, Queue, Kernel))

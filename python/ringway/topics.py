"""Topics: what a named queue gets goes to every kernel that has subscribed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ringway import _core
from ringway._core import Runtime as NativeRuntime
from ringway._core import Topic as NativeTopic
from ringway.arguments import instance, made
from ringway.movers import BaseMover, Mover

if TYPE_CHECKING:
    from ringway.kernels import Kernel
    from ringway.queues import Queue


class BaseTopic(BaseMover):
    """What topics of both runtimes are; see `Topic`."""

    __slots__ = ("_kernel_class", "_runtime")

    _core: NativeTopic

    def __init__(
        self, core: NativeTopic, runtime: NativeRuntime, kernel_class: type[Any], kernels: tuple[Any, ...]
    ) -> None:
        self._core = made(core, NativeTopic, "Runtime.topic")
        self._runtime = runtime
        self._kernel_class = kernel_class
        try:
            for kernel in kernels:
                self.subscribe(kernel)
        except BaseException:
            self._core.stop()
            raise

    def subscribe(self, kernel: Any) -> None:
        """Hand the messages from the next one on to this kernel too.

        Raises
        ------
        InvalidOption
            It has subscribed already, or is of another runtime.
        TypeMismatch
            It takes no message that the queue carries.
        """
        self._core.subscribe(self._runtime, instance("kernel", kernel, self._kernel_class)._core)

    def unsubscribe(self, kernel: Any) -> bool:
        """Put nothing more into this kernel's mailbox; False when it was no subscriber."""
        return self._core.unsubscribe(instance("kernel", kernel, self._kernel_class)._core)

    @property
    def subscribers(self) -> list[str]:
        """Names of the kernels, in the order in which they subscribed; those that have ended are gone."""
        return self._core.subscribers

    @property
    def queue(self) -> str:
        """Name of the queue."""
        return self._core.queue

    @property
    def taken(self) -> int:
        """Messages that it has taken from the queue."""
        return self._core.taken

    @property
    def delivered(self) -> int:
        """Times that a message was handed to a kernel, those included that its policy dropped."""
        return self._core.delivered

    @property
    def unheard(self) -> int:
        """Messages that came while nobody had subscribed, and are gone."""
        return self._core.unheard

    @property
    def refused(self) -> int:
        """Times that a kernel did not take a message; they are among its dead letters."""
        return self._core.refused

    def __repr__(self) -> str:
        state = "ended" if self.done else f"{len(self.subscribers)} subscribers"
        return f"<ringway topic of queue {self.queue!r}, {state}>"


class Topic(BaseTopic, Mover):
    """What hands the messages of a queue to many kernels, in a native thread; made by `Runtime.topic`.

    A ``with`` block stops it at its end. Forgetting the object does not.
    """

    __slots__ = ()


def start(runtime: NativeRuntime, queue: Any, queue_class: type[Any]) -> tuple[NativeTopic, NativeRuntime]:
    """Start natively, on an object of class ``queue_class``."""
    return _core.start_topic(runtime, instance("queue", queue, queue_class)._core), runtime


def start_topic(runtime: NativeRuntime, queue: Queue, kernels: tuple[Kernel, ...]) -> Topic:
    """Return a topic of a `Runtime`."""
    from ringway.kernels import Kernel
    from ringway.queues import Queue

    return Topic(*start(runtime, queue, Queue), Kernel, kernels)

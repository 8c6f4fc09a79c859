"""Runtimes and kernels: launch, send, receive, request."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ringway import _core
from ringway._core import LinkTelemetry, Telemetry
from ringway.arguments import flag, instance, made, real, whole
from ringway.dead_letters import DeadLetter, dead_letters
from ringway.errors import InvalidOption, NotFound
from ringway.kernel_queues import SIDES, KernelQueue, kernel_queue
from ringway.options import LaunchOptions
from ringway.queue_open import Policy, open_checked
from ringway.queue_types import Carried
from ringway.queues import Queue

State = Literal["launched", "active", "inactive", "terminated", "failed"]
DRAIN_TIMEOUT = 5.0  # seconds
_DEFAULTS = LaunchOptions()
_NATIVE_DEFAULTS = _DEFAULTS.native()


@dataclasses.dataclass(frozen=True)
class RuntimeTelemetry:
    """A snapshot of every kernel's counters by its name, and of every link's."""

    kernels: Mapping[str, Telemetry]
    links: Sequence[LinkTelemetry]


@dataclasses.dataclass(frozen=True)
class TerminateReport:
    """What `Kernel.terminate` returns: messages handled since launch, messages discarded, seconds of life."""

    processed: int
    left_over: int
    uptime: float


class Buffer:
    """Memory that messages name by handle; lives until `release` or until it is forgotten."""

    def __init__(self, runtime: _core.Runtime, memory: NDArray[Any]) -> None:
        self._memory = instance("memory", memory, np.ndarray)
        self._core = _core.HandleBuffer(made(runtime, _core.Runtime, "Runtime.buffer"), memory)

    @property
    def handle(self) -> int:
        """The number that messages carry; 0 after `release`."""
        return self._core.handle

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self._core.nbytes

    def numpy(self) -> NDArray[Any]:
        """Return the memory itself as an array, not a copy."""
        return self._memory

    def release(self) -> None:
        """Forget the handle; once back, no kernel uses the memory."""
        self._core.release()


class Kernel:
    """A launched kernel. Every method may be called from any thread."""

    __slots__ = ("__weakref__", "_core")

    def __init__(self, core: _core.Kernel) -> None:
        self._core = made(core, _core.Kernel, "Runtime.launch")

    @property
    def name(self) -> str:
        """The name it was launched under, unique in its runtime."""
        return self._core.name

    @property
    def kind(self) -> str:
        """The name of what was launched, for example ``"echo"``."""
        return self._core.kind

    @property
    def state(self) -> State:
        """Where it is in its life."""
        return self._core.state

    @property
    def worker(self) -> int:
        """The worker slot it lives on."""
        return self._core.worker

    @property
    def bridge(self) -> Literal["direct", "pumped"]:
        """How messages reach its queues; see `LaunchOptions`."""
        return self._core.bridge

    @property
    def failure(self) -> str:
        """Why it failed; empty when it did not."""
        return self._core.failure

    @property
    def stuck(self) -> bool:
        """Whether its handler has not returned for longer than the runtime's ``watchdog`` allows."""
        return self._core.stuck

    def activate(self) -> None:
        """Let it handle messages; does nothing on an active kernel."""
        self._core.activate()

    def deactivate(self) -> None:
        """Stop it between two messages; its queues keep their contents. Nothing on an inactive kernel.

        Once back, its handler does not run. Calls that wait for a handler, this one, `terminate` and
        `Runtime.link`, raise `Timeout` after the runtime's ``watchdog``; then, and after Ctrl-C, the
        kernel is what it was before.
        """
        self._core.deactivate()

    def terminate(self, *, drain: bool = True, timeout: float | None = DRAIN_TIMEOUT) -> TerminateReport:
        """End it for good.

        Parameters
        ----------
        drain
            Handle what is in its queues first, for at most ``timeout`` seconds, None for as long as it takes;
            else discard it. Senders whose requests are discarded get `Closed`.

        Returns
        -------
        TerminateReport
            Also when the drain was cut short by ``terminate(drain=False)`` of another thread or by
            `Runtime.close`; ``left_over`` says what was discarded.

        Raises
        ------
        InvalidState
            It has been terminated, or another call drains it.
        Timeout
            Its handler did not return within the runtime's ``watchdog``.
        """
        return TerminateReport(*self._core.terminate(flag("drain", drain), timeout))

    def send(
        self,
        message: Any,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        message_id: UUID | None = None,
    ) -> bool:
        """Put a message into the mailbox; False when the kernel's policy dropped it.

        Parameters
        ----------
        message
            An object of a message class (`ringway.message`); or bytes, a bytearray or a memoryview.
        priority
            0 (highest) to 255; chooses the lane of a kernel launched with ``lanes=True``. None means 128. A
            message class that has the member, as `VectorRequest` does, says it there.
        ttl
            Seconds that the message may wait for its turn, up to 655.35, in steps of 10 ms; later it is not
            handled but goes to the dead letters. None means the kernel's ``ttl``.
        message_id
            By which a kernel launched with ``dedup`` knows a message again. None makes a new one; a message
            class may have the member.

        Raises
        ------
        TypeMismatch, MessageTooLarge
            The message is not one that the kernel takes.
        QueueFull
            No room, by the kernel's policy and ``block_timeout``.
        Closed
            The kernel or its runtime has ended.
        """
        return self._core.send(message, priority, ttl, message_id)

    def request(
        self,
        message: Any,
        timeout: float | None = None,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        message_id: UUID | None = None,
    ) -> Any:
        """Send a message and return its answer.

        Parameters
        ----------
        timeout
            Seconds; None means the kernel's ``message_timeout``.
        priority, ttl, message_id
            As for `send`.

        Raises
        ------
        HandlerError
            The kernel failed on this message; the text holds the message's id and the reason.
        Timeout
            No answer came in time. One that comes later is dropped and counted. Or the message's ``ttl`` was
            over before its turn.
        DuplicateMessage
            The kernel has taken a message of this id before.
        Error
            As for `send`.
        """
        return self._core.request(message, timeout, priority, ttl, message_id)

    def receive(self, timeout: float | None = None) -> Any:
        """Return the next message that the kernel sent to the host: its own ones, and answers to `send`.

        Parameters
        ----------
        timeout
            Seconds; None waits as long as the kernel lives.

        Raises
        ------
        Timeout
            Nothing came in time.
        Closed
            The kernel or its runtime has ended.
        """
        return self._core.receive(timeout)

    def telemetry(self) -> Telemetry:
        """Return a snapshot of its counters, without stopping anything."""
        return self._core.telemetry()

    def reset_telemetry(self) -> None:
        """Count from here on; ``depth``, ``last_message`` and ``uptime`` stay what they are."""
        self._core.reset_telemetry()

    @property
    def telemetry_enabled(self) -> bool:
        """Whether counters count and latency is timed; what queues drop or refuse is always counted."""
        return self._core.telemetry_enabled

    @telemetry_enabled.setter
    def telemetry_enabled(self, on: bool) -> None:
        self._core.telemetry_enabled = flag("telemetry_enabled", on)

    def dead_letters(self, *, clear: bool = False) -> list[DeadLetter]:
        """Return the messages that were not handled and why, oldest first; also of an ended kernel.

        At most ``LaunchOptions(dead_letters=...)`` are kept, the latest. ``clear`` takes them out.
        """
        return dead_letters(self._core, clear)

    def resend(self, letter: DeadLetter) -> bool:
        """Put a dead letter's message, of this or of another kernel, into the mailbox.

        It keeps id, priority and time to live, which begins anew; one that was a ``"duplicate"``, or has no
        id, gets a new one. The answer comes by `receive`. Once sent, the letter leaves this kernel's list.
        Returns and raises what `send` does.
        """
        return bool(_core.resend(self._core, instance("letter", letter, DeadLetter)._core, True))

    def __repr__(self) -> str:
        return f"<ringway kernel {self.name!r} ({self.kind}), {self.state}>"


class Runtime:
    """A set of kernels on one backend; ends with its ``with`` block.

    Parameters
    ----------
    backend
        ``"cpu"``, ``"cuda"``, ``"metal"``, or ``"auto"``: the first of cuda, metal, cpu that is present.
    workers
        Worker slots on the CPU backend; None means the cores that this process may use.
    assist
        Whether a thread that waits in `Kernel.request` may run the kernel itself when no worker does.
    watchdog
        Seconds after which a handler that has not returned is named: by a line of the log (``RINGWAY_LOG``),
        by `Kernel.stuck`, and by the `Timeout` of a call that waits for it, such as `close`; 0 turns this
        off, so that such calls wait as long as the handler takes.
    export
        Whether `ringway top` in another process may watch this runtime; None means as the environment
        variable ``RINGWAY_EXPORT`` says.
    """

    def __init__(
        self,
        backend: str = "auto",
        *,
        workers: int | None = None,
        assist: bool = True,
        watchdog: float = 10.0,
        export: bool | None = None,
    ) -> None:
        self._core = start_checked(backend, workers, assist, watchdog)
        self._end = weakref.finalize(self, self._core.close)
        self._end_export = start_export(self, export)

    @property
    def backend(self) -> str:
        """The backend's name."""
        return self._core.backend

    @property
    def device(self) -> str:
        """What the backend runs on."""
        return self._core.device

    @property
    def workers(self) -> int:
        """Number of worker slots."""
        return self._core.workers

    @property
    def closed(self) -> bool:
        """Whether the runtime has ended."""
        return self._core.closed

    def launch(
        self,
        kernel: str,
        *,
        name: str | None = None,
        grid: int = 1,
        block: int = 1,
        options: LaunchOptions | None = None,
        activate: bool = True,
    ) -> Kernel:
        """Launch a kernel and, unless told otherwise, activate it.

        Parameters
        ----------
        kernel
            What to launch, for example ``"echo"``.
        name
            To find it by, unique in the runtime; None makes one.
        grid
            Groups that run the handler. On the CPU: replicas of the kernel that share its mailbox,
            each on a worker slot of its own, at most `Runtime.workers`, so that a slow handler
            keeps several cores busy. A replica has its own state and takes one message at a time
            (``LaunchOptions.batch`` does not apply); messages of one sender may then be handled,
            and answered, out of order. Telemetry is the sum. A link from it is an input of the
            target for each replica, in order within each; messages on a link to it go to any
            replica. When one replica fails, the kernel has failed.
        block
            Threads of a group; 1 on the CPU.
        options
            See `LaunchOptions`; None means the defaults.
        activate
            Whether it handles messages at once; else from `Kernel.activate` on.

        Raises
        ------
        NotFound
            The backend has no such kernel; the text lists those it has.
        InvalidOption
            An option, ``grid`` or ``block`` is out of range, or the name is taken.
        """
        begins = flag("activate", activate)
        core = launch_checked(self._core, kernel, name=name, grid=grid, block=block, options=options)
        if begins:
            core.activate()
        return Kernel(core)

    def kernel(self, name: str) -> Kernel:
        """Return the kernel of that name; `NotFound` when there is none."""
        return Kernel(self._core.kernel(instance("name", name, str)))

    def kernels(self) -> list[Kernel]:
        """Return the kernels that have not been terminated, in order of launch."""
        return [Kernel(core) for core in self._core.kernels()]

    def telemetry(self) -> RuntimeTelemetry:
        """Return a snapshot of all counters, without stopping anything."""
        return snapshot(self._core)

    def reset_telemetry(self) -> None:
        """Count from here on, in every kernel and link."""
        self._core.reset_telemetry()

    def link(
        self,
        source: Kernel,
        target: Kernel,
        *,
        message: type[_core.Message] | None = None,
        capacity: int = 4096,
        slot_size: int = 0,
    ) -> None:
        """Connect the next output of ``source`` with the next input of ``target``, past the host.

        Parameters
        ----------
        message
            What travels there, bare: a class of fixed layout (``@message(layout="struct")``). None: bytes.
        capacity
            Slots; a power of two, 16 to 1,048,576.
        slot_size
            Bytes of the largest message; 0 means the size of ``message``, or 4,096 without one.
        """
        ends = (instance("source", source, Kernel)._core, instance("target", target, Kernel)._core)
        slots, size = link_arguments(message=message, capacity=capacity, slot_size=slot_size)
        self._core.link(*ends, slots, size)

    def queue(
        self,
        name: str | None = None,
        message: Carried = None,
        *,
        capacity: int = 4096,
        slot_size: int | Literal["auto"] = "auto",
        policy: Policy = "block",
        block_timeout: float = 5.0,
    ) -> Queue:
        """Create a queue that is found by its name, and closed with the runtime. Parameters are `Queue`'s.

        Raises
        ------
        InvalidOption
            An option is out of range, or a queue or kernel has the name.
        """
        return Queue._of(
            *open_checked(
                self._core,
                name,
                message,
                capacity=capacity,
                slot_size=slot_size,
                policy=policy,
                block_timeout=block_timeout,
            )
        )

    def queue_named(self, name: str) -> Queue | KernelQueue:
        """Return the queue of that name; `NotFound` when there is none.

        Each kernel has two of its own: ``NAME.mailbox``, to send to, and ``NAME.outbox``, to receive from.
        """
        core = self._core.queue(instance("name", name, str))
        return Queue._of(core) if core else kernel_queue(self._core, name)

    def queues(self) -> list[Queue | KernelQueue]:
        """Return the open queues in order of creation, then the kernels' mailboxes and outboxes."""
        own = [Queue._of(core) for core in self._core.queues()]
        return [*own, *(KernelQueue(k, side) for k in self._core.kernels() for side in SIDES)]

    def send(self, name: str, message: Any) -> bool:
        """Send to the queue, or to the mailbox of the kernel, of that name; see `Queue.send`."""
        return endpoint(self._core, name).send(message)

    def receive(self, name: str, timeout: float | None = None) -> Any:
        """Receive from the queue, or from the outbox of the kernel, of that name; see `Queue.receive`."""
        return endpoint(self._core, name).receive(timeout)

    def buffer(self, source: NDArray[Any] | bytes | bytearray | memoryview | int) -> Buffer:
        """Make memory known to kernels, so that messages can name it by ``Buffer.handle``.

        Parameters
        ----------
        source
            A writable C-contiguous array: used in place. Bytes: copied. A number: that many zero bytes.
        """
        return Buffer(self._core, memory_of(source))

    def close(
        self, *, drain: bool = False, timeout: float | None = DRAIN_TIMEOUT
    ) -> dict[str, TerminateReport]:
        """End every kernel; calls that wait raise `Closed`. The end of the ``with`` block discards, too.

        Parameters
        ----------
        drain
            Let kernels handle what is in their queues first, those that send by links before those that
            they send to, kernels of a cycle together, for at most ``timeout`` seconds in all, None for as
            long as it takes. Nothing is launched and kernels take no messages from the host meanwhile, but
            what they send there can be received, and must be where its queue is full, from another thread.
            What is left then, and all without ``drain``, is discarded, and its senders get `Closed`.

        Returns
        -------
        dict
            A report for each kernel that this call ended, by its name, in the order in which they ended.

        Raises
        ------
        Timeout
            A handler did not return within ``watchdog``; all else has ended.
        KeyboardInterrupt
            Within a drain: the runtime is open, and kernels that have not ended are what they were. Later: as
            after `Timeout`.
        """
        reports = reports_of(self._core.close(drain, timeout))
        self._end_export()
        self._end.detach()
        return reports

    def __enter__(self) -> Runtime:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ringway runtime on {self.backend}, {'closed' if self.closed else self.device}>"


def reports_of(ended: Mapping[str, tuple[int, int, float]]) -> dict[str, TerminateReport]:
    """Return what native code says of kernels that ended."""
    return {name: TerminateReport(*report) for name, report in ended.items()}


def endpoint(runtime: _core.Runtime, name: str) -> Queue | KernelQueue | Kernel:
    """Return what has that name: a queue, a kernel, or one of a kernel's queues."""
    if core := runtime.queue(instance("name", name, str)):
        return Queue._of(core)
    with contextlib.suppress(NotFound):
        return Kernel(runtime.kernel(name))
    return kernel_queue(runtime, name)


def start_export(runtime: Any, export: bool | None) -> Callable[[], object]:
    """Answer for the runtime when another process asks, if that is wanted; return what ends it."""
    if not (
        flag("export", export)
        if export is not None
        else os.environ.get("RINGWAY_EXPORT", "") not in ("", "0")
    ):
        return lambda: None
    from ringway.telemetry.export import Exporter

    return weakref.finalize(runtime, Exporter(runtime).close)


def snapshot(runtime: _core.Runtime) -> RuntimeTelemetry:
    """Return the counters of what a native runtime holds."""
    kernels = {kernel.name: kernel.telemetry() for kernel in runtime.kernels()}
    return RuntimeTelemetry(kernels, runtime.link_telemetry())


def launch_checked(
    runtime: _core.Runtime,
    kernel: str,
    *,
    name: str | None,
    grid: int,
    block: int,
    options: LaunchOptions | None,
) -> _core.Kernel:
    """Launch natively; `InvalidOption` on an argument of another type."""
    instance("kernel", kernel, str)
    groups = whole("grid", grid, "a whole number of 1 or more")
    threads = whole("block", block, "a whole number of 1 or more")
    wanted = _NATIVE_DEFAULTS if options is None else instance("options", options, LaunchOptions).native()
    return runtime.launch(
        kernel, "" if name is None else instance("name", name, str), wanted, groups, threads
    )


def start_checked(backend: str, workers: int | None, assist: bool, watchdog: float) -> _core.Runtime:
    """Start natively; `InvalidOption` on an argument of another type."""
    instance("backend", backend, str)
    if workers is not None:
        workers = whole("workers", workers, "1 to 1024, or None for every core")
    return _core.Runtime(
        backend, workers, flag("assist", assist), real("watchdog", watchdog, "0 (off) to 86400 seconds")
    )


def link_arguments(*, message: type[_core.Message] | None, capacity: int, slot_size: int) -> tuple[int, int]:
    """Return slots and their bytes, for the larger of ``slot_size`` and what ``message`` needs."""
    slots = whole("capacity", capacity, "a power of two, 16 to 1048576")
    size = whole("slot_size", slot_size, "0, or the bytes of the largest message")
    if message is not None:
        if not (isinstance(message, type) and issubclass(message, _core.Message)):
            raise InvalidOption(
                f"message is {message!r}; it must be a class made by ringway.message, or None"
            )
        size = max(size, message.dtype().itemsize)
    return slots, size


def memory_of(source: NDArray[Any] | bytes | bytearray | memoryview | int) -> NDArray[Any]:
    """Return memory to make a `Buffer` of; see `Runtime.buffer`."""
    if isinstance(source, np.ndarray):
        return source
    if isinstance(source, (bytes, bytearray, memoryview)):
        return np.frombuffer(bytearray(source), np.uint8)
    must = "a NumPy array, bytes, or a number of bytes of 0 or more"
    size = whole("source", source, must)
    try:
        return np.zeros(size, np.uint8)
    except (ValueError, MemoryError):
        raise InvalidOption(f"source is {size}; it must be {must} that fits in memory") from None


def backends() -> dict[str, str]:
    """Return each backend's name with the reason for its absence, empty when it is present."""
    return dict(_core.backends())

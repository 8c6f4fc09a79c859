"""Runtimes: launch and link kernels, named queues, feeds, the end."""

from __future__ import annotations

import contextlib
import dataclasses
import weakref
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal
from uuid import UUID

from numpy.typing import NDArray

from ringway import _core
from ringway._core import LinkTelemetry, QueueTelemetry, Telemetry
from ringway.arguments import flag, instance
from ringway.buffers import Buffer, memory_of
from ringway.errors import NotFound
from ringway.feeds import Feed, start_feed
from ringway.groups import RESTARTS, WITHIN, Group, GroupTelemetry, Strategy, make_group, telemetry_of
from ringway.kernel_queues import SIDES, KernelQueue, kernel_queue
from ringway.kernels import DRAIN_TIMEOUT, Kernel, TerminateReport
from ringway.options import LaunchOptions
from ringway.queue_open import Policy, attach_checked, open_named
from ringway.queue_types import Carried
from ringway.queues import Queue
from ringway.recording import Recordable
from ringway.runtime_calls import check_output, launch_checked, link_arguments, start_checked, start_export
from ringway.topics import Topic, start_topic
from ringway.topology import Topology, topology_of
from ringway.traceable import Traceable
from ringway.user_kernels import UserKernel


@dataclasses.dataclass(frozen=True)
class RuntimeTelemetry:
    """A snapshot of every kernel's counters by its name, of every link's, and of every queue's by its name.

    ``queues`` are those of `Runtime.queue`; a kernel's own two are in its counters. ``groups`` are those of
    `Runtime.group`, by name.
    """

    kernels: Mapping[str, Telemetry]
    links: Sequence[LinkTelemetry]
    queues: Mapping[str, QueueTelemetry] = dataclasses.field(default_factory=dict)
    groups: Mapping[str, GroupTelemetry] = dataclasses.field(default_factory=dict)


class Runtime(Recordable, Traceable):
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
    name
        For the log, `ringway top` and exporters, where it is the label ``runtime``; None makes one.
    """

    def __init__(
        self,
        backend: str = "auto",
        *,
        workers: int | None = None,
        assist: bool = True,
        watchdog: float = 10.0,
        export: bool | None = None,
        name: str | None = None,
    ) -> None:
        self._core = start_checked(backend, workers, assist, watchdog, name)
        self._end = weakref.finalize(self, self._core.close)
        self._end_export = start_export(self, export)

    @property
    def name(self) -> str:
        """Its name."""
        return self._core.name

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
        kernel: str | UserKernel[Any],
        *,
        name: str | None = None,
        grid: int = 1,
        block: int = 1,
        options: LaunchOptions | None = None,
        activate: bool = True,
        state: Any = None,
    ) -> Kernel:
        """Launch a kernel and, unless told otherwise, activate it.

        Parameters
        ----------
        kernel
            What to launch: the name of one of the backend's, for example ``"echo"``, or a kernel of the
            program's own, made by `ringway.kernel` or `ringway.KernelSource`; the latter run on the CPU.
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
        state
            What the state of a kernel of the program's own begins with, at launch and after a restart, for
            example what `Kernel.read_state` returned; None means the defaults of its class. In the mode
            ``"python"`` any object that can be copied: each replica has a copy.

        Raises
        ------
        NotFound
            The backend has no such kernel; the text lists those it has.
        InvalidOption
            An option, ``grid`` or ``block`` is out of range, or the name is taken.
        """
        begins = flag("activate", activate)
        core = launch_checked(
            self._core, kernel, name=name, grid=grid, block=block, options=options, state=state
        )
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

    def topology(self) -> Topology:
        """Return the graph of kernels and queues, links and feeds, which can be drawn."""
        return topology_of(self._core)

    def reset_telemetry(self) -> None:
        """Count from here on, in every kernel, link and queue."""
        self._core.reset_telemetry()

    def link(
        self,
        source: Kernel,
        target: Kernel,
        *,
        output: str | None = None,
        message: type[_core.Message] | None = None,
        capacity: int = 4096,
        slot_size: int = 0,
    ) -> None:
        """Connect the next output of ``source`` with the next input of ``target``, past the host.

        An output whose target has been terminated is free again, and the next one is the first that is free.
        What a kernel sends by an output whose target has ended is among its dead letters, as ``closed``.

        Parameters
        ----------
        output
            The link's name, for a source whose links have names: the next of `UserKernel.outputs`.
        message
            What travels there, bare: a class of fixed layout (``@message(layout="struct")``). None: bytes.
        capacity
            Slots; a power of two, 16 to 1,048,576.
        slot_size
            Bytes of the largest message; 0 means the size of ``message``, or 4,096 without one.
        """
        ends = (instance("source", source, Kernel)._core, instance("target", target, Kernel)._core)
        check_output(self._core, ends[0], output)
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
        dead_letters: int = 256,
        shared: bool = False,
        reclaim: bool = False,
        mode: int = 0o600,
    ) -> Queue:
        """Create a queue that is found by its name, and closed with the runtime.

        Parameters
        ----------
        name, message, capacity, slot_size, policy, block_timeout, dead_letters
            As for `Queue`.
        shared
            Create it in shared memory, which other processes attach to by the name; `Queue.create_shared`
            says more, also of ``reclaim`` and ``mode``, which mean something for shared queues alone.

        Raises
        ------
        InvalidOption
            An option is out of range, or a queue or kernel has the name.
        InvalidState
            There is a shared queue of that name.
        """
        return Queue._of(
            *open_named(
                self._core,
                name,
                message,
                capacity=capacity,
                slot_size=slot_size,
                policy=policy,
                block_timeout=block_timeout,
                dead_letters=dead_letters,
                shared=shared,
                reclaim=reclaim,
                mode=mode,
            )
        )

    def attach_queue(
        self, name: str, *, block_timeout: float = 5.0, dead_letters: int = 256, mode: int = 0o600
    ) -> Queue:
        """Attach to a shared queue, which is then found by its name here, as one of `Runtime.queue`.

        Parameters are those of `Queue.attach`, which says what is raised; `InvalidOption` too when a queue or
        kernel of this runtime has the name.
        """
        return Queue._of(
            *attach_checked(
                self._core, name, block_timeout=block_timeout, dead_letters=dead_letters, mode=mode
            )
        )

    def feed(self, source: Queue | Kernel, target: Queue | Kernel) -> Feed:
        """Hand what a queue gets on to a kernel's mailbox, or what a kernel sends to the host on to a queue.

        A native thread does it. With a shared queue a kernel is reached from other processes. Back-pressure
        passes through: a full mailbox fills the queue, a full queue the outbox; the feed itself waits where a
        policy is to block or to reject. What the target does not carry goes to the kernel's dead letters.

        Parameters
        ----------
        source, target
            A `Queue` and a `Kernel` of this runtime, or a `Kernel` and a `Queue`.

        Returns
        -------
        Feed
            Ends when it is stopped, or its queue, kernel or runtime has ended.

        Raises
        ------
        TypeMismatch
            The kernel takes no message that the queue carries.
        """
        return start_feed(self._core, source, target)

    def topic(self, queue: Queue, *kernels: Kernel) -> Topic:
        """Hand what a queue gets on to every kernel that subscribes: one producer, many kernels.

        A native thread does it. Who publishes sends to the queue, from another process too when it is shared.
        Each kernel's own policy says what happens when its mailbox is full: under ``block`` and ``reject``
        the topic waits for it, so that the queue fills up and its policy meets the senders; under
        ``drop_new`` and ``drop_oldest`` it loses messages and holds up nobody. What comes while nobody has
        subscribed is gone.

        Parameters
        ----------
        queue
            One that nobody else receives from: a message goes to one receiver.
        *kernels
            Kernels of this runtime that subscribe at once; others by `Topic.subscribe`.

        Returns
        -------
        Topic
            Ends when it is stopped, or its queue or runtime has ended; a kernel that has ended leaves it.

        Raises
        ------
        TypeMismatch
            A kernel takes no message that the queue carries.
        """
        return start_topic(self._core, queue, kernels)

    def group(
        self,
        *kernels: Kernel,
        strategy: Strategy = "one_for_all",
        restarts: int = RESTARTS,
        within: float = WITHIN,
        name: str | None = None,
    ) -> Group:
        """Let kernels restart and fail together.

        When the handler of a member breaks beyond what its own ``on_error`` mends (``"fail"`` mends nothing,
        ``"restart"`` up to its ``restart_limit``, ``"skip"`` everything), it does not fail, but members begin
        anew: with the state they had at launch, after their ``restart_backoff``, doubled for each restart of
        the group within the time. Mailboxes, links and what is in them stay; the message at fault is failed.

        Parameters
        ----------
        *kernels
            Of this runtime, each of no other group, in the order that ``"rest_for_one"`` means.
        strategy
            Which begin anew: ``"one_for_one"`` the one that broke; ``"one_for_all"`` all; ``"rest_for_one"``
            that one and those after it.
        restarts, within
            So many restarts within so many seconds; one more, and all members fail, with an error that names
            the kernel that broke, and why, which whoever waits for one of them gets. 0: they fail together
            at once.
        name
            For telemetry and `Runtime.topology`; None makes one.

        Raises
        ------
        InvalidOption
            An argument is out of range, a kernel is in another group, or the backend has no groups.
        Closed
            A kernel has ended.
        """
        return make_group(
            self._core, kernels, Kernel, strategy=strategy, restarts=restarts, within=within, name=name
        )

    def groups(self) -> list[Group]:
        """Return the groups that have a member left and are not dissolved."""
        return [Group(core) for core in _core.groups(self._core)]

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

    def send(
        self,
        name: str,
        message: Any,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        message_id: UUID | None = None,
        timeout: float | None = None,
    ) -> bool:
        """Send to the queue, or to the mailbox of the kernel, of that name; see their ``send``."""
        found = endpoint(self._core, name)
        return found.send(message, priority=priority, ttl=ttl, message_id=message_id, timeout=timeout)

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
        reports = reports_of(self._core.close(flag("drain", drain), timeout))
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


def snapshot(runtime: _core.Runtime) -> RuntimeTelemetry:
    """Return the counters of what a native runtime holds."""
    kernels = {kernel.name: kernel.telemetry() for kernel in runtime.kernels()}
    queues = {queue.name: queue.telemetry() for queue in runtime.queues()}
    groups = {group.name: telemetry_of(group) for group in _core.groups(runtime)}
    return RuntimeTelemetry(kernels, runtime.link_telemetry(), queues, groups)


def backends() -> dict[str, str]:
    """Return each backend's name with the reason for its absence, empty when it is present."""
    return {entry.name: entry.absent for entry in _core.backends()}

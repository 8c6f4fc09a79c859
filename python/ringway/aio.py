"""The runtime for asyncio: the same verbs, awaited.

One file descriptor in the event loop, no polling; a thread only for a call that waits for handlers or drains.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import os
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal
from uuid import UUID

from numpy.typing import NDArray

from ringway import _core
from ringway.aio_feeds import AsyncFeed, AsyncTopic
from ringway.aio_kernels import AsyncKernel, AsyncKernelQueue
from ringway.aio_launch import launch_aside
from ringway.aio_queues import AsyncQueue
from ringway.aio_turns import Turns
from ringway.arguments import flag, instance
from ringway.buffers import Buffer, memory_of
from ringway.compiled.kernel import CompiledKernel
from ringway.errors import ForkedError, InvalidState, NotFound, Timeout
from ringway.feeds import start
from ringway.groups import RESTARTS, WITHIN, Group, Strategy, make_group
from ringway.kernel_queues import SIDES, kernel_queue
from ringway.kernels import DRAIN_TIMEOUT, TerminateReport
from ringway.options import LaunchOptions
from ringway.queue_open import Policy, attach_checked, open_named
from ringway.queue_types import Carried
from ringway.recording import Recordable
from ringway.runtime import (
    RuntimeTelemetry,
    reports_of,
    snapshot,
)
from ringway.runtime_calls import (
    check_output,
    launch_checked,
    link_arguments,
    start_checked,
    start_export,
)
from ringway.topics import start as start_topic
from ringway.topology import Topology, topology_of
from ringway.traceable import AsyncTraceable
from ringway.user_kernels import UserKernel


class AsyncRuntime(Recordable, AsyncTraceable):
    """A set of kernels for one event loop; ends with its ``async with`` block.

    Parameters
    ----------
    backend, workers, watchdog
        As for `ringway.Runtime`.
    assist
        Whether a request may run its kernel for one turn in the event loop's thread when no worker does: the
        answer is then there without a wait. Pass False where a handler may take long.
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
        self._port = _core.EventPort(self._core)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._process = os.getpid()
        self._calls: set[asyncio.Future[Any]] = set()
        self._watchers: dict[int, AsyncKernel] = {}
        self._tokens = itertools.count(1)
        self._rooms = Turns(self._tokens.__next__)
        self._kernels: weakref.WeakValueDictionary[str, AsyncKernel] = weakref.WeakValueDictionary()

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

    async def launch(
        self,
        kernel: str | UserKernel[Any],
        *,
        name: str | None = None,
        grid: int = 1,
        block: int = 1,
        options: LaunchOptions | None = None,
        activate: bool = True,
        state: Any = None,
    ) -> AsyncKernel:
        """Launch a kernel and, unless told otherwise, activate it; see `ringway.Runtime.launch`."""
        begins = flag("activate", activate)
        call = functools.partial(
            launch_checked,
            *(self._core, kernel),
            **{"name": name, "grid": grid, "block": block, "options": options, "state": state},
        )
        launched = self._kernel(await launch_aside(call) if isinstance(kernel, CompiledKernel) else call())
        if begins:
            await launched.activate()
        return launched

    def kernel(self, name: str) -> AsyncKernel:
        """Return the kernel of that name; `NotFound` when there is none."""
        return self._kernel(self._core.kernel(instance("name", name, str)))

    def kernels(self) -> list[AsyncKernel]:
        """Return the kernels that have not been terminated, in order of launch."""
        return [self._kernel(core) for core in self._core.kernels()]

    def telemetry(self) -> RuntimeTelemetry:
        """Return a snapshot of all counters, without stopping anything."""
        return snapshot(self._core)

    def topology(self) -> Topology:
        """Return the graph of kernels and queues, links and feeds, which can be drawn."""
        return topology_of(self._core)

    def reset_telemetry(self) -> None:
        """Count from here on, in every kernel, link and queue."""
        self._core.reset_telemetry()

    async def link(
        self,
        source: AsyncKernel,
        target: AsyncKernel,
        *,
        output: str | None = None,
        message: type[_core.Message] | None = None,
        capacity: int = 4096,
        slot_size: int = 0,
    ) -> None:
        """Connect the next output of ``source`` with the next input of ``target``, past the host."""
        ends = (instance("source", source, AsyncKernel)._core, instance("target", target, AsyncKernel)._core)
        check_output(self._core, ends[0], output)
        slots, size = link_arguments(message=message, capacity=capacity, slot_size=slot_size)
        await self._call(lambda port, token: port.link(self._core, *ends, slots, size, token))

    async def queue(
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
    ) -> AsyncQueue:
        """Create a queue that is found by its name, and closed with the runtime; see `Runtime.queue`."""
        return AsyncQueue._of(
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

    async def attach_queue(
        self, name: str, *, block_timeout: float = 5.0, dead_letters: int = 256, mode: int = 0o600
    ) -> AsyncQueue:
        """Attach to a shared queue, which is then found by its name here; see `Runtime.attach_queue`."""
        return AsyncQueue._of(
            *attach_checked(
                self._core, name, block_timeout=block_timeout, dead_letters=dead_letters, mode=mode
            )
        )

    async def feed(self, source: AsyncQueue | AsyncKernel, target: AsyncQueue | AsyncKernel) -> AsyncFeed:
        """Hand messages on from a queue to a kernel, or from a kernel to a queue; see `Runtime.feed`."""
        return AsyncFeed(*start(self._core, source, target, AsyncQueue, AsyncKernel))

    async def topic(self, queue: AsyncQueue, *kernels: AsyncKernel) -> AsyncTopic:
        """Hand what a queue gets on to every kernel that subscribes; see `Runtime.topic`."""
        return AsyncTopic(*start_topic(self._core, queue, AsyncQueue), AsyncKernel, kernels)

    async def group(
        self,
        *kernels: AsyncKernel,
        strategy: Strategy = "one_for_all",
        restarts: int = RESTARTS,
        within: float = WITHIN,
        name: str | None = None,
    ) -> Group:
        """Let kernels restart and fail together; see `Runtime.group`."""
        return make_group(
            self._core, kernels, AsyncKernel, strategy=strategy, restarts=restarts, within=within, name=name
        )

    def groups(self) -> list[Group]:
        """Return the groups that have a member left and are not dissolved."""
        return [Group(core) for core in _core.groups(self._core)]

    def queue_named(self, name: str) -> AsyncQueue | AsyncKernelQueue:
        """Return the queue of that name; see `Runtime.queue_named`."""
        if core := self._core.queue(instance("name", name, str)):
            return AsyncQueue._of(core)
        found = kernel_queue(self._core, name)
        return AsyncKernelQueue(self._kernel(found._core), found.side)

    def queues(self) -> list[AsyncQueue | AsyncKernelQueue]:
        """Return the open queues in order of creation, then the kernels' mailboxes and outboxes."""
        own = [AsyncQueue._of(core) for core in self._core.queues()]
        kernels = [self._kernel(core) for core in self._core.kernels()]
        return [*own, *(AsyncKernelQueue(k, side) for k in kernels for side in SIDES)]

    async def send(
        self,
        name: str,
        message: Any,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        message_id: UUID | None = None,
        timeout: float | None = None,
    ) -> bool:
        """Send to the queue, or to the mailbox of the kernel, of that name."""
        found = self._endpoint(name)
        return await found.send(message, priority=priority, ttl=ttl, message_id=message_id, timeout=timeout)

    async def receive(self, name: str, timeout: float | None = None) -> Any:
        """Receive from the queue, or from the outbox of the kernel, of that name."""
        return await self._endpoint(name).receive(timeout)

    def _endpoint(self, name: str) -> AsyncQueue | AsyncKernel | AsyncKernelQueue:
        if core := self._core.queue(instance("name", name, str)):
            return AsyncQueue._of(core)
        with contextlib.suppress(NotFound):
            return self._kernel(self._core.kernel(name))
        return self.queue_named(name)

    def _kernel(self, core: _core.Kernel) -> AsyncKernel:
        """Return the one object of a kernel, which knows who waits for its outbox."""
        known = self._kernels.get(core.name)
        if known is None or known._core is not core:
            known = self._kernels[core.name] = AsyncKernel(self, core)
        return known

    def buffer(self, source: NDArray[Any] | bytes | bytearray | memoryview | int) -> Buffer:
        """Make memory known to kernels, so that messages can name it by handle; see `Runtime.buffer`."""
        return Buffer(self._core, memory_of(source))

    async def close(
        self, *, drain: bool = False, timeout: float | None = DRAIN_TIMEOUT
    ) -> dict[str, TerminateReport]:
        """End every kernel; calls that wait raise `Closed`. Other tasks run meanwhile; see `Runtime.close`.

        A cancelled call stops draining and leaves the runtime open, what has ended ended; when it only waits
        for a handler, it leaves that behind.
        """
        drains = flag("drain", drain)
        if self._process != os.getpid():
            self._end()  # its loop's descriptors are shared with the parent, and stay as they are
            return {}
        ended = await self._call(lambda port, token: port.close(self._core, drains, timeout, token))
        reports = reports_of(ended or {})
        self._end_export()
        self._end.detach()
        if self._calls:  # of other tasks, which end now
            await asyncio.wait(self._calls)
        if self._loop is not None:
            self._ready()
            self._loop.remove_reader(self._port.fileno())
            self._loop = None
        return reports

    async def __aenter__(self) -> AsyncRuntime:
        self._attach()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _attach(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        if self._process != os.getpid():
            raise ForkedError("the runtime was started before fork(); start a new one in the child")
        if self._loop is not None and not self._loop.is_closed():
            raise InvalidState(
                "the runtime is used from an event loop that is not its own, which would never be woken; "
                "start one in each loop"
            )
        loop.add_reader(self._port.fileno(), self._ready)
        self._loop = loop

    def _token(self) -> int:
        self._attach()
        return next(self._tokens)

    async def _call(self, start: Callable[[_core.EventPort, int], bool | None]) -> Any:
        """Await a call that may wait for a handler or a drain; once cancelled, it has stopped."""
        token = self._token()
        if start(self._port, token) is False:
            return None
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[token] = future
        self._calls.add(future)
        future.add_done_callback(self._calls.discard)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not future.done():
                self._port.cancel(token)
                await asyncio.wait([future])
            future.exception()  # nobody else asks for it
            raise

    async def _answer(self, token: int, kernel: AsyncKernel, seconds: float, left: float) -> Any:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._answers[token] = future
        try:
            done, _ = await asyncio.wait([future], timeout=left)
        finally:
            if not future.done() and self._port.withdraw(token):
                del self._answers[token]
            elif not future.done():
                future.cancel()
        if not done:
            raise Timeout(f"kernel '{kernel.name}' ({kernel.state}) did not answer within {seconds} s")
        return future.result()

    def _ready(self) -> None:
        for token in self._port.take():
            future = self._answers.pop(token, None)
            if future is None:
                if watcher := self._watchers.pop(token, None):
                    watcher._wake()
                elif not self._rooms.wake(token):  # of a call that failed as it began to wait
                    self._port.discard(token)
            elif future.cancelled():
                self._port.discard(token)
            else:
                try:
                    future.set_result(self._port.finish(token))
                except Exception as error:
                    future.set_exception(error)

    def __repr__(self) -> str:
        return f"<ringway asynchronous runtime on {self.backend}>"

"""Kernels for asyncio: the verbs of `ringway.Kernel`, awaited."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from numpy.typing import NDArray

from ringway import _core
from ringway.arguments import flag, instance, made, seconds
from ringway.dead_letters import DeadLetter
from ringway.errors import Timeout
from ringway.kernel_arrays import check_array, class_of, refuse, room_for
from ringway.kernel_facts import KernelFacts
from ringway.kernel_queues import KernelQueue, Side
from ringway.kernels import DRAIN_TIMEOUT, TerminateReport, read_state
from ringway.queue_types import Carried
from ringway.replacing import Migrate, Replacing
from ringway.user_kernels import UserKernel

if TYPE_CHECKING:
    from ringway.aio import AsyncRuntime

Result = TypeVar("Result")


class AsyncKernel(KernelFacts):
    """A kernel of an `AsyncRuntime`; see `ringway.Kernel` for what its verbs do and raise."""

    __slots__ = ("_receivers", "_runtime", "_watching")

    def __init__(self, runtime: AsyncRuntime, core: _core.Kernel) -> None:
        self._runtime = runtime
        self._core = made(core, _core.Kernel, "AsyncRuntime.launch")
        self._receivers: list[asyncio.Future[None]] = []
        self._watching = False

    async def replace(
        self, kernel: UserKernel[Any], *, migrate: Migrate | None = None, state: Any = None
    ) -> None:
        """Put another kernel in its place, between two messages; see `ringway.Kernel.replace`.

        A thread compiles and waits, and calls ``migrate``. A cancelled call leaves the kernel as it was,
        unless the other is in its place by then.
        """
        replacing = Replacing(self._core, kernel, migrate, state)
        running = asyncio.ensure_future(asyncio.to_thread(replacing.run))
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            replacing.given_up = True
            await asyncio.wait([running])
            running.exception()  # nobody asks for it
            raise

    async def activate(self) -> None:
        """Let it handle messages."""
        await self._runtime._call(lambda port, token: port.activate(self._core, token))

    async def deactivate(self) -> None:
        """Stop it between two messages; its queues keep their contents."""
        await self._runtime._call(lambda port, token: port.deactivate(self._core, token))

    async def read_state(self, *, replica: int = 0, timeout: float | None = None) -> Any:
        """Return the state of a kernel made by `ringway.kernel`; see `ringway.Kernel.read_state`."""
        return await asyncio.to_thread(read_state, self._core, replica, timeout)

    async def terminate(
        self, *, drain: bool = True, timeout: float | None = DRAIN_TIMEOUT
    ) -> TerminateReport:
        """End it for good; other tasks run while it drains.

        A cancelled call stops draining, and the kernel is what it was before.
        """
        drains = flag("drain", drain)
        ended = await self._runtime._call(
            lambda port, token: port.terminate(self._core, drains, timeout, token)
        )
        return TerminateReport(*ended)

    async def send(
        self,
        message: Any,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        message_id: UUID | None = None,
        timeout: float | None = None,
    ) -> bool:
        """Put a message into the mailbox; False when the kernel's policy dropped it."""
        core = self._core
        # A wrong time is refused with room, too.
        patience = None if timeout is None else core.patience(timeout)
        if (sent := core.try_send(message, priority, ttl, message_id)) is None:
            patience = patience or core.patience(None)
            sent = await self._room(
                lambda: core.try_send(message, priority, ttl, message_id), None, patience.seconds
            )
            if sent is None:
                core.refuse(message, priority, patience)
        return sent

    async def request(
        self,
        message: Any,
        timeout: float | None = None,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        message_id: UUID | None = None,
    ) -> Any:
        """Send a message and return its answer. A cancelled call gives its place back at once."""
        core, ask = self._core, self._runtime._port.ask
        limit = left = core.answer_time(timeout)
        token = self._runtime._token()
        answer = ask(core, message, token, priority, ttl, message_id)
        if answer is False:
            clock = asyncio.get_running_loop().time
            end, patience = clock() + limit, core.patience_of_request(timeout)
            answer = await self._room(
                lambda: ask(core, message, token, priority, ttl, message_id), False, patience.seconds
            )
            if answer is False:
                core.refuse(message, priority, patience)
            left = max(0.0, end - clock())
        if answer is not None:
            return answer
        return await self._runtime._answer(token, self, limit, left)

    async def receive(self, timeout: float | None = None) -> Any:
        """Return the next message that the kernel sent to the host."""
        return await self._next(self._core.try_receive, timeout)

    async def _next(self, attempt: Callable[[], Result | None], timeout: float | None) -> Result:
        """Await what ``attempt`` takes out of the outbox."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds(timeout, math.inf)
        while (taken := attempt()) is None:
            left = end - loop.time()
            if left <= 0:
                raise Timeout(
                    f"kernel '{self.name}' ({self.state}) sent nothing to the host within {timeout} s"
                )
            if self._watch():
                turn: asyncio.Future[None] = loop.create_future()
                self._receivers.append(turn)
                await asyncio.wait([turn], timeout=None if left == math.inf else left)
        return taken

    async def send_many(
        self,
        array: NDArray[Any],
        message: Carried = None,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        timeout: float | None = None,
    ) -> int:
        """Copy an array of messages into the mailbox; see `ringway.Kernel.send_many`."""
        check_array(self._core, array, message)
        kind, limit = class_of(message), self._core.patience(timeout).seconds
        done = dropped = 0

        def some() -> tuple[int, int] | None:
            more = _core.kernel_try_send_many(self._core, array[done:], kind, priority, ttl)
            return more if more[0] else None

        while done < len(array):
            more = some()
            if more is None and self._core.blocks:
                more = await self._room(some, None, limit)
            if more is None:
                refuse(self._core, done - dropped, len(array) - done, priority, timeout)
                break
            done, dropped = done + more[0], dropped + more[1]
        return done - dropped

    async def receive_many(self, message: Carried, n: int, *, timeout: float | None = None) -> NDArray[Any]:
        """Return the next messages to the host as an array; see `ringway.Kernel.receive_many`."""
        room, kind = room_for(self._core, message, n), class_of(message)
        count = await self._next(
            lambda: _core.kernel_try_receive_many(self._core, room, kind) or None, timeout
        )
        return room[:count]

    async def resend(self, letter: DeadLetter, *, timeout: float | None = None) -> bool:
        """Put a dead letter's message, of this or of another kernel, into the mailbox."""
        core = instance("letter", letter, DeadLetter)._core
        if (sent := _core.resend(self._core, core, False, timeout)) is None:
            patience = self._core.patience(timeout)
            sent = await self._room(
                lambda: _core.resend(self._core, core, False, timeout), None, patience.seconds
            )
            if sent is None:
                self._core.refuse(letter.body, letter.priority, patience)
        return sent

    async def _room(self, attempt: Callable[[], Any], full: Any, limit: float) -> Any:
        """Await what ``attempt`` returns once that is not ``full``; ``full`` after ``limit`` seconds."""
        port = self._runtime._port
        self._runtime._attach()
        return await self._runtime._rooms.until(
            lambda token: port.watch_room(self._core, token), port.withdraw_room, attempt, limit, full
        )

    def _watch(self) -> bool:
        if not self._watching:
            token = self._runtime._token()
            self._runtime._watchers[token] = self
            try:
                self._watching = self._runtime._port.watch(self._core, token)
            finally:
                if not self._watching:
                    del self._runtime._watchers[token]
        return self._watching

    def _wake(self) -> None:
        self._watching = False
        receivers, self._receivers = self._receivers, []
        for turn in receivers:
            if not turn.done():
                turn.set_result(None)


class AsyncKernelQueue(KernelQueue):
    """A kernel's mailbox or outbox in an `AsyncRuntime`; see `ringway.kernel_queues.KernelQueue`."""

    __slots__ = ("_kernel",)

    def __init__(self, kernel: AsyncKernel, side: Side) -> None:
        super().__init__(kernel._core, side)
        self._kernel = kernel

    async def send(
        self,
        message: Any,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        message_id: UUID | None = None,
        timeout: float | None = None,
    ) -> bool:
        """Put a message into a mailbox."""
        self._check("mailbox")
        return await self._kernel.send(
            message, priority=priority, ttl=ttl, message_id=message_id, timeout=timeout
        )

    async def receive(self, timeout: float | None = None) -> Any:
        """Return the next message of an outbox."""
        self._check("outbox")
        return await self._kernel.receive(timeout)

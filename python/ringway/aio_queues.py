"""Named queues for asyncio: the same verbs, awaited. One file descriptor per event loop, no polling."""

from __future__ import annotations

import asyncio
import itertools
import weakref
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from numpy.typing import NDArray

from ringway import _core
from ringway.aio_turns import Turns
from ringway.arguments import flag, instance, seconds, whole
from ringway.dead_letters import DeadLetter
from ringway.errors import Closed, Timeout
from ringway.queue_facts import QueueFacts
from ringway.queue_open import Policy, attach_checked, create_checked, open_checked
from ringway.queue_types import Carried, QueueType, of_core
from ringway.queues import PeekedSlots, ReservedSlots, many_room, refuse

Held = TypeVar("Held", PeekedSlots, ReservedSlots)
Result = TypeVar("Result")


class AsyncQueue(QueueFacts):
    """A bounded queue of messages for tasks; `ringway.Queue` says what its verbs do and raise.

    Tasks of any event loop and, through `Queue.aio`, threads may share one queue. A cancelled call leaves the
    queue as it was.
    """

    __slots__ = ()

    def __init__(
        self,
        name: str | None = None,
        message: Carried = None,
        *,
        capacity: int = 4096,
        slot_size: int | Literal["auto"] = "auto",
        policy: Policy = "block",
        block_timeout: float = 5.0,
        dead_letters: int = 256,
    ) -> None:
        self._core, self._kind = open_checked(
            None,
            name,
            message,
            capacity=capacity,
            slot_size=slot_size,
            policy=policy,
            block_timeout=block_timeout,
            dead_letters=dead_letters,
        )

    @classmethod
    def create_shared(
        cls,
        name: str,
        message: Carried = None,
        *,
        capacity: int = 4096,
        slot_size: int | Literal["auto"] = "auto",
        policy: Policy = "block",
        block_timeout: float = 5.0,
        dead_letters: int = 256,
        reclaim: bool = False,
        mode: int = 0o600,
    ) -> AsyncQueue:
        """Create a queue in shared memory; see `ringway.Queue.create_shared`."""
        return cls._of(
            *create_checked(
                None,
                name,
                message,
                capacity=capacity,
                slot_size=slot_size,
                policy=policy,
                block_timeout=block_timeout,
                dead_letters=dead_letters,
                reclaim=reclaim,
                mode=mode,
            )
        )

    @classmethod
    def attach(
        cls, name: str, *, block_timeout: float = 5.0, dead_letters: int = 256, mode: int = 0o600
    ) -> AsyncQueue:
        """Attach to a queue in shared memory; see `ringway.Queue.attach`."""
        return cls._of(
            *attach_checked(None, name, block_timeout=block_timeout, dead_letters=dead_letters, mode=mode)
        )

    @classmethod
    def _of(cls, core: _core.Queue, kind: QueueType | None = None) -> AsyncQueue:
        made = cls.__new__(cls)
        made._core, made._kind = core, kind or of_core(core)
        return made

    async def send(
        self,
        message: Any,
        timeout: float | None = None,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        message_id: UUID | None = None,
    ) -> bool:
        """Put a message; False when the policy dropped it."""
        out = self._kind.outgoing(self._core.name, message)
        sent = await self._room(lambda: self._core.try_send(out, priority, ttl, message_id), timeout)
        if sent is None:
            refuse(self._core, 0, 1, timeout)
        return bool(sent)

    async def receive(self, timeout: float | None = None) -> Any:
        """Return the next message."""
        return self._kind.incoming(await self._message(self._core.try_receive, timeout))

    async def send_many(self, array: NDArray[Any], timeout: float | None = None) -> int:
        """Copy an array of messages into the queue, in order; how many were sent."""
        self._kind.check_array("send_many", self._core.name, array)
        done, dropped = self._core.try_send_many(array)
        while done < len(array) and self._core.blocks:
            rest = array[done:]
            more = await self._room(lambda rest=rest: self._some(rest), timeout)  # type: ignore[misc]
            if more is None:
                break
            done += more[0]
            dropped += more[1]
        if done < len(array):
            refuse(self._core, done - dropped, len(array) - done, timeout)
        return done - dropped

    async def receive_many(
        self,
        n: int | None = None,
        *,
        out: NDArray[Any] | None = None,
        least: int = 1,
        timeout: float | None = None,
    ) -> NDArray[Any]:
        """Return the next messages as an array: at least one, and what else is there, up to ``n``."""
        room = many_room(self._core, self._kind, n, out)
        number = whole("least", least, "a number of messages")
        return room[: await self._message(lambda: self._core.try_receive_many(room, number) or None, timeout)]

    def reserve(self, n: int, timeout: float | None = None) -> AsyncSlots[ReservedSlots]:
        """Return up to ``n`` free slots, to be written in place inside an ``async with`` block."""

        async def acquire() -> ReservedSlots:
            count = whole("n", n, "a number of slots")
            core = await self._room(lambda: self._core.try_reserve(count), timeout)
            if core is None:
                refuse(self._core, 0, 1, timeout)
            assert core is not None
            return ReservedSlots(core, self._kind)

        return AsyncSlots(acquire)

    def peek(self, n: int, timeout: float | None = None, *, least: int = 1) -> AsyncSlots[PeekedSlots]:
        """Return up to ``n`` messages, to be read in place inside an ``async with`` block."""

        async def acquire() -> PeekedSlots:
            run = whole("n", n, "a number of slots"), whole("least", least, "a number of messages")
            return PeekedSlots(await self._message(lambda: self._core.try_peek(*run), timeout), self._kind)

        return AsyncSlots(acquire)

    async def resend(self, letter: DeadLetter, *, timeout: float | None = None) -> bool:
        """Put a dead letter's message, of this queue, another or a kernel, into the queue."""
        core = instance("letter", letter, DeadLetter)._core
        sent = await self._room(lambda: _core.resend_to_queue(self._core, core, False, timeout), timeout)
        if sent is None:
            refuse(self._core, 0, 1, timeout)
        return bool(sent)

    async def end(self) -> None:
        """End the stream, of a shared queue for every process; see `ringway.Queue.end`."""
        self._core.end()

    async def close(self, *, discard: bool = False) -> None:
        """Take no more messages; receivers get what is left, or with ``discard`` nothing."""
        self._core.close(flag("discard", discard))

    def _some(self, array: NDArray[Any]) -> tuple[int, int] | None:
        more = self._core.try_send_many(array)
        return more if more[0] else None

    async def _room(self, attempt: Callable[[], Result | None], timeout: float | None) -> Result | None:
        """Await what ``attempt`` returns; None when the policy does not wait, or at the deadline."""
        limit = self._core.patience(timeout)
        if (made := attempt()) is not None or not self._core.blocks:
            return made
        return await self._until(attempt, True, limit)

    async def _message(self, attempt: Callable[[], Result | None], timeout: float | None) -> Result:
        limit = None if timeout is None else seconds(timeout, 0)
        if (made := attempt()) is None and (made := await self._until(attempt, False, limit)) is None:
            raise Timeout(f"queue {self.name!r} got no message within {timeout} s{self._core.held_up()}")
        return made

    async def _until(
        self, attempt: Callable[[], Result | None], sends: bool, timeout: float | None
    ) -> Result | None:
        port = port_of(asyncio.get_running_loop())
        return await port.until(self._core, sends, attempt, timeout)

    async def __aiter__(self) -> AsyncIterator[Any]:
        while True:
            try:
                message = await self.receive()
            except Closed:
                return
            yield message

    async def __aenter__(self) -> AsyncQueue:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{len(self)} of {self.capacity}"
        return f"<ringway asynchronous queue {self.name!r} of {self._kind.name}, {state}>"


class AsyncSlots(Generic[Held]):
    """The wait for slots, and then their block: ``async with queue.peek(64) as slots``."""

    __slots__ = ("_acquire", "_held")

    def __init__(self, acquire: Callable[[], Any]) -> None:
        self._acquire = acquire
        self._held: Held | None = None

    async def __aenter__(self) -> Held:
        held: Held = await self._acquire()
        self._held = held
        return held

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held is not None:
            self._held.__exit__(kind, error, trace)


class LoopPort:
    """What one event loop waits for in queues, by token."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._core = _core.QueuePort()
        self._turns = Turns(itertools.count(1).__next__)
        loop.add_reader(self._core.fileno(), self._ready)

    async def until(
        self, queue: _core.Queue, sends: bool, attempt: Callable[[], Result | None], timeout: float | None
    ) -> Result | None:
        """Return what ``attempt`` returns once that is not None; None at the end of the time-out."""
        made: Result | None = await self._turns.until(
            lambda token: self._core.watch(queue, sends, token), self._core.withdraw, attempt, timeout
        )
        return made

    def _ready(self) -> None:
        for token in self._core.take():
            self._turns.wake(token)


ports: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopPort] = weakref.WeakKeyDictionary()


def port_of(loop: asyncio.AbstractEventLoop) -> LoopPort:
    """Return the loop's port, which lives as long as the loop."""
    port = ports.get(loop)
    if port is None:
        port = ports[loop] = LoopPort(loop)
    return port

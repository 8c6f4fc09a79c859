"""Named queues: typed, bounded, for any thread; single messages, whole arrays, or slots in place."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ringway import _core
from ringway.arguments import flag, instance, whole
from ringway.dead_letters import DeadLetter
from ringway.errors import Closed, InvalidOption, QueueFull
from ringway.queue_facts import QueueFacts
from ringway.queue_open import Policy, attach_checked, create_checked, open_checked
from ringway.queue_types import Carried, QueueType, of_core

if TYPE_CHECKING:
    from ringway.aio_queues import AsyncQueue


class Slots:
    """Slots of a queue held in place: what indexing gives are NumPy arrays over the ring's own memory.

    They go back when the ``with`` block ends. From then on ``slots[...]`` raises `InvalidState`; and an array
    that was kept (in a variable, as a view, as a scalar such as ``slots[0]``) makes the end of the block
    raise it: nothing reads or writes a slot that has gone back. Slots with arrays left go back when the last
    array is gone.
    """

    __slots__ = ("_core", "_dtype")

    def __init__(self, core: _core.Slots, kind: QueueType) -> None:
        self._core = core
        self._dtype = kind.dtype

    @property
    def array(self) -> NDArray[Any]:
        """The messages, shape (n,), of the queue's dtype; of a queue of bytes (n, slot size) of uint8."""
        return self._core.array(self._dtype)

    @property
    def sizes(self) -> NDArray[np.uint32]:
        """Bytes of each message, shape (n,): a copy."""
        return self._core.sizes()

    def __len__(self) -> int:
        return len(self._core)

    def __getitem__(self, key: Any) -> Any:
        return self._core.array(self._dtype)[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        array = self._core.array(self._dtype)
        return array if dtype is None and not copy else np.array(array, dtype)

    def __enter__(self) -> Any:
        return self


class PeekedSlots(Slots):
    """Messages to be read where they lie; read-only."""

    __slots__ = ()

    def release(self) -> None:
        """Give the slots back before the block ends; the messages count as received."""
        self._core.end(0)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._core.give_up()
        elif self._core.open:
            self._core.end(0)


class ReservedSlots(Slots):
    """Slots to be written where they lie. They hold old bytes: write every field.

    The end of the ``with`` block sends all of them; an exception in the block sends none.
    """

    __slots__ = ()

    def __setitem__(self, key: Any, value: Any) -> None:
        array, dtype = self.array, self._dtype
        records = dtype is not None and isinstance(key, slice) and isinstance(value, np.ndarray)
        if records and value.dtype == dtype:
            # NumPy copies records field by field, and bytes without fields at once.
            array, value = array.view(f"V{array.itemsize}"), value.view(f"V{array.itemsize}")
        array[key] = value

    @property
    def sizes(self) -> NDArray[np.uint32]:
        """Bytes that each message is sent with, shape (n,); to be set in a queue of bytes."""
        return self._core.sizes()

    @sizes.setter
    def sizes(self, sizes: ArrayLike) -> None:
        self._core.set_sizes(size_numbers(sizes))

    def send(self, count: int | None = None) -> None:
        """Send the first ``count``, None for all, before the block ends; the others are not sent."""
        self._core.end(len(self._core) if count is None else sent_count(count))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._core.give_up()
        elif self._core.open:
            self._core.end(len(self._core))


def size_numbers(sizes: ArrayLike) -> NDArray[np.uint32]:
    """Return sizes of messages as the native core takes them, which compares them with its slots."""
    try:
        given = np.asarray(sizes)
    except ValueError:
        given = np.empty(0, object)
    if given.dtype.kind not in "iu" or (given.size and not 0 <= given.min() <= given.max() < 2**32):
        raise InvalidOption(f"sizes is {sizes!r}; it must be an array of one number of bytes a slot")
    return given.astype(np.uint32)


def sent_count(count: Any) -> int:
    """Return how many slots are to be sent; the native core compares it with how many there are."""
    must = "a number of slots, at most as many as are reserved, or None for all"
    number = whole("count", count, must)
    if not 0 <= number < 2**32:
        raise InvalidOption(f"count is {count!r}; it must be {must}")
    return number


class Queue(QueueFacts):
    """A bounded queue of messages between threads. Every method may be called from any thread.

    ``for message in queue`` receives until the queue is closed and empty; ``with queue`` closes it at the end
    of the block; ``len(queue)`` is its depth.

    Parameters
    ----------
    name
        For texts and look-ups; None makes one. `Runtime.queue` makes a queue that is found by its name.
    message
        What it carries: a message class, a NumPy dtype (its messages are records of it), the class ``bytes``,
        or None for any message and bytes, each under an envelope. Another message raises `TypeMismatch`.
    capacity
        Slots; a power of two, 16 to 1,048,576.
    slot_size
        Bytes of the largest message; ``"auto"`` fits what ``message`` declares, else 4,096.
    policy
        What a full queue does to a sender: ``"block"`` until there is room or ``block_timeout`` has passed,
        ``"reject"`` with `QueueFull`, ``"drop_new"`` or ``"drop_oldest"`` and count it.
    block_timeout
        Seconds that a sender waits for room under ``"block"`` when it names no time-out.
    dead_letters
        How many of the messages that the policy drops are kept, the latest; 0 to 1,048,576.

    Raises
    ------
    InvalidOption
        Names field, value and range.
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
    ) -> Queue:
        """Create a queue in shared memory, which other processes of this user `attach` to by its name.

        Closing it ends it for this process, `end` the stream for all; name and messages stay, whoever dies,
        until `remove_shared_queue` or ``ringway queues clean``. A pickled one attaches where it is unpickled.
        ``docs/shared_queues.md`` says what a crash costs.

        Parameters
        ----------
        name
            1 to 26 of ``A-Z a-z 0-9 . _ -``, not beginning with a dot.
        message, capacity, slot_size, policy, block_timeout, dead_letters
            As for `Queue`; each process keeps the dead letters of its own senders.
        reclaim
            Remove a queue of that name that no process is attached to, with what is in it.
        mode
            Who may attach: ``0o600`` this user, ``0o660`` the group too, ``0o666`` everybody. Whoever may
            attach may write anywhere in it.

        Raises
        ------
        InvalidState
            There is a queue of that name.
        InvalidOption
            An argument is out of range.
        OutOfMemory
            There is not so much shared memory; the text says how much is left.
        """
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
    ) -> Queue:
        """Attach to a queue that another process made by `create_shared`, or a C++ program.

        Parameters
        ----------
        name
            The queue's.
        block_timeout, dead_letters
            As for `Queue`; each process has its own.
        mode
            The widest permissions that are trusted: only with ``0o660`` or ``0o666`` may the queue be open to
            others than its owner, or another user's.

        Raises
        ------
        NotFound
            There is none of that name.
        LayoutError
            The memory of that name is no queue of this version of ringway, or not this user's alone and
            ``mode`` does not allow that.
        TypeMismatch
            Its message class is not declared in this process.
        """
        return cls._of(
            *attach_checked(None, name, block_timeout=block_timeout, dead_letters=dead_letters, mode=mode)
        )

    @classmethod
    def _of(cls, core: _core.Queue, kind: QueueType | None = None) -> Queue:
        made = cls.__new__(cls)
        made._core, made._kind = core, kind or of_core(core)
        return made

    def send(
        self,
        message: Any,
        timeout: float | None = None,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        message_id: UUID | None = None,
    ) -> bool:
        """Put a message; False when the policy dropped it.

        Parameters
        ----------
        message
            An object of the queue's class, ``bytes``, or what ``numpy.array(message, dtype)`` takes.
        timeout
            Seconds to wait for room under the policy ``"block"``; None means ``block_timeout``.
        priority, ttl, message_id
            As for `Kernel.send`: for the kernel that the queue feeds. A queue of any message alone carries
            them.

        Raises
        ------
        TypeMismatch, MessageTooLarge
            The message is not one that the queue carries.
        QueueFull
            No room, by the policy.
        Closed
            The queue was closed.
        """
        out = self._kind.outgoing(self._core.name, message)
        return self._core.send(out, timeout, priority, ttl, message_id)

    def receive(self, timeout: float | None = None) -> Any:
        """Return the next message.

        Parameters
        ----------
        timeout
            Seconds; 0 does not wait, None waits as long as the queue is open.

        Raises
        ------
        Timeout
            No message came in time.
        Closed
            The queue was closed and is empty.
        """
        return self._kind.incoming(self._core.receive(timeout))

    def send_many(self, array: NDArray[Any], timeout: float | None = None) -> int:
        """Copy an array of messages into the queue, in order, without an object per message.

        Parameters
        ----------
        array
            Shape (n,), of the queue's `dtype`; any stride.
        timeout
            Seconds without any room after which it gives up under the policy ``"block"``; None means
            ``block_timeout``.

        Returns
        -------
        int
            Messages sent; the others the policy dropped.

        Raises
        ------
        QueueFull
            Not all found room; its ``sent`` says how many did, the first of the array.
        Error
            As for `send`.
        """
        self._kind.check_array("send_many", self._core.name, array)
        sent, left = self._core.send_many(array, timeout)
        if left:
            refuse(self._core, sent, left, timeout)
        return sent

    def receive_many(
        self,
        n: int | None = None,
        *,
        out: NDArray[Any] | None = None,
        least: int = 1,
        timeout: float | None = None,
    ) -> NDArray[Any]:
        """Return the next messages as an array: at least one, and what else is there, up to ``n``.

        Parameters
        ----------
        n
            The most messages to take; None means the capacity, or as many as ``out`` holds.
        out
            Room for them, shape (m,), of the queue's `dtype`; any stride. Its beginning is returned.
        least
            Messages to wait for, so that a receiver is not woken for each. Fewer come when the queue is
            closed, or another receiver takes them.
        timeout
            Seconds to wait; 0 does not wait, None waits as long as the queue is open.

        Raises
        ------
        Error
            As for `receive`.
        """
        room = many_room(self._core, self._kind, n, out)
        return room[: self._core.receive_many(room, whole("least", least, "a number of messages"), timeout)]

    def reserve(self, n: int, timeout: float | None = None) -> ReservedSlots:
        """Return up to ``n`` free slots, at least one, to be written in place until a ``with`` ends.

        A run ends where the ring does, and so may be shorter than what is free.

        Parameters
        ----------
        n
            The most slots.
        timeout
            Seconds to wait for room under the policy ``"block"``; None means ``block_timeout``. Others do not
            wait.

        Raises
        ------
        TypeMismatch
            The queue carries neither messages of a fixed layout nor bytes.
        InvalidState
            The policy is ``"drop_oldest"``: nobody may hold a slot that is to be dropped.
        QueueFull, Closed
            As for `send`.
        """
        return ReservedSlots(self._core.reserve(whole("n", n, "a number of slots"), timeout), self._kind)

    def peek(self, n: int, timeout: float | None = None, *, least: int = 1) -> PeekedSlots:
        """Return up to ``n`` messages, at least one, to be read in place until the ``with`` block ends.

        They are this caller's: no other receiver gets them. A run ends where the ring does.

        Parameters
        ----------
        n
            The most messages.
        timeout
            Seconds to wait; 0 does not wait, None waits as long as the queue is open.
        least
            Messages to wait for. Fewer come for the reasons of `receive_many`, and where the ring ends.

        Raises
        ------
        Error
            As for `reserve` and `receive`.
        """
        run = whole("n", n, "a number of slots"), whole("least", least, "a number of messages")
        return PeekedSlots(self._core.peek(*run, timeout), self._kind)

    def resend(self, letter: DeadLetter, *, timeout: float | None = None) -> bool:
        """Put a dead letter's message, of this queue, another or a kernel, into the queue.

        Once sent, the letter leaves this queue's list; after an error it stays there.

        Parameters
        ----------
        timeout
            As for `send`, whose results and errors it has too.
        """
        core = instance("letter", letter, DeadLetter)._core
        return bool(_core.resend_to_queue(self._core, core, True, timeout))

    def aio(self) -> AsyncQueue:
        """Return the same queue with its verbs to be awaited."""
        from ringway.aio_queues import AsyncQueue

        return AsyncQueue._of(self._core, self._kind)

    def close(self, *, discard: bool = False) -> None:
        """Take no more messages: senders get `Closed`, and receivers once it is empty, or at once.

        Parameters
        ----------
        discard
            Let nobody receive what is left.
        """
        self._core.close(flag("discard", discard))

    def end(self) -> None:
        """End the stream, of a shared queue for every process.

        Senders get `Closed` from now on, and receivers once the queue is empty. A shared queue stays ended
        until it is removed; the death of a process is no end.

        A message that a receiver has taken and not given back, and whose process dies after the others have
        seen the end, is left in the queue.
        """
        self._core.end()

    def __iter__(self) -> Iterator[Any]:
        while True:
            try:
                message = self.receive()
            except Closed:
                return
            yield message

    def __enter__(self) -> Queue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if isinstance(self._core, _core.SharedQueue):
            return (_attached, (self.name, self._core.block_timeout, self._core.mode))
        raise TypeError(f"queue {self.name!r} lives in this process; Queue.create_shared makes shared ones")

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{len(self)} of {self.capacity}"
        return f"<ringway queue {self.name!r} of {self._kind.name}, {state}>"


def _attached(name: str, block_timeout: float, mode: int) -> Queue:
    return Queue.attach(name, block_timeout=block_timeout, mode=mode)


def refuse(core: _core.Queue, sent: int, left: int, timeout: float | None) -> None:
    """Count what found no room, and raise `QueueFull` with what did."""
    try:
        core.refuse(left, timeout)
    except QueueFull as error:
        error.sent = sent
        raise


def many_room(core: _core.Queue, kind: QueueType, n: int | None, out: NDArray[Any] | None) -> NDArray[Any]:
    """Return the array that ``receive_many(n, out=out)`` fills."""
    if out is not None:
        kind.check_array("receive_many", core.name, out)
    most = core.capacity if out is None else len(out)
    count = most if n is None else whole("n", n, "a number of messages")
    if count < 1 or (out is not None and count > most):
        limit = f"1 to {most}" if out is not None else "at least 1"
        raise InvalidOption(f"receive_many of {count} messages from queue {core.name!r}: it must be {limit}")
    if out is None:
        return kind.empty(min(count, core.capacity))
    return out[:count]

"""Launched kernels: activate, send, receive, request, terminate."""

from __future__ import annotations

import dataclasses
from typing import Any
from uuid import UUID

from numpy.typing import NDArray

from ringway import _core
from ringway.arguments import flag, instance, made, whole
from ringway.dead_letters import DeadLetter
from ringway.kernel_arrays import receive_many, send_many
from ringway.kernel_facts import KernelFacts
from ringway.queue_types import Carried
from ringway.replacing import Migrate, Replacing
from ringway.user_kernels import UserKernel

DRAIN_TIMEOUT = 5.0  # seconds


def read_state(core: _core.Kernel, replica: int, timeout: float | None) -> Any:
    """Read a kernel's state natively."""
    return _core.read_state(core, whole("replica", replica, "the number of a replica, from 0"), timeout)


@dataclasses.dataclass(frozen=True)
class TerminateReport:
    """What `Kernel.terminate` returns: messages handled since launch, messages discarded, seconds of life."""

    processed: int
    left_over: int
    uptime: float


class Kernel(KernelFacts):
    """A launched kernel. Every method may be called from any thread."""

    __slots__ = ()

    def __init__(self, core: _core.Kernel) -> None:
        self._core = made(core, _core.Kernel, "Runtime.launch")

    def read_state(self, *, replica: int = 0, timeout: float | None = None) -> Any:
        """Return the state of a kernel made by `ringway.kernel` as it is between two batches of messages.

        Also while the kernel drains, and what it was at its end.

        Parameters
        ----------
        replica
            Which of its ``grid`` replicas, each of which has a state.
        timeout
            Seconds to wait for a handler that runs; None means the runtime's ``watchdog``.

        Returns
        -------
        object
            Of the state's class; a copy, made by ``copy.deepcopy`` when the state is no struct.
            ``Runtime.launch(..., state=...)`` takes it.

        Raises
        ------
        InvalidOption
            It is one of the backend's kernels, or there is no such replica.
        Timeout
            The handler has not returned.
        TypeMismatch
            The state cannot be copied.
        """
        return read_state(self._core, replica, timeout)

    def replace(self, kernel: UserKernel[Any], *, migrate: Migrate | None = None, state: Any = None) -> None:
        """Put another kernel in its place, between two messages.

        It keeps name, mailbox, links, options and counters; messages that wait are handled by the new one,
        each once. All replicas stop for it, and all are replaced or none. It stays inactive where it was, and
        begins at once where it waited for a restart; one that has failed takes messages again, also by links.

        Parameters
        ----------
        kernel
            Made by `ringway.kernel`, in either mode, or `ringway.KernelSource`; it takes the same messages,
            and names the links that are there in the same places. It is compiled first.
        migrate
            Makes the new state of the old one, an object of the old kernel's state class: of a struct a copy,
            else the very object. Called for each replica's, and for the state that a restart begins
            with, while no handler runs; when it raises, the old kernel goes on.
        state
            What the new state begins with, as for `Runtime.launch`. None, without ``migrate``: it is kept,
            where its class is of the same layout or, for other objects, the same class.

        Raises
        ------
        KernelError
            The new one does not compile; the old one goes on, as after every error.
        TypeMismatch
            It takes other messages, or the state is of another layout and there is no ``migrate``.
        InvalidState
            The kernel has been terminated; it drains; or this is called in its own handler.
        InvalidOption
            It is one of the backend's, or the links have other names.
        Timeout
            Its handler did not return within the runtime's ``watchdog``.
        """
        Replacing(self._core, kernel, migrate, state).run()

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
        timeout: float | None = None,
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
        timeout
            Seconds to wait for room under the policy ``"block"``; None means the kernel's ``block_timeout``.

        Raises
        ------
        TypeMismatch, MessageTooLarge
            The message is not one that the kernel takes.
        QueueFull
            No room, by the kernel's policy and ``timeout``.
        Closed
            The kernel or its runtime has ended.
        """
        return self._core.send(message, priority, ttl, message_id, timeout)

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
            Seconds, with the wait for room in the mailbox, which ``block_timeout`` may end sooner; None means
            the kernel's ``message_timeout``.
        priority, ttl, message_id
            As for `send`.

        Raises
        ------
        HandlerError
            The kernel failed on this message; the text holds the message's id and the reason.
        Timeout
            No answer came in time, or there was no room in time. An answer that comes later is dropped and
            counted. Or the message's ``ttl`` was over before its turn.
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

    def send_many(
        self,
        array: NDArray[Any],
        message: Carried = None,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        timeout: float | None = None,
    ) -> int:
        """Copy an array of messages into the mailbox, in order, without an object per message.

        Parameters
        ----------
        array
            Shape (n,), one-dimensional, any stride.
        message
            The class of the messages, of ``@message(layout="struct")``; the array is of its dtype. None: each
            record is sent as plain bytes.
        priority, ttl
            As for `send`, of all. A class that has the member says it there.
        timeout
            Seconds without any room after which it gives up under the policy ``"block"``; None means
            ``block_timeout``.

        Returns
        -------
        int
            Messages sent; the others the policy dropped, to the dead letters.

        Raises
        ------
        QueueFull
            Not all found room; its ``sent`` says how many did, the first of the array.
        TypeMismatch
            The array is none of such messages.
        Error
            As for `send`.
        """
        return send_many(self._core, array, message, priority=priority, ttl=ttl, timeout=timeout)

    def receive_many(self, message: Carried, n: int, *, timeout: float | None = None) -> NDArray[Any]:
        """Return the next messages to the host as an array: at least one, and what else is there.

        Parameters
        ----------
        message
            Their class, of ``@message(layout="struct")``; or a dtype for plain bytes of that size.
        n
            The most messages to take, at least 1; no more than the kernel's capacity come.
        timeout
            Seconds; 0 does not wait, None waits as long as the kernel lives.

        Returns
        -------
        numpy.ndarray
            Shape (m,), 1 <= m <= n, of the message's dtype.

        Raises
        ------
        TypeMismatch
            Nothing but messages of another type or size came. Such go to the dead letters, as ``"refused"``.
        Timeout, Closed
            As for `receive`.
        """
        return receive_many(self._core, message, n, timeout)

    def resend(self, letter: DeadLetter, *, timeout: float | None = None) -> bool:
        """Put a dead letter's message, of this or of another kernel, into the mailbox.

        It keeps id, priority and time to live, which begins anew; one that was a ``"duplicate"``, or has no
        id, gets a new one. The answer comes by `receive`. Once sent, the letter leaves this kernel's list;
        after an error it stays there.

        Parameters
        ----------
        timeout
            As for `send`, whose results and errors it has too.
        """
        return bool(_core.resend(self._core, instance("letter", letter, DeadLetter)._core, True, timeout))

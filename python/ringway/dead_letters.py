"""Messages that a kernel did not handle, kept with the reason."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from ringway import _core
from ringway.arguments import flag, made
from ringway.queue_types import QueueType

Reason = Literal[
    "drop_new",
    "drop_oldest",
    "expired",
    "duplicate",
    "failed",
    "terminated",
    "closed",
    "too_large",
    "refused",
]


class DeadLetter:
    """A copy of a message that was not handled; see `Kernel.dead_letters` and `Kernel.resend`."""

    __slots__ = ("_core", "_kind")

    def __init__(self, core: _core.DeadLetter, kind: QueueType | None = None) -> None:
        self._core = made(core, _core.DeadLetter, "Kernel.dead_letters")
        self._kind = kind

    @property
    def reason(self) -> Reason:
        """Why it was not handled.

        ``"drop_new"``, ``"drop_oldest"``: the policy of a full mailbox or queue. ``"expired"``: its time to
        live was over. ``"duplicate"``: a message of its id was taken before. ``"failed"``: the handler, or
        the kernel, failed. ``"terminated"``: it was left over when the kernel ended. ``"closed"``,
        ``"too_large"``: the kernel sent it itself, to a link whose receiver has ended or whose slots are
        smaller; or a feed that was stopped, or whose target ended, had it in hand. ``"refused"``: it came by
        a feed, or as one of many, to who does not carry its type.
        """
        return self._core.reason

    @property
    def message(self) -> Any:
        """The message as it was sent; bytes for plain bytes and for messages of links.

        Raises
        ------
        TypeMismatch, DecodeError
            No class of this process has the message's type, or the bytes are none of it.
        """
        return self._core.message if self._kind is None else self._kind.incoming(self._core.message)

    @property
    def body(self) -> bytes:
        """The message's bytes."""
        return self._core.body

    @property
    def id(self) -> UUID | None:
        """The message's id; None for messages of links, which have none."""
        bytes_le = self._core.id
        return None if bytes_le is None else UUID(bytes_le=bytes_le)

    @property
    def priority(self) -> int:
        """The message's priority, 0 (highest) to 255."""
        return self._core.priority

    @property
    def time(self) -> float:
        """When it was set aside, in seconds since the Unix epoch."""
        return self._core.time

    @property
    def error(self) -> str:
        """The reason in words."""
        return self._core.error

    def __repr__(self) -> str:
        return f"<ringway dead letter {self.id}, {self.reason}: {self.error}>"


def dead_letters(kernel: _core.Kernel, clear: bool) -> list[DeadLetter]:
    """Return the kernel's letters, oldest first; ``clear`` takes them out."""
    return [DeadLetter(core) for core in _core.dead_letters(kernel, flag("clear", clear))]


def queue_letters(queue: _core.Queue, kind: QueueType, clear: bool) -> list[DeadLetter]:
    """Return the queue's letters, oldest first; ``clear`` takes them out."""
    return [DeadLetter(core, kind) for core in _core.queue_dead_letters(queue, flag("clear", clear))]

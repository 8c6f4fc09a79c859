"""The queues that are created with a kernel, as `Runtime.queues` lists them."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from ringway import _core
from ringway.errors import InvalidState, NotFound

Side = Literal["mailbox", "outbox"]
SIDES: tuple[Side, Side] = ("mailbox", "outbox")


class KernelQueue:
    """A kernel's mailbox, to send to, or its outbox, to receive from.

    Attributes
    ----------
    side
        ``"mailbox"`` or ``"outbox"``.
    """

    __slots__ = ("_core", "side")

    def __init__(self, core: _core.Kernel, side: Side) -> None:
        self._core = core
        self.side = side

    @property
    def name(self) -> str:
        """The kernel's name, a dot and the side."""
        return f"{self._core.name}.{self.side}"

    @property
    def accepts(self) -> list[str]:
        """Wire names of the messages that the mailbox takes; empty means any. Of an outbox: empty."""
        return self._core.accepts if self.side == "mailbox" else []

    @property
    def capacity(self) -> int:
        """Number of slots."""
        return self._core.capacity

    @property
    def closed(self) -> bool:
        """Whether its kernel has ended."""
        return self._core.state in ("terminated", "failed")

    def send(
        self,
        message: Any,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        message_id: UUID | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Put a message into a mailbox; see `Kernel.send`."""
        self._check("mailbox")
        return self._core.send(message, priority, ttl, message_id, timeout)

    def receive(self, timeout: float | None = None) -> Any:
        """Return the next message of an outbox; see `Kernel.receive`."""
        self._check("outbox")
        return self._core.receive(timeout)

    def _check(self, side: Side) -> None:
        if self.side == side:
            return
        kernel = self._core.name
        if side == "mailbox":
            raise InvalidState(f"only kernel {kernel!r} itself sends to its outbox; send to {kernel}.mailbox")
        raise InvalidState(
            f"only kernel {kernel!r} itself receives from its mailbox; receive from {kernel}.outbox"
        )

    def __len__(self) -> int:
        return self._core.depth(self.side == "outbox")

    def __repr__(self) -> str:
        return f"<ringway queue {self.name!r}, {len(self)} of {self.capacity}>"


def kernel_queue(runtime: _core.Runtime, name: str) -> KernelQueue:
    """Return the kernel's queue of that name, ``KERNEL.mailbox`` or ``KERNEL.outbox``; else `NotFound`."""
    for core in runtime.kernels():
        for side in SIDES:
            if name == f"{core.name}.{side}":
                return KernelQueue(core, side)
    raise NotFound(
        f"there is no queue named {name!r} in this runtime; Runtime.queues() lists those that there are"
    )

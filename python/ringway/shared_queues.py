"""Queues in shared memory: which there are, and the end of one. `ringway.Queue` makes and attaches them."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from ringway import _core
from ringway.arguments import instance
from ringway.queue_open import Policy

State = Literal["live", "stale", "unfinished", "damaged"]


@dataclasses.dataclass(frozen=True)
class SharedQueueInfo:
    """What one queue in shared memory is and holds.

    ``state`` is ``"live"`` when a process is attached, ``"stale"`` when none is, ``"unfinished"`` when its
    creator died before its end, and ``"damaged"`` when the memory is no queue, as ``fault`` says. ``message``
    names the type. ``senders`` and ``receivers`` are ids of processes that live, as they gave them;
    ``created`` is in seconds since the Unix epoch, ``ended`` whether the stream has ended, and ``mode`` the
    permissions. Of an unfinished or damaged queue only the first three
    fields mean something.
    """

    name: str
    state: State
    fault: str
    message: str
    capacity: int
    slot_size: int
    policy: Policy
    depth: int
    skipped: int
    redelivered: int
    ended: bool
    mode: int
    created: float
    senders: list[int]
    receivers: list[int]


def shared_queues() -> list[SharedQueueInfo]:
    """Return the queues in shared memory of this user, sorted by name."""
    policies = get_args(Policy)
    return [
        SharedQueueInfo(**{**one, "policy": policies[one["policy"]]}) for one in _core.list_shared_queues()
    ]


def remove_shared_queue(name: str) -> None:
    """Remove a queue that no process is attached to, with what is in it.

    Raises
    ------
    NotFound
        There is none of that name.
    InvalidState
        A process is attached to it.
    """
    _core.remove_shared_queue(instance("name", name, str))

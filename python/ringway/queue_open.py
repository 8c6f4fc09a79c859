"""How named queues are made and attached: arguments checked, then the native core."""

from __future__ import annotations

import atexit
import functools
from typing import Any, Literal, get_args

from ringway import _core
from ringway.arguments import instance, real, whole
from ringway.errors import Error, InvalidOption
from ringway.queue_types import Carried, QueueType, of_core, resolve

Policy = Literal["block", "reject", "drop_new", "drop_oldest"]
BLOCK_TIMEOUT = "a number of seconds, 0 to 86400"


def open_checked(
    runtime: _core.Runtime | None,
    name: str | None,
    message: Carried,
    *,
    capacity: int,
    slot_size: int | Literal["auto"],
    policy: Policy,
    block_timeout: float,
) -> tuple[_core.Queue, QueueType]:
    """Create natively; `InvalidOption` on an argument of another type."""
    kind, arguments = checked(
        name, message, capacity=capacity, slot_size=slot_size, policy=policy, block_timeout=block_timeout
    )
    close_at_exit()
    return _core.open_queue(runtime, *arguments), kind


def create_checked(
    name: str,
    message: Carried,
    *,
    capacity: int,
    slot_size: int | Literal["auto"],
    policy: Policy,
    block_timeout: float,
    reclaim: bool,
) -> tuple[_core.Queue, QueueType]:
    """Create in shared memory; `InvalidOption` on an argument of another type."""
    kind, arguments = checked(
        name, message, capacity=capacity, slot_size=slot_size, policy=policy, block_timeout=block_timeout
    )
    close_at_exit()
    return _core.SharedQueue.create(*arguments, instance("reclaim", reclaim, bool)), kind


def attach_checked(name: str, block_timeout: float) -> tuple[_core.Queue, QueueType]:
    """Attach natively; `LayoutError` when the type that the memory names has no meaning."""
    instance("name", name, str)
    seconds = real(f"block_timeout of queue {name!r}", block_timeout, BLOCK_TIMEOUT)
    if not 0 <= seconds <= 86400:
        raise InvalidOption(f"block_timeout of queue {name!r} is {block_timeout}; it must be {BLOCK_TIMEOUT}")
    close_at_exit()
    core = _core.SharedQueue.attach(name, seconds)
    try:
        return core, of_core(core)
    except Error:
        core.close(True)
        raise


def checked(
    name: str | None,
    message: Carried,
    *,
    capacity: int,
    slot_size: int | Literal["auto"],
    policy: Policy,
    block_timeout: float,
) -> tuple[QueueType, tuple[str, Any, int, int, str, float]]:
    """Return the type of a queue that is to be, and the native core's arguments."""
    instance("name", name or "", str)
    checked_capacity = whole(f"capacity of queue {name!r}", capacity, "a power of two, 16 to 1048576")
    least = "'auto' or a number of bytes, at least 1"
    size = 0 if slot_size == "auto" else whole(f"slot_size of queue {name!r}", slot_size, least)
    if slot_size != "auto" and size < 1:
        raise InvalidOption(f"slot_size of queue {name!r} is {slot_size}; it must be {least}")
    seconds = real(f"block_timeout of queue {name!r}", block_timeout, BLOCK_TIMEOUT)
    if policy not in get_args(Policy):
        raise InvalidOption(f"policy of queue {name!r} is {policy!r}; it must be one of {get_args(Policy)}")
    kind, native = resolve(message)
    return kind, (name or "", native, checked_capacity, size, policy, seconds)


@functools.cache
def close_at_exit() -> None:
    """End waits in queues before the interpreter does."""
    atexit.register(_core.close_queues)

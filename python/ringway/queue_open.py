"""How named queues are made and attached: arguments checked, then the native core."""

from __future__ import annotations

import atexit
import functools
from typing import Any, Literal, get_args

from ringway import _core
from ringway.arguments import flag, instance, real, whole
from ringway.errors import Error, InvalidOption
from ringway.queue_types import Carried, QueueType, of_core, resolve

Policy = Literal["block", "reject", "drop_new", "drop_oldest"]
BLOCK_TIMEOUT = "a number of seconds, 0 to 86400"
OWNER_ONLY = 0o600  # permissions of a shared queue
DEAD_LETTERS = "0 (none) to 1048576"


def open_checked(
    runtime: _core.Runtime | None,
    name: str | None,
    message: Carried,
    *,
    capacity: int,
    slot_size: int | Literal["auto"],
    policy: Policy,
    block_timeout: float,
    dead_letters: int,
) -> tuple[_core.Queue, QueueType]:
    """Create natively; `InvalidOption` on an argument of another type."""
    kind, arguments = checked(
        name,
        message,
        capacity=capacity,
        slot_size=slot_size,
        policy=policy,
        block_timeout=block_timeout,
        dead_letters=dead_letters,
    )
    close_at_exit()
    return _core.open_queue(runtime, *arguments), kind


def create_checked(
    runtime: _core.Runtime | None,
    name: str,
    message: Carried,
    *,
    capacity: int,
    slot_size: int | Literal["auto"],
    policy: Policy,
    block_timeout: float,
    dead_letters: int,
    reclaim: bool,
    mode: int,
) -> tuple[_core.Queue, QueueType]:
    """Create in shared memory; `InvalidOption` on an argument of another type."""
    kind, arguments = checked(
        name,
        message,
        capacity=capacity,
        slot_size=slot_size,
        policy=policy,
        block_timeout=block_timeout,
        dead_letters=dead_letters,
    )
    close_at_exit()
    permissions = checked_mode(name, mode)
    reclaims = flag("reclaim", reclaim)
    return _core.SharedQueue.create(runtime, *arguments, reclaims, permissions), kind


def open_named(
    runtime: _core.Runtime,
    name: str | None,
    message: Carried,
    *,
    shared: bool,
    reclaim: bool,
    mode: int,
    **options: Any,
) -> tuple[_core.Queue, QueueType]:
    """Create in a runtime's namespace; see `Runtime.queue`."""
    reclaims = flag("reclaim", reclaim)
    if flag("shared", shared):
        if name is None:
            raise InvalidOption("name is None; a shared queue needs one that other processes know")
        return create_checked(runtime, name, message, reclaim=reclaims, mode=mode, **options)
    if reclaims or not isinstance(mode, int) or mode != OWNER_ONLY:
        raise InvalidOption("reclaim and mode are of shared queues: give shared=True too")
    return open_checked(runtime, name, message, **options)


def attach_checked(
    runtime: _core.Runtime | None, name: str, *, block_timeout: float, dead_letters: int, mode: int
) -> tuple[_core.Queue, QueueType]:
    """Attach natively; `LayoutError` when the type that the memory names has no meaning."""
    instance("name", name, str)
    seconds = real(f"block_timeout of queue {name!r}", block_timeout, BLOCK_TIMEOUT)
    if not 0 <= seconds <= 86400:
        raise InvalidOption(f"block_timeout of queue {name!r} is {block_timeout}; it must be {BLOCK_TIMEOUT}")
    close_at_exit()
    letters = whole(f"dead_letters of queue {name!r}", dead_letters, DEAD_LETTERS)
    core = _core.SharedQueue.attach(runtime, name, seconds, letters, checked_mode(name, mode))
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
    dead_letters: int,
) -> tuple[QueueType, tuple[str, Any, int, int, str, float, int]]:
    """Return the type of a queue that is to be, and the native core's arguments."""
    instance("name", "" if name is None else name, str)
    checked_capacity = whole(f"capacity of queue {name!r}", capacity, "a power of two, 16 to 1048576")
    least = "'auto' or a number of bytes, at least 1"
    fits = isinstance(slot_size, str) and slot_size == "auto"
    size = 0 if fits else whole(f"slot_size of queue {name!r}", slot_size, least)
    if not fits and size < 1:
        raise InvalidOption(f"slot_size of queue {name!r} is {slot_size}; it must be {least}")
    seconds = real(f"block_timeout of queue {name!r}", block_timeout, BLOCK_TIMEOUT)
    if not isinstance(policy, str) or policy not in get_args(Policy):
        raise InvalidOption(f"policy of queue {name!r} is {policy!r}; it must be one of {get_args(Policy)}")
    letters = whole(f"dead_letters of queue {name!r}", dead_letters, DEAD_LETTERS)
    kind, native = resolve(message)
    return kind, (name or "", native, checked_capacity, size, policy, seconds, letters)


def checked_mode(name: str, mode: int) -> int:
    """Return the permissions; `InvalidOption` when they are none."""
    must = "0o600 (this user), 0o660 (the group too) or 0o666 (everybody)"
    if whole(f"mode of queue {name!r}", mode, must) not in (0o600, 0o660, 0o666):
        raise InvalidOption(f"mode of queue {name!r} is {oct(mode)}; it must be {must}")
    return mode


@functools.cache
def close_at_exit() -> None:
    """End waits in queues before the interpreter does."""
    atexit.register(_core.close_queues)

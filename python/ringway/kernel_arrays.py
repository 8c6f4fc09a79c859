"""Arrays of messages of one fixed layout into a kernel's mailbox and out of its outbox."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringway import _core
from ringway.arguments import whole
from ringway.errors import InvalidOption, QueueFull, TypeMismatch
from ringway.queue_types import Carried, resolve

MessageClass = type[_core.Message]


def class_of(message: Carried) -> MessageClass | None:
    """Return the message class that ``message`` is; None for a dtype, whose records are plain bytes."""
    return message if isinstance(message, type) and issubclass(message, _core.Message) else None


def dtype_of(name: str, message: Carried) -> np.dtype[Any]:
    """Return the layout of ``message``, a class of struct form or a dtype; `TypeMismatch` for others."""
    kind, _ = resolve(message)
    if kind.dtype is None:
        raise TypeMismatch(
            f"arrays of kernel {name!r} are of one fixed layout, which {kind.name} has not: give a class of "
            '@message(layout="struct") or a NumPy dtype'
        )
    return kind.dtype


def check_array(kernel: _core.Kernel, array: Any, message: Carried) -> None:
    """Raise `TypeMismatch` unless ``array`` holds messages of that class, or plain records."""
    name = kernel.name
    if not isinstance(array, np.ndarray) or array.ndim != 1:
        raise TypeMismatch(
            f"send_many to kernel {name!r} takes a one-dimensional array, not "
            + (f"one of shape {array.shape}" if isinstance(array, np.ndarray) else repr(type(array).__name__))
        )
    if message is None and kernel.accepts:
        raise TypeMismatch(
            f"kernel {name!r} accepts {', '.join(kernel.accepts)}: say of which class the messages are, "
            "send_many(array, message=...)"
        )
    dtype = dtype_of(name, array.dtype if message is None else message)
    if array.dtype != dtype:
        raise TypeMismatch(
            f"send_many to kernel {name!r} of {message}: the array must be of {dtype}, not {array.dtype}"
        )


def room_for(kernel: _core.Kernel, message: Carried, n: int) -> NDArray[Any]:
    """Return the array that ``receive_many(message, n)`` fills."""
    count = whole("n", n, "a number of messages")
    if count < 1:
        raise InvalidOption(f"receive_many of {count} messages from kernel {kernel.name!r}: at least 1")
    return np.empty(min(count, kernel.capacity), dtype_of(kernel.name, message))


def refuse(kernel: _core.Kernel, sent: int, left: int, priority: int | None, timeout: float | None) -> None:
    """Count what found no room, and raise `QueueFull` with what did."""
    try:
        _core.kernel_refuse_many(kernel, left, priority, timeout)
    except QueueFull as error:
        error.sent = sent
        raise


def send_many(
    kernel: _core.Kernel,
    array: NDArray[Any],
    message: Carried,
    *,
    priority: int | None,
    ttl: float | None,
    timeout: float | None,
) -> int:
    """See `Kernel.send_many`."""
    check_array(kernel, array, message)
    sent, left = _core.kernel_send_many(kernel, array, class_of(message), priority, ttl, timeout)
    if left:
        refuse(kernel, sent, left, priority, timeout)
    return sent


def receive_many(kernel: _core.Kernel, message: Carried, n: int, timeout: float | None) -> NDArray[Any]:
    """See `Kernel.receive_many`."""
    room = room_for(kernel, message, n)
    return room[: _core.kernel_receive_many(kernel, room, class_of(message), timeout)]

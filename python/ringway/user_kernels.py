"""What kernels of a program's own have in common, compiled or run by Python."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from ringway import _core
from ringway.arguments import instance
from ringway.errors import InvalidOption

State = TypeVar("State")


class Context(Protocol):
    """What a handler may ask for, as its first parameter."""

    def send(self, link: str, message: _core.Message | bytes) -> None:
        """Send by a link out of the kernel, bare.

        Where it has no room, the kernel takes no further message until it has.
        """

    def reply(self, message: _core.Message | bytes) -> None:
        """Answer the message at hand."""

    def emit(self, message: _core.Message | bytes) -> None:
        """Send to the host: to whoever calls `Kernel.receive`."""

    def now_us(self) -> int:
        """Return the microseconds since the Unix epoch; the same for all messages of a batch."""


class UserKernel(abc.ABC, Generic[State]):
    """A kernel that `Runtime.launch` takes, made by `kernel` or `KernelSource`.

    Attributes
    ----------
    name
        Of the kernel.
    outputs
        Names of the links out of it, in the order in which they are linked.
    """

    name: str
    outputs: tuple[str, ...]

    @abc.abstractmethod
    def begin(self, state: Any, grid: int, backend: str) -> tuple[_core.UserKernel, bytes]:
        """Return what is launched natively, with the bytes of the state where it is compiled.

        Parameters
        ----------
        state
            What the state begins with; None means its defaults.
        grid
            Number of replicas.
        backend
            What it is launched on.
        """


def no_default(kernel: str, state: type[Any], why: Exception) -> InvalidOption:
    """Return the error for a state that cannot be made of nothing."""
    return InvalidOption(
        f"kernel {kernel!r}: {state.__qualname__} has fields without a default; "
        f"give them one, or launch with state=... ({why})"
    )


def several(field: str, values: Any, of: str, fits: Callable[[Any], bool]) -> list[Any]:
    """Return a list of what is given; `InvalidOption` when it is no sequence of what fits."""
    try:
        listed = None if isinstance(values, str) else list(values)
    except TypeError:
        listed = None
    if listed is None or not all(fits(value) for value in listed):
        raise InvalidOption(f"{field} is {values!r}; it must be a sequence of {of}")
    return listed


def names_of(outputs: Sequence[str]) -> tuple[str, ...]:
    """Return the names of links; `InvalidOption` when they are none, or not unique."""
    names = several("outputs", outputs, "names of links", lambda name: isinstance(name, str) and name != "")
    if len(set(names)) != len(names):
        raise InvalidOption(f"outputs is {outputs!r}; it must name each link once")
    return tuple(instance("outputs", name, str) for name in names)

"""What kernels of a program's own have in common, compiled or run by Python."""

from __future__ import annotations

import abc
import hashlib
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

    def count(self, name: str, n: int = 1) -> None:
        """Add ``n``, at least 0, to a counter of the kernel's telemetry."""

    def deactivate(self) -> None:
        """Ask that the kernel, with all replicas, handle no further message or tick after this one.

        It is then as after `Kernel.deactivate`: its queues keep what they hold, and `Kernel.activate` goes on
        with it. While the kernel is terminated with a drain, what is there is handled all the same.
        """

    @property
    def self_id(self) -> int:
        """The kernel's number in its runtime, from 0, which replicas share and a restart does not change."""

    @property
    def replica(self) -> int:
        """Which of the kernel's replicas this is, from 0."""

    @property
    def missed(self) -> int:
        """In a tick: how many before it were left out; else 0."""


class UserKernel(abc.ABC, Generic[State]):
    """A kernel that `Runtime.launch` takes, made by `kernel` or `KernelSource`.

    Attributes
    ----------
    name
        Of the kernel.
    outputs
        Names of the links out of it, in the order in which they are linked.
    counters
        Names of what it counts.
    """

    name: str
    outputs: tuple[str, ...]
    counters: tuple[str, ...]
    state: Any

    @property
    @abc.abstractmethod
    def source_hash(self) -> str:
        """A hash of its source without places in files, by which a recording knows it again."""

    @property
    def program(self) -> str:
        """Where the program has it, as ``"module:name"``; empty for a kernel in C++."""
        function = getattr(self, "function", None)
        module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
        return f"{module}:{name}" if module and name else ""

    @property
    @abc.abstractmethod
    def messages(self) -> tuple[type[_core.Message], ...]:
        """The classes of its messages; empty means any, and bytes."""

    @property
    @abc.abstractmethod
    def periods(self) -> list[int]:
        """Nanoseconds between two ticks, of each of its timers."""

    def prepare(self, backend: str) -> None:
        """Do what takes time before a launch on a backend; a later one does not do it again."""

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

    @abc.abstractmethod
    def _resume(
        self, states: Sequence[Any], first: Callable[[], Any]
    ) -> tuple[_core.UserKernel, bytes, list[bytes]]:
        """Return what takes another kernel's place natively, and bytes where it is compiled.

        Parameters
        ----------
        states
            Of the replicas, objects of the state's class.
        first
            Returns the state that a restart begins with.

        Returns
        -------
        tuple
            The native kernel, the bytes of the state that a restart begins with, and those of the replicas'.
        """


def no_default(kernel: str, state: type[Any], why: Exception) -> InvalidOption:
    """Return the error for a state that cannot be made of nothing."""
    return InvalidOption(
        f"kernel {kernel!r}: {state.__qualname__} has fields without a default; "
        f"give them one, or launch with state=... ({why})"
    )


def hash_of(text: str) -> str:
    """Return a short hash of a source."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def several(field: str, values: Any, of: str, fits: Callable[[Any], bool]) -> list[Any]:
    """Return a list of what is given; `InvalidOption` when it is no sequence of what fits."""
    try:
        listed = None if isinstance(values, str) else list(values)
    except TypeError:
        listed = None
    if listed is None or not all(fits(value) for value in listed):
        raise InvalidOption(f"{field} is {values!r}; it must be a sequence of {of}")
    return listed


def names_of(given: Sequence[str], field: str = "outputs", what: str = "link") -> tuple[str, ...]:
    """Return the names of links or counters; `InvalidOption` when they are none, or not unique."""
    names = several(field, given, f"names of {what}s", lambda name: isinstance(name, str) and name != "")
    if len(set(names)) != len(names):
        raise InvalidOption(f"{field} is {given!r}; it must name each {what} once")
    return tuple(instance(field, name, str) for name in names)

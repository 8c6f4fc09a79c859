"""Groups: kernels that restart and fail together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

from ringway import _core
from ringway.arguments import instance, made, real, whole
from ringway.errors import InvalidOption

Strategy = Literal["one_for_one", "one_for_all", "rest_for_one"]
STRATEGIES: tuple[Strategy, Strategy, Strategy] = ("one_for_one", "one_for_all", "rest_for_one")
RESTARTS = 3
WITHIN = 5.0  # seconds


@dataclasses.dataclass(frozen=True)
class GroupTelemetry:
    """A snapshot of a `Group`; see there for what the fields are."""

    name: str
    strategy: Strategy
    members: Sequence[str]
    restarts: int
    failure: str


class Group:
    """Kernels that restart and fail together, as `Runtime.group` makes them.

    Forgetting the object does not end the group.
    """

    __slots__ = ("_core",)

    def __init__(self, core: _core.KernelGroup) -> None:
        self._core = made(core, _core.KernelGroup, "Runtime.group")

    @property
    def name(self) -> str:
        """Its name, unique in its runtime."""
        return self._core.name

    @property
    def strategy(self) -> Strategy:
        """Which members begin anew when one has broken."""
        return STRATEGIES[self._core.strategy]

    @property
    def members(self) -> list[str]:
        """The names of its kernels, in its order; also of such as have ended since."""
        return self._core.members

    @property
    def restarts(self) -> int:
        """How many times it has restarted members."""
        return self._core.restarts

    @property
    def failure(self) -> str:
        """Why it failed, with the kernel that broke; empty when it did not."""
        return self._core.failure

    @property
    def dissolved(self) -> bool:
        """Whether `dissolve` was called."""
        return self._core.dissolved

    def dissolve(self) -> None:
        """Let each member be alone again; once more does nothing."""
        self._core.dissolve()

    def telemetry(self) -> GroupTelemetry:
        """Return a snapshot."""
        return telemetry_of(self._core)

    def __repr__(self) -> str:
        ended = "failed" if self.failure else "dissolved" if self.dissolved else f"{self.restarts} restarts"
        return f"<ringway group {self.name!r} of {len(self.members)} kernels, {self.strategy}, {ended}>"


def telemetry_of(core: _core.KernelGroup) -> GroupTelemetry:
    """Return a snapshot of a native group."""
    return GroupTelemetry(
        core.name, STRATEGIES[core.strategy], tuple(core.members), core.restarts, core.failure
    )


def make_group(
    runtime: _core.Runtime,
    kernels: Sequence[Any],
    of: type[Any],
    *,
    strategy: Strategy,
    restarts: int,
    within: float,
    name: str | None,
) -> Group:
    """Make one natively, of kernels of class ``of``; `InvalidOption` on an argument of another type."""
    if not isinstance(strategy, str) or strategy not in STRATEGIES:
        raise InvalidOption(f"strategy is {strategy!r}; it must be one of {', '.join(STRATEGIES)}")
    members = [instance("kernel", kernel, of)._core for kernel in kernels]
    limit = whole("restarts", restarts, "0 to 1000000")
    if not -1 <= limit <= 2**40:
        limit = -1
    return Group(
        _core.make_group(
            runtime,
            "" if name is None else instance("name", name, str),
            STRATEGIES.index(strategy),
            limit,
            real("within", within, "above 0 and at most 86400 seconds"),
            members,
        )
    )

"""Hot replacement: another kernel takes a running one's place between two messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_origin

from ringway import _core
from ringway.errors import InvalidOption, TypeMismatch
from ringway.interpreted.values import is_fixed, plain_class
from ringway.user_kernels import UserKernel

Migrate = Callable[[Any], Any]


class Replacing:
    """One call of ``replace``, checked; ``run`` does it.

    Attributes
    ----------
    given_up
        Whether the caller has, so that ``run`` is to leave all as it was where it still can.
    """

    def __init__(
        self, core: _core.Kernel, kernel: UserKernel[Any], migrate: Migrate | None, state: Any
    ) -> None:
        self._core = core
        if not isinstance(kernel, UserKernel):
            raise InvalidOption(
                f"kernel is {kernel!r}; it must be made by ringway.kernel or ringway.KernelSource"
            )
        self._kernel = kernel
        if migrate is not None and not callable(migrate):
            raise InvalidOption(f"migrate is {migrate!r}; it must be a function of the state, or None")
        if migrate is not None and state is not None:
            raise InvalidOption(
                "migrate and state are both given; migrate makes the state of what it was, state begins anew"
            )
        self._migrate, self._state = migrate, state
        self.given_up = False

    def run(self) -> None:
        """Compile, wait for the handlers that run, swap."""
        kernel = self._kernel
        kernel.prepare(self._core.backend)
        accepts = [_name(cls) for cls in kernel.messages]
        _core.replace_kernel(
            self._core,
            kernel.name,
            accepts,
            list(kernel.outputs),
            list(kernel.counters),
            kernel.periods,
            self._make,
        )

    def _make(
        self, states: list[Any], first: Callable[[], Any], messages: tuple[type[_core.Message], ...]
    ) -> tuple[_core.UserKernel, bytes, list[bytes]]:
        """Return what takes the place of replicas with these states, and that takes these messages."""
        if self.given_up:
            raise InvalidOption("the call was given up")
        mine = {_name(cls): cls for cls in self._kernel.messages}
        for cls in messages:
            if _wire(cls) != _wire(other := mine[_name(cls)]):
                raise TypeMismatch(
                    f"kernel {self._core.name!r} takes {_members(cls)}, kernel {self._kernel.name!r} "
                    f"{_members(other)}; messages that wait are of the first"
                )
        if self._state is not None:
            native, begins = self._kernel.begin(self._state, len(states), self._core.backend)
            return native, begins, [begins] * len(states)
        taken = self._kept if self._migrate is None else self._migrated
        return self._kernel._resume([taken(state) for state in states], lambda: taken(first()))

    def _migrated(self, state: Any) -> Any:
        assert self._migrate is not None
        made = self._migrate(_plain(state))
        kernel, wanted = self._kernel, _class_of(self._kernel.state)
        if wanted is not None and not isinstance(made, wanted):
            raise TypeMismatch(
                f"migrate returned a {type(made).__qualname__}; kernel {kernel.name!r} has a "
                f"{wanted.__qualname__}"
            )
        return made

    def _kept(self, state: Any) -> Any:
        wanted = _class_of(self._kernel.state)
        if wanted is None or (isinstance(state, wanted) and not is_fixed(wanted)):
            return state
        now = plain_class(type(state))
        if is_fixed(wanted) and is_fixed(now) and wanted.dtype() == now.dtype():
            return wanted.decode(state.encode())
        raise TypeMismatch(
            f"kernel {self._core.name!r} has a state of {_layout(now)}, kernel {self._kernel.name!r} one of "
            f"{_layout(wanted)}: give migrate=, a function that makes the new one of the old one, or state=, "
            "to begin anew"
        )


def _name(cls: type[_core.Message]) -> str:
    return str(_core.describe_message(cls)["name"])


def _wire(cls: type[_core.Message]) -> tuple[Any, ...]:
    facts = _core.describe_message(cls)
    return facts["form"], facts["size"], facts["members"]


def _members(cls: type[_core.Message]) -> str:
    members = _core.describe_message(cls)["members"]
    return f"{_name(cls)} ({', '.join(f'{name}: {kind}' for name, kind, *_ in members)})"


def _plain(state: Any) -> Any:
    """Return a struct as the program's class has it, copied; other objects themselves."""
    return plain_class(type(state)).decode(state.encode()) if is_fixed(type(state)) else state


def _class_of(annotated: Any) -> type[Any] | None:
    found = get_origin(annotated) or annotated
    return found if isinstance(found, type) else None


def _layout(cls: type[Any]) -> str:
    if not is_fixed(cls):
        return f"class {cls.__qualname__}"
    fields: Sequence[tuple[str, Any]] = [(name, kind) for name, (kind, *_) in cls.dtype().fields.items()]
    return f"{cls.__qualname__} ({', '.join(f'{name}: {kind}' for name, kind in fields)})"

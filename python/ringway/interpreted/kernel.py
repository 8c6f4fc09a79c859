"""``@ringway.kernel(mode="python")``."""

from __future__ import annotations

import ast
import contextlib
import copy
import inspect
import textwrap
import types
from collections.abc import Callable, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ringway import _core
from ringway.errors import InvalidOption, KernelError, TypeMismatch
from ringway.interpreted.handler import Handler, is_async
from ringway.interpreted.values import is_fixed, stored
from ringway.kernel_timers import HasTimers, Timers
from ringway.user_kernels import UserKernel, hash_of, no_default

_UNDECLARED = 4096  # bytes of a slot when the kernel's type does not say


class InterpretedKernel(HasTimers, UserKernel[Any]):
    """A kernel whose handler Python runs; it calls the function when it is called.

    Attributes
    ----------
    state
        The annotated class of its state, or None.
    thread
        ``"own"``: its handler runs on a thread of its own; ``"any"``: also on those that wait for an answer.
    """

    def __init__(
        self,
        function: Callable[[Any, Any, Any], Any],
        outputs: Sequence[str] | None,
        counters: Sequence[str] | None = None,
        thread: Literal["own", "any"] = "own",
    ) -> None:
        parameters = _parameters(function, 3, "a kernel takes (ctx, msg, state)")
        hints = _hints(function)
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.__doc__ = function.__doc__
        self._messages = _classes(hints.get(parameters[1]))
        self.state: Any = hints.get(parameters[2])
        self._named = {"send": outputs, "count": counters}
        self.outputs, self.counters = self._names("send", ()), self._names("count", ())
        self.thread = thread
        self._begun = False
        self._check_thread(function)

    def begin(self, state: Any, grid: int, backend: str) -> tuple[_core.UserKernel, bytes]:
        """Return what is launched natively."""
        new_state = self._new_state(state)
        first = state.encode() if is_fixed(type(state)) else b""
        opaque = state is not None and not first
        return self._native(new_state, [new_state() for _ in range(grid)], opaque=opaque), first

    def _resume(
        self, states: Sequence[Any], first: Callable[[], Any]
    ) -> tuple[_core.UserKernel, bytes, list[bytes]]:
        """Return what takes another kernel's place natively."""
        return self._native(lambda: stored(first()), [stored(state) for state in states]), b"", []

    @property
    def periods(self) -> list[int]:
        """Nanoseconds between two ticks, of each of its timers."""
        return [period for _, period in self.timers]

    @property
    def messages(self) -> tuple[type[_core.Message], ...]:
        """The classes of its messages; empty means any, and bytes."""
        return self._messages

    @property
    def source_hash(self) -> str:
        """A hash of its source and its timers', or of their bytecode where there is none."""
        called: list[Callable[..., Any]] = [self.function, *(tick for tick, _ in self.timers)]
        return hash_of("\n".join(_text(one) for one in called))

    def _native(
        self, new_state: Callable[[], Any], states: list[Any], *, opaque: bool = False
    ) -> _core.PythonKernel:
        self._begun = True
        facts = [_core.describe_message(cls) for cls in self.messages]
        sizes: list[int] = [fact["max_size"] for fact in facts]
        largest = 0 if 0 in sizes else max(sizes, default=0)
        return _core.PythonKernel(
            handler=Handler(self.function, self.messages, new_state, [tick for tick, _ in self.timers]),
            name=self.name,
            accepts=[fact["name"] for fact in facts],
            message_bytes=largest if largest > _UNDECLARED else 0,
            outputs=list(self.outputs),
            counters=list(self.counters),
            periods=self.periods,
            states=states,
            any_thread=self.thread == "any",
            source=self.source_hash,
            program=self.program,
            opaque_state=opaque,
        )

    def _set_timers(self, timers: Timers) -> None:
        ticks = [tick for tick, _ in timers]
        for tick in ticks:
            _parameters(tick, 2, "a timer's function takes (ctx, state)")
            self._check_thread(tick)
        self.outputs, self.counters = self._names("send", ticks), self._names("count", ticks)

    def _check_thread(self, function: Callable[..., Any]) -> None:
        if self.thread == "any" and is_async(function):
            name = getattr(function, "__qualname__", repr(function))
            raise KernelError(
                f"{name} is an async def, whose event loop belongs to one thread; leave thread='any' out"
            )

    def _has_begun(self) -> bool:
        return self._begun

    def _names(self, verb: str, ticks: Sequence[Callable[..., Any]]) -> tuple[str, ...]:
        """Return what was given for the links or counters, else what the functions' texts name, in order."""
        given = self._named[verb]
        if given is not None:
            return tuple(given)
        found = _named(self.function, _parameters(self.function, 3, "")[0], verb)
        for tick in ticks:
            found += _named(tick, _parameters(tick, 2, "")[0], verb)
        return tuple(dict.fromkeys(found))

    def _new_state(self, given: Any) -> Callable[[], Any]:
        """Return what makes a state: for each replica, and again for a restart."""
        if given is None:
            return self._default
        wanted = get_origin(self.state) or self.state
        if is_fixed(wanted) and type(given) is not wanted:
            raise TypeMismatch(
                f"state is a {type(given).__qualname__}; kernel {self.name!r} has a {wanted.__qualname__}"
            )
        if is_fixed(type(given)):
            kept = given.encode()
            return lambda: stored(type(given).decode(kept))
        try:
            first = copy.deepcopy(given)
        except Exception as error:
            raise TypeMismatch(
                f"state is a {type(given).__qualname__}, which cannot be copied, as each replica and a "
                f"restart need it: {error}; annotate the handler's state with a class that makes it"
            ) from error
        return lambda: copy.deepcopy(first)

    def _default(self) -> Any:
        if self.state is None or self.state is Any:
            return None
        if not callable(self.state):
            raise InvalidOption(f"kernel {self.name!r}: {self.state!r} makes no state; launch with state=...")
        try:
            return stored(self.state())
        except TypeError as error:
            raise no_default(self.name, self.state, error) from None

    def __call__(self, ctx: Any, msg: Any, state: Any) -> Any:
        """Call the function, as a test does; a coroutine when it is an ``async def``."""
        return self.function(ctx, msg, state)

    def __repr__(self) -> str:
        return f"<ringway kernel {self.name!r} in Python>"


def _text(called: Callable[..., Any]) -> str:
    named = inspect.unwrap(called)
    try:
        return textwrap.dedent(inspect.getsource(named))
    except (OSError, TypeError):
        code = getattr(named, "__code__", None)
        return repr((code.co_code, code.co_names)) if code else type(named).__qualname__


def _parameters(function: Callable[..., Any], takes: int, so: str) -> list[str]:
    try:
        given = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        given = []
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(given) != takes or any(parameter.kind not in plain for parameter in given):
        name = getattr(function, "__qualname__", repr(function))
        raise KernelError(f"{so}, {name} takes {len(given)} parameters")
    return [parameter.name for parameter in given]


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    named = inspect.unwrap(function)
    if not inspect.isfunction(named):
        named = type(function).__call__
    known = {}
    if inspect.isfunction(named):
        for name, cell in zip(named.__code__.co_freevars, named.__closure__ or (), strict=True):
            with contextlib.suppress(ValueError):  # not assigned yet
                known[name] = cell.cell_contents
    try:
        return get_type_hints(named, localns=known, include_extras=True)
    except Exception as error:
        raise KernelError(f"annotations of {named!r}: {error}") from None


def _classes(hint: Any) -> tuple[type[_core.Message], ...]:
    """Return the message classes that an annotation names."""
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    found = [option for option in options if isinstance(option, type) and issubclass(option, _core.Message)]
    return tuple(found) if len(found) == len(options) else ()


def _named(function: Callable[..., Any], ctx: str, verb: str) -> list[str]:
    """Return what calls of the context name, in order; none when the function's text is not to be had."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return []
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == verb
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == ctx
        and node.args
    ]
    calls.sort(key=lambda node: (node.lineno, node.col_offset))
    named = [call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)]
    return [name for name in named if isinstance(name, str)]

"""Kernels of a program's own that are compiled: translated from a Python function, or in C++."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ringway import _core
from ringway.arguments import instance
from ringway.compiled.portable import portable_text
from ringway.compiled.structs import c_name, is_struct_class, struct_of, type_id_of
from ringway.compiled.toolchain import compiled
from ringway.compiled.translator import Translation
from ringway.errors import InvalidOption, NotFound, TypeMismatch
from ringway.kernel_timers import HasTimers, Timers, period_of
from ringway.user_kernels import UserKernel, hash_of, names_of, no_default, several

State = TypeVar("State", bound=_core.Message)


class CompiledKernel(UserKernel[State]):
    """A kernel that is compiled at its first launch on a backend, for that.

    Attributes
    ----------
    name
        Of the kernel.
    source
        The C++ that is compiled.
    message, state
        The classes of its messages and of its state, both of fixed layout.
    outputs
        Names of the links out of it, in the order in which they are linked.
    counters
        Names of what it counts.
    """

    def __init__(
        self,
        name: str,
        source: str,
        *,
        message: type[_core.Message],
        state: type[State],
        outputs: Sequence[str],
        errors: Sequence[str],
        counters: Sequence[str],
        sends: Sequence[type[_core.Message]] = (),
        periods: Sequence[int] = (),
        cpu_only: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.source = source
        self.message = message
        self.state = state
        self.outputs = tuple(outputs)
        self.counters = tuple(counters)
        self._errors = list(errors)
        self._classes = (message, state, *sends)
        self._native: dict[str, _core.CompiledKernel | _core.PortableKernel] = {}
        self._periods = list(periods)
        self._cpu_only = list(cpu_only)
        self._compiling = threading.Lock()

    def begin(self, state: Any, grid: int, backend: str) -> tuple[_core.UserKernel, bytes]:
        """Return what is launched natively; each replica begins with the same bytes."""
        first = self.first_state(state)
        return self.compile(backend), first

    def prepare(self, backend: str) -> None:
        """Compile it for a backend."""
        self.compile(backend)

    def _resume(
        self, states: Sequence[Any], first: Callable[[], Any]
    ) -> tuple[_core.UserKernel, bytes, list[bytes]]:
        """Return what takes another kernel's place natively."""
        return self.compile(), self.first_state(first()), [self.first_state(state) for state in states]

    @property
    def source_hash(self) -> str:
        """A hash of its source without places in files."""
        lines = self.source.splitlines()
        return hash_of("\n".join(line for line in lines if not line.startswith("#line ")))

    @property
    def periods(self) -> list[int]:
        """Nanoseconds between two ticks, of each of its timers."""
        return list(self._periods)

    @property
    def messages(self) -> tuple[type[_core.Message], ...]:
        """The class of its messages, alone."""
        return (self.message,)

    def compile(self, backend: str = "cpu") -> _core.CompiledKernel | _core.PortableKernel:
        """Return the native form for a backend, made when it is not there yet.

        On the CPU it is compiled here; `KernelError` with the compiler's words. `NotFound` when there is no
        such backend.
        """
        known = {entry.name for entry in _core.backends()}
        if instance("backend", backend, str) not in known:
            raise NotFound(f"backend is {backend!r}; backends: {', '.join(sorted(known))}")
        if backend != "cpu" and self._cpu_only:
            raise InvalidOption(
                f"kernel {self.name!r} has {', '.join(self._cpu_only)}, which backend {backend!r} "
                'does not have yet; use Runtime("cpu")'
            )
        with self._compiling:
            if backend not in self._native:
                facts = [_core.describe_message(cls) for cls in (self.message, self.state)]
                made: dict[str, Any] = {
                    "name": self.name,
                    "accepts": [facts[0]["name"]],
                    "message_bytes": facts[0]["size"],
                    "state_bytes": facts[1]["size"],
                    "message_class": self.message,
                    "state_class": self.state,
                    "outputs": list(self.outputs),
                    "errors": self._errors,
                    "counters": list(self.counters),
                    "periods": self._periods,
                    "source": self.source_hash,
                    "program": self.program,
                }
                self._native[backend] = (
                    _core.CompiledKernel(path=str(compiled(self.source, self.name)), **made)
                    if backend == "cpu"
                    else _core.PortableKernel(
                        text=portable_text(self.name, self.source, self._classes, backend), **made
                    )
                )
            return self._native[backend]

    def first_state(self, given: Any) -> bytes:
        """Return the bytes of a state, or of the state's defaults."""
        if given is None:
            try:
                given = self.state()
            except TypeError as error:
                raise no_default(self.name, self.state, error) from None
        elif type(given) is not self.state:
            raise TypeMismatch(
                f"state is a {type(given).__qualname__}; kernel {self.name!r} has a {self.state.__qualname__}"
            )
        return bytes(given.encode())

    def __repr__(self) -> str:
        return f"<ringway kernel {self.name!r}: {self.message.__qualname__}, {self.state.__qualname__}>"


class TranslatedKernel(HasTimers, CompiledKernel[State]):
    """A kernel translated from a Python function, which it calls when it is called."""

    def __init__(
        self,
        function: Callable[[Any, Any, State], None],
        outputs: Sequence[str] | None,
        counters: Sequence[str] | None = None,
    ) -> None:
        self.function = function
        self._named = outputs, counters
        made = Translation(function, outputs, counters)
        super().__init__(
            function.__name__,
            made.text,
            message=made.message,
            state=made.state,
            outputs=made.outputs,
            errors=made.errors,
            sends=made.sends,
            counters=made.counters,
            cpu_only=made.cpu_only,
        )
        self.__doc__ = function.__doc__

    def _set_timers(self, timers: Timers) -> None:
        made = Translation(self.function, *self._named, [tick for tick, _ in timers])
        self.source, self._errors = made.text, made.errors
        self.outputs, self.counters = tuple(made.outputs), tuple(made.counters)
        self._periods, self._cpu_only = [period for _, period in timers], made.cpu_only
        self._classes = (self.message, self.state, *made.sends)

    def _has_begun(self) -> bool:
        return bool(self._native)

    def __call__(self, ctx: Any, msg: Any, state: State) -> None:
        """Run the function in Python, as a test does."""
        self.function(ctx, msg, state)


class KernelSource(CompiledKernel[State]):
    """A kernel in C++, in the dialect of ``ringway/kernel.h``.

    Parameters
    ----------
    source
        Defines ``RW_FN ringway::u32 step(RW_PRIVATE ringway::KernelContext& ctx,
        RW_SHARED const Message& msg, RW_STATE State& state)``, where the words in capitals are for Metal. It
        returns 0, or the number of an error text, 1 and up. ``Message`` and ``State`` are declared for it, as
        structs of the classes' names; so are the classes in ``uses``.
    message, state
        Classes made by ``@ringway.message(layout="struct")``.
    uses
        Further such classes, which it sends. The number of a type on the wire, as for ``ctx.emit``, is
        ``NAME_type_id``.
    name
        Of the kernel.
    outputs
        Names of the links out of it; output 1 is the first.
    errors
        Texts of its error numbers; number 1 is the first.
    counters
        Names of what it counts by ``ctx.count(number, n)``; counter 1 is the first.
    timers
        Seconds between two calls of a function ``RW_FN ringway::u32 NAME(ringway::KernelContext& ctx, State&
        state)``, by its name; see `HasTimers.timer`.
    """

    def __init__(
        self,
        source: str,
        *,
        message: type[_core.Message],
        state: type[State],
        uses: Sequence[type[_core.Message]] = (),
        name: str = "kernel_source",
        outputs: Sequence[str] = (),
        errors: Sequence[str] = (),
        counters: Sequence[str] = (),
        timers: Mapping[str, float] | None = None,
    ) -> None:
        instance("source", source, str)
        instance("name", name, str)
        uses = several("uses", uses, "message classes of fixed layout", is_struct_class)
        errors = several("errors", errors, "texts", lambda text: isinstance(text, str))
        ticks, counted = _timers(timers), names_of(counters, "counters", "counter")
        declared: dict[str, str] = {}
        for cls in (message, state, *uses):
            struct = struct_of(cls)
            for part in (*struct.parts, struct):
                declared[c_name(part.name)] = part.text
        numbers = "".join(
            f"enum : ringway::u32 {{ {c_name(cls.__qualname__)}_type_id = {type_id_of(cls):#x}u }};\n"
            for cls in dict.fromkeys((message, state, *uses))
        )
        first, second = c_name(message.__qualname__), c_name(state.__qualname__)
        super().__init__(
            name,
            "#include <ringway/kernel.h>\n"
            + "".join(declared.values())
            + numbers
            + f'#line 1 "{c_name(name)}"\n{source}\n#line 1 "ringway"\n'
            + f"RINGWAY_{'TIMED_' if ticks else ''}KERNEL({', '.join((first, second, 'step', *ticks))})\n",
            message=message,
            state=state,
            outputs=names_of(outputs),
            errors=["a message of another size than the kernel's", *errors],
            sends=uses,
            counters=counted,
            periods=list(ticks.values()),
            cpu_only=[*(["timers"] if ticks else []), *(["counters"] if counted else [])],
        )


def _timers(given: Mapping[str, float] | None) -> dict[str, int]:
    """Return periods in ns by the name of what is called."""
    if given is None:
        return {}
    names = list(given) if isinstance(given, Mapping) else [None]
    if not all(isinstance(name, str) and name.isidentifier() for name in names):
        raise InvalidOption(
            f"timers is {given!r}; it must name functions of the source, each with its seconds"
        )
    return {name: period_of(f"timers[{name!r}]", every) for name, every in given.items()}

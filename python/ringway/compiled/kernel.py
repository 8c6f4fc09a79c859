"""Kernels of a program's own: ``@ringway.kernel`` and ``KernelSource``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar, overload

from ringway import _core
from ringway.arguments import instance
from ringway.compiled.structs import c_name, is_struct_class, struct_of, type_id_of
from ringway.compiled.toolchain import compiled
from ringway.compiled.translator import Translation
from ringway.errors import InvalidOption, KernelError, TypeMismatch

State = TypeVar("State", bound=_core.Message)


class Context(Protocol):
    """What a handler may ask for, as its first parameter."""

    def send(self, link: str, message: _core.Message) -> None:
        """Send by a link out of the kernel, bare.

        Where it has no room, the kernel takes no further message until it has.
        """

    def reply(self, message: _core.Message) -> None:
        """Answer the message at hand."""

    def emit(self, message: _core.Message) -> None:
        """Send to the host: to whoever calls `Kernel.receive`."""

    def now_us(self) -> int:
        """Return the microseconds since the Unix epoch; the same for all messages of a batch."""


class CompiledKernel(Generic[State]):
    """A kernel that `Runtime.launch` takes, made by `kernel` or `KernelSource`.

    Attributes
    ----------
    name
        Of the kernel.
    source
        The C++ that is compiled, at the first launch.
    message, state
        The classes of its messages and of its state, both of fixed layout.
    outputs
        Names of the links out of it, in the order in which they are linked.
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
    ) -> None:
        self.name = name
        self.source = source
        self.message = message
        self.state = state
        self.outputs = tuple(outputs)
        self._errors = list(errors)
        self._native: _core.UserKernel | None = None
        self._compiling = threading.Lock()

    def compile(self) -> _core.UserKernel:
        """Return the native form, compiled when it is not yet; `KernelError` with the compiler's words."""
        with self._compiling:
            if self._native is None:
                facts = [_core.describe_message(cls) for cls in (self.message, self.state)]
                self._native = _core.UserKernel(
                    path=str(compiled(self.source, self.name)),
                    name=self.name,
                    accepts=[facts[0]["name"]],
                    message_bytes=facts[0]["size"],
                    state_bytes=facts[1]["size"],
                    state_type_id=facts[1]["type_id"],
                    outputs=list(self.outputs),
                    errors=self._errors,
                )
            return self._native

    def first_state(self, given: Any) -> bytes:
        """Return the bytes of a state, or of the state's defaults."""
        if given is None:
            try:
                given = self.state()
            except TypeError:
                raise InvalidOption(
                    f"kernel {self.name!r}: {self.state.__qualname__} has fields without a default; "
                    "give them one, or launch with state=..."
                ) from None
        elif type(given) is not self.state:
            raise TypeMismatch(
                f"state is a {type(given).__qualname__}; kernel {self.name!r} has a {self.state.__qualname__}"
            )
        return bytes(given.encode())

    def __repr__(self) -> str:
        return f"<ringway kernel {self.name!r}: {self.message.__qualname__}, {self.state.__qualname__}>"


class PythonKernel(CompiledKernel[State]):
    """A kernel translated from a Python function, which it calls when it is called."""

    def __init__(self, function: Callable[[Any, Any, State], None], outputs: Sequence[str] | None) -> None:
        made = Translation(function, outputs)
        super().__init__(
            function.__name__,
            made.text,
            message=made.message,
            state=made.state,
            outputs=made.outputs,
            errors=made.errors,
        )
        self.function = function
        self.__doc__ = function.__doc__

    def __call__(self, ctx: Any, msg: Any, state: State) -> None:
        """Run the function in Python, as a test does."""
        self.function(ctx, msg, state)


@overload
def kernel(function: Callable[[Any, Any, State], None], /) -> PythonKernel[State]: ...
@overload
def kernel(
    *, outputs: Sequence[str] | None = None
) -> Callable[[Callable[[Any, Any, State], None]], PythonKernel[State]]: ...
def kernel(function: Any = None, *, outputs: Sequence[str] | None = None) -> Any:
    """Make a function ``f(ctx, msg: Message, state: State) -> None`` into a compiled kernel.

    Message and state are classes made by ``@ringway.message(layout="struct")``; the state's defaults are what
    it begins with. The function may use numbers, fields and fixed arrays of them, locals, ``if``, ``for i in
    range``, ``while``, ``raise`` and ``assert`` with a text, functions of the module whose parameters and
    result are annotated with number types, numbers of the module, which are frozen here, `math`, and its
    `Context`. Arithmetic is NumPy's, but that an integer with an ``f32`` is an ``f32``; integers wrap.

    Parameters
    ----------
    outputs
        Names of the links out of it, in the order of `Runtime.link`; None: as the function names them first.

    Raises
    ------
    KernelError
        What the function does has no meaning in a compiled kernel; the text names file, line and column.
    """
    names = None if outputs is None else _names(outputs)
    if function is None:
        return lambda found: PythonKernel(found, names)
    if not callable(function):
        raise KernelError(f"{function!r} is no function; write @ringway.kernel above def f(ctx, msg, state)")
    return PythonKernel(function, names)


class KernelSource(CompiledKernel[State]):
    """A kernel in C++, in the dialect of ``ringway/kernel.h``.

    Parameters
    ----------
    source
        Defines ``RW_FN ringway::u32 step(ringway::KernelContext& ctx, const Message& msg, State& state)``,
        which returns 0, or the number of an error text, 1 and up. ``Message`` and ``State`` are declared for
        it, as structs of the classes' names; so are the classes in ``uses``.
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
    ) -> None:
        instance("source", source, str)
        instance("name", name, str)
        uses = _several("uses", uses, "message classes of fixed layout", is_struct_class)
        errors = _several("errors", errors, "texts", lambda text: isinstance(text, str))
        declared: dict[str, str] = {}
        for cls in (message, state, *uses):
            struct = struct_of(cls)
            for part in (*struct.parts, struct):
                declared[c_name(part.name)] = part.text
        numbers = "".join(
            f"constexpr ringway::u32 {c_name(cls.__qualname__)}_type_id = {type_id_of(cls):#x}u;\n"
            for cls in dict.fromkeys((message, state, *uses))
        )
        first, second = c_name(message.__qualname__), c_name(state.__qualname__)
        super().__init__(
            name,
            "#include <ringway/kernel.h>\n"
            + "".join(declared.values())
            + numbers
            + f'#line 1 "{c_name(name)}"\n{source}\n#line 1 "ringway"\n'
            + f"RINGWAY_KERNEL({first}, {second}, step)\n",
            message=message,
            state=state,
            outputs=_names(outputs),
            errors=["a message of another size than the kernel's", *errors],
        )


def _several(field: str, values: Any, of: str, fits: Callable[[Any], bool]) -> list[Any]:
    try:
        listed = None if isinstance(values, str) else list(values)
    except TypeError:
        listed = None
    if listed is None or not all(fits(value) for value in listed):
        raise InvalidOption(f"{field} is {values!r}; it must be a sequence of {of}")
    return listed


def _names(outputs: Any) -> tuple[str, ...]:
    names = _several("outputs", outputs, "names of links", lambda name: isinstance(name, str) and name != "")
    if len(set(names)) != len(names):
        raise InvalidOption(f"outputs is {outputs!r}; it must name each link once")
    return tuple(instance("outputs", name, str) for name in names)

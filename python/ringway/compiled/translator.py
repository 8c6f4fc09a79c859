"""From a Python handler to the C++ that `ringway/kernel.h` compiles.

Types of locals are inferred by repeating the pass until they stand still. A check, of an index or of a
division by zero, sets a flag; a statement stores only after the flags of all its parts were looked at, so
that one that fails stores nothing, as in Python.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Sequence
from typing import Any, get_type_hints

from ringway.compiled.scalars import F32, F64, I64, REAL, WHOLE, Array, Scalar, named_by
from ringway.compiled.source import Source
from ringway.compiled.statements import Statements
from ringway.compiled.structs import Struct, c_name, is_struct_class, struct_of
from ringway.errors import KernelError, SchemaError

_PASSES = 50


class Unit:
    """What a kernel and its helper functions share: structs, error texts, names of outputs, functions."""

    def __init__(self, outputs: Sequence[str] | None, counters: Sequence[str] | None) -> None:
        self.errors = ["a message of another size than the kernel's"]
        self.outputs: list[str] = list(outputs or ())
        self.outputs_are_fixed = outputs is not None
        self.counters: list[str] = list(counters or ())
        self.counters_are_fixed = counters is not None
        self.structs: dict[str, Struct] = {}
        self.sends: list[type[Any]] = []
        self.cpu_only: set[str] = set()  # what it asks of its context and other backends do not have
        self.real = F32
        self.helpers: dict[Callable[..., Any], Helper] = {}

    def error(self, text: str) -> int:
        """Return the number of an error text."""
        if text not in self.errors:
            self.errors.append(text)
        return self.errors.index(text)

    def use(self, struct: Struct) -> None:
        """Declare a struct, those that it contains first.

        Raises
        ------
        SchemaError
            Another one has its name, and is not the same.
        """
        for part in (*struct.parts, struct):
            if self.structs.setdefault(c_name(part.name), part).text != part.text:
                raise SchemaError(f"two classes named {part.name} are not the same; give one another name")


class Function(Statements):
    """One function under translation."""

    def __init__(
        self, unit: Unit, source: Source, roots: dict[str, Struct], parameters: dict[str, Scalar]
    ) -> None:
        self.unit = unit
        self.source = source
        self.roots = roots
        self.built: dict[str, type[Any]] = {}
        self.classes: dict[str, type[Any]] = {}
        self.parameters = parameters
        self.context: str | None = None
        self.message: str | None = None
        self.returns: Scalar | None = None
        self.is_handler = False
        self.is_tick = False
        self.whole: ast.expr | None = None
        self.written: set[str] = set()
        self.locals: dict[str, Scalar] = dict(parameters)
        self.assigned: set[str] = set(parameters)
        self.lines: list[str] = []
        self.depth = 1
        self.temporaries = 0
        self.checked = False

    def translate(self) -> None:
        """Translate the body until the types of its locals stand still."""
        for _ in range(_PASSES):
            before = dict(self.locals)
            self.lines, self.assigned, self.temporaries = [], set(self.parameters), 0
            ends = self.block(self.source.tree.body)
            if self.returns is not None and not ends:
                self.refuse(
                    self.source.tree, f"{self.source.name!r} may end without returning a {self.returns}"
                )
            if self.locals == before:
                return
        self.refuse(self.source.tree, "the types of its locals do not come to rest")

    def declarations(self) -> str:
        """C++ of the locals."""
        own = {name: kind for name, kind in self.locals.items() if name not in self.parameters}
        messages = "".join(f"  {c_name(self.roots[name].name)} {name}_{{}};\n" for name in self.built)
        return messages + "".join(f"  {self.strong(kind).text} {name}_ = 0;\n" for name, kind in own.items())

    def strong(self, scalar: Scalar) -> Scalar:
        """Return the type that a written number has where nothing else says."""
        return I64 if scalar is WHOLE else self.unit.real if scalar is REAL else scalar

    def refuse(self, node: ast.AST, what: str, remedy: str = "") -> Any:
        """Raise `KernelError` at a place of the source."""
        self.source.refuse(node, what, remedy)

    def helper(self, function: Callable[..., Any], node: ast.AST) -> Helper:
        """Return a Python function that is called, translated."""
        made = self.unit.helpers.get(function)
        if made is None:
            made = Helper(self.unit, function, len(self.unit.helpers))
            self.unit.helpers[function] = made
            made.translate()
            self.unit.helpers[function] = self.unit.helpers.pop(function)  # behind those that it calls
        elif not made.done:
            self.refuse(node, f"{function.__name__!r} calls itself", "write a loop")
        return made


class Helper:
    """A function that a kernel calls, of numbers and of messages or states, which it may change."""

    def __init__(self, unit: Unit, function: Callable[..., Any], number: int) -> None:
        self.done = False
        source = Source(function)
        hints = _hints(function, source)
        arguments = _plain_arguments(source)
        self.parameters: dict[str, Scalar | Struct] = {}
        classes: dict[str, type[Any]] = {}
        for argument in arguments:
            hint: Any = hints.get(argument.arg)
            scalar = named_by(hint)
            if scalar is not None:
                self.parameters[argument.arg] = scalar
                continue
            if not is_struct_class(hint):
                source.refuse(
                    argument,
                    f"parameter {argument.arg!r} needs a number type, or a message class of fixed layout",
                    "as in x: rw.f32",
                )
            struct = Translation.struct_at(unit, source, argument, hint)
            self.parameters[argument.arg], classes[argument.arg] = struct, hint
        returned = named_by(hints.get("return"))
        if returned is None and hints.get("return", self) is not type(None):
            source.refuse(
                source.tree, f"{source.name!r} needs the number type that it returns", "as in -> rw.f32"
            )
        self.returned = returned
        self.c_name = f"helper_{number}_{source.name}"
        structs = {name: kind for name, kind in self.parameters.items() if isinstance(kind, Struct)}
        numbers = {name: kind for name, kind in self.parameters.items() if isinstance(kind, Scalar)}
        self._body = Function(unit, source, structs, numbers)
        self._body.returns, self._body.classes = returned, classes

    def translate(self) -> None:
        """Translate it, after it is known by name, so that one that calls itself is found."""
        self._body.translate()
        self.done = True

    @property
    def written(self) -> set[str]:
        """Those of its parameters whose fields it changes."""
        return self._body.written & set(self.parameters)

    def text(self) -> str:
        """Its C++."""
        given = "".join(f"{self._parameter(name)} {name}_, " for name in self.parameters)
        spaces = [
            f"class {_space(name)}" for name, kind in self.parameters.items() if isinstance(kind, Struct)
        ]
        template = f"template <{', '.join(spaces)}>\n" if spaces else ""
        unused = "".join(f", (void){name}_" for name in self.parameters)
        kind = self.returned.text if self.returned else "void"
        return (
            f"{template}static {kind} {self.c_name}({given}RW_PRIVATE ringway::u32& error) {{\n"
            f"  ringway::u32 failed = 0;\n  (void)failed, (void)error{unused};\n"
            f"{self._body.declarations()}{''.join(self._body.lines)}\n  return {kind}(0);\n}}\n"
        )

    def _parameter(self, name: str) -> str:
        kind = self.parameters[name]
        if isinstance(kind, Scalar):
            return kind.text
        return f"{_space(name)}&"  # the struct and the memory in which it lies


class Translation:
    """A handler ``f(ctx, msg, state)`` in C++, with what its timers call, ``tick(ctx, state)``.

    Attributes
    ----------
    text
        The C++.
    errors
        Texts of its error numbers.
    outputs, counters
        Names of the links out of it, and of what it counts, in the order in which they are numbered.
    message, state
        The classes of its parameters.
    sends
        The classes of messages that it builds.
    cpu_only
        What it asks for that is there on the CPU alone.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        outputs: Sequence[str] | None,
        counters: Sequence[str] | None = None,
        ticks: Sequence[Callable[..., Any]] = (),
    ) -> None:
        unit = Unit(outputs, counters)
        source, arguments, hints = self._parts(function, 3, "a kernel takes (ctx, msg, state)")
        names = [argument.arg for argument in arguments]
        classes = [self._class(unit, source, arguments[i], hints.get(names[i])) for i in (1, 2)]
        self.message, self.state = classes
        structs = [struct_of(cls) for cls in classes]
        if any(_has_f64(struct) for struct in structs):
            unit.real = F64
        roots = dict(zip(names[1:], structs, strict=True))
        body = self._body(unit, source, names, roots, dict(zip(names[1:], classes, strict=True)))
        body.message = names[1]
        body.translate()
        handlers = [self._text(body, "step", names, roots, names[1])]
        called = []
        for number, tick in enumerate(ticks):
            called.append(f"tick_{number}")
            handlers.append(self._tick(unit, tick, called[-1]))
        words = ", ".join([*(c_name(struct.name) for struct in structs), "step", *called])
        self.text = (
            "#include <ringway/kernel.h>\nnamespace {\n"
            + "".join(struct.text for struct in unit.structs.values())
            + "".join(helper.text() for helper in unit.helpers.values())
            + "".join(handlers)
            + '}  // namespace\n#line 1 "ringway"\n'
            + f"RINGWAY_{'TIMED_' if ticks else ''}KERNEL({words})\n"
        )
        self.errors = unit.errors
        self.outputs = unit.outputs
        self.counters = unit.counters
        self.sends = unit.sends
        self.cpu_only = sorted({*unit.cpu_only, *(["timers"] if ticks else [])})

    @staticmethod
    def _parts(function: Callable[..., Any], takes: int, so: str) -> tuple[Source, list[ast.arg], Any]:
        source = Source(function)
        arguments = _plain_arguments(source)
        if len(arguments) != takes:
            source.refuse(source.tree, f"{so}, {source.name!r} takes {len(arguments)}")
        return source, arguments, _hints(function, source)

    @staticmethod
    def _body(
        unit: Unit, source: Source, names: list[str], roots: dict[str, Struct], classes: dict[str, type[Any]]
    ) -> Function:
        body = Function(unit, source, roots, {})
        body.context, body.is_handler, body.classes = names[0], True, classes
        return body

    def _tick(self, unit: Unit, function: Callable[..., Any], called: str) -> str:
        """C++ of what a timer calls."""
        source, arguments, hints = self._parts(function, 2, "a timer's function takes (ctx, state)")
        names = [argument.arg for argument in arguments]
        state = self._class(unit, source, arguments[1], hints.get(names[1]))
        if state is not self.state:
            source.refuse(
                arguments[1],
                f"parameter {names[1]!r} is a {state.__qualname__}",
                f"the kernel's state is a {self.state.__qualname__}",
            )
        roots = {names[1]: struct_of(state)}
        body = self._body(unit, source, names, roots, {names[1]: state})
        body.is_tick = True
        body.translate()
        return self._text(body, called, names, roots, None)

    @staticmethod
    def _text(
        body: Function, called: str, names: list[str], roots: dict[str, Struct], constant: str | None
    ) -> str:
        given = "".join(
            f", {'RW_SHARED const' if name == constant else 'RW_STATE'} {c_name(roots[name].name)}& {name}_"
            for name in names[1:]
        )
        unused = "".join(f", (void){name}_" for name in names)
        return (
            f"\nRW_FN ringway::u32 {called}(RW_PRIVATE ringway::KernelContext& {names[0]}_{given}) {{\n"
            + f"  ringway::u32 failed = 0, error = 0;\n  (void)failed, (void)error{unused};\n"
            + body.declarations()
            + "".join(body.lines)
            + "\n  return 0;\n}\n"
        )

    @staticmethod
    def _class(unit: Unit, source: Source, argument: ast.arg, hint: Any) -> type[Any]:
        if not is_struct_class(hint):
            said = (
                "no annotation" if hint is None else f"the annotation {getattr(hint, '__qualname__', hint)!r}"
            )
            source.refuse(
                argument,
                f"parameter {argument.arg!r} has {said}",
                'a kernel\'s message and state are classes made by @ringway.message(layout="struct")',
            )
        Translation.struct_at(unit, source, argument, hint)
        found: type[Any] = hint
        return found

    @staticmethod
    def struct_at(unit: Unit, source: Source, argument: ast.arg, hint: Any) -> Struct:
        """Return a parameter's struct, declared."""
        try:
            struct = struct_of(hint)
            unit.use(struct)
        except SchemaError as error:
            source.refuse(argument, str(error))
        return struct


def _space(parameter: str) -> str:
    return f"In_{parameter}"


def _has_f64(struct: Struct) -> bool:
    kinds = [kind.element if isinstance(kind, Array) else kind for kind in struct.fields.values()]
    return any(_has_f64(kind) if isinstance(kind, Struct) else kind is F64 for kind in kinds)


def _plain_arguments(source: Source) -> list[ast.arg]:
    given = source.tree.args
    if given.vararg or given.kwarg or given.kwonlyargs or given.defaults or given.posonlyargs:
        source.refuse(
            source.tree, f"{source.name!r} takes plain parameters only", "no defaults, no * and no /"
        )
    return given.args


def _hints(function: Callable[..., Any], source: Source) -> dict[str, Any]:
    names = inspect.getclosurevars(function).nonlocals
    try:
        return get_type_hints(function, localns=dict(names), include_extras=True)
    except Exception as error:
        raise KernelError(
            f"{source.file}:{source.tree.lineno}: annotations of {source.name!r}: {error}"
        ) from None

"""``@message``: an annotated class becomes a slotted, comparable class with a compiled wire form."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeVar, get_args, get_origin, overload

import numpy as np

from ringway import _core
from ringway.errors import SchemaError
from ringway.memorypack.annotations import SelfReference, notation
from ringway.memorypack.layout import describe, image_dtype
from ringway.types import ArrayOf, Role

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Callable[[Any], Any]:
        """Has a meaning for type checkers only."""
        return lambda decorated: decorated


Class = TypeVar("Class", bound=type[Any])
FORMS = ("object", "struct", "versioned")
RESERVED = ("encode", "decode", "encode_into", "layout", "dtype")
MUTABLE = (list, dict, set, bytearray, np.ndarray)


@dataclass(frozen=True)
class FieldDefault:
    """What ``field()`` gives."""

    given: bool
    factory: bool
    value: Any


@dataclass(frozen=True)
class Member:
    """A member of a message class, in wire order."""

    name: str
    annotation: Any
    default: FieldDefault


def field(*, default: Any = inspect.Parameter.empty, default_factory: Callable[[], Any] | None = None) -> Any:
    """Default of a member; a factory makes a fresh value for each object.

    Raises
    ------
    SchemaError
        The factory is no function, or there are both.
    """
    if default_factory is not None:
        if not callable(default_factory):
            raise SchemaError(
                f"default_factory is {default_factory!r}; it must be a function without arguments"
            )
        if default is not inspect.Parameter.empty:
            raise SchemaError(f"a field has default={default!r} or a default_factory, not both")
        return FieldDefault(True, True, default_factory)
    return FieldDefault(default is not inspect.Parameter.empty, False, default)


@overload
def message(cls: Class) -> Class: ...
@overload
def message(*, layout: str | None = None, name: str | None = None) -> Callable[[Class], Class]: ...


@dataclass_transform(field_specifiers=(field,), eq_default=True)
def message(cls: Any = None, *, layout: str | None = None, name: str | None = None) -> Any:
    """Compile an annotated class to a message class.

    Derive the class from `Message`, so that type checkers know its methods; without that it has them too.

    Parameters
    ----------
    layout : {"object", "struct", "versioned"}, optional
        ``"object"`` (the default) is MemoryPack's member count and members, ``"struct"`` the C memory
        image with its padding, ``"versioned"`` the version-tolerant form. A subclass takes its base's.
    name : str, optional
        Wire name, of which the type id is the FNV-1a hash. The class's name by default.

    Raises
    ------
    SchemaError
        An annotation without a wire form; the text names class and member.
    """
    if layout is not None and (not isinstance(layout, str) or layout not in FORMS):
        raise SchemaError(f"layout={layout!r} is none of {', '.join(FORMS)}")
    if name is not None and not (isinstance(name, str) and name.isprintable() and name):
        raise SchemaError(f"name={name!r} is no wire name; it must be printable text, or None")

    def build(raw: type[Any]) -> type[Any]:
        if not isinstance(raw, type):
            raise SchemaError(f"{raw!r} is no class; put @ringway.message before a class with annotations")
        if "__own_members__" in raw.__dict__:  # a second class of the name would be what arrives from then on
            raise SchemaError(f"{raw.__qualname__} is a message class already; derive another from it")
        return rebuild(raw, layout, name)

    return build if cls is None else build(cls)


def rebuild(raw: type[Any], layout: str | None, name: str | None) -> type[Any]:
    own = own_members(raw)
    inherited = [
        member for base in reversed(raw.__mro__[1:]) for member in base.__dict__.get("__own_members__", ())
    ]
    members = [*inherited, *own]
    check_order(raw, members)
    namespace = {key: value for key, value in raw.__dict__.items() if key not in ("__dict__", "__weakref__")}
    for member in own:
        namespace.pop(member.name, None)
    namespace |= {
        "__slots__": tuple(member.name for member in own),
        "__own_members__": tuple(own),
        "__message_members__": tuple(members),
        "__message_form__": layout or getattr(raw, "__message_form__", "object"),
        "__match_args__": tuple(member.name for member in members),
        "__message_dtype__": None,
        "__qualname__": raw.__qualname__,
    }
    for key, function in METHODS.items():
        if key not in namespace and not inherits(raw, key):
            namespace[key] = function
    bases = tuple(base for base in raw.__bases__ if base is not object)
    if not any(issubclass(base, _core.Message) for base in bases):
        bases = (_core.Message, *bases)
    try:
        metaclass: Any = type(raw)
        made: type[Any] = metaclass(raw.__name__, bases, namespace)
    except TypeError as error:
        raise SchemaError(f"{raw.__qualname__}: {error}") from error
    repair_super(raw, made)
    if getattr(made, "__parameters__", ()):
        setattr(made, "__class_getitem__", classmethod(specialize))  # noqa: B010 (a method of this class only)
        setattr(made, "__specializations__", {})  # noqa: B010
    else:
        compile_class(made, name or raw.__name__)
    return made


def inherits(raw: type[Any], key: str) -> bool:
    """Whether a class of the user's own, below Message, defines the method."""
    return any(
        key in base.__dict__ for base in raw.__mro__[1:] if base not in (object, _core.Message, Generic)
    )


def own_members(raw: type[Any]) -> list[Member]:
    scope = {raw.__name__: SelfReference}
    try:
        hints = typing.get_type_hints(raw, localns=scope, include_extras=True)
    except NameError as error:
        raise SchemaError(
            f"{raw.__qualname__}: {error}; a member's type must be defined before the class"
        ) from error
    members = []
    for key in inspect.get_annotations(raw):
        hint = hints[key]
        if get_origin(hint) is ClassVar or hint is ClassVar:
            continue
        where = f"{raw.__qualname__}.{key}"
        if key in RESERVED:
            raise SchemaError(f"{where}: the name is a method of message classes")
        default = raw.__dict__.get(key, FieldDefault(False, False, None))
        if not isinstance(default, FieldDefault):
            default = FieldDefault(True, False, default)
        if default.given and not default.factory and isinstance(default.value, MUTABLE):
            kind = type(default.value).__name__
            raise SchemaError(f"{where}: a {kind} as default would be shared; use field(default_factory=...)")
        members.append(Member(key, hint, default))
    return members


def check_order(raw: type[Any], members: list[Member]) -> None:
    seen: set[str] = set()
    optional = None
    for member in members:
        where = f"{raw.__qualname__}.{member.name}"
        if member.name in seen:
            raise SchemaError(f"{where}: a base class has this member")
        seen.add(member.name)
        if member.default.given:
            optional = member.name
        elif optional is not None and "__init__" not in raw.__dict__:
            raise SchemaError(f"{where}: has no default, and follows {optional}, which has one")


def compile_class(cls: Any, wire_name: str, arguments: dict[Any, Any] | None = None) -> None:
    fields = []
    roles = [-1, -1, -1]
    for index, member in enumerate(cls.__message_members__):
        annotation = substitute(member.annotation, arguments or {})
        try:
            form = notation(annotation)
        except SchemaError as error:
            raise SchemaError(f"{cls.__qualname__}.{member.name}: {error}") from None
        default = member.default
        fields.append([member.name, form, default.given, default.factory, default.value])
        for extra in get_args(annotation)[1:] if get_origin(annotation) is Annotated else ():
            if isinstance(extra, Role):
                roles[extra.index] = index
    _core.register_message(cls, wire_name, cls.__message_form__, fields, roles)
    cls.__message_name__ = wire_name
    if cls.__message_form__ == "struct":
        cls.__message_dtype__ = image_dtype(cls, [form for _, form, *_ in fields])
    if cls.__init__ is _core.Message.__init__ and cls.__new__ is object.__new__:
        _core.construct_natively(cls)


def substitute(annotation: Any, arguments: dict[Any, Any]) -> Any:
    """The annotation with type variables replaced."""
    if isinstance(annotation, TypeVar):
        return arguments.get(annotation, annotation)
    if isinstance(annotation, ArrayOf):
        return ArrayOf(substitute(annotation.element, arguments))
    if get_origin(annotation) is Annotated:
        inner, *extras = get_args(annotation)
        parts = (substitute(inner, arguments), *extras)
        alias: Any = Annotated
        return alias[parts]
    parameters = getattr(annotation, "__parameters__", ())
    if not parameters or not arguments:
        return annotation
    return annotation[tuple(arguments.get(parameter, parameter) for parameter in parameters)]


def specialize(cls: Any, arguments: Any) -> Any:
    """``Generic[...]`` of a message class: a compiled subclass, made once for each set of arguments."""
    given = arguments if isinstance(arguments, tuple) else (arguments,)
    if any(isinstance(argument, TypeVar) for argument in given):
        return super(cls, cls).__class_getitem__(arguments)
    made = cls.__specializations__.get(given)
    if made is not None:
        return made
    if len(given) != len(cls.__parameters__):
        raise TypeError(f"{cls.__name__} takes {len(cls.__parameters__)} types, got {len(given)}")
    names = ", ".join(wire_word(argument) for argument in given)
    namespace = {
        "__slots__": (),
        "__module__": cls.__module__,
        "__qualname__": f"{cls.__qualname__}[{names}]",
        "__doc__": cls.__doc__,
        "__generic__": (cls, arguments),
    }
    made = type(cls)(f"{cls.__name__}[{names}]", (cls,), namespace)
    compile_class(made, f"{cls.__name__}<{names}>", dict(zip(cls.__parameters__, given, strict=True)))
    cls.__specializations__[given] = made
    return made


def wire_word(argument: Any) -> str:
    name = getattr(argument, "__message_name__", None)
    if isinstance(name, str):
        return name
    form = notation(argument)
    return form if isinstance(form, str) else str(form)


def repair_super(raw: type[Any], made: type[Any]) -> None:
    """Methods that call ``super()`` hold the class that the decorator replaced."""
    for value in raw.__dict__.values():
        function = inspect.unwrap(value.__func__ if isinstance(value, (classmethod, staticmethod)) else value)
        for cell in getattr(function, "__closure__", None) or ():
            if cell.cell_contents is raw:
                cell.cell_contents = made


def represent(self: Any) -> str:
    members = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{type(self).__qualname__}({members})"


def restore(reference: Any, values: tuple[Any, ...]) -> Any:
    """An object from its pickled members, without its constructor."""
    cls = reference[0][reference[1]] if isinstance(reference, tuple) else reference
    made = object.__new__(cls)
    for name, value in zip(cls.__match_args__, values, strict=True):
        setattr(made, name, value)
    return made


def reduce(self: Any) -> tuple[Any, ...]:
    cls = type(self)
    reference = cls.__dict__.get("__generic__", cls)
    return restore, (reference, tuple(getattr(self, name) for name in self.__match_args__))


def print_layout(cls: Any) -> None:
    """Print the members with their offsets, sizes and wire types."""
    print(describe(cls))


def dtype_of(cls: Any) -> np.dtype[Any]:
    """NumPy structured type of a struct-form class."""
    if cls.__message_dtype__ is None:
        raise SchemaError(f'{cls.__qualname__} has no fixed layout; declare it with layout="struct"')
    made: np.dtype[Any] = cls.__message_dtype__
    return made


METHODS: dict[str, Any] = {
    "__repr__": represent,
    "__reduce__": reduce,
    "layout": classmethod(print_layout),
    "dtype": classmethod(dtype_of),
}

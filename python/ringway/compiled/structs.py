"""Message classes of fixed layout as C structs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ringway import _core
from ringway.compiled.scalars import BOOL, BY_DTYPE, Array, Scalar
from ringway.errors import SchemaError


@dataclasses.dataclass(frozen=True)
class Struct:
    """A struct's fields by name, with their types, and the C++ that declares it and checks its layout."""

    name: str
    fields: dict[str, Scalar | Array | Struct]
    text: str
    parts: tuple[Struct, ...]  # whose declarations come first

    def __str__(self) -> str:
        return self.name


def is_struct_class(cls: Any) -> bool:
    """Whether it is a message class of fixed layout."""
    return isinstance(cls, type) and issubclass(cls, _core.Message) and hasattr(cls, "__message_dtype__")


def struct_of(cls: type[Any]) -> Struct:
    """Return a message class's struct.

    Raises
    ------
    SchemaError
        The class has no fixed layout, or a field of a type that kernels do not have.
    """
    if not is_struct_class(cls):
        name = getattr(cls, "__qualname__", repr(cls))
        raise SchemaError(
            f'{name} is no message class of fixed layout; declare it with @message(layout="struct")'
        )
    return _struct(cls.__qualname__, cls.dtype())


def _struct(name: str, dtype: np.dtype[Any]) -> Struct:
    fields: dict[str, Scalar | Array | Struct] = {}
    lines: list[str] = []
    checks: list[str] = []
    parts: list[Struct] = []
    word = c_name(name)
    assert dtype.fields is not None
    for field, (kind, offset, *_) in dtype.fields.items():
        made = _field(f"{name}.{field}", kind)
        fields[field] = made
        element = made.element if isinstance(made, Array) else made
        if isinstance(element, Struct):
            parts += [*element.parts, element]
            text = c_name(element.name)
        else:
            text = "ringway::u8" if element is BOOL else element.text
        lines.append(f"  {text} {c_field(field)}{f'[{made.count}]' if isinstance(made, Array) else ''};\n")
        checks.append(
            f'static_assert(__builtin_offsetof({word}, {c_field(field)}) == {offset}, "{name}.{field}");\n'
        )
    checks.append(f'static_assert(sizeof({word}) == {dtype.itemsize}, "{name}");\n')
    return Struct(name, fields, f"struct {word} {{\n{''.join(lines)}}};\n{''.join(checks)}", tuple(parts))


def _field(name: str, dtype: np.dtype[Any]) -> Scalar | Array | Struct:
    if dtype.subdtype is not None:
        element = _field(name, dtype.subdtype[0])
        if isinstance(element, Scalar) and len(dtype.subdtype[1]) == 1:
            return Array(element, dtype.subdtype[1][0])
    elif dtype.fields is not None:
        return _struct(name, dtype)
    elif dtype in BY_DTYPE:
        return BY_DTYPE[dtype]
    raise SchemaError(
        f"{name} is of a type that compiled kernels do not have: {dtype}; "
        "they have bool, i8 to u64, f32, f64, arrays of these and structs"
    )


# Python's names that C++, or Metal's or CUDA's form of it, has taken.
_TAKEN = frozenset(
    [
        "alignas",
        "alignof",
        "asm",
        "auto",
        "bool",
        "case",
        "catch",
        "char",
        "concept",
        "coherent",
        "const",
        "constant",
        "constexpr",
        "decltype",
        "default",
        "delete",
        "device",
        "do",
        "double",
        "enum",
        "explicit",
        "export",
        "extern",
        "float",
        "friend",
        "fragment",
        "goto",
        "half",
        "inline",
        "int",
        "kernel",
        "long",
        "mutable",
        "namespace",
        "new",
        "noexcept",
        "operator",
        "private",
        "protected",
        "public",
        "register",
        "requires",
        "restrict",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "switch",
        "template",
        "this",
        "thread",
        "threadgroup",
        "throw",
        "typedef",
        "typeid",
        "typename",
        "union",
        "uchar",
        "uint",
        "ulong",
        "unsigned",
        "ushort",
        "using",
        "vertex",
        "virtual",
        "void",
        "volatile",
    ]
)


def c_field(name: str) -> str:
    """Return a field's name in C++: with an underscore where C++ has a meaning for it."""
    return f"{name}_" if name in _TAKEN else name


def defaults_of(cls: type[Any]) -> dict[str, Any]:
    """Return the defaults of a message class's fields that have one."""
    given = [(member.name, member.default) for member in cls.__message_members__ if member.default.given]
    return {name: default.value() if default.factory else default.value for name, default in given}


def type_id_of(cls: type[Any]) -> int:
    """Return the number of a message class on the wire."""
    return int(_core.describe_message(cls)["type_id"])


def c_name(name: str) -> str:
    """Return a class's name as one word of C++."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)

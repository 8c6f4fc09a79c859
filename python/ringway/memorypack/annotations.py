"""Annotations of a message class as the schema notation that the native codec compiles."""

from __future__ import annotations

import enum
import types
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import numpy as np

from ringway import _core
from ringway.errors import SchemaError
from ringway.types import (
    PYTHON_TYPES,
    ArrayOf,
    Dims,
    Length,
    MaxLength,
    PairForm,
    Tags,
    TupleForm,
    Wire,
)

DTYPES: dict[str, str] = {
    "bool": "?",
    "int8": "<i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "uint8": "<u1",
    "uint16": "<u2",
    "uint32": "<u4",
    "uint64": "<u8",
    "float16": "<f2",
    "float32": "<f4",
    "float64": "<f8",
}


class SelfReference:
    """Stands for the class that is being compiled."""


def last(extras: tuple[Any, ...], kind: type[Any]) -> Any:
    """The marker of that kind nearest to the use."""
    found = [extra for extra in extras if isinstance(extra, kind) or extra is kind]
    return found[-1] if found else None


def notation(annotation: Any, extras: tuple[Any, ...] = ()) -> Any:
    """Schema notation of an annotation; SchemaError with the reason when it has no wire form."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return notation(inner, (*more, *extras))
    form = bare(annotation, extras)
    bound = last(extras, MaxLength)
    if bound is None:
        return form
    if isinstance(form, dict) and "optional" in form:
        return {"optional": {"bounded": [form["optional"], bound.most]}}
    return {"bounded": [form, bound.most]}


def bare(annotation: Any, extras: tuple[Any, ...]) -> Any:
    wire = last(extras, Wire)
    if annotation is SelfReference:
        return {"message": None}
    if isinstance(annotation, ArrayOf):
        return array(annotation.element, extras)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return enumeration(annotation, wire)
    if get_origin(annotation) in (Union, types.UnionType):
        return union(get_args(annotation), extras)
    if wire is not None:
        return wire.notation
    if isinstance(annotation, type) and issubclass(annotation, _core.Message):
        return {"message": annotation}
    known = PYTHON_TYPES.get(annotation) if isinstance(annotation, type) else None
    if known is not None:
        return known
    if get_origin(annotation) in (list, set, frozenset, dict, tuple):
        return collection(get_origin(annotation), get_args(annotation), extras)
    if isinstance(annotation, TypeVar):
        raise SchemaError(f"type variable {annotation} without a type")
    raise SchemaError(f"{annotation!r} has no wire form")


def collection(origin: Any, arguments: tuple[Any, ...], extras: tuple[Any, ...]) -> Any:
    if origin is list:
        return {"list": notation(arguments[0])}
    if origin in (set, frozenset):
        return {"set": hashable(arguments[0])}
    if origin is dict:
        return {"map": [hashable(arguments[0]), notation(arguments[1])]}
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        raise SchemaError("a tuple of any length has no wire form; use list[...]")
    members = [notation(argument) for argument in arguments]
    if last(extras, PairForm) is not None:
        return {"pair": members}
    return {"tuple" if last(extras, TupleForm) is not None else "valuetuple": members}


def hashable(annotation: Any) -> Any:
    """Notation of a set's element or a dict's key, which Python must be able to hash."""
    form = notation(annotation)
    names = set(form) if isinstance(form, dict) else set()
    if names & {"list", "array", "set", "map", "message", "union", "ndarray", "fixed"}:
        raise SchemaError(f"{annotation!r} cannot be the element of a set or the key of a dict")
    return form


def enumeration(cls: type[enum.Enum], wire: Wire | None) -> Any:
    if not issubclass(cls, int):
        raise SchemaError(f"{cls.__name__} is no IntEnum or IntFlag")
    return {"enum": wire.notation if wire is not None else "int32", "class": cls}


def union(arguments: tuple[Any, ...], extras: tuple[Any, ...]) -> Any:
    inner = [argument for argument in arguments if argument is not type(None)]
    if len(inner) == 1:
        rest = tuple(extra for extra in extras if not isinstance(extra, MaxLength))
        return {"optional": notation(inner[0], rest)}
    tags = last(extras, Tags)
    numbers = tags.tags if tags is not None else tuple(range(len(inner)))
    if len(numbers) != len(inner):
        raise SchemaError(f"{len(numbers)} tags for a union of {len(inner)} classes")
    for argument in inner:
        if not (isinstance(argument, type) and issubclass(argument, _core.Message)):
            raise SchemaError(f"{argument!r} in a union is no message class")
    form = {"union": [[number, {"message": cls}] for number, cls in zip(numbers, inner, strict=True)]}
    return {"optional": form} if len(inner) < len(arguments) else form


def array(element: Any, extras: tuple[Any, ...]) -> Any:
    form = notation(element)
    dtype = element_dtype(form)
    if dtype is None:
        raise SchemaError(f"{element!r} cannot be the element of an Array; use list[...]")
    count, dims = last(extras, Length), last(extras, Dims)
    if count is not None:
        return {"fixed": [form, count.count], "dtype": dtype}
    if dims is not None:
        return {"ndarray": [form, dims.rank], "dtype": dtype}
    return {"array": form, "dtype": dtype}


def element_dtype(form: Any) -> np.dtype[Any] | None:
    """NumPy type of an unmanaged wire type; None for those that have none."""
    if isinstance(form, str):
        code = DTYPES.get(form)
        return np.dtype(code) if code is not None else None
    if "enum" in form:
        return element_dtype(form["enum"])
    if "fixed" in form:
        return np.dtype((form["dtype"], (form["fixed"][1],)))
    cls = form.get("message")
    return cls.__message_dtype__ if cls is not None else None

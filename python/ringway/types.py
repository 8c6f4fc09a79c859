"""Wire types for the annotations of message classes, as ``rw.f32`` or ``rw.Array[rw.f32]``.

To a type checker they are the Python types that the members hold: ``f32`` is ``float``,
``Array[...]`` an ndarray.
"""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar, Union

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Wire:
    """Marks an annotation with a type of the schema notation."""

    notation: str


@dataclass(frozen=True)
class Role:
    """Marks a member that equals one of the envelope's: 0 message id, 1 correlation, 2 priority."""

    index: int


@dataclass(frozen=True)
class MaxLength:
    """Largest number of elements, or of UTF-8 bytes, so that a message class has a largest size."""

    most: int


@dataclass(frozen=True)
class Length:
    """Number of elements of an array inside a struct-form message; shorter values are filled with zeros."""

    count: int


@dataclass(frozen=True)
class Dims:
    """Number of dimensions of an array, 2 to 4."""

    rank: int


class Tags:
    """Wire tags of a union's classes in their order; without it they are 0, 1, 2, ..."""

    def __init__(self, *tags: int) -> None:
        self.tags = tags


class TupleForm:
    """Marks a tuple as .NET's reference type ``Tuple``; without it a tuple is a ``ValueTuple``."""


class PairForm:
    """Marks a two-tuple as .NET's ``KeyValuePair``."""


i8 = Annotated[int, Wire("int8")]
i16 = Annotated[int, Wire("int16")]
i32 = Annotated[int, Wire("int32")]
i64 = Annotated[int, Wire("int64")]
i128 = Annotated[int, Wire("int128")]
u8 = Annotated[int, Wire("uint8")]
u16 = Annotated[int, Wire("uint16")]
u32 = Annotated[int, Wire("uint32")]
u64 = Annotated[int, Wire("uint64")]
u128 = Annotated[int, Wire("uint128")]
f16 = Annotated[float, Wire("float16")]
f32 = Annotated[float, Wire("float32")]
f64 = Annotated[float, Wire("float64")]
char = Annotated[str, Wire("char")]
big_integer = Annotated[int, Wire("biginteger")]
uri = Annotated[str, Wire("uri")]
date_time_offset = Annotated[datetime.datetime, Wire("datetimeoffset")]

MessageId = Annotated[uuid.UUID, Wire("guid"), Role(0)]
CorrelationId = Annotated[uuid.UUID | None, Role(1)]
Priority = Annotated[int, Wire("uint8"), Role(2)]

# Wire types of plain Python annotations.
PYTHON_TYPES: dict[Any, str] = {
    bool: "bool",
    int: "int64",
    float: "float64",
    str: "string",
    bytes: "bytes",
    uuid.UUID: "guid",
    Decimal: "decimal",
    datetime.datetime: "datetime",
    datetime.timedelta: "timespan",
    datetime.date: "dateonly",
    datetime.time: "timeonly",
    np.bool_: "bool",
    np.int8: "int8",
    np.int16: "int16",
    np.int32: "int32",
    np.int64: "int64",
    np.uint8: "uint8",
    np.uint16: "uint16",
    np.uint32: "uint32",
    np.uint64: "uint64",
    np.float16: "float16",
    np.float32: "float32",
    np.float64: "float64",
}

Element = TypeVar("Element")


@dataclass(frozen=True)
class ArrayOf:
    """What ``Array[element]`` is at run time."""

    element: Any

    def __or__(self, other: Any) -> Any:
        return Union[self, other]  # noqa: UP007 (made at run time)

    def __ror__(self, other: Any) -> Any:
        return Union[other, self]  # noqa: UP007

    def __call__(self) -> None:  # typing takes only callables for types
        raise TypeError(
            "Array[...] is an annotation; use a NumPy array or a sequence of numbers as the value"
        )


if TYPE_CHECKING:

    class _ArrayOf(np.ndarray[Any, np.dtype[Any]], Generic[Element]): ...

    Array = Union[npt.NDArray[Any], _ArrayOf[Element]]  # noqa: UP007 (an alias with a type variable)
else:

    class Array:
        """A NumPy array of unmanaged elements: ``Array[rw.f32]``; lists and tuples are encoded too."""

        def __class_getitem__(cls, element: Any) -> ArrayOf:
            return ArrayOf(element)

"""Number types of compiled kernels, and what two of them make together.

Integers among themselves follow NumPy's promotion, and a number written in the source takes the other side's
type, as in NumPy 2. One rule differs: an integer with an ``f32`` is an ``f32``, since not every processor has
an ``f64``.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, get_args, get_origin

import numpy as np

from ringway.types import PYTHON_TYPES, Wire


@dataclasses.dataclass(frozen=True)
class Scalar:
    """A number type: its name in Python and in C++, and its NumPy dtype, which a written number lacks."""

    name: str
    text: str
    dtype: np.dtype[Any] | None
    floating: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def weak(self) -> bool:
        """Whether it stands for a number written in the source."""
        return self.dtype is None


@dataclasses.dataclass(frozen=True)
class Array:
    """So many numbers of one type in a row, inside a struct."""

    element: Scalar
    count: int

    def __str__(self) -> str:
        return f"{self.element}[{self.count}]"


BOOL = Scalar("bool", "bool", np.dtype(np.bool_))
I64 = Scalar("i64", "ringway::i64", np.dtype(np.int64))
U64 = Scalar("u64", "ringway::u64", np.dtype(np.uint64))
F32 = Scalar("f32", "float", np.dtype(np.float32), floating=True)
F64 = Scalar("f64", "double", np.dtype(np.float64), floating=True)
WHOLE = Scalar("whole number", "ringway::i64", None)
REAL = Scalar("number", "float", None, floating=True)

BY_DTYPE: dict[np.dtype[Any], Scalar] = {
    scalar.dtype: scalar
    for scalar in (
        BOOL,
        Scalar("i8", "ringway::i8", np.dtype(np.int8)),
        Scalar("i16", "ringway::i16", np.dtype(np.int16)),
        Scalar("i32", "ringway::i32", np.dtype(np.int32)),
        I64,
        Scalar("u8", "ringway::u8", np.dtype(np.uint8)),
        Scalar("u16", "ringway::u16", np.dtype(np.uint16)),
        Scalar("u32", "ringway::u32", np.dtype(np.uint32)),
        U64,
        F32,
        F64,
    )
    if scalar.dtype is not None
}
_BY_WIRE = {scalar.dtype.name: scalar for scalar in BY_DTYPE.values() if scalar.dtype is not None}


def named_by(annotation: Any) -> Scalar | None:
    """Return the number type that an annotation or a callable names: ``rw.f32``, ``np.int32``, ``float``."""
    if get_origin(annotation) is Annotated:
        marks = [extra for extra in get_args(annotation)[1:] if isinstance(extra, Wire)]
        return _BY_WIRE.get(marks[-1].notation) if marks else None
    try:
        return _BY_WIRE.get(PYTHON_TYPES.get(annotation, ""))
    except TypeError:  # not hashable
        return None


def joined(a: Scalar, b: Scalar, real: Scalar) -> Scalar | None:
    """Return the type in which two numbers meet, or None: `i64` and `u64` have none.

    ``real`` is what a written number with a point is beside integers.
    """
    if a is b:
        return a
    if a.weak or b.weak:
        strong, weak = (b, a) if a.weak else (a, b)
        if strong.weak:
            return REAL
        if weak is WHOLE:
            return I64 if strong is BOOL else strong
        return strong if strong.floating else real
    if a.floating or b.floating:
        return F64 if F64 in (a, b) else F32
    assert a.dtype is not None
    assert b.dtype is not None
    return BY_DTYPE.get(np.promote_types(a.dtype, b.dtype)) if {a, b} != {I64, U64} else None


def fits(value: int, scalar: Scalar) -> bool:
    """Whether an integer type holds the value."""
    if scalar.dtype is None or scalar.floating or scalar is BOOL:
        return -(2**63) <= value < 2**63
    limits = np.iinfo(scalar.dtype)
    return int(limits.min) <= value <= int(limits.max)

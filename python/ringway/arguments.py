"""Checks of what callers pass: `InvalidOption` names the argument, its value and what is accepted there.

Here are the types; ranges are checked by the native core, so that they stand in one place.
"""

from __future__ import annotations

import operator
from numbers import Real
from typing import Any, TypeVar

import numpy as np

from ringway.errors import InvalidOption, TypeMismatch

T = TypeVar("T")
INT64 = range(-(2**63), 2**63)


def whole(field: str, value: Any, must: str) -> int:
    """Return a whole number as an int of 64 bits; ``must`` says what the argument has to be."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number not in INT64:
        raise InvalidOption(f"{field} is {value!r}; it must be {must}")
    return number


def real(field: str, value: Any, must: str) -> float:
    """Return a real number as a float; ``must`` says what the argument has to be."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidOption(f"{field} is {value!r}; it must be {must}")
    try:
        return float(value)
    except OverflowError:
        raise InvalidOption(f"{field} is {value!r}; it must be {must}") from None


def flag(field: str, value: Any) -> bool:
    """Return True or False; other values that Python takes for one of them are mistakes."""
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidOption(f"{field} is {value!r}; it must be True or False")
    return bool(value)


def made(value: Any, kind: type[T], how: str) -> T:
    """Return an object of a native class that users do not make; ``how`` says what makes it."""
    if not isinstance(value, kind):
        raise TypeMismatch(f"{value!r} is no native {kind.__name__}; {how} makes these objects")
    return value


def seconds(value: Any, otherwise: float) -> float:
    """Return a time-out; None is ``otherwise``."""
    if value is None:
        return otherwise
    must = "0 or more seconds, or None"
    number = real("timeout", value, must)
    if not number >= 0:
        raise InvalidOption(f"timeout is {value!r}; it must be {must}")
    return number


def instance(field: str, value: Any, kind: type[T]) -> T:
    """Return an object of that class."""
    if not isinstance(value, kind):
        library = "" if kind.__module__ == "builtins" else "ringway."
        raise InvalidOption(f"{field} is {value!r}; it must be a {library}{kind.__qualname__}")
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InvalidOption(
            f"{field} is {value!r}, which holds half a character; it must be whole Unicode text"
        )
    return value

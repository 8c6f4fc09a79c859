"""Whether two messages of a class are the same, but for members that may differ and numbers' rounding."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ringway import _core
from ringway.errors import InvalidOption


class Ignored:
    """Members that need not be the same, given as ``"Class.member"``."""

    def __init__(self, always: Iterable[str], names: Iterable[str]) -> None:
        try:
            listed = None if isinstance(names, str) else list(names)
        except TypeError:
            listed = None
        if listed is None:
            raise InvalidOption(f"ignore is {names!r}; it must be a list of 'Class.member'")
        self._names = set(always)
        for name in listed:
            if not isinstance(name, str) or not re.fullmatch(r"[^\s.]\S*\.[^\s.]+", name):
                raise InvalidOption(f"ignore holds {name!r}; each must be 'Class.member'")
            self._names.add(name)

    def holds(self, kind: type, member: str) -> bool:
        """Whether that member of that class is ignored."""
        return f"{kind.__name__}.{member}" in self._names


def same_values(mine: Any, other: Any, tolerance: float, ignored: Ignored) -> bool:
    """Compare two values; floating-point numbers within ``tolerance`` times the larger of 1 and ``mine``."""
    if type(mine) is not type(other):
        return False
    if isinstance(mine, _core.Message):
        return all(
            ignored.holds(type(mine), name)
            or same_values(getattr(mine, name), getattr(other, name), tolerance, ignored)
            for name in vars(type(mine))["__match_args__"]
        )
    if isinstance(mine, np.ndarray):
        return _same_arrays(mine, other, tolerance)
    if isinstance(mine, (float, np.floating)):
        return _same_numbers(float(mine), float(other), tolerance)
    if isinstance(mine, Mapping):
        return mine.keys() == other.keys() and all(
            same_values(mine[key], other[key], tolerance, ignored) for key in mine
        )
    if isinstance(mine, Sequence) and not isinstance(mine, (str, bytes, bytearray, memoryview)):
        return len(mine) == len(other) and all(
            same_values(a, b, tolerance, ignored) for a, b in zip(mine, other, strict=True)
        )
    return bool(mine == other)


def _same_numbers(mine: float, other: float, tolerance: float) -> bool:
    if math.isnan(mine) or math.isnan(other):
        return math.isnan(mine) and math.isnan(other)
    return mine == other or abs(mine - other) <= tolerance * max(1.0, abs(mine))


def _same_arrays(mine: np.ndarray[Any, Any], other: np.ndarray[Any, Any], tolerance: float) -> bool:
    if mine.shape != other.shape or mine.dtype != other.dtype:
        return False
    if not np.issubdtype(mine.dtype, np.floating):
        return bool(np.array_equal(mine, other))
    with np.errstate(invalid="ignore"):
        near = np.abs(mine - other) <= tolerance * np.maximum(1.0, np.abs(mine))
    return bool(np.all(near | (mine == other) | (np.isnan(mine) & np.isnan(other))))

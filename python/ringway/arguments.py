"""Checks of what callers pass; a wrong type or value raises `InvalidOption` with the argument's name."""

from __future__ import annotations

import operator
from typing import Any

from ringway.errors import InvalidOption


def whole(field: str, value: Any, low: int, high: int, instead: str = "") -> int:
    """Return a whole number from ``low`` to ``high``; ``instead`` names what else is accepted."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or not low <= number <= high:
        raise InvalidOption(f"{field} is {value!r}; it must be a whole number, {low} to {high}{instead}")
    return number

"""Types of arguments: numbers in their ranges, refused in words before anything runs."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import ringway as rw


def number(low: float, high: float = math.inf) -> Callable[[str], float]:
    """A finite number from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not (low <= value <= high and math.isfinite(value)):
            most = "" if high == math.inf else f" and at most {high:g}"
            raise argparse.ArgumentTypeError(f"{text} is outside the range: at least {low:g}{most}")
        return value

    return parse


def count(low: int) -> Callable[[str], int]:
    """A whole number of at least `low`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < low:
            raise argparse.ArgumentTypeError(f"{text} is outside the range: at least {low}")
        return value

    return parse


def backend_names() -> tuple[str, ...]:
    """What a backend can be chosen by: the names of the registry, present or not, and ``auto``."""
    return ("auto", *rw.backends())

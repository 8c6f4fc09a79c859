"""The slot queue between two native threads, beside the least that the same two cores need."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ringway import _core
from ringway.bench.rows import interleave, row
from ringway.errors import Error


def rate(messages: int, batch: int) -> float:
    """Millions of 56-byte messages per second; every byte is compared."""
    seconds, wrong = _core.selftest_throughput(messages, batch)
    if wrong:
        raise Error(f"{wrong} messages arrived with other bytes than were sent")
    return messages / seconds / 1e6


def measure(repeats: int, scale: float) -> list[dict[str, Any]]:
    """Rows of throughput in batches in place, and of the way from one thread to the other."""
    messages, trips = max(int(2_000_000 * scale), 10_000), max(int(50_000 * scale), 1000)
    rates = {f"batches of {batch}": functools.partial(rate, messages, batch) for batch in (1, 8, 64)}
    ways: dict[str, Callable[[], float]] = {
        "slot queue": lambda: _core.selftest_queue_ns(trips),
        "floor, two lines": lambda: _core.selftest_floor_ns(trips, False),
        "call cell": lambda: _core.selftest_cell_ns(trips),
        "floor, shared line": lambda: _core.selftest_floor_ns(trips, True),
    }
    return [
        *(row("queue, 56 bytes in place", *each) for each in _named(rates, "M/s", repeats)),
        *(row("one way between two threads", *each) for each in _named(ways, "ns", repeats)),
    ]


def _named(
    runs: Mapping[str, Callable[[], float]], unit: str, repeats: int
) -> list[tuple[str, str, list[float]]]:
    return [(name, unit, samples) for name, samples in interleave(runs, repeats).items()]

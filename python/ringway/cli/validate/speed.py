"""Checks of speed below Python: native threads and one slot queue."""

from __future__ import annotations

from ringway import _core
from ringway.cli.machine import usable_cores
from ringway.cli.validate.check import Check, Finding, Setting, Skip, above, below, demand

MESSAGES = 1_000_000
BATCH = 8
ROUND_TRIPS = 3_000
REPEATS = 9
LATENCY_LIMIT_NS = 100
QUEUE_TO_FLOOR = 1.25


def need_two_cores() -> None:
    """Two threads that spin need a core each."""
    if usable_cores() < 2:
        raise Skip(f"needs 2 cores, this process may use {usable_cores()}")


def throughput(setting: Setting) -> Finding:
    """Messages of 56 bytes from one thread to another, each byte compared."""
    need_two_cores()
    runs = [_core.selftest_throughput(MESSAGES, BATCH) for _ in range(REPEATS)]
    wrong = sum(run[1] for run in runs)
    demand(wrong == 0, f"{wrong} messages arrived with other bytes than were sent")
    return above(MESSAGES / min(run[0] for run in runs) / 1e6, 2, "M/s", "56 bytes, 64-byte slots")


def cell_latency(setting: Setting) -> Finding:
    """One way through a call cell."""
    need_two_cores()
    floor = min(_core.selftest_floor_ns(ROUND_TRIPS, True) for _ in range(REPEATS))
    if floor >= LATENCY_LIMIT_NS:
        raise Skip(f"these cores need {floor:.0f} ns to pass one line on: no software can stay below")
    value = min(_core.selftest_cell_ns(ROUND_TRIPS) for _ in range(REPEATS))
    return below(value, LATENCY_LIMIT_NS, "ns", f"floor of these cores: {floor:.0f} ns")


def queue_latency(setting: Setting) -> Finding:
    """One way through a slot queue, against what the same cores need for two words."""
    need_two_cores()
    floor = min(_core.selftest_floor_ns(ROUND_TRIPS, False) for _ in range(REPEATS))
    value = min(_core.selftest_queue_ns(ROUND_TRIPS) for _ in range(REPEATS))
    limit = max(LATENCY_LIMIT_NS, QUEUE_TO_FLOOR * floor)
    return below(value, round(limit), "ns", f"floor of these cores for two lines: {floor:.0f} ns")


CHECKS = [
    Check("throughput", "messages per second through a slot queue", throughput, measured=True),
    Check("latency-cell", "one-way latency, call cell", cell_latency, measured=True),
    Check("latency-queue", "one-way latency, slot queue", queue_latency, measured=True),
]

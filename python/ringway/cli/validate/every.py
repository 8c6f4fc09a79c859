"""The checks in the order in which they run."""

from __future__ import annotations

from ringway.cli.validate import grids, lifecycle, messages, ranks, speed, vectors
from ringway.cli.validate.check import Check

CHECKS: list[Check] = [
    *messages.CHECKS,
    *vectors.CHECKS,
    *grids.CHECKS,
    *lifecycle.CHECKS,
    *ranks.CHECKS,
    *speed.CHECKS,
]

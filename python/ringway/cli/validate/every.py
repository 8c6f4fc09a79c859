"""The checks in the order in which they run."""

from __future__ import annotations

from ringway.cli.validate import (
    faults,
    grids,
    lifecycle,
    mailboxes,
    memory,
    messages,
    queues,
    ranks,
    speed,
    vectors,
)
from ringway.cli.validate.check import Check

CHECKS: list[Check] = [
    *messages.CHECKS,
    *queues.CHECKS,
    *mailboxes.CHECKS,
    *vectors.CHECKS,
    *grids.CHECKS,
    *lifecycle.CHECKS,
    *faults.CHECKS,
    *memory.CHECKS,
    *ranks.CHECKS,
    *speed.CHECKS,
]

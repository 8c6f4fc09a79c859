"""What tests wait for; a limit that no machine needs, so that a test that hangs says where."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 30  # seconds


def until(holds: Callable[[], object]) -> None:
    """Return once it holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"it does not hold after {PATIENCE} s"
        time.sleep(0.001)

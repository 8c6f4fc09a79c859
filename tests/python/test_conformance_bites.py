"""The conformance suite fails on a runtime that breaks the contract: faults are planted one at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONFORMANCE = Path(__file__).parents[1] / "conformance"


def test_every_planted_fault_is_found() -> None:
    done = subprocess.run(
        [sys.executable, str(CONFORMANCE / "planted.py")],
        cwd=CONFORMANCE.parents[1],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("found: ") >= 12

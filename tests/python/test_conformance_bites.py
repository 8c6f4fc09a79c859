"""The conformance suite fails on a runtime that breaks the contract: faults are planted one at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CONFORMANCE = Path(__file__).parents[1] / "conformance"


@pytest.mark.timeout(300)
def test_every_planted_fault_is_found() -> None:
    done = subprocess.run(
        [sys.executable, str(CONFORMANCE / "planted.py")],
        cwd=CONFORMANCE.parents[1],
        capture_output=True,
        text=True,
        timeout=290,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("found: ") >= 31

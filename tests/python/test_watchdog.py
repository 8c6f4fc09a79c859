"""The watchdog at a process's end, and its range. What it names while a runtime lives: tests/conformance."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import textwrap
import time

import pytest
import ringway as rw
from ringway import errors


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | environment,
    )


def test_the_process_exits_and_the_log_names_the_kernel() -> None:
    start = time.monotonic()
    done = run(
        """
        import ringway as rw
        runtime = rw.Runtime("cpu", workers=1, assist=False, watchdog=0.2)
        kernel = runtime.launch("faulty", name="slow one")
        kernel.send(b"hang 60000")
        while not kernel.stuck:
            pass
        print("alive")
        """,
        RINGWAY_LOG="warning",
    )
    assert done.stdout == "alive\n"
    assert "warning: kernel 'slow one' on worker 0 has not returned from its handler for 0.2 s" in done.stderr
    assert "the runtime is closed, but kernel 'slow one'" in done.stderr
    assert done.returncode >= 0
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("watchdog", [-1.0, math.nan, math.inf, 100_000.0])
def test_a_watchdog_out_of_range_is_refused(watchdog: float) -> None:
    with pytest.raises(errors.InvalidOption, match="watchdog is"):
        rw.Runtime("cpu", watchdog=watchdog)

"""Memory that runs out anywhere in a call: the call is refused in words, and all else goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="preloads what fails, as Linux does it"),
    pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler for allocations that fail"),
    pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="a sanitizer has its own operator new"),
]
HERE = Path(__file__).parent / "memory"
OPERATIONS = [
    "launch",
    "pumped",
    "link",
    "send",
    "request",
    "answers",
    "receive",
    "expired",
    "dead letter",
    "dead letters",
    "failed request",
    "telemetry",
    "queue",
    "queue in place",
    "shared queue",
    "asyncio",
    "dispatch",
    "graph",
    "message",
    "runtime",
]


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> str:
    library = tmp_path_factory.mktemp("memory") / "failing.so"
    command = ["c++", "-std=c++17", "-shared", "-fPIC", "-O1", "-o", library, HERE / "failing.cpp", "-ldl"]
    subprocess.run(command, check=True)
    return str(library)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_allocation_may_fail(failing: str, operation: str) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "sweep.py"), operation],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | {"LD_PRELOAD": failing, "FAILING": failing, "RINGWAY_EXPORT": "0"},
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-3000:])
    assert done.stdout, f"{HERE / 'sweep.py'} has no operation of that name"

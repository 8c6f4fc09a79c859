"""What an idle runtime costs, and that nothing leaks: counted by the system, not timed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ringway as rw

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's process files")

PAGE = os.sysconf("SC_PAGESIZE")


@pytest.fixture
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime("cpu", workers=2) as started:
        yield started


def resident() -> int:
    """Bytes of memory that the process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def mappings() -> int:
    return len(Path("/proc/self/maps").read_text().splitlines())


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_hundred_idle_kernels_take_no_core(runtime: rw.Runtime) -> None:
    for kernel in [runtime.launch("echo") for _ in range(100)]:
        kernel.request(b"x", timeout=20)
    time.sleep(0.1)
    before = time.process_time()
    time.sleep(1)
    assert time.process_time() - before < 0.01


def test_a_used_default_queue_takes_less_than_2_mb(runtime: rw.Runtime) -> None:
    kernel = runtime.launch("vector_op", activate=False)
    message = rw.VectorRequest(range(25), range(25))
    assert kernel.send(message)
    before = resident()
    for _ in range(4095):
        assert kernel.send(message)
    assert resident() - before < 2_000_000


def test_ten_thousand_kernels_live_at_once_in_8_kb_each(runtime: rw.Runtime) -> None:
    runtime.launch("echo").request(b"x", timeout=20)
    memory, regions = resident(), mappings()
    start = time.perf_counter()
    kernels = [runtime.launch("echo") for _ in range(10_000)]
    assert (time.perf_counter() - start) / len(kernels) < 1e-3
    assert (resident() - memory) / len(kernels) < 8192
    for number in (0, 1, 4999, 9999):
        assert kernels[number].request(b"%d" % number, timeout=20) == b"%d" % number
    for kernel in kernels[::2]:
        kernel.terminate()
    # Linux allows 65,530 by default.
    assert mappings() - regions < 3 * len(kernels)
    assert kernels[1].request(b"x", timeout=20) == b"x"
    assert len(runtime.kernels()) == 5001


def test_a_thousand_launches_and_terminations_leak_nothing(runtime: rw.Runtime) -> None:
    def live_once() -> None:
        first, second = runtime.launch("relay"), runtime.launch("echo")
        runtime.link(first, second)
        first.send(b"x")
        assert second.receive(timeout=20) == b"x"
        assert second.request(b"y", timeout=20) == b"y"
        first.terminate()
        second.terminate()

    for _ in range(100):
        live_once()
    memory, regions, running, opened = resident(), mappings(), threads(), descriptors()
    for _ in range(1000):
        live_once()
    assert threads() == running
    assert descriptors() == opened
    assert mappings() - regions < 20
    assert resident() - memory < 2_000_000
    assert runtime.kernels() == []


def test_a_hundred_runtimes_leak_nothing() -> None:
    def live_once() -> None:
        with rw.Runtime("cpu", workers=2) as runtime:
            assert runtime.launch("echo").request(b"x", timeout=20) == b"x"

    for _ in range(10):
        live_once()
    memory, running, opened = resident(), threads(), descriptors()
    for _ in range(100):
        live_once()
    assert threads() == running
    assert descriptors() == opened
    assert resident() - memory < 2_000_000

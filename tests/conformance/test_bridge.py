"""Pumped bridges from Python: the two options, counters, one thread that sleeps when idle."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import ringway as rw
from ringway import errors

from tests.waiting import until

pytestmark = pytest.mark.usefixtures("pumped")
PUMPED = rw.LaunchOptions(bridge="pumped")
linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads Linux's process files")


@pytest.fixture
def runtime(start: Callable[..., rw.Runtime]) -> rw.Runtime:
    return start()


def bridge_of(kernel: rw.Kernel, counter: str) -> int:
    counters = kernel.telemetry().bridge
    assert counters is not None
    return counters[counter]


@pytest.mark.usefixtures("direct")
def test_bridge_is_the_one_asked_for(runtime: rw.Runtime) -> None:
    assert [
        runtime.launch("echo", options=rw.LaunchOptions(bridge=bridge)).bridge
        for bridge in ("auto", "direct")
    ] == ["direct"] * 2
    direct, pumped = runtime.launch("echo"), runtime.launch("echo", options=PUMPED)
    assert pumped.bridge == "pumped"
    for kernel in (direct, pumped):
        assert kernel.request(b"x", timeout=20) == b"x"
    assert direct.telemetry().bridge is None
    assert bridge_of(pumped, "to_device") == bridge_of(pumped, "to_host") == 1


def test_staging_capacity_bounds_what_waits_for_the_device(runtime: rw.Runtime) -> None:
    options = rw.LaunchOptions(bridge="pumped", capacity=16, staging_capacity=64, policy="reject")
    kernel = runtime.launch("echo", options=options, activate=False)
    for number in range(16):
        kernel.send(b"%d" % number)
    until(lambda: bridge_of(kernel, "to_device") == 16)
    for number in range(16, 80):
        kernel.send(b"%d" % number)
    with pytest.raises(errors.QueueFull, match=r"16 messages, 64 in the staging ring"):
        kernel.send(b"80")
    assert kernel.telemetry().depth == 80
    until(lambda: bridge_of(kernel, "in_full") > 0)
    kernel.activate()
    assert [int(kernel.receive(timeout=20)) for _ in range(80)] == list(range(80))


@pytest.mark.parametrize("drain", [True, False])
def test_terminating_drains_or_discards_both_rings(runtime: rw.Runtime, drain: bool) -> None:
    kernel = runtime.launch("echo", options=PUMPED, activate=False)
    for number in range(6000):
        kernel.send(b"%d" % number)
    report = kernel.terminate(drain=drain, timeout=20)
    assert (report.processed, report.left_over) == ((6000, 0) if drain else (0, 6000))
    if drain:
        assert [int(kernel.receive(timeout=20)) for _ in range(6000)] == list(range(6000))
    with pytest.raises(errors.Closed):
        kernel.receive(timeout=1)


@linux
def test_one_thread_for_all_bridges_sleeps_when_idle(runtime: rw.Runtime) -> None:
    def ticks() -> int:
        fields = Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def threads() -> int:
        """Without those that stand for a GPU's blocks where there is none."""
        count = 0
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                count += (task / "comm").read_text().strip() != "fake GPU"
        return count

    before = threads()
    kernels = [runtime.launch("echo", options=PUMPED) for _ in range(50)]
    until(lambda: threads() == before + 1)  # those have their names a moment later
    for kernel in kernels:
        assert kernel.request(b"x", timeout=20) == b"x"

    def cost() -> int:
        begun = ticks()
        time.sleep(0.5)
        return ticks() - begun

    until(lambda: cost() <= 2)


def test_asyncio_asks_and_receives_over_a_bridge(backend: str) -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(backend) as runtime:
            echo = await runtime.launch("echo", options=PUMPED)
            asked = [echo.request(b"%d" % number, timeout=20) for number in range(200)]
            assert await asyncio.gather(*asked) == [b"%d" % number for number in range(200)]
            receiving = asyncio.create_task(echo.receive(timeout=20))
            await asyncio.sleep(0.01)
            await echo.send(b"sent")
            assert await receiving == b"sent"

    asyncio.run(main())


def test_closing_ends_calls_that_wait_behind_a_bridge(runtime: rw.Runtime) -> None:
    kernel = runtime.launch("echo", options=PUMPED, activate=False)
    caught: list[BaseException] = []

    def call(function) -> None:
        with pytest.raises(errors.Closed) as raised:
            function()
        caught.append(raised.value)

    calls = (kernel.receive, lambda: kernel.request(b"x"))
    threads = [threading.Thread(target=call, args=(function,)) for function in calls]
    for thread in threads:
        thread.start()
    until(lambda: bridge_of(kernel, "to_device") == 1)
    runtime.close()
    for thread in threads:
        thread.join(20)
    assert len(caught) == 2

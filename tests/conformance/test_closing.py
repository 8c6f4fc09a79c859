"""The end of a runtime: what is discarded, what a drain handles, in which order, and what it leaves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
import ringway as rw
from ringway import errors

Options = Callable[..., rw.LaunchOptions]


@pytest.fixture
def room(mode: Any) -> int:
    """Messages to the host that a kernel of 16 slots has room for: behind a bridge, in three queues."""
    return 16 if mode.bridge == "direct" else 48


@pytest.fixture
def choked(runtime: rw.Runtime, options: Options, room: int, wait_until: Any) -> rw.Kernel:
    """A kernel with 8 messages left that it cannot handle, because nobody receives its answers."""
    kernel = runtime.launch("echo", options=options(capacity=16, staging_capacity=16, block_timeout=60.0))
    for _ in range(room + 8):
        kernel.send(b"x")
    wait_until(lambda: kernel.telemetry().processed == room)
    return kernel


def test_without_a_drain_what_is_left_is_discarded_and_reported(
    runtime: rw.Runtime, options: Options
) -> None:
    kernel = runtime.launch("echo", name="quiet", options=options(), activate=False)
    for _ in range(7):
        kernel.send(b"x")
    reports = runtime.close()
    assert list(reports) == ["quiet"]
    assert (reports["quiet"].processed, reports["quiet"].left_over) == (0, 7)
    assert reports["quiet"].uptime > 0
    assert runtime.close() == runtime.close(drain=True) == {}


def test_a_drain_follows_the_links(runtime: rw.Runtime, options: Options) -> None:
    last, middle, first = (
        runtime.launch("relay", name=name, options=options(), activate=False)
        for name in ("last", "middle", "first")
    )
    runtime.link(
        first, middle, capacity=16
    )  # less than is on its way: each must run while those before it drain
    runtime.link(middle, last, capacity=16)
    for _ in range(300):
        first.send(b"x")
    reports = runtime.close(drain=True, timeout=60)
    assert [*reports] == ["first", "middle", "last"]
    assert [(report.processed, report.left_over) for report in reports.values()] == [(300, 0)] * 3


def test_kernels_on_a_circle_drain_together(runtime: rw.Runtime, options: Options) -> None:
    one, two = (runtime.launch("relay", name=name, options=options()) for name in ("one", "two"))
    runtime.link(one, two)
    runtime.link(two, one)
    one.send(b"round and round")
    reports = runtime.close(drain=True, timeout=0.05)
    assert {*reports} == {"one", "two"}
    assert sum(report.left_over for report in reports.values()) == 1


def test_a_drain_ends_in_time_and_says_what_is_left(runtime: rw.Runtime, choked: rw.Kernel) -> None:
    other = runtime.launch("echo", name="other", activate=False)
    other.send(b"x")
    reports = runtime.close(drain=True, timeout=0.05)
    assert reports[choked.name].left_over == 8
    assert "other" in reports


def test_closing_cuts_the_drain_of_another_thread_short(
    runtime: rw.Runtime, choked: rw.Kernel, wait_until: Any
) -> None:
    reports: list[rw.TerminateReport] = []
    thread = threading.Thread(target=lambda: reports.append(choked.terminate(timeout=None)))
    thread.start()
    wait_until(lambda: choked.state == "terminated")
    runtime.close()
    thread.join(30)
    assert reports[0].left_over == 8


def test_one_that_drains_holds_up_no_other(
    runtime: rw.Runtime, options: Options, choked: rw.Kernel, wait_until: Any
) -> None:
    reports: list[rw.TerminateReport] = []
    thread = threading.Thread(target=lambda: reports.append(choked.terminate(timeout=None)))
    thread.start()
    wait_until(lambda: choked.state == "terminated")
    for refused in (choked.activate, choked.deactivate, lambda: runtime.link(choked, choked)):
        with pytest.raises((errors.InvalidState, errors.Closed)):
            refused()
    echo = runtime.launch("echo", options=options())
    assert echo.request(b"x", timeout=30) == b"x"
    echo.deactivate()
    echo.terminate()
    second = None
    while second is None:  # the state changes a moment before the drain can be cut short
        try:
            second = choked.terminate(drain=False)
        except errors.InvalidState:
            assert thread.is_alive()
    thread.join(30)
    assert reports == [second]
    assert second.left_over == 8


def test_from_asyncio(backend: str, mode: Any, options: Options) -> None:
    async def main() -> None:
        runtime = rw.AsyncRuntime(backend, assist=mode.assist)
        one, two = [
            await runtime.launch("relay", name=name, options=options(), activate=False)
            for name in ("one", "two")
        ]
        await runtime.link(one, two)
        for _ in range(100):
            await one.send(b"x")
        reports = await runtime.close(drain=True, timeout=60)
        assert [(name, report.processed) for name, report in reports.items()] == [("one", 100), ("two", 100)]
        assert runtime.closed
        assert await runtime.close() == {}

    asyncio.run(main())


def test_a_cancelled_drain_stops_and_changes_nothing(
    backend: str, mode: Any, options: Options, room: int
) -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(backend, assist=mode.assist) as runtime:
            kernel = await runtime.launch("echo", options=options(capacity=16, staging_capacity=16))
            for _ in range(room + 8):
                await kernel.send(b"x")
            for call in (kernel.terminate, lambda timeout: runtime.close(drain=True, timeout=timeout)):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(call(timeout=None), 0.05)
                assert kernel.state == "active"
                assert not runtime.closed
            assert [await kernel.receive(timeout=30) for _ in range(room + 8)] == [b"x"] * (room + 8)
            assert (await kernel.terminate(timeout=None)).left_over == 0

    asyncio.run(main())


def test_tasks_whose_kernels_are_closed_learn_of_it(
    backend: str, mode: Any, options: Options, room: int
) -> None:
    async def main() -> None:
        runtime = rw.AsyncRuntime(backend, assist=mode.assist)
        kernel = await runtime.launch("echo", options=options(capacity=16, staging_capacity=16))
        for _ in range(room + 8):
            await kernel.send(b"x")
        ending = asyncio.ensure_future(kernel.terminate(timeout=60))
        await asyncio.sleep(0.01)
        await runtime.close()
        report = await ending
        assert report.left_over > 0
        assert report.processed + report.left_over == room + 8

    asyncio.run(main())

"""The same verbs from asyncio: own replies under concurrency, cancelling, closing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import ringway as rw
from ringway import errors

Options = Callable[..., rw.LaunchOptions]


@pytest.fixture
def run(backend: str, mode) -> Callable[[Callable[[rw.AsyncRuntime], Awaitable[None]]], None]:
    """Runs a coroutine with a runtime of the mode under test."""

    @asynccontextmanager
    async def started() -> AsyncIterator[rw.AsyncRuntime]:
        async with rw.AsyncRuntime(backend, assist=mode.assist) as runtime:
            yield runtime

    def call(body: Callable[[rw.AsyncRuntime], Awaitable[None]]) -> None:
        async def main() -> None:
            async with started() as runtime:
                await body(runtime)

        asyncio.run(main())

    return call


def test_a_thousand_tasks_get_their_own_replies(run, options: Options) -> None:
    async def body(runtime: rw.AsyncRuntime) -> None:
        echo = await runtime.launch("echo", options=options())
        asked = [echo.request(b"%d" % number, timeout=20) for number in range(1000)]
        assert await asyncio.gather(*asked) == [b"%d" % number for number in range(1000)]
        assert echo.telemetry().processed == 1000
        assert runtime._port.waiting == 0

    run(body)


def test_receive_waits_and_keeps_order(run, options: Options) -> None:
    async def body(runtime: rw.AsyncRuntime) -> None:
        echo = await runtime.launch("echo", options=options())
        receiving = asyncio.create_task(echo.receive(timeout=20))
        await asyncio.sleep(0.01)
        assert await echo.send(b"hello")
        assert await receiving == b"hello"
        with pytest.raises(errors.Timeout):
            await echo.receive(timeout=0.01)
        for number in range(50):
            await echo.send(b"%d" % number)
        assert [await echo.receive(timeout=20) for _ in range(50)] == [b"%d" % n for n in range(50)]

    run(body)


def test_cancelled_and_late_requests_give_their_place_back(run, options: Options) -> None:
    async def body(runtime: rw.AsyncRuntime) -> None:
        echo = await runtime.launch("echo", options=options(), activate=False)
        waiting = [asyncio.create_task(echo.request(b"x")) for _ in range(10)]
        await asyncio.sleep(0.01)
        assert runtime._port.waiting == 10
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        with pytest.raises(errors.Timeout, match="launched"):
            await echo.request(b"late", timeout=0.01)
        assert runtime._port.waiting == 0
        await echo.activate()
        assert await echo.request(b"own", timeout=20) == b"own"
        end = time.monotonic() + 20
        while echo.telemetry().dropped["late"] < 11:
            assert time.monotonic() < end
            await asyncio.sleep(0.001)

    run(body)


def test_leaving_ends_calls_that_wait(run, options: Options) -> None:
    calls: list[asyncio.Task[object]] = []

    async def body(runtime: rw.AsyncRuntime) -> None:
        echo = await runtime.launch("echo", options=options())
        idle = await runtime.launch("echo", options=options(), activate=False)
        calls.extend(
            [asyncio.create_task(echo.receive()), asyncio.create_task(idle.request(b"x", timeout=300))]
        )
        await asyncio.sleep(0.01)

        async def leave() -> list[object]:
            await runtime.close()
            return await asyncio.gather(*calls, return_exceptions=True)

        # Sooner than a call's own time-out would end it.
        for outcome in await asyncio.wait_for(leave(), timeout=60):
            assert isinstance(outcome, errors.Closed)

    run(body)


def test_errors_are_raised_at_the_caller(run, options: Options) -> None:
    async def body(runtime: rw.AsyncRuntime) -> None:
        vector_op = await runtime.launch("vector_op", options=options())
        answer = await vector_op.request(rw.VectorRequest([1, 2], [3, 4]))
        assert answer.result.tolist() == [4, 6]
        with pytest.raises(errors.TypeMismatch, match="plain bytes"):
            await vector_op.request(b"bytes")

    run(body)


def test_a_full_mailbox_refuses_after_the_block_timeout(run, options: Options) -> None:
    async def body(runtime: rw.AsyncRuntime) -> None:
        full = await runtime.launch(
            "echo", activate=False, options=options(capacity=16, staging_capacity=16, block_timeout=0.05)
        )

        async def fill() -> None:
            for _ in range(33):
                await full.send(b"x")

        with pytest.raises(errors.QueueFull, match="block_timeout"):
            await fill()
        with pytest.raises(errors.QueueFull, match="block_timeout"):
            await full.request(b"x")
        report = await full.terminate(drain=False)
        assert report.left_over in (16, 32)

    run(body)


def test_draining_leaves_the_loop_free(run, options: Options) -> None:
    async def body(runtime: rw.AsyncRuntime) -> None:
        echo = await runtime.launch("echo", options=options(), activate=False)
        for number in range(500):
            await echo.send(b"%d" % number)
        report = await echo.terminate(timeout=20)
        assert (report.processed, report.left_over) == (500, 0)
        assert [int(await echo.receive(timeout=20)) for _ in range(500)] == list(range(500))

    run(body)

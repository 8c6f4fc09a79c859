"""Kernels from asyncio: own replies under concurrency, cancelling, closing."""

from __future__ import annotations

import asyncio

import pytest
import ringway as rw
from ringway import errors


@pytest.mark.parametrize("assist", [True, False])
def test_a_thousand_tasks_get_their_own_replies(assist: bool) -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(workers=2, assist=assist) as runtime:
            echo = await runtime.launch("echo")

            async def ask(number: int) -> bool:
                return bool(await echo.request(b"%d" % number, timeout=20) == b"%d" % number)

            assert all(await asyncio.gather(*(ask(number) for number in range(1000))))
            assert echo.telemetry().processed == 1000
            assert runtime._port.waiting == 0

    asyncio.run(main())


@pytest.mark.parametrize("assist", [True, False])
def test_receive_waits_without_a_thread(assist: bool) -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(workers=1, assist=assist) as runtime:
            echo = await runtime.launch("echo")
            receiving = asyncio.create_task(echo.receive(timeout=20))
            await asyncio.sleep(0.01)
            assert await echo.send(b"hello")
            assert await receiving == b"hello"
            with pytest.raises(errors.Timeout):
                await echo.receive(timeout=0.01)
            for number in range(50):
                await echo.send(b"%d" % number)
            assert [await echo.receive(timeout=20) for _ in range(50)] == [b"%d" % n for n in range(50)]

    asyncio.run(main())


def test_cancelled_and_late_requests_give_their_place_back() -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(workers=1) as runtime:
            echo = await runtime.launch("echo", activate=False)
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
            assert echo.telemetry().dropped["late"] == 11

    asyncio.run(main())


def test_leaving_takes_milliseconds_while_calls_wait() -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(workers=1) as runtime:
            echo = await runtime.launch("echo")
            idle = await runtime.launch("echo", activate=False)
            calls = [asyncio.create_task(echo.receive()), asyncio.create_task(idle.request(b"x"))]
            await asyncio.sleep(0.01)
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(outcome, errors.Closed)

    asyncio.run(main())


def test_errors_are_raised_at_the_caller() -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(workers=1) as runtime:
            vector_op = await runtime.launch("vector_op")
            answer = await vector_op.request(rw.VectorRequest([1, 2], [3, 4]))
            assert answer.result.tolist() == [4, 6]
            with pytest.raises(errors.TypeMismatch, match="plain bytes"):
                await vector_op.request(b"bytes")
            full = await runtime.launch(
                "echo", activate=False, options=rw.LaunchOptions(capacity=16, block_timeout=0.02)
            )
            for _ in range(16):
                assert await full.send(b"x")
            with pytest.raises(errors.QueueFull, match="block_timeout"):
                await full.send(b"x")
            with pytest.raises(errors.QueueFull, match="block_timeout"):
                await full.request(b"x")

    asyncio.run(main())

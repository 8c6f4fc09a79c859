"""grid and block of a launch: replicas that share a mailbox, and shapes that are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import ringway as rw
from ringway import errors

from tests.waiting import until

Start = Callable[..., rw.Runtime]

SLOTS = 16


def held_by_replicas(depth: int) -> int:
    """Messages that were taken from a full mailbox and wait for room, one to a replica."""
    return SLOTS - depth


@pytest.mark.usefixtures("direct")
def test_every_replica_takes_a_message(start: Start) -> None:
    with start(workers=3, assist=False) as runtime:
        options = rw.LaunchOptions(capacity=SLOTS, batch=1)
        kernel = runtime.launch("echo", grid=3, options=options)
        for _ in range(SLOTS):
            kernel.send(b"nobody receives the answer")
        # One that a replica still held would keep its slot, and those behind it theirs from being used again.
        until(lambda: kernel.telemetry().processed == SLOTS)
        for _ in range(SLOTS):
            kernel.send(b"nobody receives the answer")
        until(lambda: held_by_replicas(kernel.telemetry().depth) == 3)
        for _ in range(2 * SLOTS):
            assert kernel.receive(timeout=20) == b"nobody receives the answer"
        kernel.deactivate()  # counted at the end of a turn
        assert kernel.telemetry().sent == 2 * SLOTS


@pytest.mark.usefixtures("direct")
def test_every_replica_takes_a_message_from_tasks(backend: str) -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(backend, workers=3, assist=False) as runtime:
            options = rw.LaunchOptions(capacity=SLOTS, batch=1)
            kernel = await runtime.launch("echo", grid=3, options=options)
            for _ in range(SLOTS):
                await kernel.send(b"nobody receives the answer")
            until(lambda: kernel.telemetry().processed == SLOTS)
            for _ in range(SLOTS):
                await kernel.send(b"nobody receives the answer")
            until(lambda: held_by_replicas(kernel.telemetry().depth) == 3)
            for _ in range(2 * SLOTS):
                assert await kernel.receive(timeout=20) == b"nobody receives the answer"

    asyncio.run(main())


def test_every_request_gets_its_own_reply(start: Start) -> None:
    with start(workers=4) as runtime, ThreadPoolExecutor(8) as pool:
        kernel = runtime.launch("echo", grid=4)
        texts = [b"%d" % number for number in range(2000)]
        assert list(pool.map(lambda text: kernel.request(text, timeout=60), texts)) == texts


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ({"grid": 3}, "grid is 3; on (the CPU|CUDA|Metal).* 1 to the runtime's number of workers, 2"),
        ({"grid": 0}, "grid is 0"),
        ({"grid": -1}, "grid is -1"),
        ({"grid": 10**30}, "grid is 10+; it must be a whole number"),
        ({"grid": 1.5}, r"grid is 1\.5; it must be a whole number"),
        ({"grid": None}, "grid is None"),
        ({"grid": True}, "grid is True"),
        ({"block": 2}, "block is 2; on (the CPU|CUDA|Metal) it must be 1"),
        ({"block": "x"}, "block is 'x'"),
    ],
)
def test_out_of_range_is_named(shape: dict[str, object], text: str, start: Start, backend: str) -> None:
    with start(workers=2) as runtime:
        with pytest.raises(errors.InvalidOption, match=text):
            runtime.launch("echo", **shape)  # type: ignore[arg-type]
        assert runtime.kernels() == []

    async def main() -> None:
        async with rw.AsyncRuntime(backend, workers=2) as runtime:
            with pytest.raises(errors.InvalidOption, match=text):
                await runtime.launch("echo", **shape)  # type: ignore[arg-type]

    asyncio.run(main())

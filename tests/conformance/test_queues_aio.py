"""Named queues from asyncio: waiting without a thread, cancelling, threads on the other side."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import ringway as rw
from ringway import aio_queues, errors

MakeQueue = Callable[..., rw.Queue]


@rw.message(layout="struct")
class Job(rw.Message):
    number: rw.i32


def jobs(count: int) -> Any:
    made = np.zeros(count, Job.dtype())
    made["number"] = range(count)
    return made


async def settle() -> None:
    await asyncio.sleep(0.02)


def test_tasks_exchange_messages_in_order(make_queue: MakeQueue) -> None:
    async def main() -> None:
        async with make_queue("jobs", Job, capacity=16).aio() as queue:

            async def receive() -> list[int]:
                return [job.number async for job in queue]

            receiving = asyncio.create_task(receive())
            for number in range(500):
                assert await queue.send(Job(number))
            await queue.close()
            assert await receiving == list(range(500))
            assert (queue.name, queue.message, queue.capacity, queue.closed) == ("jobs", Job, 16, True)
        assert len(aio_queues.port_of(asyncio.get_running_loop())._turns) == 0

    asyncio.run(main())


def test_arrays_and_slots_are_awaited(make_queue: MakeQueue) -> None:
    async def main() -> None:
        queue = make_queue(message=Job, capacity=16).aio()
        assert queue.dtype == Job.dtype()
        sending = asyncio.create_task(queue.send_many(jobs(100)))
        got: list[int] = []
        while len(got) < 60:
            got += (await queue.receive_many(7, timeout=20))["number"].tolist()
        while len(got) < 100:
            async with queue.peek(5, timeout=20) as slots:
                got += slots["number"].tolist()
        assert got == list(range(100))
        assert await sending == 100
        async with queue.reserve(4) as slots:
            slots["number"] = [4, 3, 2, 1]
        out = np.zeros(4, Job.dtype())
        assert len(await queue.receive_many(out=out)) == 4
        assert out["number"].tolist() == [4, 3, 2, 1]
        assert queue.counts().sent == 104

    asyncio.run(main())


def test_a_thread_and_a_task_share_a_queue(make_queue: MakeQueue) -> None:
    async def main() -> None:
        there, back = make_queue(message=Job, capacity=16), make_queue(message=Job, capacity=16)

        def echo() -> None:
            for job in there:
                back.send(job, timeout=20)
            back.close()

        thread = threading.Thread(target=echo)
        thread.start()

        async def send() -> None:
            for number in range(1000):
                await there.aio().send(Job(number))
            there.close()

        sending = asyncio.create_task(send())
        assert [job.number async for job in back.aio()] == list(range(1000))
        await sending
        thread.join(20)

    asyncio.run(main())


CALLS: list[tuple[str, Callable[[rw.AsyncQueue, rw.AsyncQueue], Any]]] = [
    ("receive", lambda empty, _: empty.receive()),
    ("receive_many", lambda empty, _: empty.receive_many(4)),
    ("peek", lambda empty, _: empty.peek(4).__aenter__()),
    ("send", lambda _, full: full.send(Job(0), timeout=60)),
    ("send_many", lambda _, full: full.send_many(jobs(2), timeout=60)),
    ("reserve", lambda _, full: full.reserve(4, timeout=60).__aenter__()),
]


@pytest.mark.parametrize("call", [call for _, call in CALLS], ids=[name for name, _ in CALLS])
def test_cancelling_and_closing_leave_the_queue_as_it_was(
    call: Callable[[rw.AsyncQueue, rw.AsyncQueue], Any], make_queue: MakeQueue
) -> None:
    async def main() -> None:
        empty, full = make_queue(message=Job, capacity=16).aio(), make_queue(message=Job, capacity=16).aio()
        await full.send_many(jobs(16))
        tasks = [asyncio.ensure_future(call(empty, full)) for _ in range(3)]
        await settle()
        for task in tasks:
            task.cancel()
        assert all(
            isinstance(outcome, asyncio.CancelledError)
            for outcome in await asyncio.gather(*tasks, return_exceptions=True)
        )
        await empty.send(Job(7))
        assert (await empty.receive(timeout=0)).number == 7
        assert (await full.receive_many())["number"].tolist() == list(range(16))
        await full.send_many(jobs(16))
        tasks = [asyncio.ensure_future(call(empty, full)) for _ in range(3)]
        await settle()
        await empty.close()
        await full.close()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, errors.Closed)

    asyncio.run(main())


def test_a_cancelled_block_gives_its_slots_back_unsent(make_queue: MakeQueue) -> None:
    async def main() -> None:
        queue = make_queue(message=Job, capacity=16).aio()

        async def write_forever() -> None:
            async with queue.reserve(16) as slots:
                slots["number"] = 1
                await asyncio.sleep(60)

        task = asyncio.create_task(write_forever())
        await settle()
        with pytest.raises(errors.QueueFull):
            await queue.send(Job(0), timeout=0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await queue.send_many(jobs(16)) == 16
        assert (await queue.receive_many())["number"].tolist() == list(range(16))

    asyncio.run(main())


def test_other_tasks_run_while_one_waits_for_the_end_or_for_more(make_queue: MakeQueue) -> None:
    async def main() -> None:
        queue = make_queue(message=Job, capacity=16).aio()
        slots = queue.reserve(1)
        async with slots as held:
            held["number"] = 1
            await queue.close()
            receiving = asyncio.create_task(queue.receive())
            await settle()
            assert not receiving.done()
        assert (await receiving).number == 1
        more = make_queue(message=Job, capacity=16).aio()
        await more.send(Job(0))
        gathering = asyncio.create_task(more.receive_many(least=3))
        await settle()
        await more.send(Job(1))
        await settle()
        assert not gathering.done()
        await more.send(Job(2))
        assert (await gathering)["number"].tolist() == [0, 1, 2]

    asyncio.run(main())


def test_time_outs_and_policies(make_queue: MakeQueue) -> None:
    async def main() -> None:
        queue = make_queue("q", Job, capacity=16, block_timeout=0.02).aio()
        for seconds in (0, 0.02):
            with pytest.raises(errors.Timeout, match="queue 'q' got no message"):
                await queue.receive(timeout=seconds)
        with pytest.raises(errors.QueueFull, match=r"no room within 0\.02 s") as caught:
            await queue.send_many(jobs(20))
        assert caught.value.sent == 16
        with pytest.raises(errors.QueueFull):
            await queue.send(Job(1))
        with pytest.raises(errors.QueueFull):
            await queue.reserve(1).__aenter__()
        reject = make_queue(message=Job, capacity=16, policy="reject").aio()
        with pytest.raises(errors.QueueFull, match="reject"):
            await reject.send_many(jobs(17))
        with pytest.raises(errors.QueueFull, match="reject"):
            await reject.send(Job(1))
        dropping = make_queue(message=Job, capacity=16, policy="drop_new").aio()
        assert await dropping.send_many(jobs(20)) == 16
        assert not await dropping.send(Job(1))
        oldest = make_queue(message=Job, capacity=16, policy="drop_oldest").aio()
        assert await oldest.send_many(jobs(20)) == 20
        assert (await oldest.receive()).number == 4

    asyncio.run(main())


def test_names_in_an_asynchronous_runtime(backend: str) -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(backend) as runtime:
            queue = await runtime.queue("jobs", Job)
            await runtime.launch("echo", name="echo")
            assert [q.name for q in runtime.queues()] == ["jobs", "echo.mailbox", "echo.outbox"]
            assert await runtime.send("jobs", Job(1))
            assert (await runtime.receive("jobs", timeout=20)).number == 1
            receivers = [asyncio.create_task(runtime.receive("echo", timeout=20)) for _ in range(2)]
            await settle()
            assert await runtime.send("echo", b"x")
            assert await runtime.send("echo.mailbox", b"x")
            assert await asyncio.gather(*receivers) == [b"x", b"x"]
            found = runtime.queue_named("jobs")
            assert found.name == queue.name
            with pytest.raises(errors.NotFound, match="nobody"):
                await runtime.send("nobody", b"x")
            with pytest.raises(errors.InvalidState):
                await runtime.receive("echo.mailbox")
            waiting = asyncio.create_task(queue.receive())
            await settle()
        with pytest.raises(errors.Closed):
            await waiting

    asyncio.run(main())

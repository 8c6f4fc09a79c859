"""Shared queues in a runtime's namespace, feeds between queues and kernels, the end of a stream."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from multiprocessing.context import SpawnContext
from uuid import uuid4

import numpy as np
import pytest
import ringway as rw
from ringway import errors

MESSAGES = 300


@rw.message(layout="struct")
class Step(rw.Message):
    number: rw.i32
    size: rw.f64


@pytest.fixture
def names() -> Iterator[list[str]]:
    made = [f"py{os.getpid()}.{time.monotonic_ns() % 10**9}.{i}" for i in range(2)]
    yield made
    for info in rw.shared_queues():
        if info.name in made:
            rw.remove_shared_queue(info.name)


@pytest.fixture
def spawn() -> SpawnContext:
    return multiprocessing.get_context("spawn")


def send_steps(name: str) -> None:
    queue = rw.Queue.attach(name)
    for number in range(MESSAGES):
        queue.send(Step(number, number / 2), timeout=30)
    queue.end()


def send_and_wait(name: str) -> None:
    rw.Queue.attach(name).send(Step(1, 1.0))
    time.sleep(600)


def ask_for_vectors(requests: str, answers: str) -> None:
    asked, answered = rw.Queue.attach(requests), rw.Queue.attach(answers)
    window = 8  # the queues between hold 16 each
    requests_out: list[rw.VectorRequest] = []
    for number in range(MESSAGES + window):
        if number < MESSAGES:
            requests_out.append(rw.VectorRequest([1.0, 2.0], [number, 3.0], priority=7))
            asked.send(requests_out[-1], timeout=30)
        if number >= window:
            answer = answered.receive(timeout=30)
            request = requests_out[number - window]
            assert answer.result.tolist() == [number - window + 1.0, 5.0]
            assert answer.correlation_id == request.message_id
    asked.end()


def test_a_shared_queue_is_one_of_the_runtimes_names(names: list[str]) -> None:
    with rw.Runtime("cpu") as rt, rw.Runtime("cpu") as other:
        queue = rt.queue(names[0], Step, shared=True, capacity=16)
        assert rt.queue_named(names[0]).name == names[0]
        assert [found.name for found in rt.queues()] == [names[0]]
        there = other.attach_queue(names[0])
        other.send(names[0], Step(3, 0.5))
        assert rt.receive(names[0], timeout=10) == Step(3, 0.5)
        with pytest.raises(errors.InvalidOption, match="is there already"):
            other.queue(names[0])
        with pytest.raises(errors.InvalidState, match="there is one already"):
            rw.Queue.create_shared(names[0])
        assert there.message is Step
        assert queue.capacity == 16
    assert queue.closed
    assert {info.name: info.ended for info in rw.shared_queues()}[names[0]] is False


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"name": None, "shared": True}, "needs one that other processes know"),
        ({"name": "q", "reclaim": True}, "shared=True"),
        ({"name": "q", "mode": 0o660}, "shared=True"),
        ({"name": "q", "shared": 1}, "shared"),
        ({"name": "q", "shared": True, "mode": 0o640}, "0o640"),
        ({"name": "q", "dead_letters": -1}, "dead_letters"),
    ],
)
def test_wrong_options_are_named(wrong: dict[str, object], text: str) -> None:
    with rw.Runtime("cpu") as rt, pytest.raises(errors.InvalidOption, match=text):
        rt.queue(**wrong)  # type: ignore[arg-type]


def test_another_process_reaches_a_kernel(names: list[str], spawn: SpawnContext) -> None:
    requests, answers = names
    with rw.Runtime("cpu") as rt:
        queue = rt.queue(requests, rw.VectorRequest, shared=True, capacity=16)
        kernel = rt.launch("vector_op", options=rw.LaunchOptions(capacity=16, dedup=64))
        feeds = (
            rt.feed(queue, kernel),
            rt.feed(kernel, rt.queue(answers, rw.VectorResponse, shared=True, capacity=16)),
        )
        process = spawn.Process(target=ask_for_vectors, args=(requests, answers))
        process.start()
        process.join(90)
        assert process.exitcode == 0
        assert feeds[0].wait(30)
        assert feeds[0].moved == MESSAGES
        assert feeds[0].why
        assert not feeds[1].done
        # The envelope has the body's own id, by which duplicates are known.
        assert kernel.telemetry().processed == MESSAGES
    assert feeds[1].done


def test_a_fed_message_keeps_the_id_that_is_in_it() -> None:
    with rw.Runtime("cpu") as rt:
        queue = rt.queue("requests", rw.VectorRequest)
        kernel = rt.launch("vector_op", options=rw.LaunchOptions(dedup=64))
        rt.feed(queue, kernel)
        request = rw.VectorRequest([1.0], [2.0])
        queue.send(request)
        queue.send(request)
        assert kernel.receive(timeout=30).result.tolist() == [3.0]
        while not (letters := kernel.dead_letters()):
            time.sleep(0.001)
        assert [(letter.reason, letter.id) for letter in letters] == [("duplicate", request.message_id)]


def test_a_queue_of_any_message_carries_envelopes_to_the_kernel() -> None:
    with rw.Runtime("cpu") as rt:
        queue, bare = rt.queue("any"), rt.queue("bare", bytes)
        kernel = rt.launch("echo", options=rw.LaunchOptions(dedup=64))
        rt.feed(queue, kernel)
        again = uuid4()
        rt.send("any", b"one", message_id=again, priority=3, ttl=30)
        rt.send("any", b"two", message_id=again)
        rt.send("any", b"three")
        assert [rt.receive(kernel.name, timeout=30) for _ in range(2)] == [b"one", b"three"]
        assert [letter.reason for letter in kernel.dead_letters()] == ["duplicate"]
        for given in ({"priority": 1}, {"ttl": 1.0}, {"message_id": again}):
            with pytest.raises(errors.InvalidOption, match="without envelopes"):
                bare.send(b"x", **given)  # type: ignore[arg-type]
        rt.send(f"{kernel.name}.mailbox", b"four", message_id=again)
        with pytest.raises(errors.DuplicateMessage):
            kernel.request(b"five", message_id=again)


def test_what_cannot_be_fed_is_said() -> None:
    with rw.Runtime("cpu") as rt, rw.Runtime("cpu") as other:
        queue = rt.queue("steps", Step)
        kernel = rt.launch("vector_op")
        with pytest.raises(errors.TypeMismatch, match=r"carries Step, but .* accepts VectorRequest"):
            rt.feed(queue, kernel)
        with pytest.raises(errors.InvalidOption, match="one of them must be a Queue"):
            rt.feed(queue, queue)
        with pytest.raises(errors.InvalidOption, match="must belong to this runtime"):
            other.feed(kernel, queue)
        feed = rt.feed(kernel, queue)
        kernel.send(rw.VectorRequest([1.0], [2.0]))
        while not feed.refused:
            time.sleep(0.001)
        assert [letter.reason for letter in kernel.dead_letters()] == ["refused"]
        with feed as same:
            assert same is feed
        assert feed.done


def test_receivers_of_every_process_see_the_end(names: list[str], spawn: SpawnContext) -> None:
    queue = rw.Queue.create_shared(names[0], Step, capacity=16)
    process = spawn.Process(target=send_steps, args=(names[0],))
    process.start()
    assert [step.number for step in queue] == list(range(MESSAGES))
    process.join(30)
    assert queue.closed
    with pytest.raises(errors.Closed):
        queue.send(Step(1, 1.0))
    with pytest.raises(errors.Closed):
        queue.send_many(np.zeros(2, queue.dtype))
    with pytest.raises(errors.Closed):
        rw.Queue.attach(names[0]).receive()
    assert [info.ended for info in rw.shared_queues() if info.name == names[0]] == [True]


def test_a_killed_process_is_no_end(names: list[str], spawn: SpawnContext) -> None:
    queue = rw.Queue.create_shared(names[0], Step, capacity=16)
    process = spawn.Process(target=send_and_wait, args=(names[0],))
    process.start()
    assert queue.receive(timeout=60).number == 1
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(30)
    with pytest.raises(errors.Timeout):
        queue.receive(timeout=0.05)
    queue.send(Step(2, 1.0))
    assert queue.receive(timeout=10).number == 2


def test_the_same_for_event_loops(names: list[str], spawn: SpawnContext) -> None:
    async def run() -> None:
        async with rw.AsyncRuntime("cpu") as rt:
            queue = await rt.queue(names[0], Step, shared=True, capacity=16)
            kernel = await rt.launch("echo")
            feed = await rt.feed(queue, kernel)
            process = spawn.Process(target=send_steps, args=(names[0],))
            process.start()
            got = [(await kernel.receive(timeout=60)).number for _ in range(MESSAGES)]
            assert got == list(range(MESSAGES))
            assert await feed.wait(30)
            await asyncio.to_thread(process.join, 30)
            out = rw.AsyncQueue.create_shared(names[1], capacity=16)
            back = await rt.attach_queue(names[1])
            async with await rt.feed(kernel, back) as second:
                await rt.send(kernel.name, b"x", message_id=uuid4())
                assert await rt.receive(names[1], timeout=30) == b"x"
                assert not await second.wait(0)
            assert second.done
            reader = asyncio.create_task(out.receive())
            await asyncio.sleep(0)
            await back.end()
            with pytest.raises(errors.Closed):
                await reader
            await out.close()

    asyncio.run(run())


def test_a_mode_is_asked_for_by_who_attaches(names: list[str]) -> None:
    queue = rw.Queue.create_shared(names[0], bytes, mode=0o666)
    path = f"/dev/shm/rw.{names[0]}"
    if os.path.exists(path):
        assert os.stat(path).st_mode & 0o777 == 0o666
    with pytest.raises(errors.LayoutError, match="mode=0o666"):
        rw.Queue.attach(names[0])
    rw.Queue.attach(names[0], mode=0o666).send(b"x")
    assert queue.receive() == b"x"
    assert [info.mode for info in rw.shared_queues() if info.name == names[0]] == [0o666]


@pytest.mark.skipif(not os.path.exists("/dev/shm") or os.geteuid() != 0, reason="needs root and /dev/shm")
def test_another_user_attaches_when_the_mode_lets_it(names: list[str]) -> None:
    queue = rw.Queue.create_shared(names[0], bytes, mode=0o666)
    rw.Queue.create_shared(names[1], bytes).close()
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        wrong = 0
        try:
            rw.Queue.attach(names[1])
            wrong = 1
        except errors.LayoutError:
            rw.Queue.attach(names[0], mode=0o666).send(b"from nobody")
        os._exit(wrong)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert queue.receive(timeout=10) == b"from nobody"


@pytest.mark.skipif(not os.path.exists("/dev/shm"), reason="needs /dev/shm")
def test_memory_that_is_not_there_is_named_with_its_size(names: list[str]) -> None:
    left = os.statvfs("/dev/shm")
    if left.f_bavail * left.f_frsize > 2**43:
        pytest.skip("/dev/shm has no limit that a queue can meet")
    with pytest.raises(errors.OutOfMemory, match=r"/dev/shm has \d+ of \d+ bytes left"):
        rw.Queue.create_shared(names[0], bytes, capacity=2**20, slot_size=2**24 - 100)
    assert names[0] not in {info.name for info in rw.shared_queues()}


def test_a_drain_hands_on_what_kernels_send() -> None:
    out = rw.Queue("out", bytes, capacity=1024)
    rt = rw.Runtime("cpu")
    kernel = rt.launch("echo", activate=False)
    rt.feed(kernel, out)
    for number in range(500):
        kernel.send(b"%d" % number)
    rt.close(drain=True, timeout=60)
    assert [int(out.receive(timeout=0)) for _ in range(500)] == list(range(500))

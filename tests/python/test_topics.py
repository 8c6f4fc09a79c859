"""Topics from Python: threads, asyncio, another process, and what is refused."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time

import pytest
import ringway as rw
from ringway import errors


@rw.message(layout="struct", name="topics.Price")
class Price(rw.Message):
    at: rw.i64
    price: rw.f64 = 0.0


@rw.message(layout="struct", name="topics.Seen")
class Seen(rw.Message):
    count: rw.i64 = 0
    total: rw.f64 = 0.0


@rw.kernel
def count(ctx: rw.Context, msg: Price, state: Seen) -> None:
    state.count += 1
    state.total += msg.price
    ctx.emit(Seen(state.count, state.total))


def publish(name: str, messages: int) -> None:
    queue = rw.Queue.attach(name)
    for number in range(messages):
        queue.send(Price(number, 0.5), timeout=30)
    queue.end()


def test_one_producer_and_many_kernels() -> None:
    with rw.Runtime("cpu", workers=2, name="market") as runtime:
        prices = runtime.queue("prices", Price)
        first, second, late = (runtime.launch(count, name=name) for name in ("first", "second", "late"))
        with runtime.topic(prices, first, second) as topic:
            assert (topic.subscribers, topic.queue, topic.done, topic.why) == (
                ["first", "second"],
                "prices",
                False,
                "",
            )
            runtime.send("prices", Price(1, 2.0))
            assert [kernel.receive(20) for kernel in (first, second)] == [Seen(1, 2.0)] * 2
            topic.subscribe(late)
            assert topic.unsubscribe(first)
            assert not topic.unsubscribe(first)
            prices.send(Price(2, 3.0))
            assert (second.receive(20), late.receive(20)) == (Seen(2, 5.0), Seen(1, 3.0))
            while topic.delivered < 4:  # counted behind the message
                time.sleep(0.001)
            assert (topic.taken, topic.delivered, topic.unheard, topic.refused) == (2, 4, 0, 0)
            assert [(e.source, e.target) for e in runtime.topology().edges if e.kind == "topic"] == [
                ("prices", "second"),
                ("prices", "late"),
            ]
            assert repr(topic) == "<ringway topic of queue 'prices', 2 subscribers>"
        assert (topic.done, topic.why) == (True, "it was stopped")
        assert topic.wait(0)
        assert first.telemetry().received == 1
        assert runtime.topology().edges == ()


def test_what_nobody_hears_and_what_does_not_fit() -> None:
    with rw.Runtime("cpu", workers=1) as runtime:
        anything = runtime.queue("anything")
        topic = runtime.topic(anything)
        anything.send(b"to nobody")
        while not topic.unheard:
            time.sleep(0.001)
        kernel = runtime.launch(count)
        topic.subscribe(kernel)
        anything.send(b"no price")
        anything.send(Price(1, 1.0))
        assert kernel.receive(20) == Seen(1, 1.0)
        (letter,) = kernel.dead_letters()
        assert (letter.reason, letter.body) == ("refused", b"no price")
        while not topic.delivered:  # counted behind the message
            time.sleep(0.001)
        assert (topic.taken, topic.delivered, topic.refused) == (3, 1, 1)


def test_by_asyncio() -> None:
    async def main() -> None:
        async with rw.AsyncRuntime("cpu", workers=1) as runtime:
            prices = await runtime.queue("prices", Price)
            kernels = [await runtime.launch(count) for _ in range(2)]
            async with await runtime.topic(prices, *kernels) as topic:
                await prices.send(Price(1, 2.0))
                assert await asyncio.gather(*(kernel.receive(20) for kernel in kernels)) == [Seen(1, 2.0)] * 2
                assert not await topic.wait(0.01)
            assert await topic.wait(20)
            with pytest.raises(errors.InvalidOption, match="kernel"):
                topic.subscribe(prices)

    asyncio.run(main())


def test_a_publisher_in_another_process() -> None:
    name = f"py{os.getpid()}.{time.monotonic_ns() % 10**9}.topic"
    spawn = multiprocessing.get_context("spawn")
    with rw.Runtime("cpu", workers=2) as runtime:
        prices = runtime.queue(name, Price, capacity=16, shared=True)
        kernels = [runtime.launch(count) for _ in range(2)]
        topic = runtime.topic(prices, *kernels)
        child = spawn.Process(target=publish, args=(name, 200))
        child.start()
        for kernel in kernels:
            for _ in range(199):
                kernel.receive(60)
            assert kernel.receive(60) == Seen(200, 100.0)
        assert topic.wait(60)
        child.join(60)
        assert child.exitcode == 0


def test_what_is_refused() -> None:
    with rw.Runtime("cpu", workers=1) as runtime, rw.Runtime("cpu", workers=1) as other:
        prices = runtime.queue("prices", Price)
        kernel, stranger = runtime.launch(count), other.launch(count)
        with pytest.raises(errors.InvalidOption, match="queue is"):
            runtime.topic(kernel)  # type: ignore[arg-type]
        with pytest.raises(errors.InvalidOption, match="kernel is 'one'"):
            runtime.topic(prices, "one")  # type: ignore[arg-type]
        with pytest.raises(errors.InvalidOption, match="belong to this runtime"):
            runtime.topic(prices, kernel, stranger)
        assert runtime.topology().edges == ()  # none of them goes on
        with pytest.raises(errors.TypeMismatch, match=r"carries topics\.Price"):
            runtime.topic(prices, runtime.launch("vector_op"))
        topic = runtime.topic(prices, kernel)
        with pytest.raises(errors.InvalidOption, match="already"):
            topic.subscribe(kernel)
        with pytest.raises(errors.TypeMismatch, match=r"Runtime\.topic makes"):
            rw.Topic(None, None, rw.Kernel, ())  # type: ignore[arg-type]
    assert topic.done
    with pytest.raises(errors.Closed):
        runtime.topic(prices)

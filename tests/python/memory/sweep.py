"""The program of test_memory_faults.py: each operation with its first, second, ... allocation failing."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import ringway as rw
from ringway.errors import OutOfMemory

FAILING = ctypes.CDLL(os.environ["FAILING"])
MOST = 400  # allocations of an operation
NAME = f"memory{os.getpid()}"
SKIP = rw.LaunchOptions(on_error="skip")
LONG = "n" * 600  # so that a text that has it in it has no room in an answer's own
SMALL = rw.LaunchOptions(capacity=16, policy="drop_new")


@rw.message(layout="struct")
class Pair(rw.Message):
    first: rw.i32
    second: rw.i32


class World:
    """What the operations work on."""

    def __init__(self) -> None:
        self.runtime = rw.Runtime("cpu", workers=1)
        self.echo = self.runtime.launch("echo")
        self.full = self.runtime.launch("echo", options=SMALL, activate=False)
        # Grows pybind11's table of objects for good: it does not survive a growth that fails.
        held = [self.echo.telemetry() for _ in range(5000)]
        held.clear()
        while self.full.send(b"x"):
            continue
        self.unassisted = rw.Runtime("cpu", workers=1, assist=False)
        self.asker = self.unassisted.launch("echo", options=SKIP)
        self.size = 600
        self.stays_missing = False
        self.texts = rw.Queue(message=bytes, capacity=16)
        self.queue = rw.Queue(message=Pair, capacity=16)

    def still_right(self) -> None:
        assert self.echo.request(b"still right", timeout=20) == b"still right"
        self.queue.send(Pair(1, 2))
        assert self.queue.receive(timeout=20) == Pair(1, 2)
        with contextlib.suppress(rw.Error):
            while True:
                self.echo.receive(timeout=0)

    def ended(self, kernel: rw.Kernel) -> None:
        kernel.terminate(drain=False)

    def linked(self) -> None:
        ends = [self.runtime.launch("relay"), self.runtime.launch("echo")]
        try:
            self.runtime.link(*ends)
        finally:
            FAILING.failing_disarm()
            for kernel in ends:
                kernel.terminate(drain=False)

    def failed_request(self) -> None:
        broken = self.unassisted.launch("vector_op", name=LONG, options=SKIP)
        try:
            with contextlib.suppress(rw.errors.HandlerError, rw.errors.Closed):
                broken.request(rw.VectorRequest.by_handle(1, 2, 3, 4), timeout=20)
        finally:
            FAILING.failing_disarm()
            with contextlib.suppress(rw.Error):
                broken.terminate(drain=False)

    def shared(self) -> None:
        queue = None
        try:
            queue = rw.Queue.create_shared(NAME, Pair, capacity=16)
            queue.send_many(np.zeros(3, queue.dtype))
            other = rw.Queue.attach(NAME)
            assert len(other.receive_many(timeout=20)) == 3
            other.close()
        finally:
            FAILING.failing_disarm()
            if queue is not None:
                queue.close()
            with contextlib.suppress(rw.errors.NotFound):
                rw.remove_shared_queue(NAME)

    def asked(self) -> None:
        async def main() -> None:
            async with rw.AsyncRuntime("cpu", workers=1, assist=False) as runtime:
                echo = await runtime.launch("echo")
                assert await echo.request(b"a" * 3000, timeout=20) == b"a" * 3000
                await echo.send(b"b")
                assert await echo.receive(timeout=20) == b"b"
                # So many answers at once that the list of their tokens is among what fails.
                many = [echo.request(b"%d" % number, timeout=1) for number in range(64)]
                lost = [rw.errors.Timeout] if self.stays_missing else []
                with contextlib.suppress(*lost):
                    assert await asyncio.gather(*many) == [b"%d" % number for number in range(64)]

        asyncio.run(main())

    def dispatched(self) -> None:
        with rw.Device("cpu", workers=2) as device:
            numbers = device.buffer(1000)
            total = device.buffer(1)
            sum_up = device.kernel("reduce_sum")  # with barriers: fibers and stacks
            try:
                sum_up(numbers, total, 1000, threads=1000)
                device.kernel("vector_scale").start(numbers, numbers, 2.0, threads=1000).wait(timeout=20)
            finally:
                FAILING.failing_disarm()
                sum_up.start(numbers, total, 1000, threads=1000).wait(timeout=20)
                sum_up(numbers, total, 1000, threads=1000)

    def answered(self) -> None:
        """An answer larger than any before: its room is made anew, by the worker."""
        self.size += 16
        assert self.asker.request(b"x" * self.size, timeout=20) == b"x" * self.size

    def received(self) -> None:
        for end in (self.echo, self.texts):
            end.send(b"r" * 3000)
            try:
                assert end.receive(timeout=20) == b"r" * 3000
            except MemoryError:  # the message waits for the next receiver
                FAILING.failing_disarm()
                assert end.receive(timeout=20) == b"r" * 3000
                raise

    def expired(self) -> None:
        """A letter, and an error, that the worker makes."""
        kernel = self.runtime.launch("echo", activate=False, options=rw.LaunchOptions(capacity=16))
        try:
            kernel.send(b"e" * 3000, ttl=0.01)
            time.sleep(0.02)
            kernel.activate()
            end = time.monotonic() + 20
            while not kernel.telemetry().dropped["expired"]:
                assert time.monotonic() < end
                time.sleep(0.001)
        finally:
            FAILING.failing_disarm()
            kernel.terminate(drain=False)

    def in_place(self) -> None:
        pair = np.array([(3, 4)], self.queue.dtype)
        try:
            with self.queue.reserve(1) as slots:
                slots[:] = pair
            with self.queue.peek(1) as read:
                assert (read == pair).all()
        finally:
            FAILING.failing_disarm()
            with contextlib.suppress(rw.errors.Timeout):  # what was sent and not read
                assert self.queue.receive(timeout=0) == Pair(3, 4)

    def ranked(self) -> None:
        ranks = rw.pagerank(rw.Graph.from_edges([0, 1, 2], [1, 2, 0], labels=["a", "b", "c"])).ranks
        assert abs(ranks.sum() - 1) < 1e-5

    def operations(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        yield "launch", lambda: self.ended(self.runtime.launch("echo"))
        yield (
            "pumped",
            lambda: self.ended(self.runtime.launch("echo", options=rw.LaunchOptions(bridge="pumped"))),
        )
        yield "link", self.linked
        yield "send", lambda: self.echo.send(b"x" * 3000)
        yield "request", lambda: self.echo.request(b"x" * 3000, timeout=20)
        yield "answers", self.answered
        yield "receive", self.received
        yield "expired", self.expired
        yield "dead letter", lambda: self.full.send(b"y" * 3000)
        yield "dead letters", self.full.dead_letters
        yield "failed request", self.failed_request
        yield "telemetry", lambda: repr(self.runtime.telemetry())
        yield "queue", lambda: self.runtime.queue(message=Pair).close()
        yield "queue in place", self.in_place
        yield "shared queue", self.shared
        yield "asyncio", self.asked
        yield "dispatch", self.dispatched
        yield "graph", self.ranked
        yield "message", lambda: Pair.decode(Pair(1, 2).encode())
        yield "runtime", lambda: rw.Runtime("cpu", workers=2).close()


class Failing(NamedTuple):
    """Which allocation fails: after ``count`` of this thread or of others; ``every``: and all after."""

    count: int
    others: bool = False
    every: bool = False


def told(error: Exception) -> bool:
    """Whether the error says what was missing; Python's own, of its interpreter, has no text."""
    if isinstance(error, rw.errors.HandlerError):  # it was the kernel that got none
        return "memory" in str(error) or "alloc" in str(error)
    return bool(str(error)) == isinstance(error, OutOfMemory)


def attempt(world: World, name: str, operation: Callable[[], Any], fails: Failing) -> tuple[int, bool]:
    """Run the operation with allocations failing: how many did, and whether it was refused."""
    print(name, fails, file=sys.stderr, flush=True)
    refused: Exception | None = None
    world.stays_missing = fails.every
    FAILING.failing_arm(fails.count, fails.others, fails.every)
    try:
        operation()
    except (MemoryError, rw.errors.HandlerError) as error:
        refused = error
    finally:
        failed = FAILING.failing_disarm()
    assert refused is None or told(refused), refused
    assert ctypes.pythonapi.PyGILState_Check() == 1
    world.still_right()
    return failed, refused is not None


def sweep(world: World, name: str, operation: Callable[[], Any], every: bool) -> tuple[int, int]:
    """Run the operation until no allocation of this thread is left to fail, and count refusals."""
    refused = 0
    for count in range(MOST):
        failed, was_refused = attempt(world, name, operation, Failing(count, every=every))
        refused += was_refused
        if not failed:
            return count, refused
    return MOST, refused


# What passes messages on takes no memory in the calling thread; all else has allocations that can fail.
TAKES_NONE = ("send", "request", "answers", "dead letters", "message")


def main() -> None:
    world = World()
    chosen = sys.argv[1]
    for name, operation in world.operations():
        if name != chosen:
            continue
        operation()  # what is made once
        world.still_right()
        for every in (False, True):
            count, refused = sweep(world, name, operation, every)
            print(f"{name}: {count} allocations, {refused} refused")
            assert count < MOST
            assert (count == 0) == (name in TAKES_NONE), f"{name} makes {count} allocations"
        # Those of other threads come in no order, so that there is no last one.
        for count in range(30):
            attempt(world, name, operation, Failing(count, others=True))
    world.runtime.close()
    world.unassisted.close()


if __name__ == "__main__":
    main()

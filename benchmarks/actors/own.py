"""The same echo and the same mean as a built-in kernel, translated from Python, in C++, and with Numba."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import ringway as rw
from ringway.bench.round_trips import percentiles
from ringway.errors import Error

BATCH = 4096
CAPACITY = 2**14
WARM_UP = 2000
Sample = dict[str, float]


@rw.message(layout="struct")
class Body(rw.Message):
    a: rw.i64
    b: rw.i64
    c: rw.i64
    d: rw.i64
    e: rw.i64
    f: rw.i64
    value: rw.f64


@rw.message(layout="struct")
class Mean(rw.Message):
    count: rw.i64 = 0
    mean: rw.f64 = 0.0


@rw.kernel
def echo(ctx: rw.Context, msg: Body, state: Mean) -> None:
    state.count += 1
    ctx.reply(msg)


@rw.kernel(mode="python")
def python_echo(ctx: rw.Context, msg: Body, state: Mean) -> None:
    state.count += 1
    ctx.reply(msg)


@rw.kernel(mode="python", thread="any")
def any_thread_echo(ctx: rw.Context, msg: Body, state: Mean) -> None:
    state.count += 1
    ctx.reply(msg)


@rw.kernel
def mean(ctx: rw.Context, msg: Body, state: Mean) -> None:
    state.count += 1
    state.mean += (msg.value - state.mean) / state.count


CPP_ECHO = rw.KernelSource(
    """
RW_FN ringway::u32 step(ringway::KernelContext& ctx, const Body& msg, Mean& state) {
  state.count += 1;
  ctx.reply(Body_type_id, msg);
  return 0;
}
""",
    message=Body,
    state=Mean,
    name="cpp_echo",
)
CPP_MEAN = rw.KernelSource(
    """
RW_FN ringway::u32 step(ringway::KernelContext&, const Body& msg, Mean& state) {
  state.count += 1;
  state.mean += (msg.value - state.mean) / double(state.count);
  return 0;
}
""",
    message=Body,
    state=Mean,
    name="cpp_mean",
)


def bodies(count: int) -> Any:
    made = np.zeros(count, Body.dtype())
    made["a"] = np.arange(count)
    made["value"] = np.random.default_rng(1).random(count)
    return made


def check(same: bool) -> None:
    if not same:
        raise Error("an answer differs from its request")


def trips(call: Callable[[Any], Any], count: int, made: Callable[[int], Any]) -> Sample:
    """Percentiles of a call, each timed alone; each answer is compared with what was sent."""
    for number in range(WARM_UP):
        call(made(number))
    times = []
    for number in range(count):
        message = made(number)
        start = time.perf_counter_ns()
        answer = call(message)
        times.append(time.perf_counter_ns() - start)
        check(answer == message)
    half, most = percentiles(times)
    return {"p50": half, "p99": most}


def body(number: int) -> Body:
    return Body(number, 1, 2, 3, 4, 5, 0.5)


def options(message: type[Any], **more: Any) -> rw.LaunchOptions:
    return rw.LaunchOptions(**{"capacity": CAPACITY, "slot_size": message.dtype().itemsize, **more})


def batches(put: Callable[[Any], Any], take: Callable[[int], Any], rounds: int) -> float:
    """Messages per second when batches go there and back."""
    sent = bodies(BATCH)
    start = 0.0
    for number in range(rounds + 2):
        if number == 2:
            start = time.perf_counter()
        put(sent)
        left = BATCH
        while left:
            got = take(left)
            check(np.array_equal(got["a"], sent["a"][BATCH - left : BATCH - left + len(got)]))
            left -= len(got)
    return rounds * BATCH / (time.perf_counter() - start)


def wait_for(kernel: rw.Kernel, processed: int) -> None:
    while kernel.telemetry().processed < processed:
        time.sleep(0)


def alone(kind: Any, rounds: list[Any], message: type[Any], answer: type[Any] | None) -> tuple[float, Any]:
    """Messages per second of the kernel alone, and its last state.

    Each round's messages wait in its mailbox when it begins, and the queue to the host has room for all
    answers. The first round, which touches the pages, is not counted.
    """
    elapsed, sent = 0.0, 0
    with rw.Runtime("cpu", workers=1) as runtime:
        kernel = runtime.launch(kind, options=options(message), activate=False)
        for messages in rounds:
            kernel.send_many(messages, message)
            sent += len(messages)
            start = time.perf_counter()
            kernel.activate()
            wait_for(kernel, sent)
            elapsed += time.perf_counter() - start if sent > len(messages) else 0.0
            kernel.deactivate()
            with contextlib.suppress(rw.errors.Timeout):
                while answer is not None:
                    kernel.receive_many(answer, CAPACITY, timeout=0)
        return (sent - len(rounds[0])) / elapsed, kernel.read_state() if kind != "echo" else None


def rate(kind: Any, scale: float) -> float:
    with rw.Runtime("cpu", workers=1) as runtime:
        kernel = runtime.launch(kind, options=options(Body))
        return batches(
            lambda sent: kernel.send_many(sent, Body),
            lambda left: kernel.receive_many(Body, left),
            round(100 * scale),
        )


def round_trip(kind: Any, scale: float) -> Sample:
    with rw.Runtime("cpu", workers=1) as runtime:
        kernel = runtime.launch(kind, options=options(Body, capacity=1024))  # less than the warm-up is long
        return trips(kernel.request, round(20_000 * scale), body)


def alone_echo(kind: Any, rounds: int) -> float:
    return alone(kind, [bodies(CAPACITY)] * rounds, Body, Body)[0]


def alone_mean(kind: Any, rounds: int) -> float:
    given = bodies(CAPACITY)
    rate, state = alone(kind, [given] * rounds, Body, None)
    check(bool(np.isclose(state.mean, given["value"].mean(), rtol=1e-10)))
    return rate


class NumbaThread:
    """A thread between two queues whose handler Numba has compiled, over a batch at a time."""

    def __init__(self, handler: Callable[[Any, Any, Any], None]) -> None:
        self.given = rw.Queue(message=Body, capacity=CAPACITY, block_timeout=60)
        self.made = rw.Queue(message=Body, capacity=CAPACITY, block_timeout=60)
        self.state = np.zeros(1, Mean.dtype())
        self.handler = handler
        self.handled = 0

    def run(self, count: int | None = None) -> None:
        taken, answers = np.zeros(BATCH, Body.dtype()), np.zeros(BATCH, Body.dtype())
        while count is None or self.handled < count:
            try:
                n = len(self.given.receive_many(out=taken, timeout=None))
            except rw.errors.Closed:
                return
            self.handler(taken[:n], answers[:n], self.state)
            if count is None:
                self.made.send_many(answers[:n])
            self.handled += n


def numba_handlers() -> tuple[Any, Any]:
    import numba

    def echo_all(messages: Any, answers: Any, state: Any) -> None:
        for i in range(len(messages)):
            state[0].count += 1
            answers[i] = messages[i]

    def mean_all(messages: Any, answers: Any, state: Any) -> None:
        for i in range(len(messages)):
            state[0].count += 1
            state[0].mean += (messages[i].value - state[0].mean) / state[0].count

    return numba.njit(nogil=True)(echo_all), numba.njit(nogil=True)(mean_all)


@contextlib.contextmanager
def numba_thread(handler: Any) -> Iterator[NumbaThread]:
    actor = NumbaThread(handler)
    actor.handler(bodies(2), bodies(2), actor.state)  # compiles it
    thread = threading.Thread(target=actor.run)
    thread.start()
    try:
        yield actor
    finally:
        actor.given.close()
        thread.join()


def numba_rate(handler: Any, scale: float) -> float:
    with numba_thread(handler) as actor:
        return batches(actor.given.send_many, actor.made.receive_many, round(100 * scale))


def numba_round_trip(handler: Any, scale: float) -> Sample:
    with numba_thread(handler) as actor:

        def call(one: Body) -> Any:
            actor.given.send(one)
            return actor.made.receive()

        return trips(call, round(10_000 * scale), body)


def numba_mean(handler: Any, rounds: int) -> float:
    actor = NumbaThread(handler)
    actor.handler(bodies(2), bodies(2), np.zeros(1, Mean.dtype()))
    given, elapsed = bodies(CAPACITY), 0.0
    for number in range(rounds):
        actor.given.send_many(given)
        start = time.perf_counter()
        actor.run((number + 1) * CAPACITY)
        elapsed += time.perf_counter() - start if number else 0.0
    check(bool(np.isclose(actor.state["mean"][0], given["value"].mean(), rtol=1e-10)))
    return (rounds - 1) * CAPACITY / elapsed

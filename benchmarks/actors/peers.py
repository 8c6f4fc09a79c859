"""The echo as an actor of other libraries, and as a process between two of `multiprocessing`'s queues."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from typing import Any

from actors.own import WARM_UP, Sample, check, trips
from ringway.bench.round_trips import percentiles

WINDOW = 256  # requests under way
BODY = bytes(range(56))


def same(number: int) -> bytes:
    del number
    return BODY


def pykka(scale: float) -> Sample:
    import pykka as library

    class Echo(library.ThreadingActor):  # type: ignore[misc]
        def on_receive(self, message: object) -> object:
            return message

    actor = Echo.start()
    try:
        rounds = round(20 * scale)
        start = time.perf_counter()
        for _ in range(rounds):
            answers = [actor.ask(BODY, block=False) for _ in range(WINDOW)]
            check(all(answer.get() == BODY for answer in answers))
        rate = rounds * WINDOW / (time.perf_counter() - start)
        return {"rate": rate, **trips(actor.ask, round(4000 * scale), same)}
    finally:
        actor.stop()


def answer_all(given: Any, made: Any) -> None:
    while (message := given.get()) is not None:
        made.put(message)


def processes(scale: float) -> Sample:
    context = multiprocessing.get_context("spawn")
    given, made = context.Queue(), context.Queue()
    process = context.Process(target=answer_all, args=(given, made))
    process.start()

    def call(message: bytes) -> Any:
        given.put(message)
        return made.get()

    try:
        call(BODY)
        rounds = round(40 * scale)
        start = time.perf_counter()
        for _ in range(rounds):
            for _ in range(WINDOW):
                given.put(BODY)
            check(all(made.get() == BODY for _ in range(WINDOW)))
        rate = rounds * WINDOW / (time.perf_counter() - start)
        return {"rate": rate, **trips(call, round(4000 * scale), same)}
    finally:
        given.put(None)
        process.join()


def ray(scale: float) -> Sample:
    import ray as library

    library.init(num_cpus=1, include_dashboard=False, logging_level="error", log_to_driver=False)
    try:

        class Echo:
            def echo(self, message: bytes) -> bytes:
                return message

        actor = library.remote(Echo).remote()
        rounds = round(20 * scale)
        library.get(actor.echo.remote(BODY))
        start = time.perf_counter()
        for _ in range(rounds):
            answers = library.get([actor.echo.remote(BODY) for _ in range(WINDOW)])
            check(all(answer == BODY for answer in answers))
        rate = rounds * WINDOW / (time.perf_counter() - start)
        return {
            "rate": rate,
            **trips(lambda message: library.get(actor.echo.remote(message)), round(2000 * scale), same),
        }
    finally:
        library.shutdown()


def pydotcompute(scale: float) -> Sample:
    policy = asyncio.get_event_loop_policy()
    from pydotcompute import ring_kernels  # installs uvloop's policy where uvloop is present

    async def echo(context: Any) -> None:
        while not context.should_terminate:
            await context.send(await context.receive())

    async def main() -> Sample:
        @ring_kernels.message
        class Made:
            data: bytes = b""

        made: Any = Made
        runtime = ring_kernels.RingKernelRuntime()
        await runtime.start()
        await runtime.launch("echo", echo, input_type=made, output_type=made)
        await runtime.activate("echo")
        times = []
        for number in range(WARM_UP + round(4000 * scale)):
            message = made(data=BODY)
            start = time.perf_counter_ns()
            await runtime.send("echo", message)
            answer = await runtime.receive("echo")
            if number >= WARM_UP:
                times.append(time.perf_counter_ns() - start)
            check(answer.data == BODY)
        rounds = round(40 * scale)
        begun = time.perf_counter()
        for _ in range(rounds):
            for _ in range(WINDOW):
                await runtime.send("echo", made(data=BODY))
            for _ in range(WINDOW):
                check((await runtime.receive("echo")).data == BODY)
        rate = rounds * WINDOW / (time.perf_counter() - begun)
        await runtime.shutdown(timeout=0.1)
        half, most = percentiles(times)
        return {"rate": rate, "p50": half, "p99": most}

    try:
        return asyncio.run(main())
    finally:
        asyncio.set_event_loop_policy(policy)

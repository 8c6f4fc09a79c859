"""Round trips of 56 bytes from Python: ringway's kernels beside other actor libraries that are installed.

Every reply is compared with its request. Each trip is timed alone; the figures are percentiles 50 and 99.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import ringway as rw
from ringway.bench.rows import interleave, row, versions
from ringway.errors import Error

PEERS = ("pydotcompute", "pykka", "thespian", "xoscar")
BODY = bytes(range(56))
TRIP = "round trip of 56 bytes"
WARM_UP = 4096  # the first lap touches the mailbox's pages
Percentiles = tuple[float, float]  # 50 and 99, microseconds


def percentiles(times_ns: list[int]) -> Percentiles:
    times_ns.sort()
    return times_ns[len(times_ns) // 2] / 1000, times_ns[len(times_ns) * 99 // 100] / 1000


def trips(call: Callable[[], object], count: int) -> Percentiles:
    """Times of a call, after as many as a mailbox has slots; each answer is compared with what was sent."""
    for _ in range(WARM_UP):
        call()
    times = []
    for _ in range(count):
        start = time.perf_counter_ns()
        answer = call()
        times.append(time.perf_counter_ns() - start)
        if answer != BODY:
            raise Error(f"an answer differs from its request: {answer!r}")
    return percentiles(times)


async def async_trips(call: Callable[[], Awaitable[object]], count: int) -> Percentiles:
    """As `trips`, awaited."""
    for _ in range(WARM_UP):
        await call()
    times = []
    for _ in range(count):
        start = time.perf_counter_ns()
        answer = await call()
        times.append(time.perf_counter_ns() - start)
        if answer != BODY:
            raise Error(f"an answer differs from its request: {answer!r}")
    return percentiles(times)


def ringway_sync(count: int, backend: str, *, assist: bool, **options: Any) -> Percentiles:
    with rw.Runtime(backend, workers=1, assist=assist) as runtime:
        echo = runtime.launch("echo", options=rw.LaunchOptions(slot_size=56, **options))
        return trips(lambda: echo.request(BODY), count)


def ringway_asyncio(count: int, backend: str, *, assist: bool) -> Percentiles:
    async def main() -> Percentiles:
        async with rw.AsyncRuntime(backend, workers=1, assist=assist) as runtime:
            echo = await runtime.launch("echo", options=rw.LaunchOptions(slot_size=56))
            return await async_trips(lambda: echo.request(BODY), count)

    return asyncio.run(main())


def pydotcompute_echo(count: int) -> Percentiles:
    policy = asyncio.get_event_loop_policy()
    from pydotcompute import ring_kernels  # installs uvloop's policy where uvloop is present

    async def echo(context: Any) -> None:
        while not context.should_terminate:
            await context.send(await context.receive())

    async def main() -> Percentiles:
        @ring_kernels.message
        class Made:
            data: bytes = b""

        Body: Any = Made

        runtime = ring_kernels.RingKernelRuntime()
        await runtime.start()
        await runtime.launch("echo", echo, input_type=Body, output_type=Body)
        await runtime.activate("echo")
        for _ in range(WARM_UP):
            await runtime.send("echo", Body(data=BODY))
            await runtime.receive("echo")
        times = []
        for _ in range(count):
            message = Body(data=BODY)
            start = time.perf_counter_ns()
            await runtime.send("echo", message)
            answer = await runtime.receive("echo")
            times.append(time.perf_counter_ns() - start)
            if answer.data != BODY:
                raise Error("an answer differs from its request")
        await runtime.shutdown(timeout=0.1)
        return percentiles(times)

    try:
        return asyncio.run(main())
    finally:
        asyncio.set_event_loop_policy(policy)


def pykka_ask(count: int) -> Percentiles:
    import pykka

    class Echo(pykka.ThreadingActor):  # type: ignore[misc]
        def on_receive(self, message: object) -> object:
            return message

    actor = Echo.start()
    try:
        return trips(lambda: actor.ask(BODY), count)
    finally:
        actor.stop()


def thespian_ask(count: int) -> Percentiles:
    from thespian import actors

    class Echo(actors.Actor):  # type: ignore[misc]
        def receiveMessage(self, message: object, sender: object) -> None:
            if isinstance(message, bytes):
                self.send(sender, message)

    system = actors.ActorSystem("simpleSystemBase")
    try:
        actor = system.createActor(Echo)
        return trips(lambda: system.ask(actor, BODY, 5), count)
    finally:
        system.shutdown()


def xoscar_call(count: int) -> Percentiles:
    import xoscar

    class Echo(xoscar.Actor):  # type: ignore[misc]
        def echo(self, message: object) -> object:
            return message

    async def main() -> Percentiles:
        pool = await xoscar.create_actor_pool("127.0.0.1", n_process=0)
        async with pool:
            actor = await xoscar.create_actor(Echo, address=pool.external_address)
            return await async_trips(lambda: actor.echo(BODY), count)

    return asyncio.run(main())


def has_direct_bridge(backend: str) -> bool:
    """Whether the host sees the backend's queues, so that a caller may run a kernel."""
    with rw.Runtime(backend, workers=1) as runtime:
        return runtime.launch("echo").bridge == "direct"


def contestants(count: int, backend: str = "cpu") -> dict[str, Callable[[], Percentiles]]:
    """Everyone who is installed, by name with the version; `count` round trips, of a slow one fewer."""
    sync, tasks = partial(ringway_sync, backend=backend), partial(ringway_asyncio, backend=backend)
    found: dict[str, Callable[[], Percentiles]] = {
        "ringway": lambda: sync(count, assist=True),
        "ringway, idle=spin": lambda: sync(count, assist=True, idle="spin"),
        "ringway asyncio": lambda: tasks(count // 2, assist=True),
    }
    if has_direct_bridge(backend):
        found |= {
            "ringway, caller may not assist": lambda: sync(count // 4, assist=False),
            "ringway, idle=spin, caller may not assist": lambda: sync(count, assist=False, idle="spin"),
            "ringway, pumped bridge": lambda: sync(count // 4, assist=True, bridge="pumped"),
            "ringway asyncio, loop may not assist": lambda: tasks(count // 4, assist=False),
        }
    peers: dict[str, Callable[[], Percentiles]] = {
        "pydotcompute": lambda: pydotcompute_echo(count // 4),
        "pykka": lambda: pykka_ask(count // 4),
        "thespian": lambda: thespian_ask(count // 4),
        "xoscar": lambda: xoscar_call(count // 4),
    }
    installed = versions(PEERS)
    return found | {f"{name} {installed[name]}": run for name, run in peers.items() if name in installed}


def measure(repeats: int, scale: float, backend: str = "cpu") -> list[dict[str, Any]]:
    """Rows of both percentiles for every contestant; ringway's kernels on that backend."""
    samples = interleave(contestants(max(int(20_000 * scale), 100), backend), repeats)
    return [
        row(f"{TRIP}, {which}", name, "us", [value[at] for value in values])
        for at, which in enumerate(("p50", "p99"))
        for name, values in samples.items()
    ]

"""Round trips through ring kernels from Python, beside other actor libraries, and the runtime without Python.

    python benchmarks/run_runtime.py [--repeats N] [--scale X] [--json FILE | --save]

Builds the native part with CMake below build/benchmarks. A peer that is not installed is left out:
pip install ".[bench]". Every reply is checked. Beside the medians stand 99th percentiles.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import pathlib
import subprocess
import time
from collections.abc import Awaitable, Callable

import report
import ringway as rw

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "benchmarks-runtime"
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
            raise SystemExit(f"an answer differs from its request: {answer!r}")
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
            raise SystemExit(f"an answer differs from its request: {answer!r}")
    return percentiles(times)


def ringway_sync(count: int, *, assist: bool, **options: object) -> Percentiles:
    with rw.Runtime(workers=1, assist=assist) as runtime:
        echo = runtime.launch("echo", options=rw.LaunchOptions(slot_size=56, **options))  # type: ignore[arg-type]
        return trips(lambda: echo.request(BODY), count)


def ringway_asyncio(count: int, *, assist: bool) -> Percentiles:
    async def main() -> Percentiles:
        async with rw.AsyncRuntime(workers=1, assist=assist) as runtime:
            echo = await runtime.launch("echo", options=rw.LaunchOptions(slot_size=56))
            return await async_trips(lambda: echo.request(BODY), count)

    return asyncio.run(main())


def pydotcompute_echo(count: int) -> Percentiles:
    policy = asyncio.get_event_loop_policy()
    from pydotcompute import ring_kernels  # installs uvloop's policy where uvloop is present

    async def echo(context: ring_kernels.KernelContext) -> None:  # type: ignore[type-arg]
        while not context.should_terminate:
            await context.send(await context.receive())

    async def main() -> Percentiles:
        @ring_kernels.message
        class Body:
            data: bytes = b""

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
                raise SystemExit("an answer differs from its request")
        await runtime.shutdown(timeout=0.1)
        return percentiles(times)

    try:
        return asyncio.run(main())
    finally:
        asyncio.set_event_loop_policy(policy)


def pykka_ask(count: int) -> Percentiles:
    import pykka

    class Echo(pykka.ThreadingActor):
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


def native(scale: float) -> dict[str, float]:
    """Build and run the native part; its figures by name."""
    source = ["-S", str(ROOT), "-B", str(BUILD), "-DRINGWAY_PYTHON=OFF", "-DRINGWAY_BENCHMARKS=ON"]
    subprocess.run(["cmake", *source], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(
        ["cmake", "--build", str(BUILD), "--target", "bench_runtime", "-j2"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    done = subprocess.run(
        [BUILD / "benchmarks/runtime/bench_runtime", str(scale)], check=True, capture_output=True, text=True
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Run all contestants round-robin and print or save their figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of messages")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    count = int(20_000 * arguments.scale)
    versions = report.versions(PEERS)
    contestants = {
        "ringway": lambda: ringway_sync(count, assist=True),
        "ringway, idle=spin": lambda: ringway_sync(count, assist=True, idle="spin"),
        "ringway, caller may not assist": lambda: ringway_sync(count // 4, assist=False),
        "ringway, idle=spin, caller may not assist": lambda: ringway_sync(count, assist=False, idle="spin"),
        "ringway asyncio": lambda: ringway_asyncio(count // 2, assist=True),
        "ringway asyncio, loop may not assist": lambda: ringway_asyncio(count // 4, assist=False),
    }
    peers = {
        "pydotcompute": lambda: pydotcompute_echo(count // 4),
        "pykka": lambda: pykka_ask(count // 4),
        "thespian": lambda: thespian_ask(count // 4),
        "xoscar": lambda: xoscar_call(count // 4),
    }
    contestants |= {f"{name} {versions[name]}": run for name, run in peers.items() if name in versions}
    samples = report.interleave(contestants, arguments.repeats)
    rows = [
        report.row(f"{TRIP}, {which}", name, "us", [value[at] for value in values])
        for at, which in enumerate(("p50", "p99"))
        for name, values in samples.items()
    ]
    runs = [native(arguments.scale) for _ in range(arguments.repeats)]
    for name in runs[0]:
        what, unit = name.rsplit(", ", 1)
        rows.append(report.row(what, "ringway, native", unit, [run[name] for run in runs]))
    report.show(rows)
    if arguments.save or arguments.json:
        print(report.save("runtime", rows, versions, arguments.json))


if __name__ == "__main__":
    main()

"""Round trips through ring kernels from Python, beside other actor libraries, and the runtime without Python.

    python benchmarks/run_runtime.py [--repeats N] [--scale X] [--json FILE | --save]

Builds the native part with CMake below build/benchmarks. A peer that is not installed is left out:
pip install pykka thespian xoscar. Every reply is checked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import pathlib
import statistics
import subprocess
import time
from collections.abc import Callable

import report
import ringway as rw

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "benchmarks-runtime"
PEERS = ("pykka", "thespian", "xoscar")
BODY = bytes(range(56))
TRIP = "round trip of 56 bytes, p50"


def median_us(call: Callable[[], object], count: int) -> float:
    """Median time of a call in microseconds; each answer is compared with what was sent."""
    times = []
    for _ in range(count):
        start = time.perf_counter_ns()
        answer = call()
        times.append(time.perf_counter_ns() - start)
        if answer != BODY:
            raise SystemExit(f"an answer differs from its request: {answer!r}")
    return statistics.median(times) / 1000


def ringway_sync(count: int, *, assist: bool, **options: object) -> float:
    with rw.Runtime(workers=1, assist=assist) as runtime:
        echo = runtime.launch("echo", options=rw.LaunchOptions(slot_size=56, **options))  # type: ignore[arg-type]
        return median_us(lambda: echo.request(BODY), count)


def ringway_asyncio(count: int, *, assist: bool) -> float:
    async def main() -> float:
        async with rw.AsyncRuntime(workers=1, assist=assist) as runtime:
            echo = await runtime.launch("echo", options=rw.LaunchOptions(slot_size=56))
            times = []
            for _ in range(count):
                start = time.perf_counter_ns()
                answer = await echo.request(BODY)
                times.append(time.perf_counter_ns() - start)
                if answer != BODY:
                    raise SystemExit("an answer differs from its request")
            return statistics.median(times) / 1000

    return asyncio.run(main())


def pykka_ask(count: int) -> float:
    import pykka

    class Echo(pykka.ThreadingActor):
        def on_receive(self, message: object) -> object:
            return message

    actor = Echo.start()
    try:
        return median_us(lambda: actor.ask(BODY), count)
    finally:
        actor.stop()


def thespian_ask(count: int) -> float:
    from thespian import actors

    class Echo(actors.Actor):  # type: ignore[misc]
        def receiveMessage(self, message: object, sender: object) -> None:
            if isinstance(message, bytes):
                self.send(sender, message)

    system = actors.ActorSystem("simpleSystemBase")
    try:
        actor = system.createActor(Echo)
        return median_us(lambda: system.ask(actor, BODY, 5), count)
    finally:
        system.shutdown()


def xoscar_call(count: int) -> float:
    import xoscar

    class Echo(xoscar.Actor):  # type: ignore[misc]
        def echo(self, message: object) -> object:
            return message

    async def main() -> float:
        pool = await xoscar.create_actor_pool("127.0.0.1", n_process=0)
        async with pool:
            actor = await xoscar.create_actor(Echo, address=pool.external_address)
            times = []
            for _ in range(count):
                start = time.perf_counter_ns()
                answer = await actor.echo(BODY)
                times.append(time.perf_counter_ns() - start)
                if answer != BODY:
                    raise SystemExit("an answer differs from its request")
            return statistics.median(times) / 1000

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
        "pykka": lambda: pykka_ask(count // 4),
        "thespian": lambda: thespian_ask(count // 4),
        "xoscar": lambda: xoscar_call(count // 4),
    }
    contestants |= {f"{name} {versions[name]}": run for name, run in peers.items() if name in versions}
    samples = report.interleave(contestants, arguments.repeats)
    rows = [report.row(TRIP, name, "us", values) for name, values in samples.items()]
    runs = [native(arguments.scale) for _ in range(arguments.repeats)]
    for name in runs[0]:
        what, unit = name.rsplit(", ", 1)
        rows.append(report.row(what, "ringway, native", unit, [run[name] for run in runs]))
    report.show(rows)
    if arguments.save or arguments.json:
        print(report.save("runtime", rows, versions, arguments.json))


if __name__ == "__main__":
    main()

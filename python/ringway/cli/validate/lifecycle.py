"""Checks of kernels' lives: transitions, counts, and the time to launch."""

from __future__ import annotations

import statistics
import time

import ringway as rw
from ringway.cli.validate.check import Check, Finding, Setting, below, demand, exactly
from ringway.errors import InvalidState
from ringway.messages import PageRankContribution

SENT = 100
REPEATS = 15
LAUNCHES = 300
TIMEOUT = 5.0
MESSAGE = PageRankContribution(1, 2, 0.25, 3)


def expect(kernel: rw.Kernel, state: str) -> int:
    """Count one state reached."""
    demand(kernel.state == state, f"the kernel is {kernel.state} and should be {state}")
    return 1


def transitions(setting: Setting) -> Finding:
    """Every state is reached, and an inactive kernel keeps what was sent to it."""
    with setting.runtime() as runtime:
        kernel = runtime.launch("echo", activate=False)
        reached = expect(kernel, "launched")
        kernel.activate()
        reached += expect(kernel, "active")
        demand(kernel.request(MESSAGE, timeout=TIMEOUT) == MESSAGE, "the answer is another message")
        kernel.deactivate()
        reached += expect(kernel, "inactive")
        kernel.send(MESSAGE)
        demand(kernel.telemetry().depth == 1, "an inactive kernel took a message")
        kernel.activate()
        demand(kernel.receive(timeout=TIMEOUT) == MESSAGE, "a message was lost while inactive")
        kernel.terminate()
        reached += expect(kernel, "terminated")
        try:
            kernel.activate()
        except InvalidState:
            return exactly(reached, 4, "states")
    raise AssertionError("a terminated kernel was activated")


def telemetry(setting: Setting) -> Finding:
    """The counters hold exactly what was sent."""
    with setting.runtime() as runtime:
        kernel = runtime.launch("echo")
        for _ in range(SENT):
            kernel.request(MESSAGE, timeout=TIMEOUT)
        counted = kernel.telemetry()
    demand(counted.received == SENT, f"{counted.received} of {SENT} messages counted as received")
    demand(counted.errors == 0, f"{counted.errors} errors counted")
    demand(not any(counted.dropped.values()), f"dropped messages counted: {counted.dropped}")
    return exactly(counted.processed, SENT, "messages")


def launch_three(setting: Setting) -> Finding:
    """The three kernels of PageRank, launched and activated in a runtime that is up."""
    best = float("inf")
    with setting.runtime() as runtime:
        for _ in range(REPEATS):
            start = time.perf_counter()
            kernels = [runtime.launch(f"pagerank.{role}") for role in ("sender", "aggregator", "checker")]
            best = min(best, time.perf_counter() - start)
            for kernel in kernels:
                kernel.terminate()
    return below(best * 1e6, 500, "µs")


def launch_one(setting: Setting) -> Finding:
    """One kernel, launched and activated, the median of many."""
    seconds = []
    with setting.runtime() as runtime:
        for _ in range(LAUNCHES):
            start = time.perf_counter()
            kernel = runtime.launch("echo")
            seconds.append(time.perf_counter() - start)
            kernel.terminate()
    # A bridge comes with queues of its own.
    limit = 20 if kernel.bridge == "direct" else 100
    return below(statistics.median(seconds) * 1e6, limit, "µs", f"median of {LAUNCHES}")


def latency(setting: Setting) -> Finding:
    """A message that waited is timed in seconds, and each that is asked for is sampled."""
    with setting.runtime() as runtime:
        kernel = runtime.launch("echo", activate=False, options=rw.LaunchOptions(latency_sample=1))
        for _ in range(SENT):
            kernel.send(MESSAGE)
        time.sleep(0.02)
        kernel.activate()
        for _ in range(SENT):
            kernel.receive(timeout=TIMEOUT)
        kernel.deactivate()
        seen = kernel.telemetry().latency
    demand(0.018 <= seen.p50 <= seen.p99 <= seen.p999, f"after 20 ms of waiting p50 is {seen.p50 * 1e3:g} ms")
    return exactly(seen.count, SENT, "messages timed", f"p50 {seen.p50 * 1e3:.1f} ms after a wait of 20 ms")


def idle(setting: Setting) -> Finding:
    """The processor time of a runtime that has nothing to do."""
    with setting.runtime() as runtime:
        for _ in range(SENT):
            runtime.launch("echo").request(MESSAGE, timeout=TIMEOUT)
        time.sleep(0.05)
        busy, start = time.process_time(), time.perf_counter()
        time.sleep(0.5)
        share = (time.process_time() - busy) / (time.perf_counter() - start)
    return below(share * 100, 1, "% of a core", f"{SENT} kernels")


CHECKS = [
    Check("lifecycle", "launch, activate, deactivate, terminate", transitions),
    Check("telemetry", "telemetry counts what was sent", telemetry),
    Check("telemetry-latency", "latency of messages that waited", latency),
    Check("launch", "PageRank's three kernels launched", launch_three, measured=True),
    Check("launch-one", "a kernel launched and activated", launch_one, measured=True),
    Check("idle", "processor time while idle", idle, measured=True),
]

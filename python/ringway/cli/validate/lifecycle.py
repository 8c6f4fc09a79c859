"""Checks of kernels' lives: transitions, counts, and the time to launch."""

from __future__ import annotations

import time

import ringway as rw
from ringway.cli.validate.check import Check, Finding, Setting, below, demand, exactly
from ringway.errors import InvalidState
from ringway.messages import PageRankContribution

SENT = 100
REPEATS = 15
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


CHECKS = [
    Check("lifecycle", "launch, activate, deactivate, terminate", transitions),
    Check("telemetry", "telemetry counts what was sent", telemetry),
    Check("launch", "PageRank's three kernels launched", launch_three),
]

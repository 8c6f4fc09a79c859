"""Checks of messages: the codec, a queue of every type, and what is too large for a slot."""

from __future__ import annotations

import time
import uuid
from typing import Any

import numpy as np

import ringway as rw
from ringway import messages
from ringway.cli.validate.check import Check, Finding, Setting, demand, exactly
from ringway.errors import MessageTooLarge

TIMEOUT = 5.0


def samples() -> list[Any]:
    """One message of every type that ringway declares."""
    vector = np.linspace(-1, 1, messages.MAX_INLINE, dtype=np.float32)
    contribution = messages.PageRankContribution(1, 2, 0.25, 3)
    return [
        rw.VectorRequest(vector, vector, op="divide"),
        rw.VectorResponse(message_id=uuid.uuid4(), processed=3, result=vector[:3]),
        contribution,
        messages.RankAggregationResult(7, 0.5, -0.125, 4),
        messages.ConvergenceCheckResult(4, 2.0**-20, 1, 1000),
        messages.GraphNode(5, 0.25, 3, targets=np.arange(32, dtype=np.int32)),
        messages.KernelMessage[messages.PageRankContribution](
            1, 2, messages.MessageKind.DATA, contribution, 5, 6
        ),
    ]


def round_trip(setting: Setting) -> Finding:
    """Each message is the same after its bytes were read again."""
    values = samples()
    for value in values:
        demand(type(value).decode(value.encode()) == value, f"{type(value).__name__} came back changed")
    return exactly(len(values), len(values), "types")


def every_queue(setting: Setting) -> Finding:
    """Each message type through a kernel's queues and back."""
    values = samples()
    with setting.runtime() as runtime:
        for value in values:
            kernel = runtime.launch("echo")
            answer = kernel.request(value, timeout=TIMEOUT)
            demand(answer == value, f"{type(value).__name__} came back changed")
    return exactly(len(values), len(values), "types")


def oversize(setting: Setting) -> Finding:
    """A message larger than the slot is refused, and the queue stays as it was."""
    small, large = samples()[2], samples()[0]
    refused = 0
    with setting.runtime() as runtime:
        kernel = runtime.launch("echo", options=rw.LaunchOptions(slot_size=64), activate=False)
        kernel.send(small)
        before = kernel.telemetry()
        end = time.monotonic() + TIMEOUT
        while before.bridge is not None and (before.depth, before.bridge["to_device"]) != (1, 1):
            demand(time.monotonic() < end, f"the bridge has not copied a message within {TIMEOUT} s")
            time.sleep(0.001)
            before = kernel.telemetry()  # on its way it may count twice
        try:
            kernel.send(large)
        except MessageTooLarge:
            refused = 1
        after = kernel.telemetry()
        demand((after.depth, after.received) == (before.depth, before.received), "the queue was changed")
        kernel.activate()
        demand(kernel.receive(timeout=TIMEOUT) == small, "the message before it was lost")
    return exactly(refused, 1, "refusal", f"{len(large.encode())} bytes into 64")


CHECKS = [
    Check("codec", "codec round trip of every message type", round_trip),
    Check("queue-types", "queue of every message type", every_queue),
    Check("queue-oversize", "oversize message refused", oversize),
]

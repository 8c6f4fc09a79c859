"""Checks of named queues: their types, whole arrays, slots in place, and another process."""

from __future__ import annotations

import subprocess
import sys
import uuid

import numpy as np

import ringway as rw
from ringway.cli.validate.check import Check, Finding, Setting, demand, exactly
from ringway.errors import Closed
from ringway.messages import PageRankContribution
from ringway.shared_queues import remove_shared_queue

TIMEOUT = 5.0
COUNT = 10_000
OTHER_PROCESS = """
import sys
import ringway as rw
there = rw.Queue.attach(sys.argv[1])
back = rw.Queue.attach(sys.argv[2])
for _ in range(int(sys.argv[3])):
    back.send(there.receive(timeout=10))
"""


def contributions() -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Messages that differ from one another."""
    made = np.zeros(COUNT, PageRankContribution.dtype())
    made["source"] = np.arange(COUNT)
    made["contribution"] = np.arange(COUNT) / 4
    return made


def named(setting: Setting) -> Finding:
    """A queue is listed, found by its name, sent to and received from by it, and ends by a close."""
    message = PageRankContribution(1, 2, 0.25, 3)
    with setting.runtime() as runtime:
        queue = runtime.queue("validate", PageRankContribution)
        demand("validate" in [listed.name for listed in runtime.queues()], "the queue is not listed")
        found = runtime.queue_named("validate")
        demand(isinstance(found, rw.Queue) and found.message is PageRankContribution, "its type is another")
        received = 0
        for _ in range(100):
            runtime.send("validate", message)
            received += runtime.receive("validate", timeout=TIMEOUT) == message
        queue.send(message)
        queue.close()
        demand(queue.receive() == message, "what was left at the close is lost")
        try:
            queue.receive()
        except Closed:
            return exactly(received, 100, "messages")
    raise AssertionError("a closed queue gave a message")


def arrays(setting: Setting) -> Finding:
    """Arrays of messages through a ring that they go round many times."""
    sent = contributions()
    received = []
    with setting.runtime() as runtime:
        queue = runtime.queue(message=PageRankContribution, capacity=256)
        for first in range(0, COUNT, 200):
            queue.send_many(sent[first : first + 200])
            received.append(queue.receive_many())
    return exactly(int(np.sum(np.concatenate(received) == sent)), COUNT, "messages")


def in_place(setting: Setting) -> Finding:
    """Messages written into the slots and read there."""
    sent = contributions()
    right = at = 0
    with setting.runtime() as runtime:
        queue = runtime.queue(message=PageRankContribution, capacity=256)
        while at < COUNT:
            with queue.reserve(min(100, COUNT - at)) as slots:
                slots[:] = sent[at : at + len(slots)]
                count = len(slots)
            with queue.peek(count, timeout=TIMEOUT) as slots:
                demand(len(slots) == count, f"{len(slots)} of {count} messages lie side by side")
                right += int(np.sum(slots.array == sent[at : at + count]))
            at += count
    return exactly(right, COUNT, "messages")


def shared(setting: Setting) -> Finding:
    """Messages to another process and back, through shared memory."""
    names = [f"validate-{uuid.uuid4().hex[:12]}-{way}" for way in "ab"]
    count = 1000
    there, back = (rw.Queue.create_shared(name, PageRankContribution) for name in names)
    try:
        command = [sys.executable, "-c", OTHER_PROCESS, *names, str(count)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as other:
            try:
                for number in range(count):
                    there.send(PageRankContribution(number, 0, 0.5, 1))
                right = sum(back.receive(timeout=TIMEOUT).source == number for number in range(count))
            finally:
                other.kill()
    finally:
        there.close()
        back.close()
        del there, back  # a queue that somebody holds is not removed
        for name in names:
            remove_shared_queue(name)
    return exactly(right, count, "messages")


CHECKS = [
    Check("queue-named", "named queue, found and closed", named),
    Check("queue-arrays", "arrays through a queue", arrays),
    Check("queue-in-place", "messages written and read in place", in_place),
    Check("queue-shared", "queue between two processes", shared),
]

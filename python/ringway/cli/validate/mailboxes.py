"""Checks of a kernel's mailbox: its policies and options, dead letters, and the pumped bridge.

Each runs over the bridge that the backend chooses.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import ringway as rw
from ringway.cli.validate.check import Check, Finding, Setting, Skip, demand, exactly
from ringway.errors import DuplicateMessage, InvalidOption, QueueFull

TIMEOUT = 5.0
SLOTS = 16


def launch(runtime: rw.Runtime, **fields: Any) -> rw.Kernel:
    """An inactive echo; a bridge that the backend lacks is a reason to skip."""
    options = rw.LaunchOptions(**fields)
    try:
        return runtime.launch("echo", options=options, activate=False)
    except InvalidOption as error:
        raise Skip(str(error)) from error


class Full(NamedTuple):
    """A kernel that has no room, with the messages 0 to ``held`` - 1, of which ``oldest`` would be dropped.

    Behind a pumped bridge the device's mailbox is full and the staging ring too, which the policy is for.
    """

    kernel: rw.Kernel
    held: int
    oldest: int


def until(done: Callable[[], bool], what: str) -> None:
    """Wait for what comes soon."""
    end = time.monotonic() + TIMEOUT
    while not done():
        demand(time.monotonic() < end, what)
        time.sleep(0.001)


def until_on_device(kernel: rw.Kernel, count: int) -> None:
    """Wait until a pumped bridge has carried so many messages; others have nothing to carry."""

    def carried() -> bool:
        bridge = kernel.telemetry().bridge
        return bridge is None or bridge["to_device"] == count

    until(carried, f"the bridge did not carry {count} messages to the device")


def full(runtime: rw.Runtime, **fields: Any) -> Full:
    """One with a message, its number, in each of its slots."""
    kernel = launch(runtime, capacity=SLOTS, staging_capacity=SLOTS, **fields)
    count = SLOTS if kernel.bridge == "direct" else 2 * SLOTS
    for number in range(count):
        if number == SLOTS:
            until_on_device(kernel, SLOTS)
        kernel.send(b"%d" % number)
    return Full(kernel, count, count - SLOTS)


def numbers(kernel: rw.Kernel, count: int) -> list[int]:
    """What the kernel sends back once it is active."""
    kernel.activate()
    return [int(kernel.receive(timeout=TIMEOUT)) for _ in range(count)]


def block(setting: Setting) -> Finding:
    """A sender waits until there is room."""
    with setting.runtime() as runtime:
        kernel, count, _ = full(runtime, policy="block", block_timeout=TIMEOUT)
        sender = threading.Thread(target=kernel.send, args=(b"%d" % count,))
        sender.start()
        time.sleep(0.02)
        demand(sender.is_alive(), "the sender did not wait")
        got = numbers(kernel, count + 1)
        sender.join()
    demand(got == list(range(count + 1)), f"the messages came as {got}")
    return exactly(len(got), count + 1, "messages", f"{count} slots")


def reject(setting: Setting) -> Finding:
    """A sender is refused at once."""
    with setting.runtime() as runtime:
        kernel = full(runtime, policy="reject").kernel
        try:
            kernel.send(b"x")
        except QueueFull:
            return exactly(kernel.telemetry().dropped["refused"], 1, "refusal")
    raise AssertionError("a full mailbox took a message")


def dropping(setting: Setting, *, policy: Any, counter: str) -> Finding:
    """The message that the policy names goes, and is counted."""
    with setting.runtime() as runtime:
        kernel, count, oldest = full(runtime, policy=policy)
        kernel.send(b"%d" % count)
        kept = set(range(count + 1)) - {oldest if counter == "oldest" else count}
        got = numbers(kernel, count)
        demand(got == sorted(kept), f"the messages left are {got}")
        return exactly(kernel.telemetry().dropped[counter], 1, "dropped")


def lanes(setting: Setting) -> Finding:
    """The highest of four lanes first, and 64 : 16 : 4 : 1 of 85 messages."""
    with setting.runtime() as runtime:
        kernel = launch(runtime, lanes=True)
        for _ in range(64):
            for lane in (3, 2, 1, 0):
                kernel.send(b"%d" % lane, priority=64 * lane)
        until_on_device(kernel, 4 * 64)
        first = numbers(kernel, 85)
    demand(first[0] == 0, f"a message of lane {first[0]} came first")
    shares = [first.count(lane) for lane in range(4)]
    demand(shares == [64, 16, 4, 1], f"of 85 messages the lanes had {shares}")
    return exactly(shares[3], 1, "of 85 from the lowest lane")


def dedup(setting: Setting) -> Finding:
    """A message with an id that was there before is refused."""
    number = uuid.uuid4()
    with setting.runtime() as runtime:
        kernel = launch(runtime, dedup=SLOTS)
        kernel.activate()
        kernel.request(b"once", timeout=TIMEOUT, message_id=number)
        try:
            kernel.request(b"twice", timeout=TIMEOUT, message_id=number)
        except DuplicateMessage:
            return exactly(kernel.telemetry().dropped["duplicate"], 1, "duplicate")
    raise AssertionError("the same message was handled twice")


def time_to_live(setting: Setting) -> Finding:
    """A message that is too old is not handled."""
    with setting.runtime() as runtime:
        kernel = launch(runtime)
        kernel.send(b"1", ttl=0.02)
        kernel.send(b"2")
        time.sleep(0.05)
        demand(numbers(kernel, 1) == [2], "a message was handled after its time")
        until(lambda: kernel.telemetry().dropped["expired"] > 0, "no message expired")
        return exactly(kernel.telemetry().dropped["expired"], 1, "expired", "ttl 20 ms")


def dead_letters(setting: Setting) -> Finding:
    """What was left over is readable, and can be sent to a successor."""
    with setting.runtime() as runtime:
        kernel, count, _ = full(runtime)
        kernel.terminate(drain=False)
        letters = kernel.dead_letters()
        demand({letter.reason for letter in letters} == {"terminated"}, "a letter has another reason")
        successor = launch(runtime)
        for letter in letters:
            successor.resend(letter)
        right = sum(map(int.__eq__, numbers(successor, count), range(count)))
        return exactly(right, count, "letters sent again")


def pumped(setting: Setting) -> Finding:
    """Through staging rings that are much smaller than what is sent."""
    count = 1000
    with setting.runtime() as runtime:
        kernel = launch(runtime, bridge="pumped", capacity=SLOTS, staging_capacity=SLOTS)
        kernel.activate()
        sender = threading.Thread(target=lambda: [kernel.send(b"%d" % number) for number in range(count)])
        sender.start()
        right = sum(int(kernel.receive(timeout=TIMEOUT)) == number for number in range(count))
        sender.join()
    return exactly(right, count, "messages", f"staging rings of {SLOTS} slots")


CHECKS = [
    Check("policy-block", "policy block waits for room", block),
    Check("policy-reject", "policy reject refuses", reject),
    Check(
        "policy-drop-new",
        "policy drop_new drops what comes",
        partial(dropping, policy="drop_new", counter="new"),
    ),
    Check(
        "policy-drop-oldest",
        "policy drop_oldest drops what is there",
        partial(dropping, policy="drop_oldest", counter="oldest"),
    ),
    Check("lanes", "four lanes, 64 : 16 : 4 : 1", lanes),
    Check("dedup", "duplicate refused", dedup),
    Check("ttl", "message not handled after its time to live", time_to_live),
    Check("dead-letters", "dead letters read and sent again", dead_letters),
    Check("bridge-pumped", "order and back-pressure over a pumped bridge", pumped),
]

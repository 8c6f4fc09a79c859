"""Policy, lanes, deduplication, times to live, askers and dead letters, against a model of a few lines."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

import pytest
import ringway as rw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CAPACITY = 16
WEIGHTS = (64, 16, 4, 1)
Policy = Literal["block", "reject", "drop_new", "drop_oldest"]
TTL = 0.01  # seconds; the least there is
# What an asker gets for a message that has become such a letter.
ERRORS = {
    "drop_new": rw.errors.QueueFull,
    "drop_oldest": rw.errors.QueueFull,
    "expired": rw.errors.Timeout,
    "duplicate": rw.errors.DuplicateMessage,
}


@dataclasses.dataclass(frozen=True)
class Sent:
    """A message: its id and priority, whether it expires, and whether somebody waits for an answer."""

    id: int
    priority: int
    expires: bool
    asked: bool


@dataclasses.dataclass
class Model:
    """What a mailbox is meant to do while nobody else touches it."""

    policy: Policy
    lanes: list[deque[tuple[int, Sent]]]  # with its number
    dedup: int
    seen: deque[int] = dataclasses.field(default_factory=deque)
    letters: list[tuple[str, int]] = dataclasses.field(default_factory=list)
    refused: int = 0

    def send(self, number: int, sent: Sent) -> bool | None:
        """True: sent, False: dropped, None: refused."""
        lane = self.lanes[0 if len(self.lanes) == 1 else sent.priority // 64]
        if len(lane) == CAPACITY:
            if self.policy in ("block", "reject"):
                self.refused += 1
                return None
            if self.policy == "drop_new":
                self.letters.append(("drop_new", number))
                return False
            self.letters.append(("drop_oldest", lane.popleft()[0]))
        lane.append((number, sent))
        return True

    def drain(self) -> list[int]:
        """Handle everything, by the lanes' weights; the numbers in the order of handling."""
        handled = []
        while any(self.lanes):
            for lane, weight in zip(self.lanes, WEIGHTS, strict=False):
                for _ in range(min(weight, len(lane))):
                    number, sent = lane.popleft()
                    id = sent.id
                    if sent.expires:
                        self.letters.append(("expired", number))
                        continue
                    if id in self.seen:
                        self.letters.append(("duplicate", number))
                        continue
                    handled.append(number)
                    if self.dedup:
                        self.seen.append(id)
                    if len(self.seen) > self.dedup:
                        self.seen.popleft()
        return handled


sends = st.builds(
    Sent,
    id=st.integers(0, 40),
    priority=st.sampled_from([0, 63, 64, 128, 191, 192, 255]),
    expires=st.sampled_from([False] * 7 + [True]),
    asked=st.sampled_from([False] * 3 + [True]),
)
rounds = st.lists(st.lists(sends, max_size=60), min_size=1, max_size=4)


def attempts(kernel: rw.Kernel) -> int:
    """How many messages an inactive kernel has been sent since it was last empty, whatever became of them."""
    now = kernel.telemetry()
    return now.depth + sum(now.dropped[reason] for reason in ("new", "oldest", "refused"))


def send(
    kernel: rw.Kernel, number: int, sent: Sent, askers: ThreadPoolExecutor
) -> Future[bytes] | bool | None:
    """As `Model.send`; an asker's future when it has to wait."""
    message, id = b"%d" % number, uuid.UUID(int=sent.id + 1)
    ttl = TTL if sent.expires else None
    if not sent.asked:
        try:
            return kernel.send(message, priority=sent.priority, message_id=id, ttl=ttl)
        except rw.errors.QueueFull:
            return None
    before = attempts(kernel)
    answer = askers.submit(kernel.request, message, 60, priority=sent.priority, message_id=id, ttl=ttl)
    while attempts(kernel) == before:
        time.sleep(0)
    return answer


@pytest.mark.usefixtures("direct")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    policy=st.sampled_from(["block", "reject", "drop_new", "drop_oldest"]),
    lanes=st.booleans(),
    dedup=st.sampled_from([0, 16]),
    batch=st.sampled_from([1, 7, 256]),
    rounds=rounds,
)
def test_mailbox_does_what_the_model_does(
    backend: str,
    *,
    policy: Policy,
    lanes: bool,
    dedup: int,
    batch: int,
    rounds: list[list[Sent]],
) -> None:
    model = Model(policy, [deque() for _ in range(4 if lanes else 1)], dedup)
    options = rw.LaunchOptions(
        capacity=CAPACITY,
        policy=policy,
        block_timeout=0.0,
        lanes=lanes,
        dedup=dedup,
        batch=batch,
        dead_letters=1024,
    )
    answers: dict[int, tuple[Future[bytes], bool | None]] = {}
    with rw.Runtime(backend, assist=False) as runtime, ThreadPoolExecutor(256) as askers:
        kernel = runtime.launch("echo", activate=False, options=options)
        number = 0
        handled: list[int] = []
        for sends in rounds:
            for sent in sends:
                expected = model.send(number, sent)
                got = send(kernel, number, sent, askers)
                if isinstance(got, Future):
                    answers[number] = got, expected
                else:
                    assert got is expected
                number += 1
            if any(sent.expires for sent in sends):
                time.sleep(2 * TTL)
            order = model.drain()
            kernel.activate()
            for one in order:
                if one not in answers:
                    assert int(kernel.receive(timeout=20)) == one
            handled += order
            # What the kernel has claimed counts no longer, and may have to become a letter yet.
            end = time.monotonic() + 20
            while kernel.telemetry().depth or len(kernel.dead_letters()) < len(model.letters):
                if time.monotonic() > end:
                    break  # the letters are compared below
                time.sleep(0)
            kernel.deactivate()
        telemetry = kernel.telemetry()
        letters = [(letter.reason, int(letter.message)) for letter in kernel.dead_letters()]
        for asked, (answer, expected) in answers.items():
            reasons = [reason for reason, letter in model.letters if letter == asked]
            if asked in handled:
                assert int(answer.result(60)) == asked
            elif expected is None:
                assert isinstance(answer.exception(60), rw.errors.QueueFull)
            else:
                assert isinstance(answer.exception(60), ERRORS[reasons[0]])
    assert letters == model.letters
    assert telemetry.processed == len(handled)
    dropped = {"drop_new": "new", "drop_oldest": "oldest", "duplicate": "duplicate", "expired": "expired"}
    for reason, counter in dropped.items():
        assert telemetry.dropped[counter] == sum(letter[0] == reason for letter in letters)
    assert telemetry.dropped["refused"] == model.refused

"""Bound, policy, lanes, deduplication and dead letters together, against a mailbox of a few lines."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections import deque
from typing import Literal

import pytest
import ringway as rw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CAPACITY = 16
WEIGHTS = (64, 16, 4, 1)
Policy = Literal["reject", "drop_new", "drop_oldest"]


@dataclasses.dataclass
class Model:
    """What a mailbox is meant to do while nobody else touches it."""

    policy: Policy
    lanes: list[deque[tuple[int, int]]]  # (number, id)
    dedup: int
    seen: deque[int] = dataclasses.field(default_factory=deque)
    letters: list[tuple[str, int]] = dataclasses.field(default_factory=list)
    refused: int = 0

    def send(self, number: int, id: int, priority: int) -> bool | None:
        """True: sent, False: dropped, None: refused."""
        lane = self.lanes[0 if len(self.lanes) == 1 else priority // 64]
        if len(lane) == CAPACITY:
            if self.policy == "reject":
                self.refused += 1
                return None
            if self.policy == "drop_new":
                self.letters.append(("drop_new", number))
                return False
            self.letters.append(("drop_oldest", lane.popleft()[0]))
        lane.append((number, id))
        return True

    def drain(self) -> list[int]:
        """Handle everything, by the lanes' weights; the numbers in the order of handling."""
        handled = []
        while any(self.lanes):
            for lane, weight in zip(self.lanes, WEIGHTS, strict=False):
                for _ in range(min(weight, len(lane))):
                    number, id = lane.popleft()
                    if id in self.seen:
                        self.letters.append(("duplicate", number))
                        continue
                    handled.append(number)
                    if self.dedup:
                        self.seen.append(id)
                    if len(self.seen) > self.dedup:
                        self.seen.popleft()
        return handled


sends = st.tuples(st.sampled_from([0, 63, 64, 128, 191, 192, 255]), st.integers(0, 40))
rounds = st.lists(st.lists(sends, max_size=60), min_size=1, max_size=4)


@pytest.mark.usefixtures("direct")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    policy=st.sampled_from(["reject", "drop_new", "drop_oldest"]),
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
    rounds: list[list[tuple[int, int]]],
) -> None:
    model = Model(policy, [deque() for _ in range(4 if lanes else 1)], dedup)
    options = rw.LaunchOptions(
        capacity=CAPACITY, policy=policy, lanes=lanes, dedup=dedup, batch=batch, dead_letters=1024
    )
    with rw.Runtime(backend, assist=False) as runtime:
        kernel = runtime.launch("echo", activate=False, options=options)
        number = 0
        handled = 0
        for sent in rounds:
            for priority, id in sent:
                expected = model.send(number, id, priority)
                try:
                    got: bool | None = kernel.send(
                        b"%d" % number, priority=priority, message_id=uuid.UUID(int=id + 1)
                    )
                except rw.errors.QueueFull:
                    got = None
                assert got is expected
                number += 1
            order = model.drain()
            kernel.activate()
            assert [int(kernel.receive(timeout=20)) for _ in order] == order
            handled += len(order)
            while kernel.telemetry().depth:
                time.sleep(0)
            kernel.deactivate()
        telemetry = kernel.telemetry()
        letters = [(letter.reason, int(letter.message)) for letter in kernel.dead_letters()]
    assert letters == model.letters
    assert telemetry.processed == handled
    dropped = {"drop_new": "new", "drop_oldest": "oldest", "duplicate": "duplicate"}
    for reason, counter in dropped.items():
        assert telemetry.dropped[counter] == sum(letter[0] == reason for letter in letters)
    assert telemetry.dropped["refused"] == model.refused

"""Mailbox options together with pumped bridges and with replicas."""

from __future__ import annotations

import time
import uuid
from typing import Literal

import pytest
import ringway as rw
from ringway import errors

Bridge = Literal["direct", "pumped"]
EACH = 40


def wait_until_staged(kernel: rw.Kernel, count: int) -> None:
    """Until the bridge has carried that many messages to the kernel's side."""
    bridge = kernel.telemetry().bridge
    while bridge is not None and bridge["to_device"] < count:
        time.sleep(0)
        bridge = kernel.telemetry().bridge


@pytest.mark.parametrize("bridge", ["direct", "pumped"])
def test_lanes_are_served_by_priority(bridge: Bridge) -> None:
    with rw.Runtime("cpu", workers=1, assist=False) as runtime:
        options = rw.LaunchOptions(lanes=True, bridge=bridge)
        kernel = runtime.launch("echo", activate=False, options=options)
        for number in range(EACH):
            for priority in (255, 191, 127, 63):
                kernel.send(b"%d %d" % (priority // 64, number), priority=priority)
        wait_until_staged(kernel, 4 * EACH)
        assert kernel.telemetry().depth == 4 * EACH
        kernel.activate()
        got = [tuple(map(int, kernel.receive(timeout=30).split())) for _ in range(4 * EACH)]
        assert [lane for lane, _ in got[:EACH]] == [0] * EACH
        assert [lane for lane, _ in got[EACH : EACH + 16]] == [1] * 16
        for lane in range(4):
            assert [number for its, number in got if its == lane] == list(range(EACH))
        assert kernel.request(b"urgent", timeout=30, priority=0) == b"urgent"


def test_a_full_lane_of_a_pumped_kernel_holds_up_no_other() -> None:
    with rw.Runtime("cpu", workers=1, assist=False) as runtime:
        options = rw.LaunchOptions(
            lanes=True, bridge="pumped", capacity=16, staging_capacity=64, policy="reject"
        )
        kernel = runtime.launch("echo", activate=False, options=options)
        for number in range(16):
            kernel.send(b"%d" % number, priority=255)
        wait_until_staged(kernel, 16)
        for number in range(16, 80):
            kernel.send(b"%d" % number, priority=255)
        with pytest.raises(errors.QueueFull, match="lane 3"):
            kernel.send(b"80", priority=255)
        kernel.send(b"urgent", priority=0)
        wait_until_staged(kernel, 17)
        kernel.activate()
        assert kernel.receive(timeout=30) == b"urgent"
        assert [int(kernel.receive(timeout=30)) for _ in range(80)] == list(range(80))


@pytest.mark.parametrize("drain", [True, False])
def test_terminating_empties_every_lane_of_both_rings(drain: bool) -> None:
    with rw.Runtime("cpu", workers=1) as runtime:
        options = rw.LaunchOptions(lanes=True, bridge="pumped", capacity=16, dead_letters=1000)
        kernel = runtime.launch("echo", activate=False, options=options)
        for number in range(EACH):
            for priority in (255, 0):
                kernel.send(b"%d" % number, priority=priority)
        report = kernel.terminate(drain=drain, timeout=30) if not drain else None
        if report is None:
            kernel.activate()
            assert len([kernel.receive(timeout=30) for _ in range(2 * EACH)]) == 2 * EACH
        else:
            assert (report.processed, report.left_over) == (0, 2 * EACH)
            assert len(kernel.dead_letters()) == 2 * EACH


@pytest.mark.parametrize("lanes", [False, True])
def test_duplicates_and_late_messages_over_a_pumped_bridge(lanes: bool) -> None:
    with rw.Runtime("cpu", workers=1) as runtime:
        options = rw.LaunchOptions(dedup=64, ttl=30.0, bridge="pumped", lanes=lanes)
        kernel = runtime.launch("echo", activate=False, options=options)
        id = uuid.uuid4()
        kernel.send(b"late", ttl=0.01)
        kernel.send(b"first", message_id=id)
        kernel.send(b"again", message_id=id)
        wait_until_staged(kernel, 3)
        time.sleep(0.03)
        kernel.activate()
        assert kernel.receive(timeout=30) == b"first"
        with pytest.raises(errors.DuplicateMessage):
            kernel.request(b"asked", timeout=30, message_id=id)
        letters = [(letter.reason, letter.message) for letter in kernel.dead_letters()]
        assert letters == [("expired", b"late"), ("duplicate", b"again"), ("duplicate", b"asked")]


@pytest.mark.parametrize("bridge", ["direct", "pumped"])
def test_replicas_share_lanes_and_the_window(bridge: Bridge) -> None:
    with rw.Runtime("cpu", workers=2) as runtime:
        options = rw.LaunchOptions(lanes=True, dedup=1024, bridge=bridge, dead_letters=1000)
        kernel = runtime.launch("echo", grid=2, activate=False, options=options)
        ids = [uuid.uuid4() for _ in range(EACH)]
        for priority in (255, 0, 128):
            for number, id in enumerate(ids):
                kernel.send(b"%d" % number, priority=priority, message_id=id)
        kernel.activate()
        assert sorted(int(kernel.receive(timeout=30)) for _ in range(EACH)) == list(range(EACH))
        while len(letters := kernel.dead_letters()) < 2 * EACH:
            time.sleep(0.001)
        assert {letter.reason for letter in letters} == {"duplicate"}
        with pytest.raises(errors.Timeout):
            kernel.receive(timeout=0)

"""Ring kernels on Metal: what is this backend's own. The conformance suite has the rest."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import ringway as rw
from ringway import errors

ABSENT = rw.backends()["metal"]
pytestmark = pytest.mark.skipif(
    bool(ABSENT) and "metal" not in os.environ.get("RINGWAY_REQUIRE", ""), reason=f"metal: {ABSENT}"
)
software = pytest.mark.skipif(os.environ.get("RINGWAY_METAL") != "software", reason="plants faults by seed")


@pytest.fixture
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime("metal") as runtime:
        yield runtime


def test_a_direct_bridge_is_refused_with_the_reason(runtime: rw.Runtime) -> None:
    with pytest.raises(errors.InvalidOption, match="shows the host what it wrote only at the end"):
        runtime.launch("echo", options=rw.LaunchOptions(bridge="direct"))
    assert runtime.launch("echo").bridge == "pumped"


def test_lanes_get_their_shares_on_the_gpu(runtime: rw.Runtime) -> None:
    options = rw.LaunchOptions(lanes=True, capacity=256, slot_size=64)
    echo = runtime.launch("echo", activate=False, options=options)
    for number in range(128):
        for lane in range(4):
            echo.send(b"%d %d" % (lane, number), priority=64 * lane)
    while (echo.telemetry().bridge or {})["to_device"] < 512:
        time.sleep(0.001)
    echo.activate()
    lanes = [int(echo.receive(timeout=20).split()[0]) for _ in range(512)]
    assert [lanes[:85].count(lane) for lane in range(4)] == [64, 16, 4, 1]
    assert [lanes[85:170].count(lane) for lane in range(4)] == [64, 16, 4, 1]
    assert sorted(lanes) == sorted([0, 1, 2, 3] * 128)


@pytest.mark.parametrize("capacity", [16, 32, 4096])
def test_queues_wrap_many_times(runtime: rw.Runtime, capacity: int) -> None:
    echo = runtime.launch("echo", options=rw.LaunchOptions(capacity=capacity, staging_capacity=16))
    receiver_saw: list[int] = []

    def receive() -> None:
        receiver_saw.extend(int(echo.receive(timeout=20)) for _ in range(3000))

    receiver = threading.Thread(target=receive)
    receiver.start()
    for number in range(3000):
        echo.send(b"%d" % number)
    receiver.join(30)
    assert receiver_saw == list(range(3000))


def test_what_the_gpu_has_no_place_for_waits_before_it(runtime: rw.Runtime) -> None:
    """A mailbox of 4,096 large slots has a few of them on the GPU; as many messages are accepted."""
    options = rw.LaunchOptions(capacity=4096, staging_capacity=16, slot_size=4096, policy="reject")
    echo = runtime.launch("echo", activate=False, options=options)
    for number in range(4096):
        echo.send(b"%d" % number)
    echo.activate()
    assert [int(echo.receive(timeout=20)) for _ in range(4096)] == list(range(4096))


def test_replicas_have_mailboxes_of_their_own_and_answer_all(runtime: rw.Runtime) -> None:
    relay = runtime.launch("relay", grid=3)
    echo = runtime.launch("echo", grid=2)
    runtime.link(relay, echo, slot_size=64)
    for number in range(300):
        relay.send(b"%d" % number)
    assert sorted(int(echo.receive(timeout=20)) for _ in range(300)) == list(range(300))
    assert len(runtime.telemetry().links) == 1
    assert runtime.telemetry().links[0].received == 300


def test_a_ring_of_kernels_passes_a_message_round(runtime: rw.Runtime) -> None:
    """Links that close a circle, and one from a kernel to itself."""
    relays = [runtime.launch("relay") for _ in range(3)]
    for source, target in zip(relays, [*relays[1:], relays[0]], strict=True):
        runtime.link(source, target, capacity=16, slot_size=64)
    for _ in range(10):
        relays[0].send(b"x")
    end = time.monotonic() + 20
    while relays[0].telemetry().received < 100:
        assert time.monotonic() < end
    itself = runtime.launch("relay")
    runtime.link(itself, itself, capacity=16, slot_size=64)
    itself.send(b"y")
    while itself.telemetry().received < 100:
        assert time.monotonic() < end


def test_a_letter_says_where_it_was_cut_off(runtime: rw.Runtime) -> None:
    big = runtime.launch("relay", options=rw.LaunchOptions(capacity=16, slot_size=2000))
    small = runtime.launch("relay", options=rw.LaunchOptions(capacity=16, slot_size=100))
    runtime.link(big, small, slot_size=2000)
    big.send(bytes(range(250)) * 8)
    end = time.monotonic() + 20
    while not small.dead_letters():
        assert time.monotonic() < end
    (letter,) = small.dead_letters()
    assert letter.reason == "closed"
    assert bytes(range(100)) == letter.body[:100]
    assert f"cut off after {len(letter.body)} bytes" in letter.error


def test_buffers_come_and_go_while_kernels_run(runtime: rw.Runtime) -> None:
    vector_op = runtime.launch("vector_op")
    for number in range(20):
        a = np.full(1001 + number, 2, np.float32)[1:]  # no pages of its own
        out = np.zeros_like(a)
        buffers = [runtime.buffer(array) for array in (a, a, out)]
        request = rw.VectorRequest.by_handle(*(buffer.handle for buffer in buffers), len(a), op="multiply")
        answer = vector_op.request(request, timeout=20)
        assert answer.success, answer.error
        for buffer in buffers:
            buffer.release()
        assert (out == 4).all()
        assert "names no buffer" in str(vector_op.request(request, timeout=20).error)


def run(program: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


POLLING = """
import os
os.dup2(1, 2)  # the log
import ringway as rw
with rw.Runtime("metal") as runtime:
    echo = runtime.launch("echo", options=rw.LaunchOptions(device_polls=100_000, capacity=16))
    for number in range(300):
        assert echo.request(b"%d" % number, timeout=20) == b"%d" % number
    print(echo.telemetry().processed)
"""


@software
@pytest.mark.parametrize("seed", range(4))
def test_a_kernel_that_polls_takes_messages_while_a_command_buffer_runs(seed: int) -> None:
    late = {"SOFTMETAL_SEED": str(seed), "SOFTMETAL_LATE_HOST": "1"}
    said = run(POLLING, RINGWAY_METAL_LANGUAGE="3.2", RINGWAY_LOG="debug", **late)
    assert "\n300\n" in said
    assert "messages came while it ran" in said


@software
def test_without_fences_polling_is_refused_with_the_remedy() -> None:
    said = run(
        """
        import ringway as rw
        with rw.Runtime("metal") as runtime:
            try:
                runtime.launch("echo", options=rw.LaunchOptions(device_polls=7))
            except rw.errors.InvalidOption as error:
                print(error)
        """,
        RINGWAY_METAL_LANGUAGE="3.0",
    )
    assert "device_polls is 7" in said
    assert "Metal Shading Language 3.0" in said
    assert "launch with 0" in said
    assert "macOS 15" in said


@software
@pytest.mark.parametrize("on_error", ["fail", "skip", "restart"])
def test_the_error_of_a_command_buffer_is_the_kernels(on_error: str) -> None:
    """A buffer whose memory may no longer be used, behind the runtime's back."""
    said = run(
        f"""
        import ctypes, mmap
        import numpy as np, ringway as rw
        pages = mmap.mmap(-1, 65536)
        array = np.frombuffer(pages, np.float32)
        with rw.Runtime("metal") as runtime:
            slow = runtime.launch("vector_op", options=rw.LaunchOptions(
                on_error={on_error!r}, restart_limit=1, restart_backoff=0.0))
            echo = runtime.launch("echo")
            assert echo.request(b"before", timeout=20) == b"before"
            buffer = runtime.buffer(array)
            assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(array.ctypes.data), 65536, 0) == 0
            handles = [buffer.handle] * 3
            try:
                slow.request(rw.VectorRequest.by_handle(*handles, len(array), op="divide"), timeout=60)
            except rw.errors.HandlerError as error:
                print(error)
            print(slow.state, slow.telemetry().restarts)
            assert echo.request(b"behind", timeout=20) == b"behind"
        import os
        print(flush=True)
        os._exit(0)  # the array cannot be freed
        """
    )
    assert "MTLCommandBufferErrorDomain" in said
    assert "the kernel failed" in said
    assert f"failed {1 if on_error == 'restart' else 0}" in said


CONCURRENT = """
import threading
import ringway as rw
with rw.Runtime("metal") as runtime:
    small = rw.LaunchOptions(capacity=16, staging_capacity=16)
    relays = [runtime.launch("relay", options=small) for _ in range(3)]
    echo = runtime.launch("echo", options=small)
    for source, target in zip(relays, [*relays[1:], echo]):
        runtime.link(source, target, capacity=16, slot_size=64)
    count = 150

    def send(kernel, name):
        for number in range(count):
            kernel.send(b"%d %d" % (name, number))

    senders = [threading.Thread(target=send, args=(relays[name % 2], name)) for name in range(3)]
    for sender in senders:
        sender.start()
    following = [0] * 3
    for _ in range(3 * count):
        name, number = map(int, echo.receive(timeout=60).split())
        assert number == following[name], (name, number, following)
        following[name] += 1
    for sender in senders:
        sender.join()
    assert echo.request(b"asked", timeout=60) == b"asked"
print("done")
"""


ORDERS = int(os.environ.get("RINGWAY_METAL_SEEDS", "200" if os.environ.get("RINGWAY_FULL") else "3"))


@software
@pytest.mark.parametrize("language", ["3.0", "3.2"])
@pytest.mark.parametrize("seed", range(1, ORDERS + 1))
def test_no_order_loses_or_swaps_messages(seed: int, language: str) -> None:
    """RINGWAY_METAL_SEEDS says how many orders of the software device are tried; with RINGWAY_FULL, 200."""
    assert run(CONCURRENT, SOFTMETAL_SEED=str(seed), RINGWAY_METAL_LANGUAGE=language) == "done\n"

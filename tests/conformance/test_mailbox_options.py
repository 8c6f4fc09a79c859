"""Lanes, deduplication and time to live: each test fails when its option is ignored."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable

import pytest
import ringway as rw
from ringway import errors
from ringway.pagerank_messages import PageRankControl

Options = Callable[..., rw.LaunchOptions]
Echo = Callable[..., rw.Kernel]
WaitUntil = Callable[[Callable[[], bool]], None]

LOWEST = 255


@pytest.fixture
def echo(runtime: rw.Runtime, options: Options) -> Echo:
    def launch(*, activate: bool = True, **fields: object) -> rw.Kernel:
        return runtime.launch("echo", activate=activate, options=options(**fields))

    return launch


def received(kernel: rw.Kernel, count: int) -> list[bytes]:
    return [kernel.receive(timeout=20) for _ in range(count)]


class TestLanes:
    def test_off_keeps_the_order_of_sending(self, echo: Echo) -> None:
        kernel = echo(activate=False)
        for priority in (LOWEST, 128, 64, 0):
            kernel.send(b"%d" % priority, priority=priority)
        kernel.activate()
        assert received(kernel, 4) == [b"255", b"128", b"64", b"0"]

    def test_on_serves_the_highest_first(self, echo: Echo) -> None:
        kernel = echo(activate=False, lanes=True)
        for priority in (255, 192, 191, 128, 127, 64, 63, 0):
            kernel.send(b"%d" % priority, priority=priority)
        kernel.activate()
        assert received(kernel, 8) == [b"63", b"0", b"127", b"64", b"191", b"128", b"255", b"192"]

    def test_default_priority_is_128(self, echo: Echo) -> None:
        kernel = echo(activate=False, lanes=True)
        kernel.send(b"low", priority=192)
        kernel.send(b"default")
        kernel.send(b"high", priority=127)
        kernel.activate()
        assert received(kernel, 3) == [b"high", b"default", b"low"]

    def test_of_85_messages_each_lane_gets_its_share(self, echo: Echo, wait_until: WaitUntil) -> None:
        kernel = echo(activate=False, lanes=True, capacity=1024)
        for number in range(850):
            for lane in range(4):
                kernel.send(b"%d %d" % (lane, number), priority=64 * lane)
        if kernel.telemetry().bridge:  # as many as there is room for wait at the kernel

            def carries_no_more() -> bool:
                before = (kernel.telemetry().bridge or {})["to_device"]
                time.sleep(0.1)
                return (kernel.telemetry().bridge or {})["to_device"] == before

            wait_until(carries_no_more)
        kernel.activate()
        lanes = []
        following = [0] * 4
        for _ in range(4 * 850):
            lane, number = map(int, kernel.receive(timeout=20).split())
            assert number == following[lane]  # order within a lane
            following[lane] += 1
            lanes.append(lane)
        together = [lanes[first : first + 85] for first in range(0, 850, 85)]
        assert all([one.count(lane) for lane in range(4)] == [64, 16, 4, 1] for one in together)

    def test_capacity_and_policy_are_each_lanes_own(self, echo: Echo, options: Options) -> None:
        # A bridge makes room in the staging ring in its own time, so that it must be waited for.
        direct = options().bridge == "direct"
        places, policy = (16, "reject") if direct else (32, "block")
        kernel = echo(
            activate=False, lanes=True, capacity=16, staging_capacity=16, policy=policy, block_timeout=1
        )
        for priority, name in ((LOWEST, "lane 3"), (0, "lane 0")):
            for number in range(places):
                kernel.send(b"%d" % number, priority=priority)
            with pytest.raises(errors.QueueFull, match=name):
                kernel.send(b"one too many", priority=priority)
        assert kernel.telemetry().depth == 2 * places

    def test_a_message_with_a_priority_is_sent_by_it(self, runtime: rw.Runtime, options: Options) -> None:
        kernel = runtime.launch("vector_op", activate=False, options=options(lanes=True))
        slow, fast = rw.VectorRequest([1], [1], priority=200), rw.VectorRequest([2], [2], priority=10)
        kernel.send(slow)
        kernel.send(fast)
        kernel.activate()
        assert [answer.correlation_id for answer in received(kernel, 2)] == [fast.message_id, slow.message_id]

    def test_wrong_priorities_are_named(self, runtime: rw.Runtime, echo: Echo, options: Options) -> None:
        kernel = echo()
        for wrong in (-1, 256, 1.5, "high", 10**30):
            with pytest.raises(errors.InvalidOption, match="priority"):
                kernel.send(b"x", priority=wrong)  # type: ignore[arg-type]
        with pytest.raises(errors.InvalidOption, match="VectorRequest has a member"):
            runtime.launch("vector_op", options=options()).send(rw.VectorRequest([1], [1]), priority=0)


class TestDedup:
    def test_off_handles_the_same_id_again(self, echo: Echo) -> None:
        kernel = echo()
        number = uuid.uuid4()
        assert kernel.request(b"1", timeout=20, message_id=number) == b"1"
        assert kernel.request(b"2", timeout=20, message_id=number) == b"2"

    def test_duplicate_is_dropped_counted_and_kept(self, echo: Echo) -> None:
        kernel = echo(dedup=16)
        number = uuid.uuid4()
        kernel.send(b"1", message_id=number)
        kernel.send(b"2", message_id=number)
        kernel.send(b"3")
        assert received(kernel, 2) == [b"1", b"3"]
        telemetry = kernel.telemetry()
        assert (telemetry.dropped["duplicate"], telemetry.received, telemetry.processed) == (1, 3, 2)
        (letter,) = kernel.dead_letters()
        assert (letter.reason, letter.message, letter.id) == ("duplicate", b"2", number)
        assert kernel.resend(letter)  # under a new id
        assert received(kernel, 1) == [b"2"]

    def test_asker_of_a_duplicate_gets_an_error(self, echo: Echo) -> None:
        kernel = echo(dedup=16)
        number = uuid.uuid4()
        kernel.request(b"1", timeout=20, message_id=number)
        with pytest.raises(errors.DuplicateMessage, match=str(number)):
            kernel.request(b"2", timeout=20, message_id=number)

    @pytest.mark.parametrize("window", [16, 100, 1024])
    def test_window_is_exact(self, window: int, echo: Echo) -> None:
        kernel = echo(dedup=window)
        first = uuid.uuid4()
        kernel.request(b"first", timeout=20, message_id=first)
        for _ in range(window - 1):
            kernel.request(b"other", timeout=20)
        with pytest.raises(errors.DuplicateMessage):
            kernel.request(b"again", timeout=20, message_id=first)
        kernel.request(b"other", timeout=20)
        assert kernel.request(b"again", timeout=20, message_id=first) == b"again"

    def test_message_that_failed_may_come_again(self, runtime: rw.Runtime, options: Options) -> None:
        kernel = runtime.launch("pagerank.checker", options=options(dedup=16))
        number = uuid.uuid4()
        message = PageRankControl(1, 2, 3, action=0, run=1, max_iterations=1, report_every=0, tolerance=0.0)
        for _ in range(2):
            with pytest.raises(errors.HandlerError):
                kernel.request(message, timeout=20, message_id=number)
        assert kernel.telemetry().dropped["duplicate"] == 0

    def test_messages_held_back_are_no_duplicates(self, runtime: rw.Runtime, options: Options) -> None:
        first = runtime.launch("relay", options=options(dedup=1024))
        second = runtime.launch("relay", options=options(), activate=False)
        runtime.link(first, second, capacity=16, slot_size=64)
        for _ in range(100):
            first.send(b"x")
        time.sleep(0.02)  # the kernel tries its held messages again and again
        runtime.link(second, runtime.launch("relay", options=options()), slot_size=64)
        second.activate()
        first.terminate(drain=True, timeout=20)
        telemetry = first.telemetry()
        assert (telemetry.processed, telemetry.dropped["duplicate"]) == (100, 0)

    def test_wrong_ids_are_named(self, runtime: rw.Runtime, echo: Echo, options: Options) -> None:
        kernel = echo()
        for wrong in ("x", 5, b"0123456789abcdef"):
            with pytest.raises(errors.InvalidOption, match="message_id"):
                kernel.send(b"x", message_id=wrong)  # type: ignore[arg-type]
        with pytest.raises(errors.InvalidOption, match="VectorRequest has a member"):
            runtime.launch("vector_op", options=options()).send(
                rw.VectorRequest([1], [1]), message_id=uuid.uuid4()
            )


class TestTimeToLive:
    def test_of_one_message(self, echo: Echo) -> None:
        kernel = echo(activate=False)
        kernel.send(b"1", ttl=0.02)
        kernel.send(b"2")
        kernel.send(b"3", ttl=600)
        time.sleep(0.05)
        kernel.activate()
        assert received(kernel, 2) == [b"2", b"3"]
        telemetry = kernel.telemetry()
        assert (telemetry.dropped["expired"], telemetry.received, telemetry.processed) == (1, 3, 2)
        (letter,) = kernel.dead_letters()
        assert (letter.reason, letter.message) == ("expired", b"1")
        assert "20 ms" in letter.error
        assert kernel.resend(letter)
        assert received(kernel, 1) == [b"1"]

    def test_of_all_messages_of_a_kernel(self, echo: Echo) -> None:
        kernel = echo(activate=False, ttl=0.02)
        kernel.send(b"1")
        kernel.send(b"2", ttl=600)
        time.sleep(0.05)
        kernel.activate()
        assert received(kernel, 1) == [b"2"]
        assert kernel.telemetry().dropped["expired"] == 1

    def test_asker_of_an_expired_request_gets_a_timeout(self, backend: str) -> None:
        async def main() -> None:
            async with rw.AsyncRuntime(backend, assist=False) as asynchronous:
                kernel = await asynchronous.launch("echo", activate=False)
                request = asyncio.create_task(kernel.request(b"x", timeout=60, ttl=0.02))
                await asyncio.sleep(0.05)
                await kernel.activate()
                with pytest.raises(errors.Timeout, match="time to live of 20 ms"):
                    await asyncio.wait_for(request, 20)
                end = time.monotonic() + 20  # it is counted once it is answered
                while not kernel.telemetry().dropped["expired"] and time.monotonic() < end:
                    await asyncio.sleep(0.001)
                assert kernel.telemetry().dropped["expired"] == 1

        asyncio.run(main())

    def test_is_judged_right_before_the_handler(self, runtime: rw.Runtime, options: Options) -> None:
        """Not once for a whole batch: a message expires while the kernel is busy with those before it."""
        first = runtime.launch("relay", options=options())
        second = runtime.launch("relay", options=options(), activate=False)
        runtime.link(first, second, capacity=16, slot_size=64)
        for _ in range(32):
            first.send(b"x", ttl=0.05)
        time.sleep(0.1)
        runtime.link(second, runtime.launch("relay", options=options()), slot_size=64)
        second.activate()
        first.terminate(drain=True, timeout=20)
        telemetry = first.telemetry()
        assert (telemetry.processed, telemetry.dropped["expired"]) == (16, 16)

    def test_expired_message_may_come_again(self, echo: Echo) -> None:
        kernel = echo(activate=False, dedup=16)
        number = uuid.uuid4()
        kernel.send(b"1", ttl=0.01, message_id=number)
        time.sleep(0.03)
        kernel.activate()
        assert kernel.request(b"2", timeout=20, message_id=number) == b"2"

    def test_wrong_ones_are_named(self, echo: Echo) -> None:
        kernel = echo()
        for wrong in (0, -1, 656, float("nan"), float("inf"), "soon"):
            with pytest.raises(errors.InvalidOption, match="ttl"):
                kernel.send(b"x", ttl=wrong)  # type: ignore[arg-type]
        for wrong in (0, -1, 656, float("nan")):
            with pytest.raises(errors.InvalidOption, match="ttl"):
                rw.LaunchOptions(ttl=wrong)


@pytest.mark.parametrize(("field", "wrong"), [("dedup", 15), ("dedup", 1025), ("dead_letters", -1)])
def test_options_out_of_range_are_named(field: str, wrong: int) -> None:
    with pytest.raises(errors.InvalidOption, match=f"{field} is {wrong}"):
        rw.LaunchOptions(**{field: wrong})  # type: ignore[arg-type]


def test_messages_that_find_a_runtime_with_all_options(echo: Echo) -> None:
    kernel = echo(lanes=True, dedup=1024, ttl=60.0, policy="drop_oldest", capacity=4096)
    for number in range(1000):
        assert kernel.request(b"%d" % number, timeout=20, priority=number % 256) == b"%d" % number

"""Timers, counters, own numbers and self-deactivation of a program's own kernels, compiled and run by Python.

No test relies on how long anything takes: each waits for what must come, and looks at what must hold then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import ringway as rw
from ringway import errors
from ringway.cli.top_tables import rows
from ringway.telemetry.export import document
from ringway.telemetry.prometheus import prometheus_text

from tests.waiting import until

T = 30  # seconds that nothing here takes


@rw.message(layout="struct")
class TimedStep(rw.Message):
    by: rw.i64 = 0


@rw.message(layout="struct")
class TimedTally(rw.Message):
    total: rw.i64 = 0
    ticks: rw.i64 = 0
    missed: rw.i64 = 0


def adding(ctx: rw.Context, msg: TimedStep, state: TimedTally) -> None:
    state.total += msg.by
    ctx.count("steps")
    ctx.count("way", msg.by)
    ctx.reply(state)


def counting(ctx: rw.Context, state: TimedTally) -> None:
    state.ticks += 1
    state.missed += ctx.missed
    ctx.count("beats", ctx.missed + 1)


def telling(ctx: rw.Context, state: TimedTally) -> None:
    state.ticks += 1
    ctx.emit(state)


def third_fails(ctx: rw.Context, state: TimedTally) -> None:
    state.ticks += 1
    ctx.emit(state)
    if state.ticks == 3:
        raise ValueError("the third")


def last_tick(ctx: rw.Context, state: TimedTally) -> None:
    state.ticks += 1
    if state.ticks == 3:
        ctx.deactivate()


def leaving(ctx: rw.Context, msg: TimedStep, state: TimedTally) -> None:
    state.total += msg.by
    if msg.by == 7:
        ctx.deactivate()
    ctx.reply(state)


def whoami(ctx: rw.Context, msg: TimedStep, state: TimedTally) -> None:
    ctx.reply(TimedTally(ctx.self_id, ctx.replica, ctx.missed))


def passing(ctx: rw.Context, msg: TimedStep, state: TimedTally) -> None:
    ctx.send("next", msg)
    ctx.send("next", TimedStep(-msg.by))
    if msg.by == 7:
        ctx.deactivate()


def sending(ctx: rw.Context, state: TimedTally) -> None:
    state.ticks += 1
    ctx.send("next", TimedStep(state.ticks))


def keeping(ctx: rw.Context, msg: TimedStep, state: TimedTally) -> None:
    state.total += 1
    if msg.by != state.total:
        state.missed += 1


@pytest.fixture
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime("cpu", workers=2) as started:
        yield started


@pytest.fixture(params=["native", "python"])
def mode(request: pytest.FixtureRequest) -> Any:
    return request.param


def kernel_of(mode: Any, function: Callable[..., None], tick: Any = None, every: float = 0.002) -> Any:
    decorate: Any = rw.kernel(mode=mode)
    made = decorate(function)
    if tick is not None:
        made.timer(every=every)(tick)
    return made


def test_ticks_come_without_messages(runtime: rw.Runtime, mode: Any) -> None:
    kernel = runtime.launch(kernel_of(mode, adding, telling))
    assert [kernel.receive(T).ticks for _ in range(5)] == [1, 2, 3, 4, 5]
    assert kernel.telemetry().ticks >= 5
    assert kernel.telemetry().received == 0


def test_ticks_and_messages_share_the_state_and_what_is_missed_is_counted(
    runtime: rw.Runtime, mode: Any
) -> None:
    kernel = runtime.launch(kernel_of(mode, adding, counting))
    for by in range(1, 51):
        kernel.request(TimedStep(by), timeout=T)
    until(lambda: kernel.telemetry().ticks >= 10)
    kernel.deactivate()
    state, seen = kernel.read_state(), kernel.telemetry()
    assert state.total == 1275
    assert (state.ticks, state.missed) == (seen.ticks, seen.ticks_missed)
    assert seen.counters == {"steps": 50, "way": 1275, "beats": state.ticks + state.missed}


def test_ticks_that_a_stall_covers_are_left_out(runtime: rw.Runtime, mode: Any) -> None:
    """Whoever holds the kernel for many periods gets one tick afterwards, which says how many there were."""
    began = time.monotonic()

    def holds(ctx: rw.Context, msg: TimedStep, state: TimedTally) -> None:
        state.total += 1
        time.sleep(0.1)

    if mode == "native":
        made: Any = rw.KernelSource(
            """
            RW_FN ringway::u32 step(ringway::KernelContext& ctx, const TimedStep&, TimedTally& state) {
              const ringway::u64 began = clock_us();
              while (clock_us() < began + 100000) {}
              state.total += 1;
              ctx.reply(TimedTally_type_id, state);
              return 0;
            }
            RW_FN ringway::u32 beat(ringway::KernelContext& ctx, TimedTally& state) {
              state.ticks += 1;
              state.missed += ringway::i64(ctx.missed());
              return 0;
            }
            """.replace("RW_FN", CLOCK + "RW_FN", 1),
            message=TimedStep,
            state=TimedTally,
            timers={"beat": 0.001},
        )
    else:
        made = rw.kernel(mode="python")(holds)
        made.timer(every=0.001)(counting)
    kernel = runtime.launch(made)
    kernel.send(TimedStep(1))
    until(lambda: kernel.read_state(timeout=T).total == 1 and kernel.telemetry().ticks_missed >= 50)
    kernel.deactivate()
    seen, most = kernel.telemetry(), (time.monotonic() - began) / 0.001
    assert seen.ticks + seen.ticks_missed <= most  # no tick too many: nothing came in a burst, or too early
    assert kernel.read_state().missed == seen.ticks_missed


CLOCK = """
struct Now { long seconds, nanoseconds; };
extern "C" int clock_gettime(int, Now*) noexcept;
static inline ringway::u64 clock_us() {
  Now now{};
  clock_gettime(1, &now);
  return ringway::u64(now.seconds) * 1000000 + ringway::u64(now.nanoseconds) / 1000;
}
"""


def test_ticks_stop_while_the_kernel_is_inactive_and_end_with_it(runtime: rw.Runtime, mode: Any) -> None:
    kernel = runtime.launch(kernel_of(mode, adding, counting), activate=False)
    assert kernel.read_state() == TimedTally()
    kernel.activate()
    until(lambda: kernel.telemetry().ticks >= 2)
    kernel.deactivate()
    state = kernel.read_state()
    time.sleep(0.02)  # in which ten would come
    assert kernel.read_state() == state
    missed = kernel.telemetry().ticks_missed
    kernel.activate()
    until(lambda: kernel.read_state().ticks > state.ticks)
    assert kernel.read_state().missed == kernel.telemetry().ticks_missed >= missed
    kernel.terminate()
    ended = kernel.read_state()
    time.sleep(0.01)
    assert kernel.read_state() == ended


def test_several_timers_keep_their_own_time(runtime: rw.Runtime, mode: Any) -> None:
    def often(ctx: rw.Context, state: TimedTally) -> None:
        state.ticks += 1
        ctx.count("often")

    def seldom(ctx: rw.Context, state: TimedTally) -> None:
        state.total += 1
        ctx.count("seldom")

    made = kernel_of(mode, adding)
    assert made.timer(every=0.001)(often) is often
    made.timer(every=3600)(seldom)
    kernel = runtime.launch(made)
    until(lambda: kernel.telemetry().counters["often"] >= 5)
    assert kernel.telemetry().counters["seldom"] == 0


def test_each_replica_ticks(runtime: rw.Runtime, mode: Any) -> None:
    kernel = runtime.launch(kernel_of(mode, adding, counting), grid=2)
    until(lambda: all(kernel.read_state(replica=i).ticks >= 3 for i in range(2)))
    kernel.deactivate()
    sums = [kernel.read_state(replica=i) for i in range(2)]
    assert sum(state.ticks for state in sums) == kernel.telemetry().ticks


def test_a_tick_comes_while_a_caller_runs_the_kernel_itself(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(kernel_of("native", adding, counting))
    while kernel.telemetry().ticks < 5:
        kernel.request(TimedStep(1), timeout=T)


def test_a_spinning_and_a_polling_kernel_tick(mode: Any) -> None:
    if mode == "python":
        pytest.skip("the thread of a kernel in Python has an idle policy of its own")
    with rw.Runtime("cpu", workers=1) as runtime:
        for idle in ("spin", "poll"):
            options = rw.LaunchOptions(idle=idle, poll_interval=0.001)
            kernel = runtime.launch(kernel_of(mode, adding, telling), options=options)
            assert [kernel.receive(T).ticks for _ in range(3)] == [1, 2, 3]
            kernel.terminate()


def test_a_runtime_that_waits_for_a_tick_sleeps(runtime: rw.Runtime, mode: Any) -> None:
    runtime.launch(kernel_of(mode, adding, counting, every=3600))
    time.sleep(0.05)
    before = time.process_time()
    time.sleep(0.2)
    assert time.process_time() - before < 0.1  # a worker that spins would have used all of it


@pytest.mark.parametrize("policy", ["fail", "skip", "restart"])
def test_a_tick_that_fails_is_treated_as_the_policy_says(runtime: rw.Runtime, mode: Any, policy: Any) -> None:
    options = rw.LaunchOptions(on_error=policy, restart_backoff=0.0)
    kernel = runtime.launch(kernel_of(mode, adding, third_fails), options=options)
    assert [kernel.receive(T).ticks for _ in range(3)] == [1, 2, 3]
    if policy == "fail":
        until(lambda: kernel.state == "failed")
        assert "test_kernel_timers.py" in kernel.failure
        assert "ValueError: the third" in kernel.failure
        return
    assert [kernel.receive(T).ticks for _ in range(2)] == ([4, 5] if policy == "skip" else [1, 2])
    assert kernel.request(TimedStep(2), timeout=T).total == 2
    assert kernel.telemetry().errors >= 1
    assert kernel.dead_letters() == []


def test_a_tick_waits_for_room_and_nothing_is_lost(runtime: rw.Runtime, mode: Any) -> None:
    source = runtime.launch(kernel_of(mode, passing, sending, every=1e-4), activate=False)
    target = runtime.launch(kernel_of(mode, keeping), activate=False)
    runtime.link(source, target, output="next", message=TimedStep, capacity=16)
    source.activate()
    until(lambda: source.telemetry().ticks >= 17)
    target.activate()
    until(lambda: source.telemetry().ticks >= 40)
    target.deactivate()
    until(lambda: runtime.telemetry().links[0].depth == 16)
    target.activate()
    source.terminate(timeout=T)
    until(lambda: target.read_state().total == source.read_state().ticks)
    assert target.read_state().missed == 0


def test_a_handler_deactivates_its_kernel_and_nothing_is_lost(runtime: rw.Runtime, mode: Any) -> None:
    kernel = runtime.launch(kernel_of(mode, leaving))
    assert kernel.request(TimedStep(7), timeout=T).total == 7
    until(lambda: kernel.state == "inactive")
    for by in range(10):
        kernel.send(TimedStep(by))
    assert kernel.read_state().total == 7
    assert kernel.telemetry().depth == 10
    kernel.activate()
    until(lambda: kernel.state == "inactive")
    assert kernel.read_state().total == 7 + sum(range(8))
    kernel.activate()
    until(lambda: kernel.read_state().total == 7 + sum(range(10)))
    assert kernel.state == "active"


@pytest.mark.parametrize("policy", ["fail", "skip"])
def test_a_batch_ends_with_the_message_that_deactivates(runtime: rw.Runtime, mode: Any, policy: Any) -> None:
    options = rw.LaunchOptions(on_error=policy)
    kernel = runtime.launch(kernel_of(mode, leaving), options=options, activate=False)
    for by in (1, 7, 1, 7, 1):
        kernel.send(TimedStep(by))
    for total in (8, 16):
        kernel.activate()
        until(lambda: kernel.state == "inactive")
        assert kernel.read_state().total == total


def test_a_drain_goes_on_past_a_handler_that_deactivates(runtime: rw.Runtime, mode: Any) -> None:
    kernel = runtime.launch(kernel_of(mode, leaving), activate=False)
    for by in (1, 7, 1, 7, 1):
        kernel.send(TimedStep(by))
    report = kernel.terminate(timeout=T)
    assert (report.processed, report.left_over) == (5, 0)
    assert kernel.read_state().total == 17


def test_replicas_all_rest_when_one_of_them_asks(runtime: rw.Runtime, mode: Any) -> None:
    kernel = runtime.launch(kernel_of(mode, leaving), grid=2)
    kernel.request(TimedStep(7), timeout=T)
    until(lambda: kernel.state == "inactive")
    for _ in range(20):
        kernel.send(TimedStep(1))
    assert kernel.telemetry().depth == 20
    kernel.activate()
    until(lambda: sum(kernel.read_state(replica=i).total for i in range(2)) == 27)


def test_what_was_sent_before_leaves_although_an_output_is_full(runtime: rw.Runtime, mode: Any) -> None:
    source = runtime.launch(kernel_of(mode, passing))
    target = runtime.launch(kernel_of(mode, keeping), activate=False)
    runtime.link(source, target, output="next", message=TimedStep, capacity=16)
    for _ in range(8):
        source.send(TimedStep(1))
    source.send(TimedStep(7))
    source.send(TimedStep(1))
    until(lambda: source.telemetry().sent >= 16)
    assert source.state == "active"  # what it still has to send keeps it
    looks = source.telemetry().iterations
    time.sleep(0.05)
    assert source.telemetry().iterations - looks < 1000  # it waits: it does not look all the time
    target.activate()
    until(lambda: source.state == "inactive")
    until(lambda: target.telemetry().processed == 18)
    assert source.telemetry().processed == 9
    source.activate()
    until(lambda: target.telemetry().processed == 20)


def test_a_tick_deactivates(runtime: rw.Runtime, mode: Any) -> None:
    kernel = runtime.launch(kernel_of(mode, adding, last_tick))
    until(lambda: kernel.state == "inactive")
    assert kernel.read_state().ticks == 3
    kernel.activate()
    until(lambda: kernel.read_state().ticks >= 5)


def test_numbers_tell_kernels_and_replicas_apart(runtime: rw.Runtime, mode: Any) -> None:
    made = [kernel_of(mode, whoami) for _ in range(3)]
    first, second = runtime.launch(made[0]), runtime.launch(made[1])
    assert first.request(TimedStep(), timeout=T) == first.request(TimedStep(), timeout=T)
    assert first.request(TimedStep(), timeout=T).total != second.request(TimedStep(), timeout=T).total
    many = runtime.launch(made[2], grid=2)
    answers = [many.request(TimedStep(), timeout=T) for _ in range(20)]
    assert {answer.total for answer in answers} == {second.request(TimedStep(), timeout=T).total + 1}
    assert {answer.ticks for answer in answers} <= {0, 1}


def test_what_counts_below_zero_fails_and_counts_nothing(runtime: rw.Runtime, mode: Any) -> None:
    kernel = runtime.launch(kernel_of(mode, adding), options=rw.LaunchOptions(on_error="skip"))
    with pytest.raises(errors.HandlerError, match=r"py:\d+: ValueError: a counter counts up: n is below 0"):
        kernel.request(TimedStep(-1), timeout=T)
    until(lambda: kernel.telemetry().counters["steps"] == 1)
    assert kernel.telemetry().counters["way"] == 0


def test_counters_reset_and_rest_with_telemetry_and_are_exported(runtime: rw.Runtime, mode: Any) -> None:
    kernel = runtime.launch(kernel_of(mode, adding, counting, every=3600), name="counted")
    kernel.request(TimedStep(5), timeout=T)
    assert kernel.telemetry().counters == {"steps": 1, "way": 5, "beats": 0}
    assert "ringway_kernel_counted_total{" in prometheus_text(runtime)
    assert 'counter="way"' in prometheus_text(runtime)
    kernel.reset_telemetry()
    kernel.request(TimedStep(6), timeout=T)
    assert kernel.telemetry().counters["way"] == 6
    kernel.telemetry_enabled = False
    kernel.request(TimedStep(7), timeout=T)
    assert kernel.telemetry().counters["way"] == 6


def test_names_given_at_decoration_are_the_only_ones(mode: Any, runtime: rw.Runtime) -> None:
    if mode == "native":
        with pytest.raises(errors.KernelError, match="no counter is named 'way'; counters: steps"):
            rw.kernel(counters=("steps",))(adding)
        return
    options = rw.LaunchOptions(on_error="skip")
    kernel = runtime.launch(rw.kernel(mode="python", counters=("steps",))(adding), options=options)
    with pytest.raises(errors.HandlerError, match="no counter is named 'way'; counters: steps"):
        kernel.request(TimedStep(1), timeout=T)


@pytest.mark.parametrize("every", [0, -1.0, float("nan"), float("inf"), 1e-9, 1e9, True, "1", None])
def test_a_period_is_a_number_of_seconds(mode: Any, every: Any) -> None:
    with pytest.raises(errors.InvalidOption, match=r"every is .*; it must be a number of seconds from 1e-06"):
        kernel_of(mode, adding).timer(every=every)


def test_mistakes_of_a_timer_s_function(mode: Any, runtime: rw.Runtime) -> None:
    def takes_three(ctx: rw.Context, msg: TimedStep, state: TimedTally) -> None: ...

    def replies(ctx: rw.Context, state: TimedTally) -> None:
        ctx.reply(state)

    made = kernel_of(mode, adding)
    with pytest.raises(errors.KernelError, match=r"takes \(ctx, state\), .*takes_three.* takes 3"):
        made.timer(every=1)(takes_three)
    with pytest.raises(errors.KernelError, match="is no function"):
        made.timer(every=1)(7)
    if mode == "native":
        with pytest.raises(errors.KernelError, match="a tick has no sender to reply to"):
            made.timer(every=1)(replies)
    else:
        other = kernel_of(mode, adding, replies)
        failing = runtime.launch(other)
        until(lambda: failing.state == "failed")
        assert "a tick has no sender to reply to" in failing.failure
    assert made.timers == ()
    kernel = runtime.launch(made)
    kernel.request(TimedStep(1), timeout=T)
    with pytest.raises(errors.InvalidState, match="has been launched"):
        made.timer(every=1)(counting)


def test_a_tick_s_state_is_the_kernel_s() -> None:
    def other(ctx: rw.Context, state: TimedStep) -> None:
        state.by += 1

    with pytest.raises(errors.KernelError, match="the kernel's state is a TimedTally"):
        kernel_of("native", adding).timer(every=1)(other)


@pytest.mark.parametrize("coroutine", [True, False])
def test_ticks_may_be_coroutines_whatever_the_handler_is(runtime: rw.Runtime, coroutine: bool) -> None:
    async def waits(ctx: rw.Context, state: list[Any]) -> None:
        await asyncio.sleep(0)
        state.append(asyncio.get_running_loop())
        ctx.emit(TimedTally(len(state)))

    async def awaits(ctx: rw.Context, msg: TimedStep, state: list[Any]) -> None:
        await waits(ctx, state)
        ctx.reply(msg)

    def plain(ctx: rw.Context, msg: TimedStep, state: list[Any]) -> None:
        ctx.reply(msg)

    made: Any = rw.kernel(mode="python")(awaits if coroutine else plain)
    made.timer(every=0.002)(waits)
    kernel = runtime.launch(made)
    assert kernel.request(TimedStep(3), timeout=T) == TimedStep(3)
    until(lambda: kernel.telemetry().ticks >= 3)


def test_top_shows_counters() -> None:
    with rw.Runtime("cpu", workers=1) as runtime:
        kernel = runtime.launch(kernel_of("native", adding), name="counted")
        kernel.request(TimedStep(5), timeout=T)
        found = {row["name"]: row for row in rows(document(runtime, time.monotonic()), None, "counters")}
    assert found["counted: way"]["count"] == 5
    assert found["counted: way"]["count/s"] > 0


def test_what_only_the_cpu_has_is_refused_elsewhere() -> None:
    made = kernel_of("native", whoami, counting)
    with pytest.raises(
        errors.InvalidOption,
        match=r"has ctx.count, ctx.missed, ctx.replica, ctx.self_id, timers, which backend 'metal' does not",
    ):
        made.begin(None, 1, "metal")
    source = rw.KernelSource("", message=TimedStep, state=TimedTally, counters=("a",), timers={"tick": 1})
    with pytest.raises(
        errors.InvalidOption, match="has timers, counters, which backend 'cuda' does not have"
    ):
        source.begin(None, 1, "cuda")

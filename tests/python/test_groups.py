"""Kernels that restart and fail together."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import ringway as rw
from ringway import errors
from ringway.groups import STRATEGIES

from tests.waiting import until

T = 30  # seconds that nothing here takes
NO_PAUSE = rw.LaunchOptions(restart_backoff=0)


@rw.message(layout="struct")
class GroupStep(rw.Message):
    by: rw.i64


@rw.message(layout="struct")
class GroupTally(rw.Message):
    count: rw.i64 = 0


@rw.kernel
def native(ctx: rw.Context, msg: GroupStep, state: GroupTally) -> None:
    if msg.by < 0:
        raise ValueError("by is negative")
    state.count += 1
    ctx.reply(GroupTally(state.count))


@rw.kernel(mode="python")
def python(ctx: rw.Context, msg: GroupStep, state: GroupTally) -> None:
    if msg.by < 0:
        raise ValueError("by is negative")
    if msg.by == 99:
        time.sleep(0.05)
    state.count += 1
    ctx.reply(GroupTally(state.count))


KERNELS = [native, python, native]


@pytest.fixture
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime("cpu", workers=2) as started:
        yield started


def launched(runtime: rw.Runtime, options: rw.LaunchOptions = NO_PAUSE, grid: int = 1) -> list[rw.Kernel]:
    kernels = [
        runtime.launch(kernel, name=f"k{number}", options=options, grid=grid)
        for number, kernel in enumerate(KERNELS)
    ]
    for kernel in kernels:
        assert kernel.request(GroupStep(1), T).count == 1
    return kernels


@pytest.mark.parametrize("broken", range(3))
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_strategy_says_which_begin_anew(runtime: rw.Runtime, strategy: Any, broken: int) -> None:
    kernels = launched(runtime)
    group = runtime.group(*kernels, strategy=strategy, restarts=5, name="three")
    with pytest.raises(errors.HandlerError, match="by is negative"):
        kernels[broken].request(GroupStep(-1), T)
    anew = {"one_for_one": [broken], "one_for_all": [0, 1, 2], "rest_for_one": list(range(broken, 3))}[
        strategy
    ]
    for number, kernel in enumerate(kernels):
        until(lambda kernel=kernel, number=number: kernel.telemetry().restarts == (number in anew))
        assert kernel.request(GroupStep(1), T).count == (1 if number in anew else 2), number
    assert (group.restarts, group.failure, group.strategy) == (1, "", strategy)
    assert group.members == ["k0", "k1", "k2"]
    assert runtime.telemetry().groups == {"three": group.telemetry()}
    graph = runtime.topology()
    assert graph.groups == (rw.TopologyGroup("three", strategy, ("k0", "k1", "k2"), 1, ""),)
    assert rw.Topology.from_dict(graph.to_dict()) == graph
    assert f"three, {strategy}, 1 restarts" in graph.mermaid()
    assert "subgraph cluster_0" in graph.dot()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_beyond_its_limit_all_fail_with_the_first_error(runtime: rw.Runtime, strategy: Any) -> None:
    kernels = launched(runtime)
    idle = runtime.launch(native, name="idle", activate=False)
    group = runtime.group(*kernels, idle, strategy=strategy, restarts=1, within=3600, name="four")
    errors_of: list[str] = []

    def asks() -> None:
        try:
            idle.request(GroupStep(1), T)
        except rw.Error as error:
            errors_of.append(str(error))

    waiting = threading.Thread(target=asks)
    waiting.start()
    until(lambda: idle.telemetry().depth == 1)
    for _ in range(2):
        with pytest.raises(errors.HandlerError, match="by is negative"):
            kernels[1].request(GroupStep(-1), T)
    waiting.join(T)
    reason = (
        "group 'four' failed: kernel 'k1' broke: .*ValueError: by is negative.*restarts = 1 within 3600 s"
    )
    for kernel in (*kernels, idle):
        until(lambda kernel=kernel: kernel.state == "failed")
        with pytest.raises(errors.Closed, match=reason):
            kernel.send(GroupStep(1))
    assert len(errors_of) == 1
    assert "group 'four' failed: kernel 'k1' broke" in errors_of[0]
    until(lambda: len(idle.dead_letters()) == 1)
    assert "by is negative" in idle.dead_letters()[0].error
    assert "kernel 'k1' broke" in group.failure
    # Replaced, a member is back, alone; and may be of another group.
    kernels[0].replace(native)
    assert kernels[0].request(GroupStep(1), T).count == (1 if strategy == "one_for_all" else 2)
    assert runtime.group(kernels[0], name="one").members == ["k0"]


def test_a_member_s_own_policy_comes_first(runtime: rw.Runtime) -> None:
    options = rw.LaunchOptions(on_error="restart", restart_limit=2, restart_backoff=0)
    kernels = launched(runtime, options)
    group = runtime.group(*kernels, restarts=10)
    for _ in range(2):
        with pytest.raises(errors.HandlerError):
            kernels[0].request(GroupStep(-1), T)
    assert kernels[1].request(GroupStep(1), T).count == 2
    assert group.restarts == 0
    with pytest.raises(errors.HandlerError):
        kernels[0].request(GroupStep(-1), T)
    until(lambda: kernels[1].telemetry().restarts == 1)
    assert kernels[1].request(GroupStep(1), T).count == 1
    assert group.restarts == 1
    skips = runtime.launch(native, options=rw.LaunchOptions(on_error="skip"))
    other = runtime.group(skips, restarts=0)
    with pytest.raises(errors.HandlerError):
        skips.request(GroupStep(-1), T)
    assert (skips.state, other.failure) == ("active", "")


def test_restarts_in_time_alone_count(runtime: rw.Runtime) -> None:
    kernels = launched(runtime)
    group = runtime.group(*kernels, restarts=1, within=0.02)
    for _ in range(3):
        with pytest.raises(errors.HandlerError):
            kernels[0].request(GroupStep(-1), T)
        until(lambda: group.restarts == kernels[1].telemetry().restarts > 0)
        time.sleep(0.05)
    assert (group.restarts, group.failure) == (3, "")


def test_nothing_is_lost_by_a_restart(runtime: rw.Runtime) -> None:
    kernels = launched(runtime, rw.LaunchOptions(restart_backoff=0.001), grid=2)
    runtime.group(*kernels, restarts=1000)
    for number in range(300):
        for kernel in kernels:
            kernel.send(GroupStep(-1 if number % 30 == 7 and kernel is kernels[0] else 1))
    for kernel in kernels:
        report = kernel.terminate(timeout=T)
        assert report.processed == 1 + 300 - (10 if kernel is kernels[0] else 0)
        assert report.left_over == 0


def test_built_in_kernels_and_what_ends(runtime: rw.Runtime) -> None:
    echo, kernel = runtime.launch("echo"), runtime.launch(native, options=NO_PAUSE)
    group = runtime.group(echo, kernel, restarts=0)
    echo.terminate()
    assert kernel.request(GroupStep(1), T).count == 1
    assert group.members == [echo.name, kernel.name]
    group.dissolve()
    assert group.dissolved
    assert runtime.groups() == []
    runtime.group(kernel, restarts=1)
    with pytest.raises(errors.HandlerError):
        kernel.request(GroupStep(-1), T)
    assert kernel.request(GroupStep(1), T).count == 1
    kernel.terminate()
    assert runtime.groups() == []


def test_wrong_arguments(runtime: rw.Runtime) -> None:
    one, two = runtime.launch(native), runtime.launch(native)
    ended = runtime.launch(native)
    ended.terminate()
    runtime.group(one, name="first")
    with rw.Runtime("cpu", workers=1) as other:
        away = other.launch("echo")
        wrong: list[tuple[Any, Any, str]] = [
            ((), {}, "at least one kernel"),
            ((one,), {}, "is in group 'first'"),
            ((two, two), {}, "given twice"),
            ((two, away), {}, "must belong to this runtime"),
            ((two,), {"name": "first"}, "there is a group named 'first'"),
            ((two,), {"strategy": "all"}, "one_for_one, one_for_all, rest_for_one"),
            ((two,), {"restarts": -1}, "restarts is -1"),
            ((two,), {"within": 0}, "within is 0"),
            (("echo",), {}, "kernel is 'echo'"),
        ]
        for kernels, options, text in wrong:
            with pytest.raises(errors.InvalidOption, match=text):
                runtime.group(*kernels, **options)
    with pytest.raises(errors.Closed):
        runtime.group(ended)


def test_in_asyncio() -> None:
    async def main() -> None:
        async with rw.AsyncRuntime("cpu", workers=2) as runtime:
            first = await runtime.launch(native, options=NO_PAUSE)
            second = await runtime.launch(python, options=NO_PAUSE)
            group = await runtime.group(first, second, restarts=1)
            assert (await second.request(GroupStep(1), T)).count == 1
            with pytest.raises(errors.HandlerError):
                await first.request(GroupStep(-1), T)
            while second.telemetry().restarts == 0:
                await asyncio.sleep(0.001)
            assert (await second.request(GroupStep(1), T)).count == 1
            late = asyncio.ensure_future(second.request(GroupStep(99), T))
            with pytest.raises(errors.HandlerError):
                await first.request(GroupStep(-1), T)
            with contextlib.suppress(errors.HandlerError, errors.Closed):  # handled before, or not
                await late
            while not second.failure:
                await asyncio.sleep(0.001)
            with pytest.raises(errors.Closed, match="kernel 'native-0' broke"):
                await second.request(GroupStep(1), T)
            assert group.failure
            assert [one.name for one in runtime.groups()] == [group.name]

    asyncio.run(main())

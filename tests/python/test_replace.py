"""Hot replacement of kernels of a program's own, in every mode."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import ringway as rw
from ringway import errors

T = 30  # seconds that nothing here takes
Mode = Literal["native", "python"]
MODES: tuple[Mode, Mode] = ("native", "python")


@rw.message(layout="struct")
class ReplaceStep(rw.Message):
    by: rw.i64


@rw.message(layout="struct")
class Other(rw.Message):
    by: rw.i64


@rw.message(layout="struct")
class ReplaceTally(rw.Message):
    count: rw.i64 = 0
    total: rw.i64 = 0


@rw.message(layout="struct")
class SameTally(rw.Message):
    count: rw.i64 = 5
    total: rw.i64 = 5


@rw.message(layout="struct")
class MeanTally(rw.Message):
    count: rw.i64 = 0
    mean: rw.f64 = 0.0


@rw.message(layout="struct")
class ReplaceAnswer(rw.Message):
    version: rw.i64
    total: rw.i64


def adds(ctx: rw.Context, msg: ReplaceStep, state: ReplaceTally) -> None:
    if msg.by < 0:
        raise ValueError("by is negative")
    state.count += 1
    state.total += msg.by
    ctx.reply(ReplaceAnswer(1, state.total))


def adds_twice(ctx: rw.Context, msg: ReplaceStep, state: ReplaceTally) -> None:
    state.count += 1
    state.total += 2 * msg.by
    ctx.reply(ReplaceAnswer(2, state.total))


def adds_same(ctx: rw.Context, msg: ReplaceStep, state: SameTally) -> None:
    state.count += 1
    state.total += msg.by
    ctx.reply(ReplaceAnswer(3, state.total))


def means(ctx: rw.Context, msg: ReplaceStep, state: MeanTally) -> None:
    state.count += 1
    state.mean += (msg.by - state.mean) / state.count
    ctx.reply(ReplaceAnswer(4, state.count))


def sums(ctx: rw.Context, msg: ReplaceStep, state: ReplaceTally) -> None:
    state.count += 1


SOURCE = rw.KernelSource(
    """
RW_FN ringway::u32 step(ringway::KernelContext& ctx, const ReplaceStep& msg, ReplaceTally& state) {
  state.count += 1;
  state.total += 3 * msg.by;
  ctx.reply(ReplaceAnswer_type_id, ReplaceAnswer{5, state.total});
  return 0;
}
""",
    message=ReplaceStep,
    state=ReplaceTally,
    uses=[ReplaceAnswer],
    name="in_cpp",
)


def made(function: Any, mode: Mode) -> Any:
    return rw.kernel(mode=mode)(function)


@pytest.fixture
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime("cpu", workers=2) as started:
        yield started


@pytest.mark.parametrize("after", MODES)
@pytest.mark.parametrize("before", MODES)
def test_the_state_is_kept_in_every_mode(runtime: rw.Runtime, before: Mode, after: Mode) -> None:
    kernel = runtime.launch(made(adds, before), name="sum", state=ReplaceTally(10, 100))
    assert kernel.request(ReplaceStep(1), T) == ReplaceAnswer(1, 101)
    kernel.replace(made(adds_twice, after))
    assert kernel.request(ReplaceStep(1), T) == ReplaceAnswer(2, 103)
    assert kernel.read_state() == ReplaceTally(12, 103)
    kernel.replace(made(adds_same, after))
    assert kernel.request(ReplaceStep(1), T) == ReplaceAnswer(3, 104)
    assert kernel.read_state() == SameTally(13, 104)
    kernel.replace(SOURCE)
    assert kernel.request(ReplaceStep(2), T) == ReplaceAnswer(5, 110)
    assert (kernel.name, kernel.kind, kernel.replacements) == ("sum", "in_cpp", 3)
    assert kernel.telemetry().replacements == 3
    kernel.reset_telemetry()
    assert (kernel.telemetry().replacements, kernel.replacements) == (0, 3)
    assert runtime.topology().nodes[0].replacements == 3
    assert "replaced 3 times" in runtime.topology().mermaid()


@pytest.mark.parametrize("after", MODES)
@pytest.mark.parametrize("before", MODES)
def test_a_state_of_another_layout(runtime: rw.Runtime, before: Mode, after: Mode) -> None:
    kernel = runtime.launch(
        made(adds, before),
        state=ReplaceTally(4, 20),
        options=rw.LaunchOptions(on_error="restart", restart_backoff=0),
    )
    with pytest.raises(
        errors.TypeMismatch, match=r"ReplaceTally \(count: int64, total: int64\).*MeanTally.*migrate="
    ):
        kernel.replace(made(means, after))
    assert kernel.request(ReplaceStep(0), T) == ReplaceAnswer(1, 20)
    seen: list[Any] = []

    def migrate(old: Any) -> MeanTally:
        seen.append(type(old))
        with pytest.raises(errors.InvalidState):
            kernel.read_state()
        with pytest.raises(errors.InvalidState):
            kernel.replace(SOURCE)
        return MeanTally(old.count, old.total / old.count)

    kernel.replace(made(means, after), migrate=migrate)
    assert set(seen) == {ReplaceTally}
    assert kernel.read_state() == MeanTally(5, 4.0)
    with pytest.raises(ZeroDivisionError):
        kernel.replace(made(adds, before), migrate=lambda old: 1 // 0)
    with pytest.raises(errors.TypeMismatch, match="migrate returned a int"):
        kernel.replace(made(adds, before), migrate=lambda old: 1)
    assert kernel.request(ReplaceStep(4), T) == ReplaceAnswer(4, 6)
    kernel.replace(made(adds, before), state=ReplaceTally(1, 1))
    assert kernel.request(ReplaceStep(1), T) == ReplaceAnswer(1, 2)
    with pytest.raises(errors.HandlerError):
        kernel.request(ReplaceStep(-1), T)
    assert kernel.request(ReplaceStep(1), T) == ReplaceAnswer(1, 2), (
        "a restart begins with what replace was given"
    )


@pytest.mark.parametrize("after", MODES)
@pytest.mark.parametrize("before", MODES)
def test_a_restart_begins_with_the_launch_s_state(runtime: rw.Runtime, before: Mode, after: Mode) -> None:
    options = rw.LaunchOptions(on_error="restart", restart_backoff=0)
    kernel = runtime.launch(made(adds_twice, before), state=ReplaceTally(1, 50), options=options)
    kernel.request(ReplaceStep(5), T)
    kernel.replace(made(adds, after))
    assert kernel.read_state() == ReplaceTally(2, 60)
    with pytest.raises(errors.HandlerError):
        kernel.request(ReplaceStep(-1), T)
    assert kernel.request(ReplaceStep(0), T) == ReplaceAnswer(1, 50)


def test_objects_of_a_python_state_are_handed_on(runtime: rw.Runtime) -> None:
    threads = set()

    @rw.kernel(mode="python")
    def first(ctx: rw.Context, msg: ReplaceStep, state: dict[str, Any]) -> None:
        state["lock"] = threading.Lock()
        threads.add(threading.get_ident())
        ctx.reply(ReplaceAnswer(0, 0))

    @rw.kernel(mode="python")
    async def second(ctx: rw.Context, msg: ReplaceStep, state: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        state["seen"] = id(state["lock"])
        threads.add(threading.get_ident())
        ctx.reply(ReplaceAnswer(0, state["seen"]))

    @rw.kernel(mode="python")
    def other(ctx: rw.Context, msg: ReplaceStep, state: list[int]) -> None:
        ctx.reply(ReplaceAnswer(len(state), 0))

    kernel = runtime.launch(first)
    kernel.request(ReplaceStep(1), T)
    kernel.replace(second)
    kernel.request(ReplaceStep(1), T)
    kernel.request(ReplaceStep(1), T)
    assert len(threads) == 1, "the replica's thread stays"
    with pytest.raises(errors.TypeMismatch, match=r"class dict.*class list"):
        kernel.replace(other)
    kernel.replace(other, migrate=lambda old: [*old])
    assert kernel.request(ReplaceStep(1), T) == ReplaceAnswer(2, 0)
    kernel.replace(first, state={})
    assert kernel.read_state() == {}


def test_what_cannot_take_its_place(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(made(adds, "native"))

    def takes_other(ctx: rw.Context, msg: Other, state: ReplaceTally) -> None:
        state.count += 1

    for mode in MODES:
        with pytest.raises(errors.TypeMismatch, match=r"takes 'ReplaceStep'.*'.*Other'"):
            kernel.replace(made(takes_other, mode))
    with pytest.raises(errors.KernelError, match="does not compile"):
        kernel.replace(rw.KernelSource("nonsense", message=ReplaceStep, state=ReplaceTally))
    with pytest.raises(errors.InvalidOption, match="one of the backend's"):
        runtime.launch("echo").replace(SOURCE)
    with pytest.raises(errors.InvalidOption, match="both given"):
        kernel.replace(SOURCE, migrate=lambda old: old, state=ReplaceTally())
    with pytest.raises(errors.InvalidOption):
        kernel.replace("echo")  # type: ignore[arg-type]
    assert kernel.request(ReplaceStep(1), T) == ReplaceAnswer(1, 1)
    kernel.terminate()
    with pytest.raises(errors.InvalidState, match=r"replace\(\) is not possible"):
        kernel.replace(SOURCE)


def test_links_keep_their_names_and_places(runtime: rw.Runtime) -> None:
    def sends(ctx: rw.Context, msg: ReplaceStep, state: ReplaceTally) -> None:
        ctx.send("sums", ReplaceStep(msg.by + 1))
        ctx.send("logs", ReplaceStep(msg.by))

    def swapped(ctx: rw.Context, msg: ReplaceStep, state: ReplaceTally) -> None:
        ctx.send("logs", ReplaceStep(msg.by))
        ctx.send("sums", ReplaceStep(msg.by + 10))

    source, sink = runtime.launch(rw.kernel(sends)), runtime.launch(rw.kernel(sums))
    runtime.link(source, sink, output="sums", message=ReplaceStep)
    with pytest.raises(
        errors.InvalidOption, match=r"link 'sums' to .* is number 1.*outputs=\('sums', 'logs'\)"
    ):
        source.replace(rw.kernel(swapped))
    source.send(ReplaceStep(0))
    source.replace(rw.kernel(outputs=("sums", "logs"))(swapped))
    source.send(ReplaceStep(0))
    source.replace(rw.kernel(mode="python", outputs=("sums", "logs"))(swapped))
    sink.replace(made(sums, "python"))
    source.send(ReplaceStep(0))
    source.terminate()
    assert sink.terminate().processed == 3
    assert sink.read_state().count == 3


def test_a_failed_kernel_comes_back(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(made(adds, "native"))
    kernel.request(ReplaceStep(7), T)
    with pytest.raises(errors.HandlerError, match="by is negative"):
        kernel.request(ReplaceStep(-1), T)
    with pytest.raises(errors.Closed):
        kernel.send(ReplaceStep(1))
    kernel.replace(made(adds_twice, "python"))
    assert (kernel.state, kernel.failure) == ("active", "")
    assert kernel.request(ReplaceStep(1), T) == ReplaceAnswer(2, 9)


def test_a_handler_that_hangs_keeps_its_place() -> None:
    leave = threading.Event()

    @rw.kernel(mode="python")
    def hangs(ctx: rw.Context, msg: ReplaceStep, state: ReplaceTally) -> None:
        if msg.by == 0:
            assert leave.wait(T)
        ctx.reply(ReplaceAnswer(0, 0))

    with rw.Runtime("cpu", workers=2, watchdog=1) as runtime:
        kernel = runtime.launch(hangs, grid=2)
        kernel.send(ReplaceStep(0))
        while kernel.telemetry().depth:
            time.sleep(0.001)
        with pytest.raises(errors.Timeout, match="has not returned"):
            kernel.replace(SOURCE)
        assert (kernel.kind, kernel.replacements) == ("hangs", 0)
        leave.set()
        assert kernel.request(ReplaceStep(1), T) == ReplaceAnswer(0, 0)
        kernel.replace(SOURCE)
        assert kernel.request(ReplaceStep(1), T) == ReplaceAnswer(5, 3)


def test_async_replace_and_its_cancellation() -> None:
    async def main() -> None:
        async with rw.AsyncRuntime("cpu", workers=2) as runtime:
            kernel = await runtime.launch(made(adds, "native"))
            await kernel.replace(made(adds_twice, "python"))
            assert await kernel.request(ReplaceStep(1), T) == ReplaceAnswer(2, 2)
            inside = threading.Event()
            leave = threading.Event()

            def migrate(old: Any) -> Any:
                inside.set()
                assert leave.wait(T)
                return old

            task = asyncio.ensure_future(kernel.replace(made(adds, "native"), migrate=migrate))
            assert await asyncio.to_thread(inside.wait, T)
            task.cancel()
            leave.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert kernel.replacements == 2, "it was about to be done"
            assert await kernel.request(ReplaceStep(1), T) == ReplaceAnswer(1, 3)
            blocked = asyncio.ensure_future(kernel.replace(SOURCE))
            await asyncio.sleep(0)
            blocked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await blocked

    asyncio.run(main())


def test_a_class_of_the_same_name_does_not_confuse_states(runtime: rw.Runtime) -> None:
    @rw.message(layout="struct")
    class State(rw.Message):
        count: rw.i64 = 0
        last: rw.i64 = 0

    def counts(ctx: rw.Context, msg: ReplaceStep, state: State) -> None:
        ctx.emit(State(state.count, state.last))

    first, first_class = rw.kernel(counts), State
    kernel = runtime.launch(first)
    kernel.send(ReplaceStep(1))

    @rw.message(layout="struct")
    class State(rw.Message):  # type: ignore[no-redef]
        count: rw.i64 = 0
        last: rw.f64 = 0.0

    def counts(ctx: rw.Context, msg: ReplaceStep, state: State) -> None:  # type: ignore[no-redef]
        ctx.emit(State(state.count, state.last))

    second, second_class = rw.kernel(counts), State
    assert type(kernel.read_state()) is first_class
    with pytest.raises(errors.TypeMismatch, match=r"last: int64.*last: float64"):
        kernel.replace(second)
    kernel.replace(second, migrate=lambda old: second_class(old.count, float(old.last)))
    kernel.send(ReplaceStep(1))
    kernel.deactivate()
    assert type(kernel.read_state()) is second_class


@pytest.mark.parametrize("mode", MODES)
def test_each_message_is_handled_once_while_versions_change(runtime: rw.Runtime, mode: Mode) -> None:
    kernel = runtime.launch(made(adds, mode), grid=2)
    senders = [
        threading.Thread(target=lambda: [kernel.send(ReplaceStep(0)) for _ in range(500)] and None)
        for _ in range(3)
    ]
    for sender in senders:
        sender.start()
    for round_ in range(8):
        kernel.replace(made((adds, adds_twice)[round_ % 2], MODES[round_ // 2 % 2]))
    for sender in senders:
        sender.join()
    assert kernel.terminate(timeout=T).processed == 1500
    assert sum(kernel.read_state(replica=i).count for i in range(2)) == 1500

"""Kernels of a program's own: links, full outputs, failures, state, and the folder of compiled ones."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import ringway as rw
from ringway import errors
from ringway.compiled import toolchain
from ringway.types import Length


@rw.message(layout="struct")
class Measure(rw.Message):
    key: rw.i32
    value: rw.f64


@rw.message(layout="struct")
class Mean(rw.Message):
    count: rw.i64
    mean: rw.f64


@rw.message(layout="struct")
class MeanState(rw.Message):
    count: rw.i64 = 0
    mean: rw.f64 = 0.0


@rw.message(layout="struct")
class Counter(rw.Message):
    seen: rw.i64 = 100


@rw.kernel
def running_mean(ctx: rw.Context, msg: Measure, state: MeanState) -> None:
    """Answer with the mean so far."""
    if msg.value < 0.0:
        raise ValueError("a negative sample")
    state.count += 1
    state.mean += (msg.value - state.mean) / state.count
    ctx.reply(Mean(state.count, state.mean))


@rw.kernel(outputs=("means", "alarms"))
def watch(ctx: rw.Context, msg: Measure, state: MeanState) -> None:
    state.count += 1
    if msg.value > 10.0:
        ctx.send("alarms", Measure(msg.key, msg.value))
    ctx.send("means", Mean(state.count, msg.value))


@rw.kernel
def count_means(ctx: rw.Context, msg: Mean, state: Counter) -> None:
    state.seen += msg.count
    ctx.emit(Counter(state.seen))


@rw.kernel
def collect(ctx: rw.Context, msg: Measure, state: Counter) -> None:
    state.seen += 1
    ctx.emit(Measure(msg.key, msg.value))


@rw.kernel
def triple(ctx: rw.Context, msg: Measure, state: Counter) -> None:
    for i in range(3):
        ctx.emit(Measure(msg.key * 3 + i, msg.value))
    state.seen += 1
    ctx.reply(Measure(msg.key, msg.value))


@pytest.fixture
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime("cpu", workers=2) as started:
        yield started


def test_a_handler_answers_and_keeps_its_state(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(running_mean)
    assert kernel.request(Measure(1, 2.0), timeout=20) == Mean(1, 2.0)
    assert kernel.request(Measure(1, 4.0), timeout=20) == Mean(2, 3.0)
    assert kernel.read_state() == MeanState(2, 3.0)
    assert kernel.kind == "running_mean"


def test_a_message_of_another_class_is_refused(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(running_mean)
    with pytest.raises(errors.TypeMismatch, match="Measure"):
        kernel.send(Mean(1, 1.0))


def test_raise_is_the_asker_s_error(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(running_mean, options=rw.LaunchOptions(on_error="skip"))
    with pytest.raises(errors.HandlerError, match=r"test_user_kernels.py:\d+: ValueError: a negative sample"):
        kernel.request(Measure(1, -1.0), timeout=20)
    assert kernel.request(Measure(1, 4.0), timeout=20) == Mean(1, 4.0)


def test_a_restart_begins_with_the_state_of_the_launch(runtime: rw.Runtime) -> None:
    options = rw.LaunchOptions(on_error="restart", restart_backoff=0.0)
    kernel = runtime.launch(running_mean, options=options, state=MeanState(10, 5.0))
    assert kernel.request(Measure(1, 16.0), timeout=20) == Mean(11, 6.0)
    with pytest.raises(errors.HandlerError):
        kernel.request(Measure(1, -1.0), timeout=20)
    assert kernel.request(Measure(1, 16.0), timeout=20) == Mean(11, 6.0)


def test_a_plain_function_is_no_kernel(runtime: rw.Runtime) -> None:
    with pytest.raises(errors.InvalidOption, match=r"write @ringway\.kernel above a function"):
        runtime.launch(running_mean.function)  # not the kernel made of it


def test_a_state_goes_from_one_kernel_to_the_next(runtime: rw.Runtime) -> None:
    first = runtime.launch(running_mean)
    first.request(Measure(1, 8.0), timeout=20)
    second = runtime.launch(running_mean, state=first.read_state())
    assert second.request(Measure(1, 4.0), timeout=20) == Mean(2, 6.0)


def test_each_replica_has_a_state(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(running_mean, grid=2)
    for i in range(100):
        kernel.request(Measure(i, 1.0), timeout=20)
    assert sum(kernel.read_state(replica=i).count for i in (0, 1)) == 100
    with pytest.raises(errors.InvalidOption, match="replicas 0 to 1"):
        kernel.read_state(replica=2)


def test_a_state_is_waited_for_as_long_as_is_said(runtime: rw.Runtime) -> None:
    busy = """
RW_FN ringway::u32 step(ringway::KernelContext&, const Measure& msg, Counter& state) {
  for (volatile int i = 0; i < msg.key; i = i + 1) {}
  state.seen += 1;
  return 0;
}
"""
    kernel = runtime.launch(rw.KernelSource(busy, message=Measure, state=Counter, name="busy"))
    kernel.send(Measure(2_000_000_000, 0.0))

    def read_until_it_has_begun() -> None:
        while kernel.read_state(timeout=0.01).seen == 100:
            time.sleep(0.001)

    with pytest.raises(errors.Timeout, match="kernel 'busy-0' has not returned from its handler"):
        read_until_it_has_begun()
    assert kernel.read_state(timeout=60).seen == 101


def test_a_state_is_read_while_the_kernel_drains_and_after(runtime: rw.Runtime) -> None:
    source = runtime.launch(watch)
    runtime.link(source, runtime.launch(count_means, activate=False), message=Mean, capacity=16)
    for i in range(20):
        source.send(Measure(i, 1.0))
    drains = threading.Thread(target=lambda: source.terminate(timeout=30))
    drains.start()
    while source.read_state(timeout=10).count < 17:
        time.sleep(0.001)
    source.terminate(drain=False)
    drains.join()
    assert source.read_state().count == 17


def test_links_have_names(runtime: rw.Runtime) -> None:
    source, means, alarms = (runtime.launch(kernel) for kernel in (watch, count_means, collect))
    with pytest.raises(errors.InvalidOption, match="link 'means' first"):
        runtime.link(source, alarms, output="alarms")
    runtime.link(source, means, output="means", message=Mean)
    with pytest.raises(errors.InvalidOption, match="its links are means, alarms; the next is 'alarms'"):
        runtime.link(source, alarms, output="alarm")
    runtime.link(source, alarms, output="alarms", message=Measure)
    with pytest.raises(errors.InvalidOption, match="all are there"):
        runtime.link(source, alarms)
    for i in range(20):
        source.send(Measure(i, float(i)))
    assert [means.receive(20).seen for _ in range(20)][-1] == 100 + sum(range(1, 21))
    assert [alarms.receive(20).key for _ in range(9)] == list(range(11, 20))


@rw.message(layout="struct")
class Table(rw.Message):
    seen: rw.i64 = 0
    cells: Annotated[rw.Array[rw.i64], Length(2**20)] = rw.field(
        default_factory=lambda: np.zeros(2**20, np.int64)
    )


def test_a_state_may_be_larger_than_a_stack(runtime: rw.Runtime) -> None:
    @rw.kernel
    def tally(ctx: rw.Context, msg: Measure, state: Table) -> None:
        state.seen += 1
        state.cells[msg.key] += state.seen
        ctx.reply(Counter(state.cells[msg.key]))

    kernel = runtime.launch(tally)
    for key in (0, 2**20 - 1, 0):
        kernel.send(Measure(key, 0.0))
    assert kernel.request(Measure(0, 0.0), timeout=20) == Counter(1 + 3 + 4)
    assert kernel.read_state().cells[-1] == 2


@pytest.mark.parametrize("bridge", ["direct", "pumped"])
def test_what_finds_no_room_is_sent_later_once_and_in_order(runtime: rw.Runtime, bridge: Any) -> None:
    options = rw.LaunchOptions(capacity=16, bridge=bridge, staging_capacity=16, block_timeout=30)
    kernel = runtime.launch(triple, options=options)
    sender = threading.Thread(target=lambda: [kernel.send(Measure(i, 0.5)) for i in range(300)])
    sender.start()
    # The answer to a plain send goes to the host too, behind what was emitted before it.
    expected = [key for i in range(300) for key in (3 * i, 3 * i + 1, 3 * i + 2, i)]
    assert [kernel.receive(20).key for _ in expected] == expected
    sender.join()
    assert kernel.read_state().seen == 400
    with pytest.raises(errors.Timeout):
        kernel.receive(0.05)


def test_what_waits_for_room_on_a_link_is_sent_once_and_in_order(runtime: rw.Runtime) -> None:
    source = runtime.launch(watch)
    means = runtime.launch(count_means, activate=False)
    alarms = runtime.launch(collect)
    runtime.link(source, means, message=Mean, capacity=16)
    runtime.link(source, alarms, message=Measure, capacity=16)
    for i in range(200):
        source.send(Measure(i, 11.0))
    assert alarms.receive(20).key == 0
    while source.telemetry().processed < 16:
        time.sleep(0.001)
    assert source.read_state().count <= 18  # one more than the link holds is handled, no further one
    means.activate()
    assert [alarms.receive(20).key for _ in range(199)] == list(range(1, 200))
    assert [means.receive(20).seen for _ in range(200)][-1] == 100 + sum(range(1, 201))
    assert source.terminate().processed == 200


def test_what_never_found_room_is_counted_and_can_be_read(runtime: rw.Runtime) -> None:
    source = runtime.launch(watch)
    means = runtime.launch(count_means, activate=False)
    runtime.link(source, means, message=Mean, capacity=16)
    runtime.link(source, runtime.launch(collect), message=Measure)
    for i in range(20):
        source.send(Measure(i, 1.0))
    while source.read_state().count < 17:
        time.sleep(0.001)
    source.terminate(drain=False)
    letters = [letter for letter in source.dead_letters() if "had room for it" in letter.error]
    assert [Mean.decode(letter.body) for letter in letters] == [Mean(17, 1.0)]


def test_a_link_has_no_way_back(runtime: rw.Runtime) -> None:
    relay = runtime.launch("relay")
    kernel = runtime.launch(running_mean, options=rw.LaunchOptions(on_error="skip"))
    runtime.link(relay, kernel, message=Measure)
    relay.send(Measure(1, 2.0))
    while not kernel.telemetry().errors:
        time.sleep(0.001)
    assert "came by a link has no sender to reply to" in kernel.dead_letters()[0].error


def test_a_message_of_another_size_on_a_link_fails_alone(runtime: rw.Runtime) -> None:
    relay = runtime.launch("relay")
    kernel = runtime.launch(collect)
    runtime.link(relay, kernel)
    relay.send(b"short")
    relay.send(Measure(5, 2.0))
    assert kernel.receive(20).key == 5
    assert "a message of another size" in kernel.dead_letters()[0].error


def test_tasks_launch_and_read_states() -> None:
    async def run() -> Any:
        async with rw.AsyncRuntime("cpu") as runtime:
            kernel = await runtime.launch(running_mean, state=MeanState(1, 1.0))
            answer = await kernel.request(Measure(1, 3.0), timeout=20)
            return answer, await kernel.read_state()

    assert asyncio.run(run()) == (Mean(2, 2.0), MeanState(2, 2.0))


def test_a_cancelled_launch_leaves_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, gate = threading.Event(), threading.Event()
    begin = running_mean.begin

    def slow(*arguments: Any) -> Any:
        begun.set()
        assert gate.wait(20)
        return begin(*arguments)

    async def run() -> None:
        async with rw.AsyncRuntime("cpu") as runtime:
            launch = asyncio.create_task(runtime.launch(running_mean))
            assert await asyncio.to_thread(begun.wait, 20)
            launch.cancel()
            with pytest.raises(asyncio.CancelledError):
                await launch
            gate.set()
            while len(asyncio.all_tasks()) > 1:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)  # what follows its end
            assert runtime.kernels() == []
            await runtime.launch("echo")
            assert [kernel.name for kernel in runtime.kernels()] == ["echo-1"]

    monkeypatch.setattr(running_mean, "begin", slow)
    asyncio.run(run())


DOUBLE = """
RW_FN ringway::u32 step(ringway::KernelContext& ctx, const Measure& msg, Counter& state) {
  if (msg.key < 0) return 1;
  state.seen += msg.key;
  ctx.reply(Counter_type_id, Counter{state.seen});
  return 0;
}
"""


def test_a_kernel_in_cpp(runtime: rw.Runtime) -> None:
    source = rw.KernelSource(DOUBLE, message=Measure, state=Counter, name="adds", errors=["a negative key"])
    kernel = runtime.launch(source, options=rw.LaunchOptions(on_error="skip"))
    assert kernel.request(Measure(7, 0.0), timeout=20) == Counter(107)
    with pytest.raises(errors.HandlerError, match="a negative key"):
        kernel.request(Measure(-1, 0.0), timeout=20)


def test_what_the_compiler_says_names_the_user_s_line(runtime: rw.Runtime) -> None:
    source = rw.KernelSource(
        DOUBLE.replace("msg.key", "msg.keys"), message=Measure, state=Counter, name="wrong"
    )
    with pytest.raises(errors.KernelError, match=r"kernel 'wrong' does not compile:\n(.|\n)*wrong:3:"):
        runtime.launch(source)


def test_a_source_without_a_step_is_refused(runtime: rw.Runtime) -> None:
    with pytest.raises(errors.KernelError, match="step"):
        runtime.launch(rw.KernelSource("", message=Measure, state=Counter))


def test_a_state_is_one_of_the_kernel_s_class(runtime: rw.Runtime) -> None:
    with pytest.raises(
        errors.TypeMismatch, match="state is a Counter; kernel 'running_mean' has a MeanState"
    ):
        runtime.launch(running_mean, state=Counter())
    with pytest.raises(errors.InvalidOption, match=r"state is for kernels made by ringway\.kernel"):
        runtime.launch("echo", state=Counter())
    with pytest.raises(errors.InvalidOption, match="whose state is its own"):
        runtime.launch("echo").read_state()
    needs = rw.KernelSource(
        DOUBLE.replace("Counter&", "Mean&").replace("seen", "count"), message=Measure, state=Mean
    )
    with pytest.raises(errors.InvalidOption, match="Mean has fields without a default"):
        runtime.launch(needs)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RINGWAY_CACHE", str(tmp_path))
    return tmp_path / "ringway" / "kernels"


def again(runtime: rw.Runtime) -> Any:
    """The kernel as another process would have it: nothing is kept in this one."""
    source = rw.KernelSource(DOUBLE, message=Measure, state=Counter)
    return runtime.launch(source).request(Measure(7, 0.0), timeout=20)


def test_compiled_kernels_are_kept(
    runtime: rw.Runtime, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert again(runtime) == Counter(107)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert sorted(file.suffix for file in folder.iterdir()) == [".sha256", ".so"]
    monkeypatch.setattr(toolchain, "_compile", None)
    assert again(runtime) == Counter(107)


@pytest.mark.parametrize(
    "harm", ["cut", "changed", "other hash", "no hash", "open to others", "a link", "not text"]
)
def test_a_file_that_is_not_what_was_written_is_made_anew(
    runtime: rw.Runtime, folder: Path, harm: str
) -> None:
    assert again(runtime) == Counter(107)
    (made,) = folder.glob("*.so")
    digest = made.with_suffix(".sha256")
    whole = made.read_bytes()
    made.unlink()  # it is mapped: only a new file may differ
    if harm == "cut":
        made.write_bytes(whole[:1000])
    elif harm == "changed":
        made.write_bytes(whole[:-1] + b"?")
    elif harm == "a link":
        elsewhere = folder / "elsewhere"
        elsewhere.write_bytes(whole)
        made.symlink_to(elsewhere)
    else:
        made.write_bytes(whole)
    if harm == "other hash":
        digest.write_text("0" * 64)
    elif harm == "no hash":
        digest.unlink()
    elif harm == "open to others":
        made.chmod(0o666)
    elif harm == "not text":
        digest.write_bytes(b"\xff\xfe")
    assert not toolchain._is_whole(made)
    assert again(runtime) == Counter(107)
    assert toolchain._is_whole(made)


def test_without_a_compiler_the_error_says_what_to_install(
    runtime: rw.Runtime, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(errors.KernelError, match="install g"):
        again(runtime)
    monkeypatch.setenv("RINGWAY_CXX", "no-such-compiler -O2")
    with pytest.raises(errors.KernelError, match="RINGWAY_CXX is 'no-such-compiler -O2', which does not run"):
        again(runtime)


def test_a_folder_that_cannot_be_made_is_named(
    runtime: rw.Runtime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RINGWAY_CACHE", str(tmp_path / "file"))
    with pytest.raises(errors.KernelError, match="name a folder of yours by RINGWAY_CACHE"):
        again(runtime)


def test_a_kernel_is_still_a_function() -> None:
    class Seen:
        def reply(self, message: Any) -> None:
            self.answer = message

    ctx, state = Seen(), MeanState()
    running_mean(ctx, Measure(1, 4.0), state)
    assert ctx.answer == Mean(1, 4.0)


def test_a_backend_runs_them_or_says_so(backend: str) -> None:
    with rw.Runtime(backend) as runtime:
        if backend == "cpu":
            assert runtime.launch(running_mean).request(Measure(1, 2.0), timeout=20) == Mean(1, 2.0)
            return
        # tests/python/test_kernels_on_devices.py has what Metal makes of those in single precision.
        refused = {
            "metal": (errors.KernelError, r"Measure\.value is an f64, which backend 'metal' does not have"),
        }.get(backend, (errors.InvalidOption, "runs no kernels of a program's own"))
        with pytest.raises(refused[0], match=refused[1]):
            runtime.launch(running_mean)

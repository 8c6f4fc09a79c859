"""Kernels of a program's own on devices: from the same text as on the CPU, with the same results."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import ringway as rw
from ringway import errors
from ringway.compiled.portable import portable_text
from ringway.types import Length

ROOT = Path(__file__).parents[2]


@rw.message(layout="struct")
class Gauge(rw.Message):
    key: rw.i32
    value: rw.f32


@rw.message(layout="struct")
class Level(rw.Message):
    count: rw.i64 = 0
    mean: rw.f32 = 0.0


@rw.message(layout="struct")
class Tally(rw.Message):
    seen: rw.i64 = 100


@rw.message(layout="struct")
class PreciseTally(rw.Message):
    value: rw.f64 = 0.0


@rw.message(layout="struct")
class WideTally(rw.Message):
    """Too large for locals, and with names that Metal has taken."""

    half: rw.i32 = 0
    device: Annotated[rw.Array[rw.i32], Length(1000)] = rw.field(
        default_factory=lambda: np.zeros(1000, np.int32)
    )


@rw.kernel
def running_mean(ctx: rw.Context, msg: Gauge, state: Level) -> None:
    if msg.value < 0.0:
        raise ValueError("a negative sample")
    state.count += 1
    state.mean += (msg.value - state.mean) / state.count
    ctx.reply(Level(state.count, state.mean))


def add(table: WideTally, at: rw.i64, amount: rw.i64) -> rw.i64:
    table.device[at] += rw.i32(amount)
    return int(table.device[at])


def larger(one: WideTally, other: Gauge) -> rw.i64:
    return max(one.half, other.key)


@rw.kernel
def tabulate(ctx: rw.Context, msg: Gauge, state: WideTally) -> None:
    now = add(state, msg.key, 7)
    state.half += 1
    ctx.emit(Tally(now * 1000 + larger(state, msg)))


@rw.kernel(outputs=("next",))
def burst(ctx: rw.Context, msg: Gauge, state: Tally) -> None:
    state.seen += 1
    for i in range(msg.key):
        ctx.send("next", Gauge(i, msg.value))
    if msg.value < 0.0:
        raise ValueError("after all that")
    ctx.emit(Gauge(msg.key, msg.value))


@rw.kernel
def chatter(ctx: rw.Context, msg: Gauge, state: Tally) -> None:
    state.seen += 1
    for i in range(msg.key):
        ctx.emit(Tally(i))
    if msg.value < 0.0:
        raise ValueError("after all that")
    ctx.reply(Tally(state.seen))


@rw.kernel
def collect(ctx: rw.Context, msg: Gauge, state: Tally) -> None:
    state.seen += 1
    ctx.emit(Gauge(msg.key, msg.value))


ADDER = """
RW_FN ringway::u32 step(RW_PRIVATE ringway::KernelContext& ctx, RW_SHARED const Gauge& msg,
                        RW_STATE Tally& state) {
  if (msg.key < 0) return 1;
  state.seen += msg.key;
  ctx.reply(Tally_type_id, state);
  return 0;
}
"""


@pytest.fixture
def runtime(device: str) -> Iterator[rw.Runtime]:
    with rw.Runtime(device) as started:
        yield started


SMALL = rw.LaunchOptions(capacity=16, staging_capacity=16, on_error="skip")


def handled(kernel: rw.Kernel, messages: int) -> Any:
    """The state once so many messages have been received."""
    deadline = time.monotonic() + 20
    while kernel.telemetry().received < messages:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return kernel.read_state()


def letters_of(kernel: rw.Kernel, count: int) -> list[rw.DeadLetter]:
    deadline = time.monotonic() + 20
    while len(letters := kernel.dead_letters()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return letters


def test_a_handler_answers_fails_and_keeps_its_state_as_on_the_cpu(runtime: rw.Runtime) -> None:
    seen = []
    with rw.Runtime("cpu") as host:
        for place in (host, runtime):
            kernel = place.launch(running_mean, name="mean", options=rw.LaunchOptions(on_error="skip"))
            answers: list[Any] = [
                kernel.request(Gauge(1, value), timeout=20).encode() for value in (0.1, 2.7, 1e9, 3e-7)
            ]
            with pytest.raises(errors.HandlerError, match="ValueError: a negative sample") as failed:
                kernel.request(Gauge(1, -1.0), timeout=20)
            answers.append(str(failed.value).split(": ", 1)[1])
            seen.append([*answers, kernel.read_state().encode()])
    assert seen[0] == seen[1]
    assert f"{__file__}:{running_mean.function.__code__.co_firstlineno + 3}: " in seen[1][4]


def test_a_state_larger_than_locals_and_functions_that_change_it(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(tabulate)
    for key in (3, 999, 3, -1):
        kernel.send(Gauge(key, 0.0))
    assert [kernel.receive(20).seen for _ in range(4)] == [7003, 7999, 14003, 14004]
    state = kernel.read_state()
    assert (state.half, state.device[3], state.device[999], state.device.sum()) == (4, 14, 14, 28)
    kernel.send(Gauge(1000, 0.0))
    deadline = time.monotonic() + 20
    while kernel.state != "failed":
        assert time.monotonic() < deadline
    assert "IndexError: index out of range" in kernel.failure


def test_a_state_goes_from_backend_to_backend(runtime: rw.Runtime) -> None:
    with rw.Runtime("cpu") as host:
        first = runtime.launch(running_mean, state=Level(2, 3.0))
        first.request(Gauge(1, 6.0), timeout=20)
        second = host.launch(running_mean, state=Level.decode(first.read_state().encode()))
        second.request(Gauge(1, 8.0), timeout=20)
        third = runtime.launch(running_mean, state=second.read_state())
        assert third.request(Gauge(1, 5.0), timeout=20) == Level(5, 5.0)
    first.terminate()
    assert first.read_state() == Level(3, 4.0)


def test_a_restart_begins_with_the_state_of_the_launch(runtime: rw.Runtime) -> None:
    options = rw.LaunchOptions(on_error="restart", restart_backoff=0.001)
    kernel = runtime.launch(running_mean, state=Level(5, 1.0), options=options)
    assert kernel.request(Gauge(1, 7.0), timeout=20) == Level(6, 2.0)
    with pytest.raises(errors.HandlerError, match="a negative sample"):
        kernel.request(Gauge(1, -1.0), timeout=20)
    assert kernel.request(Gauge(1, 7.0), timeout=20) == Level(6, 2.0)


def test_each_replica_has_a_state(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(running_mean, grid=2)
    for _ in range(40):
        kernel.request(Gauge(1, 1.0), timeout=20)
    assert sum(kernel.read_state(replica=i).count for i in range(2)) == 40


def test_what_the_host_has_no_room_for_is_sent_later_once_and_in_order(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(chatter, options=SMALL)
    for key in (200, 0, 50):
        kernel.send(Gauge(key, 0.0))
    # Nobody waits for the answers, so they go where what is emitted goes.
    expected = [*range(200), 101, 102, *range(50), 103]
    assert [kernel.receive(20).seen for _ in expected] == expected
    assert handled(kernel, 3) == Tally(103)


def test_what_a_link_has_no_room_for_is_sent_later_once_and_in_order(runtime: rw.Runtime) -> None:
    source, sink = runtime.launch(burst, options=SMALL), runtime.launch(collect)
    runtime.link(source, sink, output="next", message=Gauge, capacity=16)
    for key in (100, 3, 60):
        source.send(Gauge(key, 0.5))
    assert [sink.receive(20).key for _ in range(163)] == [*range(100), *range(3), *range(60)]
    assert [source.receive(20).key for _ in range(3)] == [100, 3, 60]


def test_a_handler_that_fails_where_there_is_no_room_to_say_so_is_not_run_again(
    runtime: rw.Runtime,
) -> None:
    kernel = runtime.launch(chatter, options=SMALL)
    for key, value in ((40, -1.0), (16, -1.0), (1, 0.0)):
        kernel.send(Gauge(key, value))
    expected = [*range(40), *range(16), 0, 103]
    assert [kernel.receive(20).seen for _ in expected] == expected
    assert handled(kernel, 3) == Tally(103)
    assert [letter.reason for letter in letters_of(kernel, 2)] == ["failed"] * 2


def test_more_than_there_is_memory_for_is_an_error(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(chatter, options=SMALL)
    kernel.send(Gauge(100_000, 0.0))
    got = 0
    while not kernel.dead_letters() or got < kernel.telemetry().sent:
        with contextlib.suppress(errors.Timeout):
            assert kernel.receive(0.01).seen == got
            got += 1
    assert got > 500
    assert "sent more than its outputs, and the memory beside its state" in kernel.dead_letters()[0].error
    assert kernel.request(Gauge(0, 0.0), timeout=20) == Tally(102)


def test_what_never_found_room_is_a_dead_letter(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(chatter, options=SMALL)
    kernel.send(Gauge(300, 0.0))
    handled(kernel, 1)
    kernel.terminate(drain=False)
    letters = [letter for letter in kernel.dead_letters() if letter.reason == "closed"]
    assert letters
    assert [Tally.decode(letter.body).seen for letter in letters[-2:]] == [299, 101]
    assert all("before an output had room" in letter.error for letter in letters)


def test_a_link_has_no_way_back(runtime: rw.Runtime) -> None:
    source = runtime.launch(burst)
    sink = runtime.launch(running_mean, options=rw.LaunchOptions(on_error="skip"))
    runtime.link(source, sink, output="next", message=Gauge)
    source.send(Gauge(1, 1.0))
    assert handled(sink, 1).count == 1
    assert "no sender to reply to" in letters_of(sink, 1)[0].error


def test_cpp_is_the_same_text_on_every_backend(runtime: rw.Runtime) -> None:
    adder = rw.KernelSource(ADDER, message=Gauge, state=Tally, name="adder", errors=["a negative key"])
    with rw.Runtime("cpu") as host:
        for place in (host, runtime):
            kernel = place.launch(adder, options=rw.LaunchOptions(on_error="skip"))
            assert kernel.request(Gauge(7, 0.0), timeout=20) == Tally(107)
            with pytest.raises(errors.HandlerError, match="a negative key"):
                kernel.request(Gauge(-1, 0.0), timeout=20)


def test_what_the_compiler_says_names_the_user_s_line(runtime: rw.Runtime) -> None:
    source = rw.KernelSource(ADDER.replace("msg.key;", "msg.keys;"), message=Gauge, state=Tally, name="wrong")
    with pytest.raises(errors.KernelError, match=r"wrong.*do(es)? not compile(.|\n)*wrong:5:"):
        runtime.launch(source)


def test_python_does_not_run_on_a_device(runtime: rw.Runtime) -> None:
    made = rw.kernel(mode="python")(running_mean.function)
    with pytest.raises(errors.InvalidOption, match=r"is run by Python, .*Runtime\(backend=\"cpu\"\)"):
        runtime.launch(made)


def precise(ctx: rw.Context, msg: Gauge, state: PreciseTally) -> None:
    state.value += msg.value


def test_what_metal_lacks_is_named_before_it_is_compiled() -> None:
    kernel = rw.kernel(precise)
    with pytest.raises(errors.KernelError, match=r"PreciseTally\.value is an f64, which .*'metal'.* rw\.f32"):
        kernel.compile("metal")
    converts = rw.KernelSource(ADDER.replace("msg.key;", "double(msg.key);"), message=Gauge, state=Tally)
    with pytest.raises(errors.KernelError, match="a value in its handler is an f64"):
        converts.compile("metal")
    spaceless = rw.KernelSource(ADDER.replace("RW_STATE ", ""), message=Gauge, state=Tally)
    with pytest.raises(errors.KernelError, match="'Tally& state' does not say in which memory it lies"):
        spaceless.compile("metal")


@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang")
@pytest.mark.parametrize("kernel", [running_mean, tabulate, chatter, burst], ids=lambda kernel: kernel.name)
def test_what_is_made_for_metal_needs_no_generic_address_space(kernel: Any, tmp_path: Path) -> None:
    large = "#define RINGWAY_LARGE_STATE 1\n" if kernel is tabulate else ""
    text = portable_text(kernel.name, kernel.source, (kernel.message, kernel.state), "metal")
    path = tmp_path / "kernel.metal"
    loop = ROOT / "native" / "backends" / "metal" / "ring_kernels.metal"
    path.write_text(f'#define RINGWAY_USER_KERNEL 1\n{large}#include "{loop}"\n{text}')
    check = [sys.executable, ROOT / "tools" / "address_spaces.py", path]
    where = [f"-I{ROOT / 'native'}", "-D__METAL_VERSION__=320"]
    found = subprocess.run([*check, *where], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr

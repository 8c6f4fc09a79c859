"""Kernels that Python runs: any code, any message, any state."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import ringway as rw
from ringway import errors

from tests.python import python_kernels
from tests.python.python_kernels import (
    Mean32,
    Sample32,
    T,
    TextLine,
    WordCounts,
    count_words,
    running_mean,
)


@pytest.fixture
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime("cpu", workers=2) as started:
        yield started


def test_a_handler_answers_and_keeps_its_state(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(running_mean)
    assert kernel.request(Sample32(1, 2.0), timeout=T) == Mean32(1, 2.0)
    assert kernel.request(Sample32(1, 5.0), timeout=T) == Mean32(2, 3.5)
    assert kernel.read_state() == Mean32(2, 3.5)
    assert type(kernel.read_state()) is Mean32
    assert kernel.kind == "running_mean"
    assert kernel.telemetry().processed == 2


def test_objects_of_several_classes_and_a_state_of_any_kind(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(count_words)
    kernel.request(WordCounts(["a", "b"], np.array([1.5, 2.0])), timeout=T)
    answer = kernel.request(TextLine("b c"), timeout=T)
    assert answer.words == ["a", "b", "c"]
    assert answer.weights.tolist() == [1.5, 3.0, 1.0]
    snapshot = kernel.read_state()
    assert snapshot == {"a": 1.5, "b": 3.0, "c": 1.0}
    snapshot["a"] = 0.0
    assert kernel.read_state()["a"] == 1.5
    with pytest.raises(errors.TypeMismatch, match="accepts WordCounts, TextLine"):
        kernel.send(Sample32(1, 1.0))


def test_without_annotations_everything_is_taken(runtime: rw.Runtime) -> None:
    @rw.kernel(mode="python")
    def echo(ctx, msg, state):  # type: ignore[no-untyped-def]
        assert state is None
        ctx.reply(msg)

    kernel = runtime.launch(echo)
    assert kernel.request(b"plain", timeout=T) == b"plain"
    assert kernel.request(TextLine("x"), timeout=T) == TextLine("x")


def test_numbers_are_python_s_and_numpy_s(runtime: rw.Runtime) -> None:
    seen: list[Any] = []

    @rw.kernel(mode="python")
    def look(ctx: rw.Context, msg: Sample32, state: Mean32) -> None:
        seen.append((type(msg), type(msg.key), type(msg.value), type(state.count), type(state.mean)))
        state.mean = 0.1
        seen.append(state.mean)
        ctx.reply(Mean32(state.count, state.mean))

    kernel = runtime.launch(look)
    kernel.request(Sample32(1, 2.5), timeout=T)
    assert seen == [(Sample32, int, np.float32, int, np.float32), np.float32(0.1)]


def test_a_failure_has_type_text_and_line(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(running_mean, options=rw.LaunchOptions(on_error="skip"))
    place = f"{python_kernels.__file__}:{running_mean.function.__code__.co_firstlineno + 3}"
    with pytest.raises(errors.HandlerError, match=f"{place}: ValueError: a negative sample"):
        kernel.request(Sample32(1, -1.0), timeout=T)
    assert kernel.request(Sample32(1, 4.0), timeout=T) == Mean32(1, 4.0)
    assert "ValueError" in kernel.dead_letters()[0].error


def test_a_failure_within_a_library_has_the_handler_s_line(runtime: rw.Runtime) -> None:
    @rw.kernel(mode="python")
    def parse(ctx: rw.Context, msg: TextLine, state: None) -> None:

        json.loads(msg.text)

    kernel = runtime.launch(parse, options=rw.LaunchOptions(on_error="skip"))
    with pytest.raises(errors.HandlerError, match=r"test_python_kernels\.py:\d+: JSONDecodeError"):
        kernel.request(TextLine("{"), timeout=T)


@pytest.mark.parametrize("wrong", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_exception_fails_the_message_too(runtime: rw.Runtime, wrong: type[BaseException]) -> None:
    @rw.kernel(mode="python")
    def ends(ctx: rw.Context, msg: Any, state: None) -> None:
        raise wrong

    kernel = runtime.launch(ends, options=rw.LaunchOptions(on_error="skip"))
    with pytest.raises(errors.HandlerError, match=wrong.__name__):
        kernel.request(b"", timeout=T)


def test_a_handler_that_returns_something_is_told(runtime: rw.Runtime) -> None:
    @rw.kernel(mode="python")
    def answers(ctx: rw.Context, msg: Any, state: None) -> Any:
        return msg

    kernel = runtime.launch(answers, options=rw.LaunchOptions(on_error="skip"))
    with pytest.raises(errors.HandlerError, match=r"returned a bytes; it returns nothing: use ctx\.reply"):
        kernel.request(b"", timeout=T)


def test_the_policy_fail_ends_the_kernel_on_that_message_alone(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(running_mean, activate=False)
    for value in (1.0, 2.0, -1.0, 3.0):
        kernel.send(Sample32(1, value))
    kernel.activate()
    while kernel.state != "failed":
        time.sleep(0.001)
    assert "a negative sample" in kernel.failure
    assert kernel.telemetry().processed == 2
    assert kernel.read_state() == Mean32(2, 1.5)
    assert [letter.reason for letter in kernel.dead_letters()] == ["failed", "failed"]
    with pytest.raises(errors.Closed, match="a negative sample"):
        kernel.request(Sample32(1, 1.0), timeout=T)


def test_a_restart_has_a_new_state(runtime: rw.Runtime) -> None:
    options = rw.LaunchOptions(on_error="restart", restart_backoff=0.0)
    kernel = runtime.launch(running_mean, options=options, state=Mean32(9, 1.0))
    assert kernel.request(Sample32(1, 11.0), timeout=T) == Mean32(10, 2.0)
    with pytest.raises(errors.HandlerError):
        kernel.request(Sample32(1, -1.0), timeout=T)
    assert kernel.request(Sample32(1, 11.0), timeout=T) == Mean32(10, 2.0)
    assert kernel.telemetry().restarts == 1


def test_a_state_that_cannot_be_made_again_fails_the_kernel(runtime: rw.Runtime) -> None:
    made: list[int] = []

    class Once:
        def __init__(self) -> None:
            made.append(1)
            if len(made) > 1:
                raise RuntimeError("only once")

    def breaks(ctx: rw.Context, msg: Any, state: Any) -> None:
        raise ValueError

    breaks.__annotations__["state"] = Once
    options = rw.LaunchOptions(on_error="restart", restart_backoff=0.0)
    kernel = runtime.launch(rw.kernel(mode="python")(breaks), options=options)
    with pytest.raises(errors.HandlerError):
        kernel.request(b"", timeout=T)
    while kernel.state != "failed":
        time.sleep(0.001)
    assert "only once" in kernel.failure


def test_each_replica_has_a_state_and_a_thread(runtime: rw.Runtime) -> None:
    barrier = threading.Barrier(2)

    @rw.kernel(mode="python")
    def meet(ctx: rw.Context, msg: Any, state: set[int]) -> None:
        barrier.wait(T)  # both must be in their handlers at once
        state.add(threading.get_ident())
        ctx.reply(b"")

    kernel = runtime.launch(meet, grid=2)
    askers = [threading.Thread(target=kernel.request, args=(b"", T)) for _ in range(2)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    states = [kernel.read_state(replica=i) for i in range(2)]
    assert [len(state) for state in states] == [1, 1]
    assert states[0] != states[1]
    with pytest.raises(errors.InvalidOption, match="grid is 3"):
        runtime.launch(meet, grid=3)


def test_a_thread_s_own_things_stay(runtime: rw.Runtime) -> None:
    """What belongs to a thread, as a connection to SQLite does, can be a state."""
    kept = threading.local()

    class Table:
        connection: sqlite3.Connection | None = None

        def __deepcopy__(self, memo: Any) -> list[Any]:
            return []

    @rw.kernel(mode="python")
    def store(ctx: rw.Context, msg: TextLine, state: Any) -> None:
        if state.connection is None:
            state.connection = sqlite3.connect(":memory:")
            state.connection.execute("create table lines (text)")
            kept.count = 0
        kept.count += 1
        state.connection.execute("insert into lines values (?)", (msg.text,))
        (rows,) = state.connection.execute("select count(*) from lines").fetchone()
        assert rows == kept.count
        ctx.reply(Mean32(rows, 0.0))

    store.state = Table
    kernel = runtime.launch(store)
    assert [kernel.request(TextLine("x"), timeout=T).count for _ in range(5)] == [1, 2, 3, 4, 5]
    assert kernel.read_state() == []


def test_a_state_that_cannot_be_copied_is_refused_in_words(runtime: rw.Runtime) -> None:
    @rw.kernel(mode="python")
    def holds(ctx: rw.Context, msg: Any, state: Any) -> None:
        ctx.reply(b"")

    with pytest.raises(errors.TypeMismatch, match="state is a lock, which cannot be copied"):
        runtime.launch(holds, state=threading.Lock())
    holds.state = threading.Lock
    kernel = runtime.launch(holds)
    assert kernel.request(b"", timeout=T) == b""
    with pytest.raises(errors.TypeMismatch, match="a state of lock cannot be copied"):
        kernel.read_state()
    with pytest.raises(errors.TypeMismatch, match="state is a Sample32; kernel 'running_mean' has a Mean32"):
        runtime.launch(running_mean, state=Sample32(1, 2.0))


def test_a_snapshot_is_of_one_moment(runtime: rw.Runtime) -> None:
    @rw.kernel(mode="python")
    def both(ctx: rw.Context, msg: Any, state: list[int]) -> None:
        state.append(len(state))
        time.sleep(0)  # lets the reader run between the two
        state.append(len(state))

    kernel = runtime.launch(both)
    for _ in range(200):
        kernel.send(b"")
    sizes = set()
    while kernel.telemetry().processed < 200:
        sizes.add(len(kernel.read_state()) % 2)
    assert sizes <= {0}
    assert len(kernel.read_state()) == 400


def test_it_is_still_a_function() -> None:
    class Seen:
        def reply(self, message: Any) -> None:
            self.answer = message

    ctx, state = Seen(), Mean32()
    running_mean(ctx, Sample32(1, 4.0), state)
    assert ctx.answer == Mean32(1, 4.0)


def test_mistakes_are_refused_in_words(runtime: rw.Runtime) -> None:
    with pytest.raises(errors.InvalidOption, match="mode is 'fast'; it must be 'native' or 'python'"):
        rw.kernel(mode="fast")  # type: ignore[call-overload]
    with pytest.raises(errors.KernelError, match=r"takes \(ctx, msg, state\).* takes 2 parameters"):
        rw.kernel(mode="python")(lambda ctx, msg: None)  # type: ignore[arg-type, misc]
    with pytest.raises(errors.InvalidOption, match="runs Python, on threads of its own"):
        runtime.launch(running_mean, options=rw.LaunchOptions(worker=0))
    with pytest.raises(errors.InvalidOption, match="Sample32 has fields without a default"):
        runtime.launch(rw.kernel(mode="python")(needs_a_state))
    with pytest.raises(errors.InvalidOption, match="grid is 0"):
        runtime.launch(running_mean, grid=0)


def needs_a_state(ctx: rw.Context, msg: Sample32, state: Sample32) -> None:
    raise AssertionError


def test_a_backend_runs_them_or_says_so(backend: str) -> None:
    with rw.Runtime(backend) as runtime:
        if backend == "cpu":
            assert runtime.launch(running_mean).request(Sample32(1, 2.0), timeout=T) == Mean32(1, 2.0)
            return
        with pytest.raises(errors.InvalidOption, match="runs no kernels of a program's own"):
            runtime.launch(running_mean)

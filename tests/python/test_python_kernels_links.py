"""Kernels that Python runs: links, and outputs without room."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import ringway as rw
from ringway import errors

from tests.python.python_kernels import (
    Mean32,
    Sample32,
    T,
    TextLine,
    collect,
    count_means,
    count_words,
    running_mean,
    triple,
    watch,
)


@pytest.fixture
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime("cpu", workers=2) as started:
        yield started


def test_links_have_names_and_carry_messages(runtime: rw.Runtime) -> None:
    source, means, alarms = (runtime.launch(kernel) for kernel in (watch, count_means, collect))
    with pytest.raises(errors.InvalidOption, match="link 'means' first"):
        runtime.link(source, alarms, output="alarms")
    runtime.link(source, means, output="means", message=Mean32)
    runtime.link(source, alarms, output="alarms", message=Sample32)
    for i in range(20):
        source.send(Sample32(i, float(i)))
    assert [means.receive(T).count for _ in range(20)][-1] == sum(range(1, 21))
    assert [alarms.receive(T).key for _ in range(9)] == list(range(11, 20))


def test_links_are_found_in_the_text_in_order(runtime: rw.Runtime) -> None:
    @rw.kernel(mode="python")
    def many(ctx: rw.Context, msg: Any, state: None) -> None:
        name = "second"
        ctx.send("first", b"1")
        ctx.send(name, b"2")
        ctx.send("second", b"3")

    assert many.outputs == ("first", "second")
    kernel = runtime.launch(many)
    sinks = [runtime.launch("echo") for _ in range(2)]
    for sink in sinks:
        runtime.link(kernel, sink)
    kernel.send(b"")
    while kernel.telemetry().sent < 3:
        time.sleep(0.001)


def test_a_link_that_there_is_not_is_named(runtime: rw.Runtime) -> None:
    kernel = runtime.launch(watch.__class__(lambda ctx, msg, state: ctx.send("nowhere", msg), ("means",)))
    with pytest.raises(errors.HandlerError, match="no link is named 'nowhere'; links: means; name all by"):
        kernel.request(b"", timeout=T)


def test_objects_pass_over_links(runtime: rw.Runtime) -> None:
    @rw.kernel(mode="python", outputs=("next",))
    def pass_on(ctx: rw.Context, msg: TextLine, state: None) -> None:
        ctx.send("next", TextLine(msg.text * 2))

    source, target = runtime.launch(pass_on), runtime.launch(count_words)
    lines = runtime.launch(rw.kernel(mode="python")(emit_line))
    runtime.link(source, lines)
    source.send(TextLine("ab"))
    assert lines.receive(T) == TextLine("abab")
    relay = runtime.launch("relay")
    runtime.link(relay, target)
    relay.send(b"bare")  # of several classes none is a link's: it comes as bytes
    while not target.telemetry().errors:
        time.sleep(0.001)


def emit_line(ctx: rw.Context, msg: TextLine, state: None) -> None:
    ctx.emit(msg)


def test_a_message_that_is_none_fails_alone(runtime: rw.Runtime) -> None:
    relay, kernel = runtime.launch("relay"), runtime.launch(collect)
    runtime.link(relay, kernel)
    relay.send(b"short")
    relay.send(Sample32(5, 2.0))
    assert kernel.receive(T).key == 5
    assert kernel.dead_letters()[0].reason == "failed"


def test_a_link_has_no_way_back(runtime: rw.Runtime) -> None:
    relay = runtime.launch("relay")
    kernel = runtime.launch(running_mean, options=rw.LaunchOptions(on_error="skip"))
    runtime.link(relay, kernel, message=Sample32)
    relay.send(Sample32(1, 2.0))
    while not kernel.telemetry().errors:
        time.sleep(0.001)
    assert "came by a link has no sender to reply to" in kernel.dead_letters()[0].error


@pytest.mark.parametrize("bridge", ["direct", "pumped"])
def test_what_finds_no_room_is_sent_later_once_and_in_order(runtime: rw.Runtime, bridge: Any) -> None:
    options = rw.LaunchOptions(capacity=16, bridge=bridge, staging_capacity=16, block_timeout=T)
    kernel = runtime.launch(triple, options=options)
    sender = threading.Thread(target=lambda: [kernel.send(Sample32(i, 0.5)) for i in range(300)])
    sender.start()
    expected = [key for i in range(300) for key in (3 * i, 3 * i + 1, 3 * i + 2, i)]
    assert [kernel.receive(T).key for _ in expected] == expected
    sender.join()
    assert kernel.read_state().count == 300
    with pytest.raises(errors.Timeout):
        kernel.receive(0.05)


def test_what_waits_for_room_on_a_link_is_sent_once_and_in_order(runtime: rw.Runtime) -> None:
    source = runtime.launch(watch)
    means = runtime.launch(count_means, activate=False)
    alarms = runtime.launch(collect)
    runtime.link(source, means, message=Mean32, capacity=16)
    runtime.link(source, alarms, message=Sample32, capacity=16)
    for i in range(200):
        source.send(Sample32(i, 11.0))
    assert alarms.receive(T).key == 0
    while source.telemetry().processed < 16:
        time.sleep(0.001)
    assert source.read_state().count <= 18
    means.activate()
    assert [alarms.receive(T).key for _ in range(199)] == list(range(1, 200))
    assert [means.receive(T).count for _ in range(200)][-1] == sum(range(1, 201))
    assert source.terminate().processed == 200


FAILS_AFTER_SENDING = """
RW_FN ringway::u32 step(ringway::KernelContext& ctx, const Sample32& msg, Mean32& state) {
  state.count += 1;
  ctx.send(1, Mean32{state.count, msg.value});
  return msg.value < 0.0f ? 1 : 0;
}
"""


@pytest.mark.parametrize("mode", ["native", "python"])
def test_what_was_sent_before_a_failure_costs_no_further_message(runtime: rw.Runtime, mode: str) -> None:
    """A failed message of which something waits for room is gone; the one behind it is not taken for it."""

    @rw.kernel(mode="python", outputs=("means",))
    def sends_and_fails(ctx: rw.Context, msg: Sample32, state: Mean32) -> None:
        state.count += 1
        ctx.send("means", Mean32(state.count, msg.value))
        if msg.value < 0.0:
            raise ValueError

    native: Any = rw.KernelSource(
        FAILS_AFTER_SENDING,
        message=Sample32,
        state=Mean32,
        name="fails",
        outputs=("means",),
        errors=["negative"],
    )
    kernel = native if mode == "native" else sends_and_fails
    source = runtime.launch(kernel, options=rw.LaunchOptions(on_error="skip"))
    means = runtime.launch(count_means, activate=False)
    runtime.link(source, means, message=Mean32, capacity=16)
    for i in range(40):
        source.send(Sample32(i, -1.0 if i % 3 else 1.0))
    while source.read_state().count < 17:
        time.sleep(0.001)
    means.activate()
    assert [means.receive(T).count for _ in range(40)][-1] == sum(range(1, 41))
    assert source.read_state().count == 40

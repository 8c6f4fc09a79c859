"""OpenTelemetry spans of sends and requests, with the message's id as trace context."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import ringway as rw
from ringway import errors, telemetry

pytest.importorskip("opentelemetry.sdk")
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode


class Traces:
    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("test")

    def taken(self) -> Any:
        spans = self.exporter.get_finished_spans()
        self.exporter.clear()
        return spans


@pytest.fixture
def traces() -> Iterator[Traces]:
    made = Traces()
    yield made
    made.provider.shutdown()


@pytest.fixture
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime(workers=1) as started:
        yield started


def test_a_root_has_the_id_of_the_message(runtime: rw.Runtime, traces: Traces) -> None:
    runtime.launch("vector_op", name="vectors")
    kernel = telemetry.trace_requests(runtime, "vectors", traces.tracer)
    request = rw.VectorRequest([1.0], [2.0])
    assert kernel.request(request, timeout=20).correlation_id == request.message_id
    (root,) = traces.taken()
    assert (root.name, root.kind) == ("request vectors", SpanKind.CLIENT)
    assert root.context.trace_id == request.message_id.int
    with traces.tracer.start_as_current_span("outer") as outer:
        kernel.request(request, timeout=20)
    child, _ = traces.taken()
    assert child.context.trace_id == outer.get_span_context().trace_id
    assert child.attributes["messaging.message.id"] == str(request.message_id)
    assert kernel.name == "vectors"
    with pytest.raises(errors.InvalidOption, match="has a member for it"):
        kernel.request(request, message_id=uuid.uuid4())


def test_an_error_is_the_spans_too_and_names_its_id(runtime: rw.Runtime, traces: Traces) -> None:
    runtime.launch("echo", name="stopped", activate=False)
    with pytest.raises(errors.Timeout) as timeout:
        telemetry.trace_requests(runtime, "stopped", traces.tracer).request(b"x", timeout=0.01)
    (late,) = traces.taken()
    assert late.status.status_code is StatusCode.ERROR
    assert str(late.attributes["messaging.message.id"]) in str(timeout.value)


def test_a_send_is_a_producer_and_keeps_its_options(runtime: rw.Runtime, traces: Traces) -> None:
    options = rw.LaunchOptions(lanes=True, dedup=16)
    runtime.launch("echo", name="echo", activate=False, options=options)
    kernel = telemetry.trace_requests(runtime, "echo", traces.tracer)
    identity = uuid.uuid4()
    assert kernel.send(b"last", priority=255, message_id=identity)
    assert kernel.send(b"late", ttl=0.01)
    assert kernel.send(b"first", priority=0)
    sent, late, _ = traces.taken()
    assert (sent.name, sent.kind, sent.context.trace_id) == ("send echo", SpanKind.PRODUCER, identity.int)
    time.sleep(0.05)
    kernel.activate()
    assert [kernel.receive(timeout=20) for _ in range(2)] == [b"first", b"last"]
    (letter,) = kernel.dead_letters()
    assert str(letter.id) == late.attributes["messaging.message.id"]
    with pytest.raises(errors.DuplicateMessage):
        kernel.request(b"again", 20, message_id=identity)


def test_the_same_for_asyncio(traces: Traces) -> None:
    async def main() -> None:
        async with rw.AsyncRuntime(workers=1) as runtime:
            await runtime.launch("echo", name="echo", options=rw.LaunchOptions(dedup=16))
            kernel = telemetry.trace_requests(runtime, "echo", traces.tracer)
            identity = uuid.uuid4()
            assert await kernel.request(b"x", 20, priority=7, ttl=60, message_id=identity) == b"x"
            assert await kernel.send(b"y")
            assert await kernel.receive(timeout=20) == b"y"
            with pytest.raises(errors.DuplicateMessage):
                await kernel.request(b"x", 20, message_id=identity)
            asked, sent, refused = traces.taken()
            assert asked.context.trace_id == identity.int
            assert sent.kind is SpanKind.PRODUCER
            assert refused.status.status_code is StatusCode.ERROR

    asyncio.run(main())


def test_an_unknown_kernel_is_refused(runtime: rw.Runtime) -> None:
    with pytest.raises(errors.NotFound):
        telemetry.trace_requests(runtime, "nobody")

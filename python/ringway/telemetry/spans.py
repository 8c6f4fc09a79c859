"""OpenTelemetry spans of messages, through the extra ``ringway[otel]``.

A span has the message's id as trace id when it is the root of its trace: the id that an error or a dead
letter names is the one to look the trace up by. Below a current span it is a child of that. Either way
``messaging.message.id`` holds the id.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, overload
from uuid import UUID

from ringway._core import message_id as id_in
from ringway._core import new_uuid
from ringway.arguments import instance
from ringway.kernels import Kernel
from ringway.runtime import Runtime
from ringway.telemetry.otel import api

if TYPE_CHECKING:
    from ringway.aio import AsyncRuntime
    from ringway.aio_kernels import AsyncKernel


class Spans:
    """Makes the spans of messages to one kernel."""

    def __init__(self, destination: str, tracer: Any) -> None:
        self._destination = destination
        self._trace = api("trace")
        self._tracer = self._trace.get_tracer("ringway") if tracer is None else tracer

    @contextmanager
    def span(self, verb: str, kind: str, message: Any, message_id: UUID | None) -> Iterator[UUID | None]:
        """Hold a span open around a send; give the id to send with, None where the message has its own."""
        own = id_in(message)
        identity = UUID(bytes_le=own) if own else message_id or new_uuid()
        attributes = {
            "messaging.system": "ringway",
            "messaging.operation.name": verb,
            "messaging.operation.type": "send",
            "messaging.destination.name": self._destination,
            "messaging.message.id": str(identity),
        }
        with self._tracer.start_as_current_span(
            f"{verb} {self._destination}",
            self._root(identity),
            getattr(self._trace.SpanKind, kind),
            attributes,
        ):
            # An id that is given for a message with one of its own is the kernel's to refuse.
            yield message_id if own else identity

    def _root(self, identity: UUID) -> Any:
        """The context of a trace of that id; None below a current span."""
        trace = self._trace
        if trace.get_current_span().get_span_context().is_valid:
            return None
        parent = trace.SpanContext(
            trace_id=identity.int or 1,
            span_id=(identity.int & (1 << 64) - 1) or 1,
            is_remote=True,
            trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
        )
        return trace.set_span_in_context(trace.NonRecordingSpan(parent))


class TracedKernel:
    """A kernel whose sends and requests are spans; everything else is the kernel's own."""

    def __init__(self, kernel: Kernel, spans: Spans) -> None:
        self._kernel = kernel
        self._spans = spans

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kernel, name)

    def send(
        self,
        message: Any,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        message_id: UUID | None = None,
        timeout: float | None = None,
    ) -> bool:
        """As `ringway.Kernel.send`, in a span of kind producer."""
        with self._spans.span("send", "PRODUCER", message, message_id) as identity:
            return self._kernel.send(
                message, priority=priority, ttl=ttl, message_id=identity, timeout=timeout
            )

    def request(
        self,
        message: Any,
        timeout: float | None = None,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        message_id: UUID | None = None,
    ) -> Any:
        """As `ringway.Kernel.request`, in a span of kind client."""
        with self._spans.span("request", "CLIENT", message, message_id) as identity:
            return self._kernel.request(message, timeout, priority=priority, ttl=ttl, message_id=identity)


class AsyncTracedKernel:
    """The same of an `AsyncRuntime`."""

    def __init__(self, kernel: AsyncKernel, spans: Spans) -> None:
        self._kernel = kernel
        self._spans = spans

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kernel, name)

    async def send(
        self,
        message: Any,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        message_id: UUID | None = None,
        timeout: float | None = None,
    ) -> bool:
        """As `ringway.AsyncKernel.send`, in a span of kind producer."""
        with self._spans.span("send", "PRODUCER", message, message_id) as identity:
            return await self._kernel.send(
                message, priority=priority, ttl=ttl, message_id=identity, timeout=timeout
            )

    async def request(
        self,
        message: Any,
        timeout: float | None = None,
        *,
        priority: int | None = None,
        ttl: float | None = None,
        message_id: UUID | None = None,
    ) -> Any:
        """As `ringway.AsyncKernel.request`, in a span of kind client."""
        with self._spans.span("request", "CLIENT", message, message_id) as identity:
            return await self._kernel.request(
                message, timeout, priority=priority, ttl=ttl, message_id=identity
            )


@overload
def trace_requests(runtime: Runtime, name: str, tracer: Any = None) -> TracedKernel: ...
@overload
def trace_requests(runtime: AsyncRuntime, name: str, tracer: Any = None) -> AsyncTracedKernel: ...
def trace_requests(
    runtime: Runtime | AsyncRuntime, name: str, tracer: Any = None
) -> TracedKernel | AsyncTracedKernel:
    """Return the kernel of that name with every `send` and `request` in a span.

    Parameters
    ----------
    runtime
        A `ringway.Runtime` or `ringway.AsyncRuntime`, where the kernel was launched.
    tracer
        An ``opentelemetry.trace.Tracer``; None takes the global provider's.

    Raises
    ------
    Error
        OpenTelemetry is not installed.
    NotFound
        There is no such kernel.
    """
    from ringway.aio import AsyncRuntime

    if isinstance(runtime, AsyncRuntime):
        return AsyncTracedKernel(runtime.kernel(name), Spans(name, tracer))
    return TracedKernel(instance("runtime", runtime, Runtime).kernel(name), Spans(name, tracer))

"""OpenTelemetry, through the extra ``ringway[otel]``: metrics by observable instruments, spans of requests.

A request's span has the message's id as trace id when it is the root of its trace: the id that an error or
a dead letter names is the one to look the trace up by. Below a current span it is a child of that, and names
the message's id in ``messaging.message.id``.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from ringway._core import Latency, message_id, new_uuid
from ringway.arguments import instance
from ringway.errors import Error
from ringway.kernels import Kernel
from ringway.runtime import Runtime, RuntimeTelemetry
from ringway.telemetry.metrics import LATENCIES, METRICS, HasTelemetry, Labels, Metric, of_runtime

QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


def _api(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"opentelemetry.{name}")
    except ImportError:
        raise Error("OpenTelemetry is not installed: pip install 'ringway[otel]'") from None


def observe(runtime: HasTelemetry, meter: Any = None) -> None:
    """Register the runtime's counters as observable instruments; they are read when a reader collects.

    Parameters
    ----------
    runtime
        A `ringway.Runtime` or `ringway.AsyncRuntime`; it is not kept alive.
    meter
        An ``opentelemetry.metrics.Meter``; None takes the global provider's.

    Raises
    ------
    Error
        OpenTelemetry is not installed.
    """
    known = weakref.ref(of_runtime(runtime))
    metrics = _api("metrics")
    meter = meter or metrics.get_meter("ringway")

    def callback(metric: Metric) -> Callable[[Any], Iterable[Any]]:
        def read(options: Any) -> Iterable[Any]:
            alive = known()
            if alive is not None:
                for labels, value in metric.read(alive.telemetry()):
                    yield metrics.Observation(value, dict(labels))

        return read

    for metric in METRICS:
        create = (
            meter.create_observable_counter if metric.kind == "counter" else meter.create_observable_gauge
        )
        create(metric.name, callbacks=[callback(metric)], unit=metric.unit, description=metric.help)

    def quantiles(
        latencies: Callable[[RuntimeTelemetry], Iterable[tuple[Labels, Latency]]],
    ) -> Callable[[Any], Iterable[Any]]:
        def read(options: Any) -> Iterable[Any]:
            alive = known()
            if alive is not None:
                for labels, latency in latencies(alive.telemetry()):
                    for name, share in QUANTILES.items():
                        yield metrics.Observation(latency.quantile(share), {**labels, "quantile": name})

        return read

    for name, text, latencies in LATENCIES:
        meter.create_observable_gauge(
            name, callbacks=[quantiles(latencies)], unit="s", description=f"{text[:-1]}: p50, p99, p99.9."
        )


class TracedKernel:
    """A kernel whose requests are spans; everything else is the kernel's own."""

    def __init__(self, kernel: Kernel, tracer: Any) -> None:
        self._kernel = kernel
        self._tracer = tracer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kernel, name)

    def request(self, message: Any, timeout: float | None = None) -> Any:
        """As `ringway.Kernel.request`, in a span."""
        trace = _api("trace")
        known = message_id(message)
        identity = UUID(bytes_le=known) if known else new_uuid()
        context = None
        if not trace.get_current_span().get_span_context().is_valid:
            parent = trace.SpanContext(
                trace_id=identity.int or 1,
                span_id=(identity.int & (1 << 64) - 1) or 1,
                is_remote=True,
                trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
            )
            context = trace.set_span_in_context(trace.NonRecordingSpan(parent))
        attributes = {
            "messaging.system": "ringway",
            "messaging.operation.type": "send",
            "messaging.destination.name": self._kernel.name,
            "messaging.message.id": str(identity),
        }
        with self._tracer.start_as_current_span(
            f"request {self._kernel.name}", context, trace.SpanKind.CLIENT, attributes
        ):
            return self._kernel._core.request(message, timeout, None, None, identity)


def trace_requests(runtime: Runtime, name: str, tracer: Any = None) -> TracedKernel:
    """Return the kernel of that name with every `request` in a span.

    Parameters
    ----------
    runtime
        Where the kernel was launched.
    tracer
        An ``opentelemetry.trace.Tracer``; None takes the global provider's.

    Raises
    ------
    Error
        OpenTelemetry is not installed.
    NotFound
        There is no such kernel.
    """
    kernel = instance("runtime", runtime, Runtime).kernel(name)
    trace = _api("trace")
    return TracedKernel(kernel, tracer or trace.get_tracer("ringway"))

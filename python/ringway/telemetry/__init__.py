"""Exporters of a runtime's counters: Prometheus text, OpenTelemetry, and `ringway top` in another process."""

from __future__ import annotations

from ringway.telemetry.otel import observe as observe
from ringway.telemetry.otel import trace_requests as trace_requests
from ringway.telemetry.prometheus import prometheus_text as prometheus_text

__all__ = ["observe", "prometheus_text", "trace_requests"]

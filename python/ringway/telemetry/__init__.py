"""Exporters of a runtime's counters: Prometheus text, OpenTelemetry, and `ringway top` in another process."""

from __future__ import annotations

from ringway.telemetry.otel import observe as observe
from ringway.telemetry.prometheus import prometheus_text as prometheus_text
from ringway.telemetry.serve import MetricsServer as MetricsServer
from ringway.telemetry.serve import serve_metrics as serve_metrics
from ringway.telemetry.spans import trace_requests as trace_requests

__all__ = ["MetricsServer", "observe", "prometheus_text", "serve_metrics", "trace_requests"]

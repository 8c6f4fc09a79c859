"""Prometheus text, exposition format 0.0.4. Needs no dependency; serve it under
``text/plain; version=0.0.4; charset=utf-8``."""

from __future__ import annotations

from collections.abc import Iterator

from ringway._core import Latency
from ringway.telemetry.metrics import LATENCY, LINK_LATENCY, METRICS, HasTelemetry, Labels, Metric

_OCTAVES = slice(
    2, None, 2
)  # of a histogram's powers of two: bounds from 512 ns up, four times as large each


def prometheus_text(runtime: HasTelemetry, labels: Labels | None = None) -> str:
    """Return all counters of a runtime as Prometheus text.

    Parameters
    ----------
    runtime
        A `ringway.Runtime` or `ringway.AsyncRuntime`.
    labels
        Put on every sample, for example to tell a process's runtimes apart.
    """
    snapshot = runtime.telemetry()
    more = dict(labels or {})
    lines: list[str] = []
    for metric in METRICS:
        name = _name(metric)
        samples = [_sample(name, {**of, **more}, value) for of, value in metric.read(snapshot)]
        lines += _family(name, metric.help, metric.kind, samples)
    for dotted, text, read in (LATENCY, LINK_LATENCY):
        name = dotted.replace(".", "_") + "_seconds"
        rows = [row for of, latency in read(snapshot) for row in _histogram(name, {**of, **more}, latency)]
        lines += _family(name, text, "histogram", rows)
    return "\n".join(lines) + "\n"


def _name(metric: Metric) -> str:
    name = metric.name.replace(".", "_")
    if metric.unit == "s":
        name += "_seconds"
    return name + "_total" if metric.kind == "counter" else name


def _family(name: str, text: str, kind: str, samples: list[str]) -> list[str]:
    escaped = text.replace("\\", r"\\").replace("\n", r"\n")
    return [f"# HELP {name} {escaped}", f"# TYPE {name} {kind}", *samples] if samples else []


def _sample(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {value!r}"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _histogram(name: str, labels: Labels, latency: Latency) -> Iterator[str]:
    buckets = latency.buckets
    for bound, below in buckets[_OCTAVES]:
        yield _sample(f"{name}_bucket", {**labels, "le": repr(bound)}, below)
    count = buckets[-1][1]
    yield _sample(f"{name}_bucket", {**labels, "le": "+Inf"}, count)
    yield _sample(f"{name}_sum", labels, latency.total)
    yield _sample(f"{name}_count", labels, count)

"""Prometheus text, exposition format 0.0.4. Needs no dependency; serve it under
``text/plain; version=0.0.4; charset=utf-8``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ringway._core import Latency
from ringway.arguments import instance
from ringway.errors import InvalidOption
from ringway.telemetry.metrics import LATENCIES, METRICS, HasTelemetry, Labels, Metric, all_of

_OCTAVES = slice(
    2, None, 2
)  # of a histogram's powers of two: bounds from 512 ns up, four times as large each


LABEL = re.compile("[A-Za-z_][A-Za-z0-9_]*")
RESERVED = ("runtime", "kernel", "queue", "source", "target", "reason", "state", "le", "quantile")


CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def prometheus_text(runtime: HasTelemetry | Sequence[HasTelemetry], labels: Labels | None = None) -> str:
    """Return all counters of a runtime, or of several, as Prometheus text.

    Parameters
    ----------
    runtime
        A `ringway.Runtime` or `ringway.AsyncRuntime`, or a list of them. Every sample has the runtime's name
        as label ``runtime``.
    labels
        Put on every sample as well.

    Raises
    ------
    InvalidOption
        A label is none of Prometheus: letters, digits and _, not beginning with a digit or with two _; or it
        is one that ringway sets itself.
    """
    more = checked_labels(labels)
    snapshots = [(one.telemetry(), {"runtime": one.name, **more}) for one in all_of(runtime)]
    lines: list[str] = []
    for metric in METRICS:
        name = _name(metric)
        samples = [
            _sample(name, {**of, **also}, value)
            for snapshot, also in snapshots
            for of, value in metric.read(snapshot)
        ]
        lines += _family(name, metric.help, metric.kind, samples)
    for dotted, text, read in LATENCIES:
        name = dotted.replace(".", "_") + "_seconds"
        rows = [
            row
            for snapshot, also in snapshots
            for of, latency in read(snapshot)
            for row in _histogram(name, {**of, **also}, latency)
        ]
        lines += _family(name, text, "histogram", rows)
    return "\n".join(lines) + "\n"


def checked_labels(labels: Labels | None) -> dict[str, str]:
    """Return the labels of a caller; `InvalidOption` names one that is none."""
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        raise InvalidOption(f"labels is {labels!r}; it must be a mapping of names to texts")
    for name, value in labels.items():
        if not isinstance(name, str) or not LABEL.fullmatch(name) or name.startswith("__"):
            raise InvalidOption(
                f"labels has the name {name!r}; one consists of letters, digits and _, and begins neither "
                "with a digit nor with two _"
            )
        if name in RESERVED:
            raise InvalidOption(
                f"labels has the name {name!r}, which ringway sets itself, as it does {', '.join(RESERVED)}; "
                "choose another"
            )
        instance(f"label {name}", value, str)
    return dict(labels)


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
    return f"{name}{{{inside}}} {value + 0!r}"


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

"""OpenTelemetry metrics, by observable instruments, through the extra ``ringway[otel]``."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

from ringway._core import Latency
from ringway.errors import Error, InvalidOption
from ringway.runtime import RuntimeTelemetry
from ringway.telemetry.metrics import LATENCIES, METRICS, HasTelemetry, Labels, Metric, of_runtime

QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


def api(name: str) -> Any:
    """Return a module of OpenTelemetry, or say what is missing."""
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
    metrics = api("metrics")
    if meter is None:
        meter = metrics.get_meter("ringway")
    elif not hasattr(meter, "create_observable_counter"):
        raise InvalidOption(f"meter is {meter!r}; it must be an opentelemetry.metrics.Meter, or None")

    def callback(metric: Metric) -> Callable[[Any], Iterable[Any]]:
        def read(options: Any) -> Iterable[Any]:
            alive = known()
            if alive is not None:
                for labels, value in metric.read(alive.telemetry()):
                    yield metrics.Observation(value, {**labels, "runtime": alive.name})

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
                        yield metrics.Observation(
                            latency.quantile(share), {**labels, "runtime": alive.name, "quantile": name}
                        )

        return read

    for name, text, latencies in LATENCIES:
        meter.create_observable_gauge(
            name, callbacks=[quantiles(latencies)], unit="s", description=f"{text[:-1]}: p50, p99, p99.9."
        )

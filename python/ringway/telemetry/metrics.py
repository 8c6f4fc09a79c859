"""What the exporters show: each metric once, with its name, help, type and where its samples come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, Protocol, cast

from ringway._core import Latency
from ringway.errors import InvalidOption
from ringway.runtime import RuntimeTelemetry

Labels = Mapping[str, str]


class HasTelemetry(Protocol):
    """A `ringway.Runtime` or `ringway.AsyncRuntime`."""

    @property
    def name(self) -> str:
        """Its name, for the label ``runtime``."""

    def telemetry(self) -> RuntimeTelemetry:
        """Return a snapshot of all counters."""


def of_runtime(runtime: HasTelemetry) -> HasTelemetry:
    """Return it; `InvalidOption` when it has no telemetry."""
    if isinstance(runtime, type) or not callable(getattr(runtime, "telemetry", None)):
        raise InvalidOption(f"runtime is {runtime!r}; it must be a ringway.Runtime or ringway.AsyncRuntime")
    return runtime


def all_of(runtimes: HasTelemetry | Sequence[HasTelemetry]) -> list[HasTelemetry]:
    """Return one runtime, or several, as a list; `InvalidOption` when one has no telemetry."""
    if isinstance(runtimes, (list, tuple)):
        return [of_runtime(one) for one in runtimes]
    return [of_runtime(cast(HasTelemetry, runtimes))]


@dataclasses.dataclass(frozen=True)
class Metric:
    """A number that is read from a snapshot, once for each set of labels.

    ``name`` has dots, as OpenTelemetry names do; ``unit`` is in its notation.
    """

    name: str
    help: str
    unit: str
    kind: Literal["counter", "gauge"]
    read: Callable[[RuntimeTelemetry], Iterator[tuple[Labels, float]]]


def _of_kernels(field: str) -> Callable[[RuntimeTelemetry], Iterator[tuple[Labels, float]]]:
    def read(snapshot: RuntimeTelemetry) -> Iterator[tuple[Labels, float]]:
        for name, kernel in snapshot.kernels.items():
            yield {"kernel": name}, getattr(kernel, field)

    return read


def _of_links(field: str) -> Callable[[RuntimeTelemetry], Iterator[tuple[Labels, float]]]:
    def read(snapshot: RuntimeTelemetry) -> Iterator[tuple[Labels, float]]:
        for link in snapshot.links:
            yield {"source": link.source, "target": link.target}, getattr(link, field)

    return read


def _of_queues(field: str) -> Callable[[RuntimeTelemetry], Iterator[tuple[Labels, float]]]:
    def read(snapshot: RuntimeTelemetry) -> Iterator[tuple[Labels, float]]:
        for name, queue in snapshot.queues.items():
            yield {"queue": name}, getattr(queue, field)

    return read


def _of_bridges(field: str) -> Callable[[RuntimeTelemetry], Iterator[tuple[Labels, float]]]:
    def read(snapshot: RuntimeTelemetry) -> Iterator[tuple[Labels, float]]:
        for name, kernel in snapshot.kernels.items():
            if kernel.bridge is not None:
                yield {"kernel": name}, kernel.bridge[field]

    return read


def _dropped_by_queues(snapshot: RuntimeTelemetry) -> Iterator[tuple[Labels, float]]:
    for name, queue in snapshot.queues.items():
        for reason, count in queue.dropped.items():
            yield {"queue": name, "reason": reason}, count


def _dropped(snapshot: RuntimeTelemetry) -> Iterator[tuple[Labels, float]]:
    for name, kernel in snapshot.kernels.items():
        for reason, count in kernel.dropped.items():
            yield {"kernel": name, "reason": reason}, count


def _counted(snapshot: RuntimeTelemetry) -> Iterator[tuple[Labels, float]]:
    for name, kernel in snapshot.kernels.items():
        for counter, count in kernel.counters.items():
            yield {"kernel": name, "counter": counter}, count


def _active(snapshot: RuntimeTelemetry) -> Iterator[tuple[Labels, float]]:
    for name, kernel in snapshot.kernels.items():
        yield {"kernel": name, "state": kernel.state}, 1


def latencies(snapshot: RuntimeTelemetry) -> Iterator[tuple[Labels, Latency]]:
    """Latency of each kernel's mailbox messages."""
    for name, kernel in snapshot.kernels.items():
        yield {"kernel": name}, kernel.latency


def link_latencies(snapshot: RuntimeTelemetry) -> Iterator[tuple[Labels, Latency]]:
    """Latency of each link's messages."""
    for link in snapshot.links:
        yield {"source": link.source, "target": link.target}, link.latency


def queue_latencies(snapshot: RuntimeTelemetry) -> Iterator[tuple[Labels, Latency]]:
    """Latency of each named queue's messages."""
    for name, queue in snapshot.queues.items():
        yield {"queue": name}, queue.latency


def _queue(field: str, text: str, unit: str, kind: Literal["counter", "gauge"]) -> Metric:
    return Metric(f"ringway.queue.{field}", text, unit, kind, _of_queues(field))


def _bridge(field: str, text: str, unit: str) -> Metric:
    return Metric(f"ringway.bridge.{field}", text, unit, "counter", _of_bridges(field))


def _kernel(field: str, text: str, unit: str, kind: Literal["counter", "gauge"]) -> Metric:
    return Metric(f"ringway.kernel.{field}", text, unit, kind, _of_kernels(field))


METRICS = (
    _kernel("received", "Messages taken from mailbox and links.", "{message}", "counter"),
    _kernel("processed", "Messages handled without an error.", "{message}", "counter"),
    _kernel("sent", "Answers, and messages to links and host.", "{message}", "counter"),
    _kernel("errors", "Messages whose handling failed.", "{message}", "counter"),
    _kernel("restarts", "Times that the kernel began anew after its handler broke.", "{restart}", "counter"),
    _kernel("replacements", "Times that another kernel took its place.", "{replacement}", "counter"),
    _kernel("iterations", "Times that the kernel's loop looked at its inputs.", "{iteration}", "counter"),
    _kernel("ticks", "Ticks of the kernel's timers.", "{tick}", "counter"),
    _kernel("ticks_missed", "Ticks left out, since the kernel was busy.", "{tick}", "counter"),
    Metric("ringway.kernel.counted", "What the kernel's handler counts.", "1", "counter", _counted),
    Metric(
        "ringway.kernel.dropped", "Messages dropped or refused, by reason.", "{message}", "counter", _dropped
    ),
    _kernel("depth", "Messages that wait in the mailbox.", "{message}", "gauge"),
    _kernel("outbox_depth", "Messages to the host that nobody has received.", "{message}", "gauge"),
    _kernel(
        "stuck", "1 while the handler does not return for longer than the watchdog allows.", "1", "gauge"
    ),
    _kernel("uptime", "Time since launch.", "s", "gauge"),
    _kernel(
        "last_message", "When the last message was handled, since the Unix epoch; 0: never.", "s", "gauge"
    ),
    Metric("ringway.kernel.state", "1 for the state that the kernel is in.", "1", "gauge", _active),
    Metric(
        "ringway.link.received",
        "Messages that the link's receiver has taken.",
        "{message}",
        "counter",
        _of_links("received"),
    ),
    Metric("ringway.link.depth", "Messages that wait in the link.", "{message}", "gauge", _of_links("depth")),
    _bridge("to_device", "Messages that a pumped bridge has copied to the device.", "{message}"),
    _bridge("to_host", "Messages that a pumped bridge has copied to the host.", "{message}"),
    _bridge("in_full", "Looks that found messages waiting for room on the device.", "{look}"),
    _bridge("out_full", "Looks that found messages waiting for room on the host.", "{look}"),
    _queue("sent", "Messages that the queue has taken.", "{message}", "counter"),
    _queue("received", "Messages that receivers have taken.", "{message}", "counter"),
    Metric(
        "ringway.queue.dropped",
        "Messages dropped or refused, by reason.",
        "{message}",
        "counter",
        _dropped_by_queues,
    ),
    _queue("depth", "Messages sent and not yet received.", "{message}", "gauge"),
    _queue("capacity", "Slots.", "{slot}", "gauge"),
    _queue("last_message", "When a message was last sent, since the Unix epoch; 0: never.", "s", "gauge"),
)

# Each with its name, help, and where its samples come from.
LATENCIES = (
    (
        "ringway.kernel.latency",
        "Time from send until a mailbox message was handled, sampled.",
        latencies,
    ),
    (
        "ringway.link.latency",
        "Time from send until a link's message was handled, sampled.",
        link_latencies,
    ),
    (
        "ringway.queue.latency",
        "Time from send until a named queue's message was received, sampled.",
        queue_latencies,
    ),
)

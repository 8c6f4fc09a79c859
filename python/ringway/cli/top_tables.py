"""What ``ringway top`` shows of one runtime: tables of its kernels, links, queues and bridges."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ringway.cli.table import Table
from ringway.shared_queues import SharedQueueInfo

Document = dict[str, Any]
LATENCIES = (("p50", "p50"), ("p99", "p99"), ("p99.9", "p999"))


def span(seconds: float) -> str:
    """A duration in the unit in which it reads best."""
    if seconds <= 0:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def number(value: float) -> str:
    """A count or rate."""
    return f"{value:,.0f}"


@dataclasses.dataclass(frozen=True)
class Column:
    """A title, what is shown of a row below it, and how."""

    title: str
    value: Callable[[Document], Any]
    show: Callable[[Any], str] = number


def _of(field: str, title: str | None = None, show: Callable[[Any], str] = number) -> Column:
    return Column(title or field, lambda row: row[field], show)


def _latencies() -> list[Column]:
    return [
        Column(title, lambda row, field=field: row["latency"][field], span)  # type: ignore[misc]
        for title, field in LATENCIES
    ]


def _dropped(row: Document) -> int:
    return sum(row["dropped"].values())


KERNELS = [
    _of("name", "kernel", str),
    Column("state", lambda row: "stuck" if row["stuck"] else row["state"], str),
    _of("processed/s", "messages/s"),
    _of("sent/s"),
    _of("depth"),
    _of("outbox_depth", "outbox"),
    Column("dropped", _dropped),
    _of("errors"),
    _of("restarts"),
    *_latencies(),
]
LINKS = [
    _of("name", "link", str),
    _of("received/s", "messages/s"),
    _of("depth"),
    _of("capacity", "of"),
    *_latencies(),
]
QUEUES = [
    _of("name", "queue", str),
    _of("sent/s"),
    _of("received/s"),
    _of("depth"),
    _of("capacity", "of"),
    Column("dropped", _dropped),
    *_latencies(),
]
COUNTERS = [
    _of("name", "counter", str),
    _of("count"),
    _of("count/s"),
]
BRIDGES = [
    _of("name", "bridge", str),
    _of("to_device/s"),
    _of("to_host/s"),
    _of("in_full"),
    _of("out_full"),
]
SHARED = [
    _of("name", "shared queue", str),
    _of("depth"),
    _of("capacity", "of"),
    _of("senders"),
    _of("receivers"),
    _of("skipped"),
    _of("redelivered"),
]
TITLES = sorted({column.title for column in (*KERNELS, *LINKS, *QUEUES, *COUNTERS, *BRIDGES)})


def with_rates(row: Document, then: Document | None, seconds: float, age: float) -> Document:
    """A row with each count per second: since the last look, or on average when there is none."""
    rates = {}
    for field, value in row.items():
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        if then is not None and value >= then.get(field, 0):
            rates[f"{field}/s"] = (value - then.get(field, 0)) / max(seconds, 1e-9)
        else:  # it is new, or was reset in between
            rates[f"{field}/s"] = value / max(age, 1e-9)
    return {**row, **rates}


def rows(now: Document, before: Document | None, part: str) -> list[Document]:
    """The rows of a part, such as ``kernels`` or ``counters``, each with its name and rates."""
    then = _named(before, part) if before else {}
    seconds = now["clock"] - before["clock"] if before else 0.0
    found = []
    for name, row in _named(now, part).items():
        age: float = row["uptime"] if "uptime" in row else now["uptime"]
        found.append({"name": name, **with_rates(row, then.get(name), seconds, age)})
    return found


def _named(document: Document, part: str) -> dict[str, Document]:
    if part == "links":
        return {f"{link['source']} → {link['target']}": link for link in document["links"]}
    if part == "bridges":
        kernels = document["kernels"].items()
        return {name: kernel["bridge"] for name, kernel in kernels if kernel["bridge"] is not None}
    if part == "counters":
        return {
            f"{name}: {counter}": {"count": count, "uptime": kernel["uptime"]}
            for name, kernel in document["kernels"].items()
            for counter, count in _counted(kernel).items()
        }
    found: dict[str, Document] = document[part]
    return found


def _counted(kernel: Document) -> dict[str, int]:
    """What a kernel's handler counts, and the ticks of its timers if there are any."""
    ticks = {"ticks": kernel["ticks"], "ticks missed": kernel["ticks_missed"]} if kernel["ticks"] else {}
    return {**ticks, **kernel["counters"]}


def tables(now: Document, before: Document | None, sort: str | None = None) -> Iterator[Table]:
    """The kernels; then links, queues, counters and bridges where there are any."""
    parts = (
        ("kernels", KERNELS),
        ("links", LINKS),
        ("queues", QUEUES),
        ("counters", COUNTERS),
        ("bridges", BRIDGES),
    )
    for part, columns in parts:
        found = rows(now, before, part)
        if found or part == "kernels":
            yield _table(columns, found, sort)


def shared_table(queues: Sequence[SharedQueueInfo]) -> Table:
    """Queues in shared memory: of this user, not of a process."""
    found = [
        {**dataclasses.asdict(one), "senders": len(one.senders), "receivers": len(one.receivers)}
        for one in queues
    ]
    return _table(SHARED, found, None)


def _table(columns: Sequence[Column], found: list[Document], sort: str | None) -> Table:
    by = next((column for column in columns if column.title == sort), None)
    if by is not None:
        text = by.show is str
        found = sorted(found, key=by.value, reverse=not text)  # the largest number first
    right = [place for place, column in enumerate(columns) if column.show is not str]
    table = Table([column.title for column in columns], right=right)
    for row in found:
        table.add(*(column.show(column.value(row)) for column in columns))
    return table

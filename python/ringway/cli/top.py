"""``ringway top``: kernels, rates, depths, drops and latencies of a runtime in another process, live."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

from ringway.cli.arguments import count, number
from ringway.cli.console import Console
from ringway.cli.table import Table
from ringway.errors import Closed
from ringway.telemetry.find import ask, runtimes

CLEAR = "\x1b[H\x1b[J"
TITLES = ["kernel", "state", "messages/s", "sent/s", "depth", "dropped", "errors", "p50", "p99", "p99.9"]
LINK_TITLES = ["link", "messages/s", "depth", "of", "p50", "p99", "p99.9"]
Document = dict[str, Any]


def add_parser(commands: Any) -> None:
    """Add the command to the parser of ``ringway``."""
    parser = commands.add_parser(
        "top",
        help="watch a runtime in another process",
        description="Watch a runtime in another process that was started with RINGWAY_EXPORT=1 or "
        "Runtime(export=True).",
    )
    parser.add_argument(
        "pid", nargs="?", type=count(1), help="of the process; none needed when only one exports"
    )
    parser.add_argument("--once", action="store_true", help="print one table and end")
    parser.add_argument("--json", action="store_true", help="print a JSON document per look, one a line")
    parser.add_argument(
        "--interval", type=number(0.01, 3600), default=1.0, metavar="SECONDS", help="between two looks (1)"
    )
    parser.set_defaults(run=run)


def look(pid: int | None) -> list[Document]:
    """Ask every runtime of the process; `Closed` when none is left."""
    answers = [answer for path in runtimes(pid) if (answer := ask(path)) is not None]
    if not answers:
        raise Closed("the process has ended, or its runtimes are closed")
    return answers


def span(seconds: float) -> str:
    """A duration in the unit in which it reads best."""
    if seconds <= 0:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def rates(now: Document, before: Document | None, field: str) -> Iterator[tuple[str, float]]:
    """Messages per second of each kernel: since the last look, or on average when there is none."""
    for name, kernel in now["kernels"].items():
        then = before and before["kernels"].get(name)
        if before and then and kernel[field] >= then[field]:
            yield name, (kernel[field] - then[field]) / max(now["clock"] - before["clock"], 1e-9)
        else:
            yield name, kernel[field] / max(kernel["uptime"], 1e-9)


def link_rate(now: Document, before: Document | None, link: Document) -> float:
    """Messages per second of a link, likewise."""
    ends = (link["source"], link["target"])
    then = [old for old in (before["links"] if before else []) if (old["source"], old["target"]) == ends]
    if before and then and link["received"] >= then[0]["received"]:
        return float((link["received"] - then[0]["received"]) / max(now["clock"] - before["clock"], 1e-9))
    return float(link["received"] / max(now["uptime"], 1e-9))


def tables(now: Document, before: Document | None) -> Iterator[Table]:
    """The kernels, then the links where there are any."""
    table = Table(TITLES, right=range(2, len(TITLES)))
    handled, sent = dict(rates(now, before, "processed")), dict(rates(now, before, "sent"))
    for name, kernel in now["kernels"].items():
        latency = kernel["latency"]
        table.add(
            name,
            kernel["state"],
            f"{handled[name]:,.0f}",
            f"{sent[name]:,.0f}",
            f"{kernel['depth']:,}",
            f"{sum(kernel['dropped'].values()):,}",
            f"{kernel['errors']:,}",
            *(span(latency[share]) for share in ("p50", "p99", "p999")),
        )
    yield table
    if now["links"]:
        table = Table(LINK_TITLES, right=range(1, len(LINK_TITLES)))
        for link in now["links"]:
            table.add(
                f"{link['source']} → {link['target']}",
                f"{link_rate(now, before, link):,.0f}",
                f"{link['depth']:,}",
                f"{link['capacity']:,}",
                *(span(link["latency"][share]) for share in ("p50", "p99", "p999")),
            )
        yield table


def show(answers: list[Document], before: list[Document], console: Console, live: bool) -> None:
    """Print one look at the process, in place of the last one on a terminal."""
    if live and console.draws(console.out):
        console.out.write(CLEAR)
    for place, now in enumerate(answers):
        console.line(
            f"process {now['pid']}: {now['program'] or 'python'}, ringway {now['ringway']}, "
            f"up {now['uptime']:,.0f} s, {len(now['kernels'])} kernels"
        )
        for table in tables(now, before[place] if place < len(before) else None):
            console.table(table)
    console.out.flush()


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Look once, or until Ctrl-C or the process's end."""
    before: list[Document] = []
    while True:
        try:
            answers = look(arguments.pid)
        except Closed:
            if before:
                console.note("the process has ended, or its runtimes are closed")
                return 0
            raise
        arguments.pid = answers[0]["pid"]
        if arguments.json:
            console.line(json.dumps(answers))
            console.out.flush()
        else:
            show(answers, before, console, not arguments.once)
        if arguments.once:
            return 0
        before = answers
        time.sleep(arguments.interval)

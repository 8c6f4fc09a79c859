"""``ringway bench``: this package's figures on this machine, beside whichever peers are installed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ringway import _core
from ringway.bench.rows import machine, versions
from ringway.cli.arguments import backend_names
from ringway.cli.console import Console
from ringway.cli.machine import usable_cores
from ringway.cli.plot import check_plot
from ringway.cli.table import Table

Rows = list[dict[str, Any]]
PEERS = (
    "igraph",
    "msgspec",
    "networkit",
    "networkx",
    "numpy",
    "pydotcompute",
    "pykka",
    "scipy",
    "thespian",
    "xoscar",
)
PARTS = ("queue", "arrays", "runtime", "codec", "dispatch", "pagerank")
LEVELS = {"runtime": "ring_kernels", "dispatch": "dispatches", "pagerank": "ring_kernels"}  # that parts need


def add_parser(commands: Any) -> None:
    """Add the command to the parser of ``ringway``."""
    parser = commands.add_parser(
        "bench", help="measure this machine, beside installed peers", description=__doc__
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all by default")
    parser.add_argument(
        "--backend", default="cpu", choices=backend_names(), help="of ringway's kernels (cpu)"
    )
    parser.add_argument("--repeats", type=int, default=5, help="interleaved rounds (5)")
    parser.add_argument("--scale", type=float, default=0.2, help="of the number of messages in a round (0.2)")
    parser.add_argument("--json", action="store_true", help="print JSON, with every sample")
    parser.add_argument("--plot", metavar="FILE", help="draw the medians into a picture; needs matplotlib")
    parser.set_defaults(run=run, parser=parser)


def why_not(part: str, backend: _core.BackendEntry) -> str:
    """Reason why a part does not run on that backend; empty when it does."""
    if part not in LEVELS:
        return "" if backend.name == "cpu" else "it runs no kernels, and is measured on the CPU alone"
    return "" if getattr(backend, LEVELS[part]) else f"the backend has no {LEVELS[part].replace('_', ' ')}"


def chosen(arguments: argparse.Namespace, console: Console) -> tuple[list[str], str]:
    """The parts to run, and the name of the backend; a part that was asked for and cannot run is an error."""
    error: Callable[[str], None] = arguments.parser.error
    if unknown := [part for part in arguments.parts if part not in PARTS]:
        error(f"there is no part {unknown[0]!r}; parts: {', '.join(PARTS)}")
    asked = arguments.backend
    found = (entry for entry in _core.backends() if entry.name == asked and not entry.absent)
    backend = next(found, None) or _core.choose_backend(asked)
    parts = []
    for part in arguments.parts or PARTS:
        reason = why_not(part, backend)
        if reason and arguments.parts:
            error(f"part {part!r} cannot run on backend {backend.name!r}: {reason}; leave one of them out")
        if reason:
            console.note(f"{part}: left out, {reason}")
        elif part == "queue" and usable_cores() < 2:
            console.note("queue: left out, two threads that spin need 2 cores")
        else:
            parts.append(part)
    return parts, backend.name


def measured(part: str, repeats: int, scale: float, backend: str) -> Rows:
    """Rows of one part."""
    if part == "queue":
        from ringway.bench import queue

        return queue.measure(repeats, scale)
    if part == "arrays":
        from ringway.bench import arrays

        return arrays.measure(repeats, max(int(2_000_000 * scale), arrays.BATCH))
    if part == "dispatch":
        from ringway.bench import dispatch

        return dispatch.measure(repeats, scale, backend)
    if part == "runtime":
        from ringway.bench import round_trips

        return round_trips.measure(repeats, scale, backend)
    if part == "codec":
        from ringway.bench import codec

        return codec.measure(repeats, 0.1 * scale)
    from ringway.bench import pagerank

    return pagerank.measure(repeats, max(int(20 * scale), 1), backend)


def significant(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def to_own(row: dict[str, Any], rows: Rows) -> str:
    """How many times the first contestant's median a row's is."""
    first = next(other for other in rows if other["what"] == row["what"])
    return "" if first is row else f"{row['median'] / first['median']:.2f}"


def table_of(rows: Rows) -> Table:
    """Rows as text: median, spread, and ratio to the first contestant of the same thing."""
    table = Table(["what", "contestant", "median", "min – max", "unit", "to first"], right=(2, 3, 5))
    previous = None
    for row in rows:
        spread = f"{significant(row['min'])} – {significant(row['max'])}"
        what = row["what"] if row["what"] != previous else ""
        previous = row["what"]
        table.add(what, row["contestant"], significant(row["median"]), spread, row["unit"], to_own(row, rows))
    return table


def save_plot(rows: Rows, path: str) -> None:
    """Bars of the medians with their spread, one picture for each thing measured."""
    from matplotlib.figure import Figure

    things = list(dict.fromkeys(row["what"] for row in rows))
    figure = Figure(figsize=(9, 1 + 0.4 * (len(rows) + 2 * len(things))), layout="constrained")
    heights = [1 + sum(row["what"] == what for row in rows) for what in things]
    axes = figure.subplots(len(things), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    for (axis,), what in zip(axes, things, strict=True):
        mine = [row for row in rows if row["what"] == what][::-1]
        medians = [row["median"] for row in mine]
        below = [row["median"] - row["min"] for row in mine]
        above = [row["max"] - row["median"] for row in mine]
        axis.barh([row["contestant"] for row in mine], medians, xerr=[below, above])
        axis.set(title=what, xlabel=mine[0]["unit"])
    figure.savefig(path)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Measure, print, and draw."""
    error: Callable[[str], None] = arguments.parser.error
    if arguments.repeats < 1 or not 0 < arguments.scale <= 100:
        error("--repeats must be 1 or more, --scale above 0 and at most 100")
    if arguments.plot:
        check_plot(arguments.plot)
    parts, backend = chosen(arguments, console)
    rows: Rows = []
    for part in parts:
        rows += measured(part, arguments.repeats, arguments.scale, backend)
    things = list(dict.fromkeys(row["what"] for row in rows))
    rows.sort(key=lambda row: things.index(row["what"]))
    if arguments.json:
        content = {
            "machine": machine(),
            "backend": backend,
            "versions": versions(["ringway", *PEERS]),
            "rows": rows,
        }
        console.line(json.dumps(content, indent=1))
    else:
        console.table(table_of(rows))
    if arguments.plot:
        save_plot(rows, arguments.plot)
        console.note(f"{Path(arguments.plot)}: drawn")
    return 0

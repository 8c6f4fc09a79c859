"""``ringway trace``: a trace of a runtime in another process, for ui.perfetto.dev."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ringway.cli.arguments import count, number
from ringway.cli.console import Console
from ringway.errors import Error
from ringway.telemetry.find import PATIENCE, fetch, runtimes


def add_parser(commands: Any) -> None:
    """Add the command to the parser of ``ringway``."""
    parser = commands.add_parser(
        "trace",
        help="trace runtimes in another process",
        description="Trace the kernels and queues of a process that was started with RINGWAY_EXPORT=1 or "
        "Runtime(export=True) into a file that ui.perfetto.dev opens.",
    )
    parser.add_argument("pid", nargs="?", type=count(1), help="of the process; none needed when one exports")
    parser.add_argument(
        "--seconds", type=number(0.001, 3600), default=5.0, metavar="SECONDS", help="how long (5)"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("trace.json"), metavar="FILE", help="the file (trace.json)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Take the trace of a process's first runtime, and say where it is."""
    found = runtimes([arguments.pid] if arguments.pid else [])
    if len(found) > 1:
        names = ", ".join(path.name.removesuffix(".sock") for path in found)
        console.note(f"several runtimes export ({names}); this is of {found[0].name.removesuffix('.sock')}")
    text = fetch(found[0], b"trace %r" % arguments.seconds, arguments.seconds + 30 * PATIENCE)
    if not text:
        raise Error("the process has ended, or its runtime is closed")
    if text.startswith(b'{"error"'):
        raise Error(json.loads(text)["error"])
    arguments.output.write_bytes(text)
    events = len(json.loads(text)["traceEvents"])
    console.line(f"{arguments.output}: {events} events; open it in https://ui.perfetto.dev")
    return 0

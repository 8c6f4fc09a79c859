"""``ringway top``: kernels, rates, depths, drops and latencies of runtimes in other processes, live."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from ringway.cli.arguments import count, number
from ringway.cli.console import Console
from ringway.cli.top_tables import TITLES, Document, shared_table, tables
from ringway.errors import Closed, Error, InvalidOption, NotFound
from ringway.shared_queues import shared_queues
from ringway.telemetry.find import ask, runtimes
from ringway.topology import Topology

GRAPHS = {"mermaid": Topology.mermaid, "dot": Topology.dot, "svg": Topology.svg}
CLEAR = "\x1b[H\x1b[J"


def add_parser(commands: Any) -> None:
    """Add the command to the parser of ``ringway``."""
    parser = commands.add_parser(
        "top",
        help="watch runtimes in other processes",
        description="Watch runtimes in other processes that were started with RINGWAY_EXPORT=1 or "
        "Runtime(export=True).",
    )
    parser.add_argument("pid", nargs="*", type=count(1), help="of the processes; default: all that export")
    parser.add_argument("--once", action="store_true", help="print one table and end")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a JSON document per look, one a line")
    form.add_argument(
        "--graph",
        choices=GRAPHS,
        help="print what is linked to what, once: for Mermaid, in Graphviz's DOT, or as SVG by Graphviz",
    )
    parser.add_argument(
        "--interval", type=number(0.01, 3600), default=1.0, metavar="SECONDS", help="between two looks (1)"
    )
    parser.add_argument(
        "--sort",
        choices=TITLES,
        metavar="COLUMN",
        help=f"order rows by a column, the largest number first: {', '.join(TITLES)}".replace("%", "%%"),
    )
    parser.set_defaults(run=run)


def look(pids: list[int]) -> list[Document]:
    """Ask every runtime of the processes; `Closed` when none is left.

    One that does not answer is left out while another does.
    """
    answers: list[Document] = []
    silent: Error | None = None
    for path in runtimes(pids):
        try:
            answer = ask(path)
        except Error as error:
            silent = error
            continue
        if answer is not None:
            answers.append(answer)
    if answers:
        return answers
    raise silent or Closed("the processes have ended, or their runtimes are closed")


def place_of(answer: Document) -> tuple[int, str]:
    """What tells runtimes apart."""
    return answer["pid"], answer["runtime"]


def show(
    answers: list[Document], before: list[Document], console: Console, live: bool, sort: str | None
) -> None:
    """Print one look at the processes, in place of the last one on a terminal."""
    if live and console.draws(console.out):
        console.out.write(CLEAR)
    then = {place_of(answer): answer for answer in before}
    for now in answers:
        console.line(
            f"process {now['pid']}: {now['program'] or 'python'}, {now['runtime']}, "
            f"ringway {now['ringway']}, up {now['uptime']:,.0f} s, {len(now['kernels'])} kernels"
        )
        for table in tables(now, then.get(place_of(now)), sort):
            console.table(table)
    shared = [queue for queue in shared_queues() if queue.state == "live"]
    if shared:
        console.table(shared_table(shared))
    console.out.flush()


def draw(answers: list[Document], form: str, console: Console) -> None:
    """Print the graph of each runtime; `InvalidOption` for several as SVG, one picture a document."""
    if form == "svg" and len(answers) > 1:
        pids = ", ".join(str(answer["pid"]) for answer in answers)
        raise InvalidOption(
            f"--graph svg draws one runtime, and there are {len(answers)} (processes {pids}): name one"
        )
    for answer in answers:
        console.line(GRAPHS[form](Topology.from_dict(answer["topology"])).rstrip("\n"))


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Look once, or until Ctrl-C or the processes' end."""
    if arguments.graph:
        draw(look(arguments.pid), arguments.graph, console)
        return 0
    before: list[Document] = []
    while True:
        try:
            answers = look(arguments.pid)
        except (Closed, NotFound):
            if before:
                console.note("the processes have ended, or their runtimes are closed")
                return 0
            raise
        if arguments.json:
            console.line(json.dumps(answers))
            console.out.flush()
        else:
            show(answers, before, console, not arguments.once, arguments.sort)
        if arguments.once:
            return 0
        before = answers
        time.sleep(arguments.interval)

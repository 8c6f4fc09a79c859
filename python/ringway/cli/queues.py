"""``ringway queues``: the queues in shared memory of this user, and the end of those that nobody uses."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any

from ringway.cli.console import Console
from ringway.cli.table import Table
from ringway.errors import Error
from ringway.shared_queues import SharedQueueInfo, remove_shared_queue, shared_queues


def add_parser(commands: Any) -> None:
    """Add the command to the parser of ``ringway``."""
    parser = commands.add_parser("queues", help="queues between processes", description=__doc__)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, dest="verb")
    listed = verbs.add_parser("list", help="what there is, and who uses it")
    listed.add_argument("--json", action="store_true", help="print JSON")
    listed.set_defaults(run=list_queues)
    cleaned = verbs.add_parser("clean", help="remove what no process is attached to, with what is in it")
    cleaned.add_argument(
        "name", nargs="*", help="these only, damaged ones too; default: all but damaged ones"
    )
    cleaned.set_defaults(run=clean)


def processes(ids: list[int]) -> str:
    """Process ids as text."""
    return ",".join(map(str, ids)) or "-"


def list_queues(arguments: argparse.Namespace, console: Console) -> int:
    """Print a line for each queue."""
    found = shared_queues()
    if arguments.json:
        console.line(json.dumps([dataclasses.asdict(info) for info in found], indent=1))
        return 0
    if not found:
        console.note("no queues in shared memory")
        return 0
    titles = [
        "queue",
        "state",
        "messages",
        "of",
        "type",
        "policy",
        "senders",
        "receivers",
        "skipped",
        "redelivered",
    ]
    table = Table(titles, right=(2, 3, 8, 9))
    for info in found:
        if info.state in ("unfinished", "damaged"):
            table.add(info.name, info.state, *["-"] * (len(titles) - 2))
        else:
            table.add(
                info.name,
                info.state,
                str(info.depth),
                str(info.capacity),
                info.message or "any",
                info.policy,
                processes(info.senders),
                processes(info.receivers),
                str(info.skipped),
                str(info.redelivered),
            )
    console.table(table)
    for info in found:
        if info.fault:
            console.note(info.fault)
    return 0


def clean(arguments: argparse.Namespace, console: Console) -> int:
    """Remove what nobody uses; 1 when a queue that was named could not be removed."""
    known = {info.name: info for info in shared_queues()}
    if arguments.name:
        return max([removed(name, known.get(name), console) for name in arguments.name])
    for info in known.values():
        if info.state in ("stale", "unfinished"):
            removed(info.name, info, console)
    return 0


def removed(name: str, info: SharedQueueInfo | None, console: Console) -> int:
    """Remove one queue and say so; the status."""
    try:
        remove_shared_queue(name)
    except Error as error:
        console.error(str(error))
        return 1
    unread = info.depth if info else 0
    console.line(f"{name}: removed" + (f", with {unread} messages that nobody received" if unread else ""))
    return 0

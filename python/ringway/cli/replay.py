"""``ringway replay``: the messages of a recording once more, and what came out compared."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any

from ringway import replay as ringway_replay
from ringway.cli.arguments import count, number
from ringway.cli.console import Console
from ringway.cli.table import Table
from ringway.errors import InvalidOption
from ringway.replay import TIMEOUT, ReplayDifference, ReplayedMessage, ReplayReport
from ringway.user_kernels import UserKernel

FASTEST = "as-fast-as-possible"
COLUMNS = ("entered", "out", "equal", "different", "missing", "extra", "reordered")
OTHERS = ("withheld", "refused", "beyond", "unasked", "dropped")
WIDEST = 300  # characters of a message that is shown


def speed_of(text: str) -> float | None:
    """A number, or the word for none."""
    return None if text == FASTEST else number(1e-6, 1e6)(text)


def add_parser(commands: Any) -> None:
    """Add the command to the parser of ``ringway``."""
    parser = commands.add_parser(
        "replay",
        help="run a recording again and compare",
        description="Run the messages of a recording (Runtime.record) again and compare what comes out. Exit "
        "status: 0 when all that can be compared is the same, 1 when not.",
    )
    parser.add_argument("file", help="the recording")
    parser.add_argument("--backend", help="cpu, cuda, metal or auto; default: as recorded")
    parser.add_argument("--workers", type=count(1), help="worker slots; default: as recorded")
    parser.add_argument(
        "--speed",
        type=speed_of,
        metavar="X",
        help=f"times as fast as recorded, or {FASTEST} (the default)",
    )
    parser.add_argument(
        "--tolerance",
        type=number(0),
        default=0.0,
        metavar="T",
        help="by how much floating-point members may differ, relative to the larger of 1 and their value (0)",
    )
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="CLASS.MEMBER", help="a member that may differ"
    )
    parser.add_argument(
        "--timeout",
        type=number(0),
        default=TIMEOUT,
        metavar="SECONDS",
        help=f"without progress before it gives up ({TIMEOUT:g})",
    )
    parser.add_argument("--chunks", type=count(1), metavar="N", help="the first N chunks of the file only")
    parser.add_argument("--limit", type=count(0), default=10, metavar="N", help="differences to show (10)")
    parser.add_argument("--output", metavar="FILE", help="keep the replay's own recording")
    parser.add_argument(
        "--import",
        dest="modules",
        action="append",
        default=[],
        metavar="MODULE",
        help="a module that declares message classes",
    )
    parser.add_argument(
        "--kernel",
        dest="kernels",
        action="append",
        default=[],
        metavar="[RECORDED=]MODULE:NAME",
        help="a kernel of the program's own, for the recorded one of its name or of the name before =",
    )
    parser.add_argument(
        "--allow-changed", action="store_true", help="also when such a kernel's source has changed since"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Replay and print; 1 when something differs."""
    import_modules(arguments.modules)
    report = ringway_replay(
        arguments.file,
        backend=arguments.backend,
        workers=arguments.workers,
        speed=arguments.speed,
        tolerance=arguments.tolerance,
        ignore=arguments.ignore,
        timeout=arguments.timeout,
        chunks=arguments.chunks,
        limit=arguments.limit,
        output=arguments.output,
        kernels=kernels_of(arguments.kernels),
        allow_changed=arguments.allow_changed,
    )
    console.line(json.dumps(document(report), indent=1)) if arguments.json else show(report, console)
    return 0 if report.same else 1


def import_modules(names: list[str]) -> None:
    """Import modules for the message classes that they declare."""
    import importlib

    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise InvalidOption(f"--import {name}: {error}") from None


def kernels_of(words: list[str]) -> dict[str, UserKernel[Any]]:
    """Return the kernels that words name, by the names of recorded ones."""
    import importlib

    found: dict[str, UserKernel[Any]] = {}
    for word in words:
        recorded, _, place = word.rpartition("=")
        module, colon, name = place.partition(":")
        if not (module and colon and name):
            raise InvalidOption(f"--kernel {word}: it must be MODULE:NAME, or RECORDED=MODULE:NAME")
        try:
            kernel = importlib.import_module(module)
            for part in name.split("."):
                kernel = getattr(kernel, part)
        except (ImportError, AttributeError) as error:
            raise InvalidOption(f"--kernel {word}: {error}") from None
        if not isinstance(kernel, UserKernel):
            raise InvalidOption(f"--kernel {word}: it is no kernel made by ringway.kernel or KernelSource")
        found[recorded or kernel.name] = kernel
    return found


def document(report: ReplayReport) -> dict[str, Any]:
    """The report as JSON has it; messages as text."""
    all_: dict[str, Any] = {
        field: getattr(report, field)
        for field in (
            "path",
            "backend",
            "recorded_backend",
            "started",
            "ringway",
            "same",
            "complete",
            "stalled",
            "seconds",
        )
    }
    for field in ("entered", "out", "equal", "different", "missing", "extra"):
        all_[field] = getattr(report, field)
    all_["warnings"] = list(report.warnings)
    all_["parts"] = [dataclasses.asdict(part) for part in report.parts]
    all_["differences"] = [
        {
            "finding": found.finding,
            "what": found.what,
            "where": found.where,
            "recorded": text_of(found.recorded),
            "replayed": text_of(found.replayed),
            "id": number_of(found),
        }
        for found in report.differences
    ]
    return all_


def number_of(found: ReplayDifference) -> str | None:
    """The id of the message that a difference is about."""
    for side in (found.recorded, found.replayed):
        if side is not None and side.id is not None:
            return str(side.id)
    return None


def text_of(side: ReplayedMessage | None) -> str | None:
    """A message on one line; None for none."""
    if side is None:
        return None
    text = side.text or repr(side.message)
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def show(report: ReplayReport, console: Console) -> None:
    """Print tables and the first differences."""
    others = [name for name in OTHERS if any(getattr(part, name) for part in report.parts)]
    columns = [*COLUMNS, *others]
    table = Table(["kernel or queue", "type", *columns], right=tuple(range(2, 2 + len(columns))))
    for part in report.parts:
        table.add(part.name, part.type, *(str(getattr(part, name)) for name in columns))
    console.table(table)
    for found in report.differences:
        number = number_of(found)
        console.line(
            f"{found.finding}: {found.what} of {found.where}" + (f", message {number}" if number else "")
        )
        for name, side in (("recorded", found.recorded), ("replayed", found.replayed)):
            if side is not None:
                console.line(f"  {name}  {text_of(side)}")
    left = report.different + report.missing + report.extra - len(report.differences)
    if report.differences and left > 0:
        console.line(f"and {left} more")
    for warning in report.warnings:
        console.note(f"note: {warning}")
    verdict = console.colour("the same", "green") if report.same else console.colour("not the same", "red")
    console.line(
        f"{verdict}: {report.entered} messages in, {report.out} out; {report.equal} equal, "
        f"{report.different} different, {report.missing} missing, {report.extra} extra; recorded on "
        f"{report.recorded_backend}, replayed on {report.backend} in {report.seconds:.2f} s"
    )

"""``ringway validate``: is this installation right, and is this machine as fast as it should be?"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from fnmatch import fnmatchcase
from typing import Any

from ringway.cli.arguments import backend_names
from ringway.cli.console import Console
from ringway.cli.machine import describe
from ringway.cli.validate.check import Check, Setting, Skip

COLOURS = {"ok": "green", "FAIL": "red", "skip": "yellow"}


def add_parser(commands: Any) -> None:
    """Add the command to the parser of ``ringway``."""
    parser = commands.add_parser(
        "validate", help="check this installation and this machine", description=__doc__
    )
    option = parser.add_argument
    option("--backend", default="auto", choices=backend_names(), help="what to check (auto)")
    option("--only", metavar="NAME", action="append", help="run checks of this name; * matches any text")
    option("--exact", action="store_true", help="leave out what a slow machine could fail")
    option("--list", action="store_true", help="list the checks and run none")
    option("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run, parser=parser)


def chosen(arguments: argparse.Namespace) -> list[Check]:
    """The checks that the arguments ask for, in their order."""
    from ringway.cli.validate.every import CHECKS

    checks = [check for check in CHECKS if not (arguments.exact and check.measured)]
    if arguments.only is None:
        return checks
    for pattern in arguments.only:
        if not any(fnmatchcase(check.name, pattern) for check in CHECKS):
            arguments.parser.error(f"--only {pattern}: no check has that name; --list shows them")
    found = [check for check in checks if any(fnmatchcase(check.name, pattern) for pattern in arguments.only)]
    if not found:
        arguments.parser.error(f"--exact leaves none of {', '.join(arguments.only)}")
    return found


def outcome(check: Check, setting: Setting) -> dict[str, Any]:
    """Run one check; whatever it raises is its result."""
    start = time.perf_counter()
    report: dict[str, Any] = {"name": check.name, "title": check.title}
    try:
        finding = check.run(setting)
    except Skip as why:
        report |= {"status": "skip", "note": str(why)}
    except Exception as error:  # a check that breaks must not hide the others
        report |= {"status": "FAIL", "note": f"{type(error).__name__}: {error}"}
    else:
        report |= {"status": "ok" if finding.passed else "FAIL", **vars(finding)}
    report["seconds"] = time.perf_counter() - start
    return report


def as_line(report: dict[str, Any], width: int, console: Console) -> str:
    """One check as one line: status, title, value, limit, and what else there is to know."""
    status = console.colour(f"{report['status']:<4}", COLOURS[report["status"]])
    text = f"{status}  {report['title']:<{width}}"
    if "value" in report:
        value = report["value"]
        measured = f"{value if isinstance(value, int) else f'{value:.4g}'} {report['unit']}".rstrip()
        text += f"  {measured:>14}  limit {report['limit']} {report['unit']}".rstrip()
    if report.get("note"):
        text += f"  ({' '.join(report['note'].split())})"
    return text


def totals(reports: list[dict[str, Any]]) -> dict[str, int]:
    """How many checks passed, failed and were skipped."""
    count = Counter(report["status"] for report in reports)
    return {"passed": count["ok"], "failed": count["FAIL"], "skipped": count["skip"]}


def last_line(count: dict[str, int]) -> str:
    """The last line; skips are named where there are some."""
    skips = f", {count['skipped']} skipped" if count["skipped"] else ""
    return f"{count['passed']} passed, {count['failed']} failed{skips}"


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Run the checks and print a line each; 1 when one failed."""
    checks = chosen(arguments)
    if arguments.list:
        width = max(len(check.name) for check in checks)
        for check in checks:
            console.line(f"{check.name:<{width}}  {check.title}")
        return 0
    setting = Setting(arguments.backend)
    with setting.runtime() as runtime:  # raises here when the backend is absent
        backend = runtime.backend
    width = max(len(check.title) for check in checks)
    reports = []
    for check in checks:
        report = outcome(check, setting)
        reports.append(report)
        if not arguments.json:
            console.line(as_line(report, width, console))
            console.out.flush()
    count = totals(reports)
    if arguments.json:
        document = {"machine": describe(), "backend": backend, "checks": reports, **count}
        console.line(json.dumps(document, indent=1))
    else:
        console.line(last_line(count))
    return 1 if count["failed"] else 0

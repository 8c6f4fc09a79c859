"""``ringway info``: the build, the machine, the backends, and why one is absent."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ringway.cli import machine
from ringway.cli.console import Console


def add_parser(commands: Any) -> None:
    """Add the command to the parser of ``ringway``."""
    parser = commands.add_parser("info", help="what this machine and build offer", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print what `machine.describe` and the registry of backends say."""
    facts = machine.describe()
    if arguments.json:
        console.line(json.dumps({name.replace(" ", "_"): value for name, value in facts.items()}, indent=2))
        return 0
    console.pairs([(name, str(value)) for name, value in facts.items()])
    return 0

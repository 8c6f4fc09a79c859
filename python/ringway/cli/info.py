"""``ringway info``: the build, the machine, the backends, and why one is absent."""

from __future__ import annotations

import argparse
import json
from typing import Any

import ringway as rw
from ringway import _core
from ringway.cli.console import Console
from ringway.cli.machine import describe
from ringway.cli.table import Table
from ringway.errors import BackendUnavailable

ABILITIES = {"ring_kernels": "ring kernels", "dispatches": "dispatches", "float64": "float64"}
FACTS = (*ABILITIES, "fast_threads", "parallel", "most_elements")


def add_parser(commands: Any) -> None:
    """Add the command to the parser of ``ringway``."""
    parser = commands.add_parser("info", help="what this machine and build offer", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def backends() -> list[dict[str, Any]]:
    """Each backend: its device and what it can do when it is present, the reason when it is absent."""
    found: list[dict[str, Any]] = []
    for entry in _core.backends():
        name, absent = entry.name, entry.absent
        device = None if absent else _device_of(name)
        facts = {"name": name, "present": not absent, "device": device, "absent": absent or None}
        if not absent:
            facts |= {fact: getattr(entry, fact) for fact in FACTS}
        found.append(facts)
    return found


def abilities(facts: dict[str, Any]) -> str:
    """What a backend can do, in words; empty for an absent one."""
    able = [ABILITIES[fact] for fact in ABILITIES if facts.get(fact)]
    if facts["present"]:
        able.append(f"{facts['parallel']} kernels at once" if facts["parallel"] else "a kernel on each core")
    return ", ".join(able)


def _device_of(backend: str) -> str:
    try:
        with rw.Runtime(backend) as runtime:
            return runtime.device
    except BackendUnavailable:  # it has dispatches only
        with rw.Device(backend) as device:
            return device.name


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print what the machine is and what the registry of backends says."""
    facts = describe()
    entries = backends()
    with rw.Runtime() as runtime:
        default = runtime.backend
    if arguments.json:
        machine = {name.replace(" ", "_"): value for name, value in facts.items()}
        console.line(json.dumps({**machine, "default_backend": default, "backends": entries}, indent=1))
        return 0
    console.pairs([*((name, str(value)) for name, value in facts.items()), ("default backend", default)])
    console.line()
    table = Table(["backend", "present", "device, or why there is none", "has"])
    for entry in entries:
        present = "yes" if entry["present"] else "no"
        table.add(entry["name"], present, entry["device"] or entry["absent"], abilities(entry))
    console.table(table)
    return 0

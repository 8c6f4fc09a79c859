"""What every benchmark of this folder shares: interleaved repeats, medians with spread, and one results file.

A results file (``benchmarks/results/<name>.json``) holds::

    {"name": ..., "command": ..., "machine": {...}, "commit": ..., "versions": {peer: version},
     "rows": [{"what": ..., "contestant": ..., "unit": ...,
               "median": ..., "min": ..., "max": ..., "samples": [...]}]}
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

Sample = TypeVar("Sample")
RESULTS = Path(__file__).resolve().parent / "results"


def machine() -> dict[str, Any]:
    """Processor, cores, memory and system of this machine, as the operating system names them."""
    info: dict[str, Any] = {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        text = cpuinfo.read_text()
        for key, field in (("processor", "model name"), ("family", "cpu family"), ("model", "model")):
            if found := re.search(rf"^{field}\s*: (.*)$", text, re.MULTILINE):
                info[key] = found[1]
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        info["memory_gib"] = round(total / 2**30, 1)
    return info


def commit() -> str:
    """The commit that was measured, with ``-dirty`` when files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    here = Path(__file__).resolve().parent
    return subprocess.run(command, cwd=here, capture_output=True, text=True, check=False).stdout.strip()


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions of Python packages; a package that is not there is left out."""
    found = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def interleave(contestants: Mapping[str, Callable[[], Sample]], repeats: int) -> dict[str, list[Sample]]:
    """Runs every contestant once a round, so that a disturbance hits all of them alike."""
    samples: dict[str, list[Sample]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, run in contestants.items():
            samples[name].append(run())
    return samples


def row(what: str, contestant: str, unit: str, samples: list[float]) -> dict[str, Any]:
    """One line of a results file: median, minimum and maximum of the samples."""
    return {
        "what": what,
        "contestant": contestant,
        "unit": unit,
        "median": statistics.median(samples),
        "min": min(samples),
        "max": max(samples),
        "samples": samples,
    }


def show(rows: Iterable[dict[str, Any]]) -> None:
    """Prints rows as a table: median (min - max) unit."""
    for line in rows:
        spread = f"({line['min']:.4g} - {line['max']:.4g})"
        name = f"{line['what']:<44} {line['contestant']:<36}"
        print(f"{name} {line['median']:>10.4g} {spread:<24} {line['unit']}")


def save(name: str, rows: list[dict[str, Any]], peers: Mapping[str, str], path: Path | None = None) -> Path:
    """Writes the results file and returns its path (default ``benchmarks/results/<name>.json``)."""
    path = path or RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "name": name,
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "machine": machine(),
        "commit": commit(),
        "versions": dict(peers),
        "rows": rows,
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path

"""Interleaved repeats, medians with spread: one row for each thing measured and each contestant."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import statistics
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

Sample = TypeVar("Sample")


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
    """Run every contestant once a round, so that a disturbance hits all of them alike."""
    samples: dict[str, list[Sample]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, run in contestants.items():
            samples[name].append(run())
    return samples


def row(what: str, contestant: str, unit: str, samples: list[float]) -> dict[str, Any]:
    """One line of the results: median, minimum and maximum of the samples."""
    return {
        "what": what,
        "contestant": contestant,
        "unit": unit,
        "median": statistics.median(samples),
        "min": min(samples),
        "max": max(samples),
        "samples": samples,
    }

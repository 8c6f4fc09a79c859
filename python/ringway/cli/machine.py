"""What the machine and the build are, for ``ringway info`` and for whoever reads a report."""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np

from ringway import _core


def processor() -> str:
    """The processor's name as the system gives it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def allowed_cores() -> int:
    """Cores that the process's affinity mask names."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def usable_cores() -> int:
    """Cores that this process may use, as the runtime counts them."""
    return _core.usable_cores()


def cores() -> str:
    """How many cores may be used, and what keeps the others away."""
    online, allowed, usable = os.cpu_count() or 1, allowed_cores(), usable_cores()
    limits = []
    if allowed < online:
        limits.append(f"affinity allows {allowed}")
    if usable < allowed:
        limits.append(f"the control group's quota allows {usable}")
    return f"{usable} of {online}" + (f" ({', '.join(limits)})" if limits else "")


def describe() -> dict[str, str]:
    """Versions, compiler, system and processor, by name."""
    return {
        "ringway": _core.__version__,
        "python": f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})",
        "numpy": np.__version__,
        "compiler": _core.compiler,
        "system": platform.platform(),
        "processor": processor(),
        "cores": cores(),
    }

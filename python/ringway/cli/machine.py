"""What the machine and the build are, for ``ringway info`` and for whoever reads a report."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from pathlib import Path

import numpy as np

from ringway import _core


def processor() -> str:
    """The processor's name as the system gives it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def describe() -> dict[str, str | int]:
    """Versions, compiler, system and processor, by name."""
    return {
        "ringway": _core.__version__,
        "python": f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})",
        "numpy": np.__version__,
        "compiler": _core.compiler,
        "system": platform.platform(),
        "processor": processor(),
        "cores online": os.cpu_count() or 1,
    }

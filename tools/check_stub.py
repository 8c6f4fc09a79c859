"""Compares _core.pyi with the built extension by mypy's stubtest, less what pybind11 gives every class."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]
OF_EVERY_CLASS = re.compile(r"metaclass differs|__pybind11_|\.__init__ is inconsistent")
TRAILER = re.compile(r"^(Found \d+|Success)")

if __name__ == "__main__":
    stubtest = [
        sys.executable,
        "-m",
        "mypy.stubtest",
        "--concise",
        "--mypy-config-file",
        ROOT / "pyproject.toml",
    ]
    result = subprocess.run(
        [*stubtest, "ringway._core"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    differences = [line for line in result.stdout.splitlines() if line and not TRAILER.match(line)]
    differences = [line for line in differences if not OF_EVERY_CLASS.search(line)]
    if differences or result.stderr:
        sys.exit("\n".join(differences) + result.stderr)
    print("_core.pyi agrees with the extension")

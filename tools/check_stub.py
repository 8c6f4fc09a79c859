"""Compares _core.pyi with the built extension by mypy's stubtest, less what pybind11 gives every class."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]
OF_EVERY_CLASS = re.compile(r"metaclass differs|__pybind11_|\.__init__ is inconsistent")
# The decorator `message` gives these to each class that derives from Message.
ADDED_BY_PYTHON = re.compile(r"_core\.Message\.(dtype|layout) is not present")
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
    expected = (OF_EVERY_CLASS, ADDED_BY_PYTHON)
    differences = [line for line in differences if not any(known.search(line) for known in expected)]
    if differences or result.stderr:
        sys.exit("\n".join(differences) + result.stderr)
    print("_core.pyi agrees with the extension")

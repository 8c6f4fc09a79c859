"""The package as installed: version, light import, no side effect on import."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import ringway


def test_version_is_the_distribution_s() -> None:
    assert ringway.__version__ == importlib.metadata.version("ringway")


def imported_modules(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    return set(output.split())


def test_import_stays_light() -> None:
    added = imported_modules("import ringway") - imported_modules("import numpy")
    heavy = {
        "asyncio",
        "networkx",
        "scipy",
        "pandas",
        "matplotlib",
        "rich",
        "igraph",
        "argparse",
        "multiprocessing",
    }
    assert not heavy & added


def test_import_changes_no_event_loop_policy() -> None:
    code = (
        "import asyncio; before = type(asyncio.new_event_loop()); import ringway; "
        "assert type(asyncio.new_event_loop()) is before"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)

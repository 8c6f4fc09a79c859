"""A backend is a folder and an entry of a list; the conformance suite then runs on it.

The native tests' build makes a second extension, with the backend of `tests/conformance/staged` in its list.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import ringway

ROOT = Path(__file__).parents[2]
PACKAGE = Path(ringway.__file__).parent
EXTENSION = next((ROOT / "build/py/tests/conformance").glob("_core.*.so"), None)

pytestmark = pytest.mark.skipif(
    EXTENSION is None, reason="needs build/py with RINGWAY_TESTS=ON, as tools/test makes it"
)


@pytest.fixture
def suite(tmp_path: Path):
    """Runs the suite with the second extension in the package's place."""
    assert EXTENSION is not None
    package = tmp_path / "ringway"
    package.mkdir()
    for file in PACKAGE.iterdir():
        if file.suffix != ".so" and file.name != "__pycache__":
            (package / file.name).symlink_to(file)
    (package / EXTENSION.name).symlink_to(EXTENSION)

    def run(*arguments: str, required: str = "") -> str:
        command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *arguments]
        environment = os.environ | {"PYTHONPATH": str(tmp_path), "RINGWAY_REQUIRE": required}
        return subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
        ).stdout

    return run


def test_the_suite_runs_on_it(suite) -> None:
    output = suite("tests/conformance", "-k", "staged")
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", output.splitlines()[-1])}
    assert "failed" not in counts, output
    assert "error" not in counts, output
    assert counts["passed"] > 200
    assert "backend 'staged' has ring kernels but no dispatches" in output
    assert "bridge is 'direct'; the host does not see this device's memory" in output


def test_what_it_lacks_fails_where_it_is_required(suite) -> None:
    test = "tests/conformance/test_dispatch.py::test_the_same_memory_twice"
    output = suite(test, "-k", "staged", required="staged")
    assert "RINGWAY_REQUIRE names staged, but backend 'staged' has ring kernels" in output
    assert "2 failed" in output or "2 errors" in output


def test_the_list_of_an_ordinary_build_has_only_its_own() -> None:
    assert "staged" not in ringway.backends()

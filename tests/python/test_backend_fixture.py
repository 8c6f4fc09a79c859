"""The fixture `backend` runs a test on each available backend; RINGWAY_REQUIRE makes a skip a failure."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest
import ringway

CONFTEST = pathlib.Path(__file__).parents[1] / "conftest.py"
TEST = "def test_it(backend):\n    print('ran on', backend)\n"


@pytest.fixture
def run(tmp_path: pathlib.Path):
    shutil.copy(CONFTEST, tmp_path)
    (tmp_path / "test_it.py").write_text(TEST)

    def run(required: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-s",
            "-rs",
            "--rootdir",
            str(tmp_path),
            str(tmp_path),
        ]
        environment = {**os.environ, "RINGWAY_REQUIRE": required}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
        )

    return run


def test_cpu_is_always_there(run) -> None:
    result = run("cpu")
    assert result.returncode == 0, result.stdout
    assert "ran on cpu" in result.stdout


@pytest.mark.parametrize("backend_name", [name for name in ringway.backends() if name != "cpu"])
def test_a_required_backend_is_not_skipped(run, backend_name: str) -> None:
    if f"ran on {backend_name}" in run("").stdout:
        return
    result = run(f"cpu,{backend_name}")
    assert result.returncode == 1
    assert f"RINGWAY_REQUIRE names {backend_name}, but" in result.stdout


def test_a_skip_gives_its_reason(run) -> None:
    output = run("").stdout
    for name, reason in ringway.backends().items():
        assert (reason or f"ran on {name}") in output


def test_a_backend_that_there_is_not_is_an_error(run) -> None:
    result = run("cpu,cuda,metall")
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "RINGWAY_REQUIRE names metall; the backends are" in result.stdout + result.stderr


PROPERTY = """
from hypothesis import given, settings, strategies
seen = []
@settings(max_examples=7)
@given(strategies.integers())
def test_property(number):
    seen.append(number)
def test_count():
    print("examples:", len(seen))
"""


@pytest.mark.parametrize(("full", "examples"), [("", 7), ("1", 70)])
def test_full_tries_more_examples(
    run, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, full: str, examples: int
) -> None:
    monkeypatch.setenv("RINGWAY_FULL", full)
    (tmp_path / "test_property.py").write_text(PROPERTY)
    assert f"examples: {examples}" in run("").stdout

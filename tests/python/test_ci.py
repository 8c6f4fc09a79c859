"""What the workflows and the wheels' configuration say fits the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
needs_workflows = pytest.mark.skipif(not WORKFLOWS, reason="a source distribution has no workflows")


def steps(path: Path) -> list[dict[str, Any]]:
    yaml = pytest.importorskip("yaml")
    jobs = yaml.safe_load(path.read_text())["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def test_each_runner_builds_wheels_of_its_own_architecture() -> None:
    """Another one would need an emulator, which the runners do not have."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["cibuildwheel"]
    assert settings["linux"]["archs"] == ["native"]


def test_wheels_for_macos_have_metal_and_are_tested_on_it() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["cibuildwheel"]
    macos = settings["macos"]
    assert macos["config-settings"]["cmake.define.RINGWAY_METAL"] == "ON"
    assert macos["test-command"] == f"{settings['test-command']} && ringway validate --backend metal --exact"


@needs_workflows
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_commands_that_exist(path: Path) -> None:
    commands = " ".join(step.get("run", "") for step in steps(path))
    named = re.findall(r"(?:tools|\.ci)/[\w./-]+", commands)
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.fixture
def no_compilers(tmp_path: Path) -> Path:
    """A folder for PATH with what the repository's commands need, and no compiler."""
    for name in ("sh", "dirname", "mktemp", "rm", "cat", "grep", "sed"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    return tmp_path


def run(path: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    only_these = {"PATH": str(path), **environment}
    return subprocess.run(command, env=only_these, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("tool", ["g++", "clang++", "opencl", "nvcc"])
def test_a_compiler_that_is_required_must_be_there(no_compilers: Path, tool: str) -> None:
    left_out = run(no_compilers, "tools/check_headers")
    assert (left_out.returncode, f"{tool}: " in left_out.stdout) == (0, True)
    failed = run(no_compilers, "tools/check_headers", RINGWAY_REQUIRE_TOOLS=f"other {tool}")
    assert failed.returncode == 1
    assert f"{tool}: " in failed.stderr
    assert "RINGWAY_REQUIRE_TOOLS names it" in failed.stderr


def test_an_import_that_takes_too_long_is_an_error() -> None:
    command = [sys.executable, str(ROOT / "tools" / "import_time.py")]
    for limit, status in (("0.001", 1), ("100000", 0)):
        assert subprocess.run([*command, limit], capture_output=True, check=False).returncode == status


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
def test_windows_is_refused_in_words(tmp_path: Path) -> None:
    command = ["cmake", "-S", str(ROOT), "-B", str(tmp_path), "-DWIN32=ON", "-DRINGWAY_PYTHON=OFF"]
    configured = subprocess.run(command, capture_output=True, text=True, check=False)
    assert configured.returncode != 0
    assert "does not run on Windows yet" in configured.stderr

"""What the workflows and the wheels' configuration say fits the repository."""

from __future__ import annotations

import re
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


@needs_workflows
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_commands_that_exist(path: Path) -> None:
    commands = " ".join(step.get("run", "") for step in steps(path))
    named = re.findall(r"(?:tools|\.ci)/[\w./-]+", commands)
    assert [name for name in named if not (ROOT / name).exists()] == []

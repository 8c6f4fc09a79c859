"""mypy and pyright, both strict, accept ordinary use of message classes and report mistakes."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parents[2]
TYPING = ROOT / "tests" / "typing"
ERROR_LINES = {
    number
    for number, line in enumerate((TYPING / "wrong_use.py").read_text().splitlines(), 1)
    if "  # error" in line
}


def absent(tool: str, why: str = "is not installed") -> NoReturn:
    """Skip, or fail where ``RINGWAY_REQUIRE_TOOLS`` names the tool."""
    if tool in os.environ.get("RINGWAY_REQUIRE_TOOLS", "").split():
        pytest.fail(f"{tool} {why}, and RINGWAY_REQUIRE_TOOLS names it")
    pytest.skip(f"{tool} {why}")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=110)


def mypy(name: str) -> str:
    if importlib.util.find_spec("mypy") is None:
        absent("mypy")
    options = ["--config-file", "pyproject.toml", "--no-error-summary", "--hide-error-context"]
    return run(sys.executable, "-m", "mypy", *options, str(TYPING / name)).stdout


def pyright(name: str) -> list[dict[str, object]]:
    if shutil.which("pyright") is None:
        absent("pyright")
    config = ["--project", str(TYPING), "--pythonpath", sys.executable]
    result = run("pyright", "--outputjson", *config)
    if not result.stdout.startswith("{"):
        absent("pyright", f"does not start: {result.stderr[:200]}")
    found = json.loads(result.stdout)["generalDiagnostics"]
    return [entry for entry in found if entry["file"].endswith(name)]


def test_mypy_accepts_ordinary_use() -> None:
    assert mypy("ordinary_use.py") == ""


def test_mypy_reports_mistakes() -> None:
    lines = {int(number) for number in re.findall(r"wrong_use\.py:(\d+): error", mypy("wrong_use.py"))}
    assert lines == ERROR_LINES


def test_pyright_accepts_ordinary_use() -> None:
    assert pyright("ordinary_use.py") == []


def test_pyright_reports_mistakes() -> None:
    lines = {entry["range"]["start"]["line"] + 1 for entry in pyright("wrong_use.py")}  # type: ignore[index,operator]
    assert lines == ERROR_LINES


@pytest.mark.parametrize("required", ["", "mypy pyright"])
def test_a_required_checker_that_is_absent_fails(monkeypatch: pytest.MonkeyPatch, required: str) -> None:
    monkeypatch.setenv("RINGWAY_REQUIRE_TOOLS", required)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(pytest.fail.Exception if required else pytest.skip.Exception, match="not installed"):
        pyright("ordinary_use.py")

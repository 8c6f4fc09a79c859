"""mypy and pyright, both strict, accept ordinary use of message classes and report mistakes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TYPING = ROOT / "tests" / "typing"
ERROR_LINES = {
    number
    for number, line in enumerate((TYPING / "wrong_use.py").read_text().splitlines(), 1)
    if line.endswith("# error")
}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=110)


def mypy(name: str) -> str:
    pytest.importorskip("mypy")
    options = ["--config-file", "pyproject.toml", "--no-error-summary", "--hide-error-context"]
    return run(sys.executable, "-m", "mypy", *options, str(TYPING / name)).stdout


def pyright(name: str) -> list[dict[str, object]]:
    if shutil.which("pyright") is None:
        pytest.skip("pyright is not installed")
    config = ["--project", str(TYPING), "--pythonpath", sys.executable]
    result = run("pyright", "--outputjson", *config)
    if not result.stdout.startswith("{"):
        pytest.skip(f"pyright does not start: {result.stderr[:200]}")
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

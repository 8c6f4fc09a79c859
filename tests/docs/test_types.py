"""What the documents and examples show, type checkers accept: `Message` is the base of message classes."""

from __future__ import annotations

import importlib.util
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))

pytestmark = pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")


def mypy(*sources: pathlib.Path) -> str:
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--no-error-summary"]
    checked = subprocess.run(
        [*command, *map(str, sources)], capture_output=True, text=True, check=False, cwd=ROOT, timeout=110
    )
    return checked.stdout


def test_examples_are_typed() -> None:
    assert mypy(*EXAMPLES) == ""


def test_the_tutorial_uses_what_checkers_know(tmp_path: pathlib.Path) -> None:
    """Its blocks are one program that gives a name twice where it starts anew, which is not what is asked."""
    spec = importlib.util.spec_from_file_location("test_code", ROOT / "tests" / "docs" / "test_code.py")
    assert spec is not None
    assert spec.loader is not None
    code = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    source = tmp_path / "tutorial.py"
    source.write_text(code.program(ROOT / "docs" / "tutorial.md"), encoding="utf-8")
    assert "[attr-defined]" not in mypy(source)

"""Each mistake of docs/first_actor.md says what stands below it."""

from __future__ import annotations

import importlib.util
import pathlib
import re
import subprocess
import sys

import pytest

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "first_actor.md"
MISTAKE = re.compile(
    r"<!-- not run: says what stands below -->\n```python\n(?P<code>.*?)^```\n\n```text\n(?P<said>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
ID = r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"  # of a message
MISTAKES = [
    (match["code"], match["said"]) for match in MISTAKE.finditer(DOCUMENT.read_text(encoding="utf-8"))
]


def before() -> str:
    """The document's own program, whose names the mistakes use."""
    spec = importlib.util.spec_from_file_location(
        "test_code", DOCUMENT.parents[1] / "tests/docs/test_code.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.program(DOCUMENT))


def said_by(code: str, folder: pathlib.Path) -> str:
    (folder / "page.py").write_text(before(), encoding="utf-8")
    (folder / "first_actor.py").write_text(code, encoding="utf-8")
    run = "import page, runpy; runpy.run_path('first_actor.py', vars(page))"
    command = [sys.executable, "-c", run]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    return done.stderr.splitlines()[-1].replace(f"{folder}/", "") + "\n"


@pytest.mark.parametrize("number", range(6))
def test_a_mistake_says_what_stands_below_it(number: int, tmp_path: pathlib.Path) -> None:
    code, said = MISTAKES[number]
    assert re.sub(ID, "ID", said_by(code, tmp_path)) == re.sub(ID, "ID", said)


def test_there_are_six() -> None:
    assert len(MISTAKES) == 6

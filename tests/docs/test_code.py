"""The Python code of README.md and docs/, and the programs in examples/, run as they stand.

The ``python`` blocks of one document are one program, in order, run where ``examples`` is at hand. A
block after ``<!-- not run: REASON -->`` is left out.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"(?P<unless><!-- not run:.*?-->\n+)?^```python\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE
)
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))


def program(document: pathlib.Path) -> str:
    """The blocks of a document; lines keep their numbers, so that a traceback points into the document."""
    text = document.read_text(encoding="utf-8")
    lines = [""] * (text.count("\n") + 1)
    for block in BLOCK.finditer(text):
        if block["unless"] is None:
            first = text.count("\n", 0, block.start("code"))
            code = block["code"].splitlines()
            lines[first : first + len(code)] = code
    return "\n".join(lines) + "\n"


def run(source: pathlib.Path, folder: pathlib.Path) -> None:
    (folder / "examples").symlink_to(ROOT / "examples")
    command = [sys.executable, "-W", "error", str(source)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=100)
    assert result.returncode == 0, result.stdout + result.stderr


WITH_CODE = [document for document in DOCUMENTS if program(document).strip()]


@pytest.mark.parametrize("document", WITH_CODE, ids=lambda path: path.name)
def test_documented_code_runs(document: pathlib.Path, tmp_path: pathlib.Path) -> None:
    source = tmp_path / f"code_of_{document.stem}.py"  # not the name of a package that it imports
    source.write_text(program(document), encoding="utf-8")
    run(source, tmp_path)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_example_runs(example: pathlib.Path, tmp_path: pathlib.Path) -> None:
    run(example, tmp_path)


def test_code_keeps_its_line_numbers(tmp_path: pathlib.Path) -> None:
    document = tmp_path / "a.md"
    document.write_text("one\n\n```python\nx = 1\n```\n\n<!-- not run: no device -->\n```python\ny\n```\n")
    assert program(document) == "\n\n\nx = 1\n" + "\n" * 7

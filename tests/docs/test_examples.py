"""Every example and every block of Python in README and docs/ runs, from a clone's root, as it stands."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    if BLOCK.search(page.read_text())
]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def program(page: pathlib.Path) -> str:
    """The page's blocks as one program, each line at its own number."""
    text = page.read_text()
    lines = [""] * text.count("\n")
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1))
        for offset, line in enumerate(block[1].splitlines()):
            lines[first + offset] = line
    return "\n".join(lines)


def run(*arguments: str) -> None:
    command = [sys.executable, "-W", "error", *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_blocks_of_a_page_run(page: pathlib.Path, tmp_path: pathlib.Path) -> None:
    source = tmp_path / f"{page.stem}.py"
    source.write_text(program(page))
    run(str(source))


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])
def test_example_runs(example: pathlib.Path) -> None:
    run(str(example))


def test_there_is_something_to_run() -> None:
    assert {page.name for page in PAGES} >= {"README.md", "tutorial.md"}
    assert EXAMPLES

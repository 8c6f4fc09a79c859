"""The code cells of each notebook in examples/, in order; those without a time print what is saved."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from typing import Any

import pytest

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
MARK = "\N{RECORD SEPARATOR}"


def code_cells(notebook: pathlib.Path) -> list[dict[str, Any]]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_cells_print_what_is_saved(notebook: pathlib.Path) -> None:
    cells = code_cells(notebook)
    assert cells
    program = f"\nprint({MARK!r}, end='')\n".join("".join(cell["source"]) for cell in cells)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=EXAMPLES,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    for cell, printed in zip(cells, done.stdout.split(MARK), strict=True):
        if "timing" in cell["metadata"].get("tags", ()):
            continue
        assert printed == "".join("".join(output["text"]) for output in cell["outputs"])

"""Tables of figures are what the results files say."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import pathlib
from types import ModuleType

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("figures", str(ROOT / "tools" / "figures"))
    spec = importlib.util.spec_from_loader("figures", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    rows = [
        {"what": "trip", "contestant": "ringway", "unit": "µs", "median": 2.5049},
        {"what": "trip", "contestant": "other", "unit": "µs", "median": 1234.5},
    ]
    results = tmp_path / "benchmarks" / "results" / "runtime.json"
    results.write_text(json.dumps({"name": "runtime", "rows": rows}))
    (tmp_path / "README.md").write_text(
        "<!-- figures\nRound trip | runtime | trip | ringway | other\n-->\nold\n<!-- /figures -->\n"
    )
    return tmp_path


def test_every_table_here_is_up_to_date(figures: ModuleType) -> None:
    assert figures.main(["--check"]) == 0


def test_a_table_is_written_from_the_results(figures: ModuleType, tree: pathlib.Path) -> None:
    assert figures.main(["--check"], tree) == 1
    assert figures.main([], tree) == 0
    text = (tree / "README.md").read_text()
    assert (
        "| Round trip | 2.5 µs | other: 1,234 µs | [runtime.json](benchmarks/results/runtime.json) |" in text
    )
    assert "old" not in text
    assert figures.main(["--check"], tree) == 0


@pytest.mark.parametrize("wrong", ["runtime | trip | nobody", "nowhere | trip | ringway"])
def test_a_row_without_a_result_is_an_error(figures: ModuleType, tree: pathlib.Path, wrong: str) -> None:
    (tree / "README.md").write_text(f"<!-- figures\nRound trip | {wrong}\n-->\n<!-- /figures -->\n")
    with pytest.raises(SystemExit, match=r"nobody|nowhere"):
        figures.main([], tree)

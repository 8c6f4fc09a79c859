"""The commands that name a backend, on Metal."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import ringway as rw
from ringway.cli import main

ABSENT = rw.backends()["metal"]
pytestmark = pytest.mark.skipif(
    bool(ABSENT) and "metal" not in os.environ.get("RINGWAY_REQUIRE", ""), reason=f"metal: {ABSENT}"
)
Captured = pytest.CaptureFixture[str]


def test_validate(capsys: Captured) -> None:
    """All but what a slow machine could fail, as the software device's would be."""
    status = main(["validate", "--backend", "metal", "--exact", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["backend"] == "metal"
    found = {check["name"]: check for check in document["checks"]}
    assert {name: check for name, check in found.items() if check["status"] == "FAIL"} == {}
    assert status == 0
    assert {name for name in found if name.startswith(("dispatch", "pagerank", "fault"))} <= {
        name for name, check in found.items() if check["status"] == "ok"
    }


def test_pagerank(tmp_path: Path, capsys: Captured) -> None:
    graph = tmp_path / "graph.csv"
    random = np.random.default_rng(1)
    graph.write_text("".join(f"{a},{b}\n" for a, b in random.integers(0, 300, (2000, 2))))
    assert main(["pagerank", str(graph), "--backend", "metal", "--json", "--quiet"]) == 0
    on_metal = json.loads(capsys.readouterr().out)
    assert main(["pagerank", str(graph), "--backend", "cpu", "--dtype", "float64", "--json"]) == 0
    on_cpu = json.loads(capsys.readouterr().out)
    ranks = [{row["name"]: row["rank"] for row in document["ranks"]} for document in (on_metal, on_cpu)]
    assert ranks[0].keys() == ranks[1].keys()
    assert all(abs(ranks[0][name] - rank) < 2e-6 for name, rank in ranks[1].items())


def test_pagerank_of_what_metal_lacks_says_so(tmp_path: Path, capsys: Captured) -> None:
    graph = tmp_path / "graph.csv"
    graph.write_text("a,b\nb,a\n")
    assert main(["pagerank", str(graph), "--backend", "metal", "--dtype", "float64"]) == 1
    assert "backend 'metal' has no float64" in capsys.readouterr().err

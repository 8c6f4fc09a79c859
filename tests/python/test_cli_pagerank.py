"""``ringway pagerank``: what it prints in each form, and what it says about wrong input."""

from __future__ import annotations

import csv
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
import ringway as rw
from ringway.cli import main

EDGES = "app\tlibc\nlib\tlibc\napp\tlib\nlibc\tbase\n"
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def graph(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "graph.tsv"
    path.write_text(EDGES)
    return str(path)


def failure(capsys: Captured, *arguments: str) -> str:
    """The one line that a failing run prints."""
    assert main(["pagerank", *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ringway: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def usage(capsys: Captured, *arguments: str) -> str:
    """The one line that wrong usage prints."""
    with pytest.raises(SystemExit) as exit_:
        main(["pagerank", *arguments])
    assert exit_.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_table_names_nodes_in_the_order_of_their_ranks(graph: str, capsys: Captured) -> None:
    assert main(["pagerank", graph, "--tol", "1e-10"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert [line.split()[1] for line in lines[1:5]] == ["base", "libc", "lib", "app"]
    assert "4 nodes, 4 edges" in captured.out
    assert "iterations" in captured.out
    assert "residual" in captured.out
    assert "edges/s" in captured.out
    assert captured.err == ""


def test_json_holds_every_node_and_the_library_s_ranks(graph: str, capsys: Captured) -> None:
    assert main(["pagerank", graph, "--json", "--tol", "1e-10"]) == 0
    document = json.loads(capsys.readouterr().out)
    wanted = rw.pagerank(rw.Graph.read(graph), tol=1e-10)
    assert [row["position"] for row in document["ranks"]] == [1, 2, 3, 4]
    ranks = {row["name"]: row["rank"] for row in document["ranks"]}
    assert ranks == pytest.approx(wanted.to_dict(), abs=1e-12)
    assert document["iterations"] == wanted.iterations
    assert document["converged"] is True
    assert document["residual"] < 1e-10
    assert document["edges_per_second"] > 0


def test_csv_to_standard_output_and_to_a_file(graph: str, tmp_path: pathlib.Path, capsys: Captured) -> None:
    assert main(["pagerank", graph, "--csv", "--top", "2"]) == 0
    printed = capsys.readouterr().out
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [row["name"] for row in rows] == ["base", "libc"]
    path = tmp_path / "ranks.csv"
    assert main(["pagerank", graph, "--csv", str(path), "--top", "2"]) == 0
    assert path.read_text() == printed
    assert "edges/s" in capsys.readouterr().out


def test_options_reach_the_ranking(graph: str, tmp_path: pathlib.Path, capsys: Captured) -> None:
    def ranks(*arguments: str) -> dict[str, float]:
        assert main(["pagerank", graph, "--json", *arguments]) == 0
        document = json.loads(capsys.readouterr().out)
        return {row["name"]: row["rank"] for row in document["ranks"]}

    plain = ranks()
    assert ranks("--damping", "0") == pytest.approx(dict.fromkeys(plain, 0.25), abs=1e-6)
    assert ranks("--undirected") != pytest.approx(plain, abs=1e-3)
    assert ranks("--dtype", "float32") == pytest.approx(plain, abs=1e-5)
    assert ranks("--backend", "cpu") == plain
    assert ranks("--tol", "0", "--max-iter", "1") != pytest.approx(plain, abs=1e-3)
    pathlib.Path(graph).write_text("a\tb\t1\na\tc\t9\n")
    assert ranks()["c"] > ranks()["b"]
    assert ranks("--no-weights")["c"] == pytest.approx(ranks("--no-weights")["b"])
    odd = tmp_path / "graph.data"
    odd.write_text("a,b\n")
    assert main(["pagerank", str(odd), "--format", "csv"]) == 0


def test_not_converging_is_an_error(graph: str, capsys: Captured) -> None:
    text = failure(capsys, graph, "--max-iter", "1", "--tol", "1e-12")
    assert "1 iteration" in text
    assert "pass --on-failure return" in text


def test_ranks_that_have_not_converged_can_be_had(graph: str, capsys: Captured) -> None:
    assert main(["pagerank", graph, "--max-iter", "1", "--tol", "1e-12", "--on-failure", "return"]) == 0
    assert "not converged" in capsys.readouterr().out


def test_damping_may_be_one(graph: str) -> None:
    assert main(["pagerank", graph, "--damping", "1", "--max-iter", "3", "--on-failure", "return"]) == 0


def test_workers_bound_the_threads(graph: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int | None] = []
    monkeypatch.setattr(rw, "pagerank", lambda graph, workers, **_: given.append(workers) or sys.exit(0))
    with pytest.raises(SystemExit):
        main(["pagerank", graph, "--workers", "3"])
    assert given == [3]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--damping", "1.01"], "at least 0 and at most 1"),
        (["--workers", "0"], "at least 1"),
        (["--on-failure", "ignore"], "ignore"),
        (["--damping", "nan"], "nan is outside the range"),
        (["--damping", "-0.1"], "--damping"),
        (["--tol", "-1"], "--tol"),
        (["--tol", "inf"], "inf is outside the range"),
        (["--tol", "much"], "'much' is not a number"),
        (["--max-iter", "0"], "at least 1"),
        (["--max-iter", "1.5"], "'1.5' is not a whole number"),
        (["--top", "0"], "at least 1"),
        (["--dtype", "float16"], "float16"),
        (["--backend", "tpu"], "tpu"),
        (["--json", "--csv"], "give one a PATH"),
    ],
)
def test_wrong_options_are_refused_in_words(
    graph: str, capsys: Captured, arguments: list[str], says: str
) -> None:
    assert says in usage(capsys, graph, *arguments)


def test_a_path_that_took_the_file_is_named(graph: str, capsys: Captured) -> None:
    assert "FILE is missing" in usage(capsys)
    assert "put FILE first" in usage(capsys, "--csv", graph)
    assert pathlib.Path(graph).read_text() == EDGES


def test_wrong_files_are_errors_of_one_line(graph: str, tmp_path: pathlib.Path, capsys: Captured) -> None:
    assert "No such file" in failure(capsys, str(tmp_path / "missing.tsv"))
    assert "directory" in failure(capsys, str(tmp_path)).lower()
    assert "no file on a disk" in failure(capsys, "-")
    os.mkfifo(tmp_path / "pipe")
    assert "no file on a disk" in failure(capsys, str(tmp_path / "pipe"))
    wrong = tmp_path / "wrong.mtx"
    wrong.write_text("%%MatrixMarket matrix coordinate real general\n2 2 1\n1 nan 1\n")
    assert "wrong.mtx" in failure(capsys, str(wrong))


def test_outputs_are_checked_before_the_graph_is_read(
    graph: str, tmp_path: pathlib.Path, capsys: Captured
) -> None:
    assert "would overwrite the graph" in failure(capsys, graph, "--csv", graph)
    assert "no folder" in failure(capsys, graph, "--plot", str(tmp_path / "nowhere" / "ranks.png"))
    assert pathlib.Path(graph).read_text() == EDGES


def test_plot_writes_a_picture(graph: str, tmp_path: pathlib.Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "ranks.png"
    assert main(["pagerank", graph, "--plot", str(path)]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_plot_without_matplotlib_names_what_to_install(
    graph: str, tmp_path: pathlib.Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringway.cli.plot.find_spec", lambda name: None)
    assert "pip install 'ringway[plot]'" in failure(capsys, graph, "--plot", str(tmp_path / "ranks.png"))


def test_parquet_holds_the_rows_of_csv(graph: str, tmp_path: pathlib.Path, capsys: Captured) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path, text = tmp_path / "ranks.parquet", tmp_path / "ranks.csv"
    assert main(["pagerank", graph, "--parquet", str(path), "--csv", str(text), "--top", "3"]) == 0
    rows = [{name: str(value) for name, value in row.items()} for row in parquet.read_table(path).to_pylist()]
    for row, printed in zip(rows, csv.DictReader(io.StringIO(text.read_text())), strict=True):
        assert float(row.pop("rank")) == pytest.approx(float(printed.pop("rank")))
        assert row == printed
    edges = tmp_path / "edges.parquet"
    parquet.write_table(__import__("pyarrow").table({"a": ["x", "y"], "b": ["z", "z"]}), edges)
    assert main(["pagerank", str(edges)]) == 0
    assert "3 nodes, 2 edges" in capsys.readouterr().out


def test_parquet_without_pyarrow_names_what_to_install(
    graph: str, tmp_path: pathlib.Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert "pip install 'ringway[arrow]'" in failure(capsys, graph, "--parquet", str(tmp_path / "r.parquet"))


@pytest.mark.parametrize(
    "options", [[], ["--tol", "1e-12"], ["--damping", "0.5"], ["--undirected"], ["--no-weights"]]
)
def test_verify_compares_with_another_method(
    tmp_path: pathlib.Path, capsys: Captured, options: list[str]
) -> None:
    rng = np.random.default_rng(6)
    path = tmp_path / "graph.rwg"
    weights = rng.random(900).round(1)  # some are 0
    rw.Graph.from_edges(rng.integers(0, 150, 900), rng.integers(0, 200, 900), weights, 200).save(path)
    assert main(["pagerank", str(path), "--verify", *options]) == 0
    assert "verified: " in capsys.readouterr().out
    assert main(["pagerank", str(path), "--verify", "--json", *options]) == 0
    check = json.loads(capsys.readouterr().out)["check"]
    assert 0 < check["difference"] <= check["limit"] < 1e-4
    assert check["sweeps"] > 2


def test_verify_finds_wrong_ranks(graph: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    right: Any = rw.pagerank

    def wrong(*arguments: object, **options: object) -> rw.PageRankResult:
        result: rw.PageRankResult = right(*arguments, **options)
        result.ranks[:2] = result.ranks[1::-1].copy()
        return result

    monkeypatch.setattr(rw, "pagerank", wrong)
    assert "from the reference, more than" in failure(capsys, graph, "--verify")


def test_verify_is_refused_where_it_cannot_be_done(
    graph: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "--damping below 1" in failure(capsys, graph, "--verify", "--damping", "1")
    monkeypatch.setitem(sys.modules, "scipy.sparse.linalg", None)
    assert "pip install 'ringway[graphs]'" in failure(capsys, graph, "--verify")


def test_an_empty_graph_has_an_empty_table(tmp_path: pathlib.Path, capsys: Captured) -> None:
    path = tmp_path / "empty.mtx"
    path.write_text("%%MatrixMarket matrix coordinate pattern general\n0 0 0\n")
    assert main(["pagerank", str(path)]) == 0
    assert "0 nodes, 0 edges" in capsys.readouterr().out


def test_ctrl_c_ends_it_with_130(tmp_path: pathlib.Path) -> None:
    src, dst = np.random.default_rng(0).integers(0, 100_000, (2, 1_000_000))
    path = tmp_path / "large.rwg"
    rw.Graph.from_edges(src, dst).save(path)
    command = [sys.executable, "-m", "ringway", "pagerank", str(path), "--tol", "0", "--max-iter", "1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        time.sleep(2)
        child.send_signal(signal.SIGINT)
        try:
            out, err = child.communicate(timeout=30)
        finally:
            child.kill()
    assert (child.returncode, out, err) == (130, "", "ringway: error: interrupted\n")

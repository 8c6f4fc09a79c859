"""Semantics of `ringway.pagerank`: arguments, refusals, results; numbers: test_pagerank_equal.py."""

from __future__ import annotations

import math
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import ringway as rw
import scipy.sparse
from ringway import pagerank_engine
from ringway.errors import GraphError, InvalidOption, NotConverged, NotFound

CYCLE = (np.arange(5), np.array([1, 2, 3, 4, 0]))
CHAIN = (np.array([0, 1]), np.array([1, 2]))


def test_cycle_is_even() -> None:
    result = rw.pagerank(CYCLE)
    np.testing.assert_allclose(result.ranks, 0.2, rtol=1e-6)
    assert result.converged
    assert result.ranks.dtype == np.float32


def test_no_nodes() -> None:
    result = rw.pagerank(rw.Graph.from_edges([], [], num_nodes=0))
    assert (len(result), result.iterations, result.converged, result.plan) == (0, 0, True, None)
    assert result.top(3) == []
    assert result.to_dict() == {}
    assert rw.pagerank(nx.DiGraph()).to_dict() == {}


@pytest.mark.parametrize("edges", [0, 1, 3])
def test_one_node(edges: int) -> None:
    result = rw.pagerank(rw.Graph.from_edges([0] * edges, [0] * edges, num_nodes=1), dtype=np.float64)
    assert result.ranks.tolist() == [1.0]


@pytest.mark.parametrize("nodes", [2, 7])
def test_no_edges(nodes: int) -> None:
    result = rw.pagerank(rw.Graph.from_edges([], [], num_nodes=nodes), tol=1e-12)
    np.testing.assert_allclose(result.ranks, 1 / nodes, rtol=1e-15)


def test_dtype_follows_the_tolerance() -> None:
    assert rw.pagerank(CYCLE, tol=1e-7).ranks.dtype == np.float32
    assert rw.pagerank(CYCLE, tol=0.9e-7).ranks.dtype == np.float64
    assert rw.pagerank(CYCLE, tol=1e-3, dtype=np.float64).ranks.dtype == np.float64
    assert rw.pagerank(CYCLE, tol=0, dtype="float32", max_iter=3).ranks.dtype == np.float32
    with pytest.raises(InvalidOption, match="float32 cannot resolve"):
        rw.pagerank(CYCLE, tol=1e-8, dtype=np.float32)
    with pytest.raises(InvalidOption, match="dtype is int32"):
        rw.pagerank(CYCLE, dtype=np.int32)


def test_tolerance_zero_runs_exactly() -> None:
    result = rw.pagerank(CHAIN, tol=0, max_iter=150)
    assert result.iterations == 150
    assert len(result.residuals) == 150
    assert not result.converged
    assert rw.pagerank(CHAIN, tol=0, max_iter=0).ranks.tolist() == pytest.approx([1 / 3] * 3)


def test_residuals_are_the_changes() -> None:
    result = rw.pagerank(CHAIN, tol=1e-9)
    assert result.residuals[-1] < 1e-9 <= result.residuals[-2]
    for i in range(1, 4):
        before = rw.pagerank(CHAIN, tol=0, max_iter=i - 1, dtype=np.float64).ranks
        after = rw.pagerank(CHAIN, tol=0, max_iter=i, dtype=np.float64).ranks
        assert result.residuals[i - 1] == pytest.approx(np.abs(after - before).sum(), rel=1e-12)


def test_residuals_of_a_long_run_are_the_last_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagerank_engine, "HISTORY", 8)
    engine = pagerank_engine.Engine("cpu", 1)
    problem = pagerank_engine.Problem(rw.Graph.from_edges(*CHAIN), 8, False, 0.85, 0.0, 21, None, None, None)
    whole = rw.pagerank(CHAIN, tol=0, max_iter=21, dtype=np.float64).residuals
    np.testing.assert_array_equal(engine.run(problem, None).residuals, whole[-8:])
    engine.runtime.close()


def test_not_converging() -> None:
    with pytest.raises(NotConverged, match=r"after 2 iterations .* tol is 1e-06; raise max_iter"):
        rw.pagerank(CHAIN, max_iter=2)
    with pytest.raises(ArithmeticError):
        rw.pagerank(CHAIN, max_iter=0)
    result = rw.pagerank(CHAIN, max_iter=2, on_failure="return")
    assert (result.iterations, result.converged) == (2, False)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"damping": 1.1}, "damping is 1.1"),
        ({"damping": -0.1}, "damping is -0.1"),
        ({"damping": math.nan}, "damping is nan"),
        ({"tol": -1}, "tol is -1"),
        ({"tol": math.nan}, "tol is nan"),
        ({"tol": math.inf}, "tol is inf"),
        ({"max_iter": -1}, "max_iter is -1"),
        ({"max_iter": 2**32}, "max_iter is 4294967296"),
        ({"on_failure": "ignore"}, "on_failure is 'ignore'"),
        ({"personalization": [1, 1]}, r"personalization has shape \(2,\); the graph has 3 nodes"),
        ({"personalization": [0, 0, 0]}, "personalization adds up to 0"),
        ({"personalization": {}}, "personalization adds up to 0"),
        ({"personalization": {0: -1, 1: 2}}, r"personalization\[0\] is -1"),
        ({"nstart": [1, math.nan, 1]}, r"nstart\[1\] is nan"),
        ({"nstart": "abc"}, "nstart is not one number per node"),
        ({"dangling": [1, math.inf, 1]}, r"dangling\[1\] is inf"),
    ],
)
def test_refusals(options: dict[str, object], text: str) -> None:
    with pytest.raises(InvalidOption, match=text):
        rw.pagerank(CHAIN, **options)  # type: ignore[arg-type]


def test_refuses_what_is_no_graph() -> None:
    with pytest.raises(InvalidOption, match=r"graph is a builtins\.int"):
        rw.pagerank(5)
    with pytest.raises(GraphError):
        rw.pagerank(([0], [1], [-1.0]))


def test_unknown_node_in_a_mapping() -> None:
    with pytest.raises(NotFound, match="'nobody'"):
        rw.pagerank(nx.path_graph(["a", "b"], create_using=nx.DiGraph), personalization={"nobody": 1})


def test_same_graph_from_every_source(tmp_path: object) -> None:
    edges = [(0, 1), (1, 2), (2, 0), (2, 1), (0, 3)]
    src, dst = np.array(edges).T
    want = rw.pagerank((src, dst)).ranks
    digraph = nx.DiGraph(edges)
    digraph_order = [list(digraph).index(i) for i in range(4)]
    matrix = scipy.sparse.coo_array((np.ones(5), (src, dst)), shape=(4, 4))
    np.testing.assert_array_equal(rw.pagerank(digraph).ranks[digraph_order], want)
    np.testing.assert_array_equal(rw.pagerank(matrix.tocsr()).ranks, want)
    path = f"{tmp_path}/graph.el"
    np.savetxt(path, np.array(edges), fmt="%d")
    np.testing.assert_array_equal(rw.pagerank(path).ranks, want)
    import igraph

    np.testing.assert_array_equal(rw.pagerank(igraph.Graph(edges, directed=True)).ranks, want)


def test_weight_none_ignores_weights() -> None:
    weighted = rw.Graph.from_edges([0, 0, 1, 2], [1, 2, 0, 0], weight=[1, 9, 1, 1])
    plain = rw.Graph.from_edges([0, 0, 1, 2], [1, 2, 0, 0])
    ignored = rw.pagerank(weighted, weight=None).ranks
    np.testing.assert_array_equal(ignored, rw.pagerank(plain).ranks)
    assert abs(rw.pagerank(weighted).ranks - ignored).max() > 0.1


def test_result_by_name() -> None:
    graph = nx.DiGraph([("a", "b"), ("c", "b"), ("b", "a")])
    result = rw.pagerank(graph)
    assert [name for name, _ in result.top(2)] == ["b", "a"]
    assert [name for name, _ in result.top(10)] == ["b", "a", "c"]
    assert result["b"] == result.to_dict()["b"] == result.top(1)[0][1]
    assert sum(result.to_dict().values()) == pytest.approx(1)
    with pytest.raises(LookupError):
        result["nobody"]
    assert "3 nodes" in repr(result)
    assert "converged" in repr(result)


def test_top_breaks_ties_by_number() -> None:
    assert [node for node, _ in rw.pagerank(rw.Graph.from_edges([], [], num_nodes=6)).top(3)] == [0, 1, 2]
    assert rw.pagerank(CYCLE).top(0) == rw.pagerank(CYCLE).top(-1) == []


def test_series_and_plot() -> None:
    result = rw.pagerank(CHAIN)
    pandas = pytest.importorskip("pandas")
    series = result.to_series()
    assert isinstance(series, pandas.Series)
    assert series[2] == pytest.approx(result[2])
    pytest.importorskip("matplotlib")
    line = result.plot().lines[0]
    np.testing.assert_array_equal(line.get_xdata(), np.arange(1, result.iterations + 1))
    np.testing.assert_array_equal(line.get_ydata(), result.residuals)


def test_plan_and_times() -> None:
    result = rw.pagerank(CHAIN)
    assert result.plan is not None
    assert (result.plan.backend, result.plan.dtype, result.plan.shards, result.plan.blocks) == (
        "cpu",
        "float32",
        1,
        1,
    )
    assert not result.plan.weighted
    assert not result.plan.ordered
    assert 0 < result.iteration_time * result.iterations <= result.total_time


def test_plan_is_kept_with_the_graph() -> None:
    graph = rw.Graph.from_edges(*CHAIN)
    first = rw.pagerank(graph).plan
    assert rw.pagerank(graph, damping=0.5).plan is first
    assert rw.pagerank(graph, dtype=np.float64).plan is not first
    assert rw.pagerank(rw.Graph.from_edges(*CHAIN)).plan is not first


def test_unknown_backend() -> None:
    with pytest.raises(rw.Error):
        rw.pagerank(CYCLE, backend="abacus")


@pytest.mark.parametrize("kind", ["Graph", "path", "arrays", "scipy"])
def test_the_name_of_weights_is_refused_where_there_are_no_names(kind: str, tmp_path: Path) -> None:
    scipy_sparse = pytest.importorskip("scipy.sparse")
    arrays = (np.array([0, 1]), np.array([1, 0]), np.array([1.0, 2.0]))
    graph = rw.Graph.from_edges(*arrays)
    graph.save(tmp_path / "g.rwg")
    source = {
        "Graph": graph,
        "path": tmp_path / "g.rwg",
        "arrays": arrays,
        "scipy": scipy_sparse.csr_array((2, 2)),
    }[kind]
    with pytest.raises(rw.errors.InvalidOption, match="weight is 'cost', but only"):
        rw.pagerank(source, weight="cost")
    with pytest.raises(rw.errors.InvalidOption, match="weight is 5"):
        rw.pagerank(source, weight=5)
    for weight in ("weight", None):
        assert rw.pagerank(source, weight=weight).converged

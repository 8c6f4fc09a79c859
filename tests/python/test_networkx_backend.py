"""ringway as a backend of networkx: same results, arguments and exceptions, and networkx's own tests."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import ringway as rw
from ringway import networkx_backend as backend

pytestmark = pytest.mark.skipif(
    not importlib.metadata.entry_points(group="networkx.backends", name="ringway"),
    reason="ringway is not installed, so that networkx finds no entry point",
)
UNABLE = backend.LeftToNetworkX.__mro__[1]  # what networkx makes of it where backend= leaves no other
KINDS = [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph]


def random_graph(rng: random.Random) -> Any:
    """Of a drawn class: loops, parallel edges, dangling nodes, weights that some edges lack."""
    graph: Any = rng.choice(KINDS)()
    nodes: list[Any] = list(range(40)) if rng.random() < 0.5 else [("n", i) for i in range(40)]
    rng.shuffle(nodes)
    graph.add_nodes_from(nodes)
    for _ in range(rng.choice([10, 100, 300])):
        ends = rng.choice(nodes[:30]), rng.choice(nodes)
        if rng.random() < 0.7:
            graph.add_edge(*ends, cost=rng.choice([0, 0.5, 1, 7]))
        else:
            graph.add_edge(*ends)
    return graph


def some_values(rng: random.Random, graph: Any) -> dict[Any, float] | None:
    if rng.random() < 0.4:
        return None
    return {"unknown": 3.0, **{node: rng.random() for node in rng.sample(list(graph), 12)}}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """networkx warns whenever it uses a converted graph again."""
    with nx.config(warnings_to_ignore={"cache"}):
        yield


@pytest.fixture
def priority() -> Iterator[None]:
    with nx.config.backend_priority(algos=["ringway"]):
        yield


@pytest.mark.parametrize("seed", range(30))
def test_pagerank_is_networkx_s(seed: int) -> None:
    rng = random.Random(seed)
    graph = random_graph(rng)
    options = {name: some_values(rng, graph) for name in ("personalization", "nstart", "dangling")}
    weight = rng.choice(["cost", "absent", None])
    alpha = rng.choice([0.85, 0.5, 0, 1])
    for tol, max_iter in ((1e-12, 2000), (1e-3, 100)):
        arguments: dict[str, Any] = {"alpha": alpha, "tol": tol, "max_iter": max_iter, "weight": weight}
        try:
            want = nx.pagerank(graph, **options, **arguments)
        except nx.PowerIterationFailedConvergence as error:
            with pytest.raises(nx.PowerIterationFailedConvergence, match=re.escape(error.args[1])):
                nx.pagerank(graph, **options, **arguments, backend="ringway")
            continue
        got = nx.pagerank(graph, **options, **arguments, backend="ringway")
        assert list(got) == list(want)
        assert {type(rank) for rank in got.values()} == {float}
        assert got == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"personalization": {0: 0, 1: 0}}, ZeroDivisionError),
        ({"personalization": {}}, ZeroDivisionError),
        ({"personalization": {9: 1}}, ZeroDivisionError),
        ({"personalization": {0: float("nan")}}, nx.PowerIterationFailedConvergence),
        ({"nstart": {0: 0}}, nx.PowerIterationFailedConvergence),
        ({"dangling": {}}, nx.PowerIterationFailedConvergence),
        ({"max_iter": 0}, nx.PowerIterationFailedConvergence),
        ({"max_iter": -3}, nx.PowerIterationFailedConvergence),
        ({"tol": 0}, nx.PowerIterationFailedConvergence),
        ({"tol": -1.0}, nx.PowerIterationFailedConvergence),
        ({"max_iter": 1, "tol": 1e-15}, nx.PowerIterationFailedConvergence),
        ({"max_iter": 2.5}, TypeError),
        ({"unknown": 1}, TypeError),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_pagerank_fails_as_networkx_does(priority: None, arguments: Any, error: type[Exception]) -> None:
    graph = nx.path_graph(4)
    with pytest.raises(error) as theirs:
        nx.pagerank(graph, backend="networkx", **arguments)
    with pytest.raises(error) as ours:
        nx.pagerank(graph, **arguments)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("seed", range(20))
def test_centralities_are_networkx_s(seed: int) -> None:
    rng = random.Random(seed)
    graph = random_graph(rng)
    if graph.is_multigraph():
        graph = nx.DiGraph(graph) if graph.is_directed() else nx.Graph(graph)
    nodes = rng.sample(list(graph), len(graph))
    common: dict[str, Any] = {
        "weight": rng.choice(["cost", None]),
        "nstart": rng.choice([None, {node: rng.random() for node in nodes}]),
    }
    beta = rng.choice([1.0, -2, {node: rng.random() for node in nodes}])
    for function, arguments in (
        (nx.katz_centrality, {"alpha": 0.01, "beta": beta, "normalized": rng.random() < 0.5}),
        (nx.katz_centrality, {"alpha": 5.0, "max_iter": 30}),
        (nx.eigenvector_centrality, {"max_iter": 1000}),
        (nx.eigenvector_centrality, {"max_iter": 2}),
    ):
        try:
            want = function(graph, **common, **arguments)
        except nx.PowerIterationFailedConvergence as error:
            with pytest.raises(nx.PowerIterationFailedConvergence, match=re.escape(error.args[1])):
                function(graph, **common, **arguments, backend="ringway")
            continue
        got = function(graph, **common, **arguments, backend="ringway")
        assert list(got) == list(want)
        assert {type(value) for value in got.values()} == {float}
        assert got == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize(
    ("function", "arguments", "error"),
    [
        (nx.katz_centrality, {"beta": {0: 1}}, nx.NetworkXError),
        (nx.katz_centrality, {"beta": "much"}, nx.NetworkXError),
        (nx.katz_centrality, {"beta": None}, TypeError),
        (nx.katz_centrality, {"nstart": {0: 1}}, KeyError),
        (nx.katz_centrality, {"max_iter": 0}, nx.PowerIterationFailedConvergence),
        (nx.katz_centrality, {"max_iter": 1.5}, TypeError),
        (nx.katz_centrality, {"tol": 0, "max_iter": 20}, nx.PowerIterationFailedConvergence),
        (nx.eigenvector_centrality, {"nstart": dict.fromkeys(range(30), 0)}, nx.NetworkXError),
        (
            nx.eigenvector_centrality,
            {"nstart": {0: 1, 1: -1, **dict.fromkeys(range(2, 30), 0)}},
            ZeroDivisionError,
        ),
        (nx.eigenvector_centrality, {"nstart": {0: 1}}, KeyError),
        (nx.eigenvector_centrality, {"max_iter": -1}, nx.PowerIterationFailedConvergence),
        (nx.eigenvector_centrality, {"tol": float("nan")}, nx.PowerIterationFailedConvergence),
    ],
)
def test_centralities_fail_as_networkx_s_do(
    priority: None, function: Any, arguments: Any, error: type[Exception]
) -> None:
    graph = nx.path_graph(30)
    with pytest.raises(error) as theirs:
        function(graph, backend="networkx", **arguments)
    with pytest.raises(error) as ours:
        function(graph, **arguments)
    assert str(ours.value) == str(theirs.value)


def test_empty_graphs_and_great_weights() -> None:
    empty: Any = nx.DiGraph()
    assert nx.pagerank(empty, backend="ringway") == nx.katz_centrality(empty, backend="ringway") == {}
    with pytest.raises(nx.NetworkXPointlessConcept, match="null graph"):
        nx.eigenvector_centrality(empty, backend="ringway")
    with pytest.raises(nx.NetworkXNotImplemented):
        nx.katz_centrality(nx.MultiGraph(), backend="ringway")
    great = nx.cycle_graph(5)
    nx.set_edge_attributes(great, 1e200, "weight")
    assert nx.eigenvector_centrality(great, weight="weight", backend="ringway") == pytest.approx(
        nx.eigenvector_centrality(great, weight="weight")
    )


def test_several_threads_give_the_same_bits() -> None:
    rng = np.random.default_rng(4)
    src, dst = rng.integers(0, 50_000, (2, 1_200_000))
    rows = rw.Graph.from_edges(src, dst, rng.random(len(src)), num_nodes=50_000)
    made = backend.NetworkXGraph(rows, list(range(50_000)), "weight", True, False)
    first = nx.eigenvector_centrality(made, weight="weight")
    assert nx.eigenvector_centrality(made, weight="weight") == first
    matrix = rows.to_scipy().T.tocsr()
    x = np.array(list(first.values()))
    following = x + matrix @ x
    assert np.abs(following / np.linalg.norm(following) - x).sum() < 50_000 * 1e-6


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"alpha": 1.5}, "alpha is 1.5; ringway takes a number from 0 to 1"),
        ({"weight": len}, "ringway takes the name of an edge attribute"),
        ({"personalization": {0: -1, 1: 3}}, "personalization has a negative value"),
        ({"weight": "debt"}, "weight -1"),
        ({"weight": "name"}, "'name' is not always a number"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_what_ringway_cannot_goes_to_networkx_with_the_reason(
    priority: None, caplog: pytest.LogCaptureFixture, arguments: Any, says: str
) -> None:
    graph = nx.DiGraph([(0, 1, {"debt": -1, "name": "1.5"}), (1, 2), (2, 0)])
    if arguments.get("weight") == "name":
        graph.edges[1, 2]["name"] = "cheap"
    with caplog.at_level(logging.DEBUG, logger="networkx.utils.backends"):
        try:
            want: Any = nx.pagerank(graph, backend="networkx", **arguments)
        except Exception as error:
            with pytest.raises(type(error)):
                nx.pagerank(graph, **arguments)
        else:
            assert nx.pagerank(graph, **arguments) == want
    assert says in caplog.text
    with pytest.raises(UNABLE):
        nx.pagerank(graph, backend="ringway", **arguments)


def test_priority_uses_the_engine_and_networkx_keeps_the_conversion(
    priority: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = nx.gnp_random_graph(200, 0.1, seed=3, directed=True)
    converted: list[str | None] = []
    convert = backend.convert_from_nx

    def counted(*args: Any, **options: Any) -> Any:
        converted.append(options["name"])
        return convert(*args, **options)

    monkeypatch.setattr(backend, "convert_from_nx", counted)
    first = nx.pagerank(graph)
    assert nx.pagerank(graph, alpha=0.5) != first
    assert nx.pagerank(graph) == first
    assert nx.pagerank(graph, weight=None) == first
    assert converted == ["pagerank"]
    graph.add_edge(0, "new")
    assert "new" in nx.pagerank(graph)
    assert converted == ["pagerank", "pagerank"]


def test_parameters_of_its_own() -> None:
    graph = nx.gnp_random_graph(100, 0.1, seed=3)
    single = nx.pagerank(graph, backend="ringway", dtype="float32", workers=1)
    assert all(np.float32(rank) == rank for rank in single.values())
    assert single == pytest.approx(nx.pagerank(graph), abs=1e-6)
    with pytest.raises(rw.errors.InvalidOption, match="workers is 0"):
        nx.pagerank(graph, backend="ringway", workers=0)
    assert "workers : int" in (nx.pagerank.__doc__ or "")


@pytest.mark.parametrize("kind", KINDS)
def test_converted_graphs_are_taken_and_given_back(kind: Any) -> None:
    graph = kind([("a", "b", {"cost": 2}), ("b", "b"), ("b", "c", {"cost": 0.5}), ("b", "a")], name="mine")
    graph.add_node("alone")
    made = backend.convert_from_nx(graph, edge_attrs={"cost": 1}, preserve_graph_attrs=True)
    assert (len(made), made.number_of_nodes(), made.number_of_edges()) == (4, 4, graph.number_of_edges())
    assert (made.is_directed(), made.is_multigraph()) == (graph.is_directed(), graph.is_multigraph())
    assert list(made) == list(graph)
    assert "alone" in made
    assert nx.pagerank(made, weight="cost") == nx.pagerank(graph, weight="cost", backend="ringway")
    assert nx.pagerank(made, weight="other") == nx.pagerank(graph, weight=None, backend="ringway")
    back = backend.convert_to_nx(made)
    assert type(back) is kind
    assert back.graph == {"name": "mine"}
    costs = sorted((*sorted(ends), cost) for *ends, cost in graph.edges(data="cost", default=1))
    assert sorted((*sorted(ends), cost) for *ends, cost in back.edges(data="cost")) == costs
    plain = backend.convert_from_nx(graph)
    assert sorted(map(sorted, backend.convert_to_nx(plain).edges())) == sorted(map(sorted, graph.edges()))


def test_only_what_is_kept_is_promised() -> None:
    graph = nx.path_graph(3)
    for arguments in (
        {"preserve_edge_attrs": True},
        {"node_attrs": {"size": None}},
        {"edge_attrs": {"a": 1, "b": 1}},
        {"edge_attrs": {"a": 0}},
    ):
        with pytest.raises(backend.LeftToNetworkX, match="one edge attribute"):
            backend.convert_from_nx(graph, **arguments)


def test_what_is_claimed_is_there() -> None:
    info = nx.utils.backends.backend_info["ringway"]
    assert set(info["functions"]) == set(backend.conditions.FUNCTIONS)
    assert all(hasattr(backend, name) for name in info["functions"])
    assert backend.can_run("shortest_path", (), {}) == "ringway has no shortest_path"
    assert backend.should_run("pagerank", (nx.path_graph(3),), {}) is True
    assert backend.should_run("katz_centrality", (), {"G": nx.path_graph(300)}) is True
    assert "of 3 nodes" in str(backend.should_run("katz_centrality", (nx.path_graph(3),), {}))


def test_views_and_subclasses_of_graphs() -> None:
    class Mine(nx.DiGraph):  # type: ignore[type-arg]
        """Nothing of its own."""

    graph = nx.gnp_random_graph(60, 0.1, seed=5, directed=True)
    for other in (
        Mine(graph),
        graph.subgraph(range(10, 50)),
        graph.subgraph([50, 3, 41, 7]),
        graph.reverse(copy=False),
        graph.to_undirected(as_view=True),
        nx.subgraph_view(graph, filter_edge=lambda u, v: (u + v) % 3 > 0),
    ):
        assert nx.pagerank(other, backend="ringway") == pytest.approx(nx.pagerank(other), abs=1e-12)


def test_import_networkx_imports_neither_ringway_nor_numpy() -> None:
    code = (
        "import sys, networkx as nx\n"
        "assert nx.utils.backends.backend_info['ringway']['short_summary']\n"
        "print([name for name in ('ringway', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_networkx_s_own_tests_pass_without_falling_back(tmp_path: Path) -> None:
    """With every function that is not claimed expected to fail, as networkx marks it."""
    environment = {**os.environ, "NETWORKX_TEST_BACKEND": "ringway", "NETWORKX_FALLBACK_TO_NX": ""}
    algorithms = "networkx.algorithms."
    modules = [
        f"{algorithms}link_analysis.tests.test_pagerank",
        f"{algorithms}centrality.tests.test_eigenvector_centrality",
        f"{algorithms}centrality.tests.test_katz_centrality",
    ]
    options = ["-q", "-rA", "-p", "no:cacheprovider", "--import-mode=importlib", "--pyargs"]
    command = [sys.executable, "-m", "pytest", *options, *modules]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout
    outcomes = [line for line in done.stdout.splitlines() if line.startswith(("PASSED", "XFAIL"))]
    passed = [line for line in outcomes if line.startswith("PASSED")]
    for test, least in (("[pagerank]", 14), ("::TestKatzCentrality::", 9), ("::TestEigenvector", 4)):
        assert sum(test in line for line in passed) >= least, done.stdout
    for line in set(outcomes) - set(passed):
        assert not any(f"'{name}' not" in line for name in backend.conditions.FUNCTIONS), line

"""Graphs made from other libraries' graphs, against what those libraries say of them."""

from __future__ import annotations

import pickle
from collections import Counter
from typing import Any

import igraph
import networkx as nx
import numpy as np
import pytest
import ringway as rw
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from ringway.errors import GraphError, NotFound

Edges = list[tuple[int, int, float]]
edge_lists = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.floats(0, 1e9)), max_size=30)
property_test = settings(max_examples=100, deadline=None)


def edges_of(graph: rw.Graph) -> Counter[tuple[Any, Any, float]]:
    src, dst, values = graph.edges()
    listed = np.ones(len(src)) if values is None else values
    return Counter(
        (graph.label(int(u)), graph.label(int(v)), float(w)) for u, v, w in zip(src, dst, listed, strict=True)
    )


def columns(edges: Edges) -> tuple[Any, Any, Any]:
    table = np.array(edges, np.float64).reshape(-1, 3)
    return table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2]


@property_test
@given(
    edge_lists, st.sampled_from(["coo", "csr", "csc", "lil", "dok"]), st.sampled_from([np.int32, np.int64])
)
def test_scipy(edges: Edges, form: str, index: type) -> None:
    src, dst, values = columns(edges)
    matrix = scipy.sparse.coo_array((values, (src.astype(index), dst.astype(index))), shape=(13, 13))
    converted = matrix.asformat(form)
    graph = rw.Graph.from_scipy(converted)
    outside = nx.from_scipy_sparse_array(converted, create_using=nx.MultiDiGraph)
    assert graph.num_nodes == 13
    assert edges_of(graph) == Counter(outside.edges(data="weight"))
    np.testing.assert_allclose(graph.to_scipy().toarray(), matrix.toarray())


def test_scipy_s_stored_zeros_repeated_entries_and_pattern() -> None:
    zero = scipy.sparse.csr_array(([0.0, 2.0], ([0, 1], [1, 0])), shape=(2, 2))
    assert edges_of(rw.Graph.from_scipy(zero)) == Counter([(0, 1, 0.0), (1, 0, 2.0)])
    repeated = scipy.sparse.csr_array((np.array([1.0, 2.0]), [1, 1], [0, 2, 2]), shape=(2, 2))
    assert edges_of(rw.Graph.from_scipy(repeated)) == Counter([(0, 1, 1.0), (0, 1, 2.0)])
    spare = scipy.sparse.csr_matrix((2, 2))
    spare.data, spare.indices, spare.indptr = np.ones(5), np.zeros(5, np.int32), np.array([0, 1, 1], np.int32)
    assert rw.Graph.from_scipy(spare).num_edges == 1
    assert not rw.Graph.from_scipy(zero != 0).has_weights
    assert not rw.Graph.from_scipy(zero, weighted=False).has_weights
    assert rw.Graph.from_scipy(zero, labels=["a", "b"]).index_of("b") == 1
    assert rw.Graph.from_scipy(scipy.sparse.coo_array((0, 0))).num_nodes == 0


@pytest.mark.parametrize(
    ("matrix", "reason"),
    [
        (scipy.sparse.csr_array((2, 3)), "must be square"),
        (scipy.sparse.csr_array([[0, 1j], [0, 0]]), "complex128"),
        (scipy.sparse.csr_array([[0, -1.0], [0, 0]]), "weight -1"),
        (scipy.sparse.coo_array([[0, np.nan], [0, 0]]), "weight nan"),
    ],
)
def test_scipy_refused(matrix: Any, reason: str) -> None:
    with pytest.raises(GraphError, match=reason):
        rw.Graph.from_scipy(matrix)


@property_test
@given(edge_lists, st.sampled_from([nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph]))
def test_networkx(edges: Edges, kind: Any) -> None:
    outside = kind()
    outside.add_node("alone")
    outside.add_weighted_edges_from(edges)
    graph = rw.Graph.from_networkx(outside)
    assert list(graph.labels or []) == list(outside)
    assert edges_of(graph) == Counter(outside.to_directed().edges(data="weight"))
    np.testing.assert_allclose(graph.to_scipy().toarray(), nx.to_scipy_sparse_array(outside).toarray())


def test_networkx_nodes_and_attributes() -> None:
    outside = nx.DiGraph([((1, 2), "b"), ("b", frozenset()), ("b", 3.5)])
    graph = rw.Graph.from_networkx(outside)
    assert not graph.has_weights
    assert graph.index_of((1, 2)) == 0
    assert graph.label(2) == frozenset()
    with pytest.raises(NotFound, match="no node 'c'"):
        graph.index_of("c")
    assert pickle.loads(pickle.dumps(graph)).index_of(3.5) == 3

    outside.edges["b", 3.5]["cost"] = 7
    assert edges_of(rw.Graph.from_networkx(outside, weight="cost"))["b", 3.5, 7.0] == 1
    assert edges_of(rw.Graph.from_networkx(outside, weight="cost"))["b", frozenset(), 1.0] == 1
    assert not rw.Graph.from_networkx(outside, weight=None).has_weights
    outside.edges["b", 3.5]["cost"] = "dear"
    with pytest.raises(GraphError, match="'cost' is not always a number"):
        rw.Graph.from_networkx(outside, weight="cost")

    assert rw.Graph.from_networkx(nx.path_graph(3)).labels is None
    assert rw.Graph.from_networkx(nx.DiGraph([("a", "b")])).labels == ["a", "b"]
    assert len(rw.Graph.from_networkx(nx.DiGraph())) == 0


@property_test
@given(edge_lists, st.booleans(), st.booleans())
def test_igraph(edges: Edges, directed: bool, weighted: bool) -> None:
    src, dst, values = columns(edges)
    outside = igraph.Graph(13, list(zip(src.tolist(), dst.tolist(), strict=True)), directed=directed)
    outside.vs["name"] = [f"v{i}" for i in range(13)]
    if weighted:
        outside.es["weight"] = values.tolist()
    graph = rw.Graph.from_igraph(outside)
    assert graph.labels == outside.vs["name"]
    listed = [1.0] * len(edges) if not weighted else values.tolist()
    pairs = [(f"v{u}", f"v{v}", w) for u, v, w in zip(src, dst, listed, strict=True)]
    back = [(v, u, w) for u, v, w in pairs if u != v and not directed]
    assert edges_of(graph) == Counter(pairs + back)


def test_labels_of_edge_arrays() -> None:
    graph = rw.Graph.from_edges([0, 1], [1, 2], labels=["a", "b", "c", "d"])
    assert (graph.num_nodes, graph.index_of("d"), graph.label(3)) == (4, 3, "d")
    assert rw.Graph.from_edges([0], [1], labels=iter(["x", "y"])).labels == ["x", "y"]
    plain = rw.Graph.from_edges([0, 1], [1, 2])
    assert (plain.labels, plain.label(2), plain.index_of(2)) == (None, 2, 2)
    for absent in (3, -1, "a"):
        with pytest.raises(NotFound):
            plain.index_of(absent)
    with pytest.raises(NotFound):
        plain.label(3)
    with pytest.raises(NotFound):
        graph.index_of(0)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (["a", "a", "b"], "two nodes have the label 'a'"),
        ([1, 1, "b"], "two nodes have the same label"),
        (["a", "b"], "node 2 in a graph of 2 nodes"),
        (["a", "b", "\ud800"], "not valid Unicode"),
    ],
)
def test_labels_refused(labels: list[Any], reason: str) -> None:
    with pytest.raises(GraphError, match=reason):
        rw.Graph.from_edges([0, 1], [1, 2], labels=labels)


def test_one_label_per_node() -> None:
    for labels in (["a", "b"], [1, 2]):
        with pytest.raises(GraphError, match="3 nodes but 2 labels"):
            rw.Graph.from_edges([0, 1], [1, 2], num_nodes=3, labels=labels)


def test_arrays_are_views_that_outlive_the_graph() -> None:
    graph = rw.Graph.from_edges([0, 1, 1], [1, 2, 0], [1.0, 2.0, 3.0])
    _, targets, values = graph.edges()
    assert values is not None
    assert not targets.flags.writeable
    np.testing.assert_array_equal(graph.out_degree(), [1, 2, 0])
    del graph
    np.testing.assert_array_equal(targets, [1, 2, 0])
    np.testing.assert_array_equal(values, [1.0, 2.0, 3.0])

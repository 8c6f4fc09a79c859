"""Graph files of every format: what outside writers wrote, and what must be refused."""

from __future__ import annotations

import gzip
import pathlib
import pickle
import struct
import zlib
from collections import Counter
from typing import Any

import networkx as nx
import numpy as np
import pytest
import ringway as rw
import scipy.io
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ringway.errors import GraphError, InvalidOption

EXAMPLE = pathlib.Path(__file__).parents[2] / "examples" / "data" / "debian-bookworm-depends.tsv.gz"
Edges = list[tuple[int, int, float]]

weights = st.floats(0, 1e300, allow_subnormal=False) | st.integers(0, 1 << 53).map(float)
edge_lists = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), weights), min_size=1, max_size=40)
names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=8)
property_test = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def edges_of(graph: rw.Graph, labels: bool = False) -> Counter[tuple[Any, Any, float]]:
    src, dst, values = graph.edges()
    listed = np.ones(len(src)) if values is None else values
    name = graph.label if labels else int
    return Counter((name(int(u)), name(int(v)), float(w)) for u, v, w in zip(src, dst, listed, strict=True))


def doubled(edges: Edges) -> Counter[tuple[int, int, float]]:
    return Counter(edges) + Counter((v, u, w) for u, v, w in edges if u != v)


def matrix_of(edges: Edges, size: int = 31) -> scipy.sparse.coo_array:
    src, dst, values = (np.array(column) for column in zip(*edges, strict=True))
    return scipy.sparse.coo_array((values, (src, dst)), shape=(size, size))


def test_example_graph() -> None:
    seen: list[tuple[int, int]] = []
    graph = rw.Graph.read(EXAMPLE, progress=lambda done, total: seen.append((done, total)))
    assert (graph.num_nodes, graph.num_edges) == (63_754, 279_322)
    assert graph.index_of("libc6") == 4
    assert graph.label(4) == "libc6"
    size = EXAMPLE.stat().st_size
    assert seen[-1] == (size, size)
    assert seen == sorted(seen)


@property_test
@given(edge_lists)
def test_matrix_market_that_scipy_wrote(tmp_path: pathlib.Path, edges: Edges) -> None:
    path = tmp_path / "graph.mtx"
    matrix = matrix_of(edges)
    scipy.io.mmwrite(path, matrix, precision=17, symmetry="general")
    graph = rw.Graph.read(path)
    assert graph.num_nodes == 31
    assert edges_of(graph) == edges_of(rw.Graph.from_scipy(scipy.io.mmread(path)))
    assert edges_of(graph) == Counter(edges)


@property_test
@given(edge_lists)
def test_symmetric_matrix_that_scipy_wrote(tmp_path: pathlib.Path, edges: Edges) -> None:
    path = tmp_path / "graph.mtx"
    matrix = scipy.sparse.csr_array(matrix_of([(u, v, 1.0) for u, v, _ in edges]))
    matrix = scipy.sparse.coo_array(((matrix + matrix.T) > 0).astype(np.float64))
    scipy.io.mmwrite(path, matrix, symmetry="symmetric", field="pattern")
    graph = rw.Graph.read(path)
    assert not graph.has_weights
    assert edges_of(graph) == edges_of(rw.Graph.from_scipy(matrix))


@property_test
@given(edge_lists, st.booleans())
def test_edge_list_that_networkx_wrote(tmp_path: pathlib.Path, edges: Edges, with_data: bool) -> None:
    path = tmp_path / "graph.txt"
    outside = nx.MultiDiGraph()
    outside.add_weighted_edges_from(edges)
    writer = nx.write_edgelist if with_data else nx.write_weighted_edgelist
    writer(outside, path)
    assert edges_of(rw.Graph.read(path)) == Counter(edges)


@property_test
@given(edge_lists, st.sampled_from(["el", "wel", "csv", "tsv", "txt"]), st.booleans(), st.booleans())
def test_edge_lists_in_every_dress(
    tmp_path: pathlib.Path, edges: Edges, suffix: str, packed: bool, crlf: bool
) -> None:
    weighted = suffix != "el"
    parted = {"csv": ",", "tsv": "\t"}.get(suffix, " ")
    rows = [parted.join([str(u), str(v), repr(w)][: 3 if weighted else 2]) for u, v, w in edges]
    data = (("\r\n" if crlf else "\n").join(rows)).encode()
    path = tmp_path / f"graph.{suffix}{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(data) if packed else data)
    expected = [(u, v, w if weighted else 1.0) for u, v, w in edges]
    assert edges_of(rw.Graph.read(path)) == Counter(expected)
    assert edges_of(rw.Graph.read(path, directed=False)) == doubled(expected)
    by_label = rw.Graph.read(path, compact=True)
    appeared = dict.fromkeys(str(node) for u, v, _ in edges for node in (u, v))
    assert by_label.labels == list(appeared)
    assert edges_of(by_label, labels=True) == Counter((str(u), str(v), w) for u, v, w in expected)


@property_test
@given(st.lists(st.tuples(names, names), min_size=1, max_size=20))
def test_labels_of_a_quoted_table(tmp_path: pathlib.Path, pairs: list[tuple[str, str]]) -> None:
    path = tmp_path / "graph.csv"
    rows = [",".join('"' + name.replace('"', '""') + '"' for name in pair) for pair in pairs]
    path.write_text("".join(f"{row}\n" for row in rows), "utf-8")
    first = path.read_bytes()[:1]
    assert first == b'"'
    graph = rw.Graph.read(path, compact=True, header=False)
    assert edges_of(graph, labels=True) == Counter((u, v, 1.0) for u, v in pairs)
    assert [graph.index_of(name) for name in graph.labels or []] == list(range(graph.num_nodes))


def serialized(edges: Edges, weighted: bool) -> bytes:
    """GAP's image of a directed graph, made from SciPy's CSR and CSC forms."""
    nodes = 1 + max(max(u, v) for u, v, _ in edges)
    data = struct.pack("<?qq", True, len(edges), nodes)
    for key, other in ((0, 1), (1, 0)):
        ordered = sorted(edges, key=lambda edge: edge[key])
        counts = np.bincount([edge[key] for edge in edges], minlength=nodes)
        data += np.concatenate([[0], np.cumsum(counts)]).astype("<i8").tobytes()
        if weighted:
            data += np.array([(edge[other], edge[2]) for edge in ordered], "<i4").tobytes()
        else:
            data += np.array([edge[other] for edge in ordered], "<i4").tobytes()
    return data


@property_test
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 99)), min_size=1), st.booleans()
)
def test_serialized_graph(tmp_path: pathlib.Path, edges: Edges, weighted: bool) -> None:
    path = tmp_path / ("graph.wsg" if weighted else "graph.sg")
    path.write_bytes(serialized(edges, weighted))
    expected = [(u, v, float(w) if weighted else 1.0) for u, v, w in edges]
    assert edges_of(rw.Graph.read(path)) == Counter(expected)
    packed = tmp_path / f"{path.name}.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert edges_of(rw.Graph.read(packed)) == Counter(expected)


@property_test
@given(edge_lists, st.booleans(), st.booleans())
def test_saved_and_pickled(tmp_path: pathlib.Path, edges: Edges, weighted: bool, labelled: bool) -> None:
    src, dst, values = (list(column) for column in zip(*edges, strict=True))
    labels = [f"node-{i}" for i in range(40)] if labelled else None
    graph = rw.Graph.from_edges(src, dst, values if weighted else None, 40, labels)
    path = tmp_path / "graph.rwg"
    graph.save(path)
    copies = [rw.Graph.read(path)] + [pickle.loads(pickle.dumps(graph, protocol)) for protocol in range(2, 6)]
    for copy in copies:
        assert repr(copy) == repr(graph)
        assert copy.labels == labels
        for one, other in zip(copy.edges(), graph.edges(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_saved_form_is_as_documented(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "graph.rwg"
    rw.Graph.from_edges([0], [1], [2.5], labels=["a", "b"]).save(path)
    sections = [
        struct.pack("<3Q", 0, 1, 1),
        struct.pack("<I", 1),
        struct.pack("<d", 2.5),
        struct.pack("<3Q", 0, 1, 2),
        b"ab",
    ]
    header = struct.pack("<8s2I3Q5I", b"\x89RWG\r\n\x1a\n", 1, 3, 2, 1, 2, *map(zlib.crc32, sections))
    header += struct.pack("<I", zlib.crc32(header))
    assert path.read_bytes() == header + b"".join(section + bytes(-len(section) % 8) for section in sections)


def test_saving_is_whole_or_not_at_all(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "graph.rwg"
    path.write_bytes(b"before")
    with pytest.raises(GraphError, match="pickle keeps them"):
        rw.Graph.from_edges([0], [1], labels=[1.5, "b"]).save(path)
    with pytest.raises(FileNotFoundError):
        rw.Graph.from_edges([0], [1]).save(tmp_path / "absent" / "graph.rwg")
    assert path.read_bytes() == b"before"
    rw.Graph.from_edges([0], [1]).save(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["graph.rwg"]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("x.el", b"0 1\n0 z\n", r"x\.el:2: 'z' is not a node number"),
        ("x.csv.gz", gzip.compress(b"0,1\n" * 1000)[:-6], r"x\.csv\.gz: the gzip data is damaged or cut off"),
        ("x.csv.gz", gzip.compress(b"0,1\n" * 9)[:-8] + bytes(8), "damaged or cut off"),
        ("x.csv.gz", gzip.compress(b"0,1\n0,q\n"), r"x\.csv\.gz:2: 'q'"),
        ("x.txt", b"\x7fELF\0\0\0", "neither text nor a graph"),
        ("x.txt", b"BZh91AY", "compressed by bzip2"),
        ("x.mtx", b"", "the file is empty"),
        ("x", b"", "the file is empty"),
        ("x.sg", struct.pack("<?qq", False, 1 << 40, 10), "but the file has 17"),
        ("x.wel", b"0 1\n", "no weight column"),
    ],
)
def test_refuses(tmp_path: pathlib.Path, name: str, data: bytes, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(GraphError, match=reason):
        rw.Graph.read(path)


def test_errors_that_are_not_the_graph_s(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError):
        rw.Graph.read(tmp_path / "absent.mtx")
    path = tmp_path / "x.mtx"
    path.write_text("0 1\n")
    with pytest.raises(InvalidOption, match="one of mtx, el"):
        rw.Graph.read(path, format="gml")
    with pytest.raises(InvalidOption, match="option of edge lists"):
        rw.Graph.read(path, compact=True)
    assert rw.Graph.read(path, format="snap").num_edges == 1


def test_an_exception_in_progress_ends_reading(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "x.el"
    path.write_text("0 1\n")
    with pytest.raises(KeyboardInterrupt):
        rw.Graph.read(path, progress=lambda done, total: (_ for _ in ()).throw(KeyboardInterrupt))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200), st.sampled_from(["mtx", "el", "csv", "tsv", "sg", "wsg", "rwg", "txt", "el.gz"])
)
def test_any_bytes_give_a_graph_or_a_graph_error(tmp_path: pathlib.Path, data: bytes, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(data)
    text = str(path)
    try:
        assert rw.Graph.read(path).num_nodes < 1 << 21
    except GraphError as error:
        text = str(error)
    assert text.startswith(str(path))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("g.mtx", r"would be read as mtx; name it g\.rwg$"),
        ("g.TSV", r"would be read as tsv; name it g\.rwg$"),
        ("g.rwg.gz", r"not compressed; name it g\.rwg$"),
        ("g.tsv.gz", r"not compressed; name it g\.rwg$"),
        ("g.v2.gz", r"not compressed; name it g\.v2\.rwg$"),
    ],
)
def test_a_saved_graph_is_not_named_as_another_format(tmp_path: pathlib.Path, name: str, reason: str) -> None:
    with pytest.raises(rw.errors.InvalidOption, match=reason):
        rw.Graph.from_edges([0], [1]).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["g.rwg", "g", "g.dat"])
def test_what_is_saved_is_read_again(tmp_path: pathlib.Path, name: str) -> None:
    rw.Graph.from_edges([0], [1]).save(tmp_path / name)
    assert rw.Graph.read(tmp_path / name).num_edges == 1

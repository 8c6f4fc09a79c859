"""Graphs from tables and Parquet, ranks as tables, and what is said where a package is absent."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ringway as rw
from ringway.errors import GraphError, InvalidOption, MissingPackage

NAMED = {"from": ["app", "lib", "app"], "to": ["libc", "libc", "lib"], "weight": [1.0, 2.0, 0.5]}
NUMBERED = {"source": [0, 5, 2], "target": [1, 1, 2], "cost": [1, 2, 3]}
LIBRARIES = ["pandas", "polars", "pyarrow", "arrow stream"]


class Stream:
    """A table of a library that ringway does not know."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


def frame_of(library: str, columns: dict[str, Any]) -> Any:
    if library in ("pandas", "polars"):
        return pytest.importorskip(library).DataFrame(columns)
    table = pytest.importorskip("pyarrow").table(columns)
    return Stream(table) if library == "arrow stream" else table


def edges_of(graph: rw.Graph) -> list[tuple[Any, Any, float]]:
    src, dst, weights = graph.edges()
    values = np.ones(len(src)) if weights is None else weights
    return [
        (graph.label(int(u)), graph.label(int(v)), float(w)) for u, v, w in zip(src, dst, values, strict=True)
    ]


@pytest.mark.parametrize("library", LIBRARIES)
def test_text_becomes_labels_and_numbers_stay(library: str) -> None:
    graph = rw.Graph.from_frame(frame_of(library, NAMED))
    assert graph.labels == ["app", "libc", "lib"]
    assert edges_of(graph) == [("app", "libc", 1.0), ("app", "lib", 0.5), ("lib", "libc", 2.0)]
    numbers = frame_of(library, NUMBERED)
    graph = rw.Graph.from_frame(numbers)
    assert (graph.num_nodes, graph.labels, graph.has_weights) == (6, None, False)
    assert edges_of(rw.Graph.from_frame(numbers, weight="cost")) == [(0, 1, 1.0), (2, 2, 3.0), (5, 1, 2.0)]
    assert rw.Graph.from_frame(numbers, compact=True).labels == (0, 1, 5, 2)
    both = rw.Graph.from_frame(numbers, directed=False)
    assert sorted(edges_of(both)) == [(0, 1, 1.0), (1, 0, 1.0), (1, 5, 1.0), (2, 2, 1.0), (5, 1, 1.0)]
    turned = rw.Graph.from_frame(numbers, source="target", target="source")
    assert edges_of(turned) == [(1, 0, 1.0), (1, 5, 1.0), (2, 2, 1.0)]


@pytest.mark.parametrize("library", LIBRARIES)
def test_pagerank_takes_tables(library: str) -> None:
    ranks = rw.pagerank(frame_of(library, NAMED), tol=1e-10)
    src, dst = [0, 2, 0], [1, 1, 2]
    want = rw.pagerank((src, dst, NAMED["weight"]), tol=1e-10)
    np.testing.assert_array_equal(ranks.ranks, want.ranks)
    assert ranks["libc"] == ranks.top(1)[0][1]
    if library != "arrow stream":
        other = rw.pagerank(frame_of(library, NUMBERED), weight="cost", tol=1e-10)
        assert other.plan is not None
        assert other.plan.weighted


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("columns", "options", "says"),
    [
        ({"a": [1]}, {}, "edges need a source and a target"),
        ({"a": [1], "b": [2]}, {"source": "c"}, "no column 'c'"),
        ({"a": [1], "b": [2]}, {"weight": "c"}, "no column 'c'"),
        ({"a": [1], "b": [-2]}, {}, "is -2; node numbers are 0 to"),
        ({"a": [1.5], "b": [2.0]}, {}, "a node is 1.5; nodes are text or whole numbers"),
        ({"a": ["x", None], "b": ["y", "z"]}, {}, "no row may lack"),
        ({"a": ["x"], "b": ["y"]}, {"compact": False}, "node numbers are integers"),
        ({"a": [1], "b": [2], "weight": [-1.0]}, {}, "weight -1"),
        ({"a": [1], "b": [2], "weight": [None]}, {}, "weight"),
        ({"a": [1], "b": [2], "weight": ["much"]}, {}, "weights are real numbers"),
    ],
)
def test_wrong_tables_are_refused(library: str, columns: Any, options: Any, says: str) -> None:
    with pytest.raises(GraphError, match=says):
        rw.Graph.from_frame(frame_of(library, columns), **options)


def test_what_is_no_table_is_refused() -> None:
    for value in (3, {"a": [1]}, rw.Graph, [(0, 1)]):
        with pytest.raises(InvalidOption, match="must be a DataFrame"):
            rw.Graph.from_frame(value)
    with pytest.raises(InvalidOption, match="compact is 1"):
        rw.Graph.from_frame(frame_of("pandas", NAMED), compact=1)  # type: ignore[arg-type]
    twice = frame_of("pandas", NAMED).set_axis(["from", "from", "weight"], axis=1)
    with pytest.raises(GraphError, match="more than one column 'from'"):
        rw.Graph.from_frame(twice)


def test_dlpack_arrays_without_an_array_interface() -> None:
    class Tensor:
        def __init__(self, values: list[Any], dtype: Any) -> None:
            self.values = np.array(values, dtype)

        def __dlpack__(self, **options: Any) -> Any:
            return self.values.__dlpack__(**options)

        def __dlpack_device__(self) -> Any:
            return self.values.__dlpack_device__()

    class Elsewhere(Tensor):
        def __dlpack__(self, **options: Any) -> Any:
            raise BufferError("the tensor is on a GPU")

    src, dst = Tensor([0, 1], np.int64), Tensor([1, 2], np.int32)
    graph = rw.Graph.from_edges(src, dst, Tensor([1, 2], np.float32))
    assert edges_of(graph) == [(0, 1, 1.0), (1, 2, 2.0)]
    with pytest.raises(GraphError, match="on a GPU"):
        rw.Graph.from_edges(Elsewhere([0, 1], np.int64), dst)


def test_parquet_is_read(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "graph.parquet"
    parquet.write_table(arrow.table({"note": ["x"] * 3, **NAMED}), path, row_group_size=2)
    shown: list[tuple[int, int]] = []
    graph = rw.Graph.read(path, progress=lambda done, size: shown.append((done, size)))
    assert edges_of(graph) == edges_of(rw.Graph.from_frame(arrow.table(NAMED)))
    size = path.stat().st_size
    assert shown == [(size // 2, size), (size, size)]
    plain = path.rename(tmp_path / "graph")
    assert rw.Graph.read(plain).num_edges == 3
    assert rw.Graph.read(plain, directed=False).num_edges == 6
    assert not rw.Graph.read(plain, format="parquet", weighted=False).has_weights
    assert rw.pagerank(plain).top(1)[0][0] == "libc"
    with pytest.raises(InvalidOption, match="always names its columns"):
        rw.Graph.read(plain, header=True)
    parquet.write_table(arrow.table({"a": [0], "b": [1]}).slice(0, 0), plain)
    assert rw.Graph.read(plain).num_edges == 0
    with pytest.raises(GraphError, match="no column 'weight'"):
        rw.Graph.read(plain, weighted=True)
    plain.write_bytes(plain.read_bytes()[:-9])
    with pytest.raises(GraphError, match="not a readable file of Parquet"):
        rw.Graph.read(plain)


@pytest.mark.parametrize("labels", [["x", "y", "z"], None, [("t", 1), "b", 3.5]])
def test_ranks_as_tables(labels: list[Any] | None) -> None:
    result = rw.pagerank(rw.Graph.from_edges([0, 1, 2], [1, 2, 1], labels=labels))
    frame = pytest.importorskip("pandas").DataFrame
    names = [0, 1, 2] if labels is None else labels
    table = result.to_pandas()
    assert isinstance(table, frame)
    assert list(table["node"]) == names
    np.testing.assert_array_equal(table["rank"], result.ranks)
    assert list(result.to_series().index) == names
    if labels is not None and not isinstance(labels[0], str):
        if find_spec("pyarrow"):
            with pytest.raises(GraphError, match="no Arrow column"):
                result.to_arrow()
        return
    for convert, library in (("to_polars", "polars"), ("to_arrow", "pyarrow")):
        if not find_spec(library):
            continue
        made = getattr(result, convert)()
        assert made["node"].to_numpy().tolist() == names
        np.testing.assert_array_equal(made["rank"].to_numpy(), result.ranks)


def test_an_absent_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = rw.pagerank(([0, 1], [1, 0]))
    for module in ("pandas", "polars", "pyarrow", "pyarrow.parquet", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, module, None)
    for call, extra in (
        (result.to_pandas, "pandas"),
        (result.to_series, "pandas"),
        (result.to_polars, "polars"),
        (result.to_arrow, "arrow"),
        (result.plot, "plot"),
    ):
        with pytest.raises(MissingPackage, match=rf"pip install 'ringway\[{extra}\]'"):
            call()
    path = tmp_path / "graph.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(MissingPackage, match=r"ringway\[arrow\]"):
        rw.Graph.read(path)
    assert issubclass(MissingPackage, ImportError)

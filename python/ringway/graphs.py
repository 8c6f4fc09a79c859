"""Graphs: made once from edges, matrices, other libraries' graphs or files, and reused."""

from __future__ import annotations

import os
import pathlib
import pickle
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ringway import _core, graph_files, graph_frames, graph_networkx, graph_sources
from ringway.arguments import flag, made, whole
from ringway.errors import GraphError, InvalidOption, NotFound

if TYPE_CHECKING:
    import igraph
    import networkx
    import scipy.sparse

__all__ = ["Graph"]


class Graph:
    """A directed graph, immutable; parallel edges and self-loops are kept.

    Make one with `read`, `from_edges`, `from_frame`, `from_scipy`, `from_networkx` or `from_igraph`. Nodes
    are numbered from 0; a graph with labels also knows each by its label.
    """

    __slots__ = ("_index", "_native", "_objects")

    def __init__(self, native: _core.Graph, objects: Sequence[Hashable] | None = None) -> None:
        self._native = made(native, _core.Graph, "Graph.read and Graph.from_...")
        self._objects = None if objects is None else tuple(objects)  # labels that are not all strings
        self._index: dict[Hashable, int] | None = None

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        *,
        format: str | None = None,
        directed: bool | None = None,
        weighted: bool | None = None,
        compact: bool | None = None,
        header: bool | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Graph:
        """Graph of a file, which may be compressed by gzip.

        Parameters
        ----------
        path
            Matrix Market (.mtx), edge list (.el, .wel, SNAP's .txt), table (.csv, .tsv), Parquet (.parquet,
            needs pyarrow), GAP's serialized graph (.sg, .wsg) or a graph that `save` wrote (.rwg).
        format
            One of "mtx", "el", "wel", "snap", "csv", "tsv", "parquet", "sg", "wsg", "rwg"; None goes by the
            name's ending, then by the content.
        directed
            False counts every edge both ways, True as it stands; None is what the file says (SNAP's comment
            "Undirected graph"), else True. A symmetric matrix is always read both ways.
        weighted
            False leaves weights out; True makes a file without them an error; None takes them when they are
            there.
        compact
            True numbers the nodes of an edge list or table by first appearance and keeps their ids as labels;
            False takes ids as node numbers, so that the graph ends at the highest; None is False when the
            first line's ids are numbers.
        header
            Whether the first line of an edge list or table names the columns; None finds out.
        progress
            Called with bytes read and bytes in all, as they lie in the file.

        Raises
        ------
        GraphError
            The file is not such a graph; the text holds file, line and reason.
        OSError
            The file cannot be opened or read.
        """
        options = {"directed": directed, "weighted": weighted, "compact": compact, "header": header}
        for option, value in options.items():
            if value is not None and not isinstance(value, (bool, np.bool_)):
                raise InvalidOption(f"{option} is {value!r}; it must be True, False or None")
        if progress is not None and not callable(progress):
            raise InvalidOption(f"progress is {progress!r}; it must be a function, or None")
        file = path_of(path)
        if not graph_files.is_parquet(file, format):
            return cls(graph_files.read(file, format, options, progress))
        if header is not None:
            raise InvalidOption(f"header is {header!r}; a file of Parquet always names its columns")
        table = graph_frames.read_parquet(file, weighted, progress)
        weight = None if weighted is False else "weight"
        return cls.from_frame(table, weight=weight, directed=directed is not False, compact=compact)

    @classmethod
    def from_edges(
        cls,
        src: graph_sources.Array,
        dst: graph_sources.Array,
        weight: graph_sources.Array | None = None,
        num_nodes: int | None = None,
        labels: Iterable[Hashable] | None = None,
    ) -> Graph:
        """Graph with the edges src[i] → dst[i].

        Parameters
        ----------
        src, dst
            Shape (edges,), any integer type, of NumPy or by DLPack; int32 and uint32 are not copied when they
            are contiguous.
        weight
            Shape (edges,), finite and not negative; None is 1 everywhere.
        num_nodes
            Number of nodes; None is one per label, else the graph ends at the highest node named.
        labels
            One per node, hashable and all different.

        Raises
        ------
        GraphError
            Lengths differ, a node is out of range, a weight is negative, infinite or not a number, or two
            labels are equal.
        """
        names = graph_sources.label_list(labels)
        if num_nodes is None and names is not None:
            num_nodes = len(names)
        if (
            num_nodes is not None
            and (num_nodes := whole("num_nodes", num_nodes, "a whole number, or None")) < 0
        ):
            raise GraphError(f"num_nodes is {num_nodes}; it is at least 0")
        strings, objects = graph_sources.split_labels(names)
        native = _core.Graph.from_edges(
            graph_sources.node_numbers(src, "src"),
            graph_sources.node_numbers(dst, "dst"),
            graph_sources.weights(weight),
            num_nodes,
            strings,
        )
        return cls(native, graph_sources.checked_objects(objects, native.num_nodes))

    @classmethod
    def from_frame(
        cls,
        frame: object,
        *,
        source: Hashable | None = None,
        target: Hashable | None = None,
        weight: Hashable | None = "weight",
        directed: bool = True,
        compact: bool | None = None,
    ) -> Graph:
        """Graph of a table with a row for each edge.

        Parameters
        ----------
        frame
            DataFrame of pandas or polars, pyarrow Table, or anything that gives an Arrow stream
            (``__arrow_c_stream__``), for which pyarrow is needed.
        source, target
            Columns with the nodes that edges leave and enter. None is the first column named "source",
            "src", "from", ..., and "target", "dst", "to", ..., as in text tables, else the first and second.
        weight
            Column with the weights; "weight" may be absent, and None takes no weights.
        directed
            False counts every edge both ways, self-loops once.
        compact
            True numbers the nodes by first appearance and keeps what names them as labels; False takes them
            as node numbers, so that the graph ends at the highest; None is False for columns of integers.

        Raises
        ------
        GraphError
            A column is missing, a node is neither text nor a whole number, a row lacks one, or a weight is
            negative, infinite or not a number.
        """
        if not (compact is None or isinstance(compact, (bool, np.bool_))):
            raise InvalidOption(f"compact is {compact!r}; it must be True, False or None")
        src, dst, values, labels = graph_frames.read(frame, source, target, weight, compact)
        if not flag("directed", directed):
            src, dst, values = graph_sources.both_ways(src, dst, values)
        return cls.from_edges(src, dst, values, labels=labels)

    @classmethod
    def from_scipy(
        cls,
        matrix: scipy.sparse.sparray | scipy.sparse.spmatrix,
        *,
        weighted: bool = True,
        labels: Iterable[Hashable] | None = None,
    ) -> Graph:
        """Graph of a square sparse matrix: entry (i, j) is the edge i → j.

        Stored zeros are edges of weight 0, and of a boolean matrix every stored entry is an edge without
        weight. A COO matrix's repeated entries are parallel edges.

        Raises
        ------
        GraphError
            The matrix is not square, or an entry is negative, complex, infinite or not a number.
        """
        strings, objects = graph_sources.split_labels(graph_sources.label_list(labels))
        native = graph_sources.from_scipy(matrix, flag("weighted", weighted), strings)
        return cls(native, graph_sources.checked_objects(objects, native.num_nodes))

    @classmethod
    def from_networkx(cls, graph: networkx.Graph[Any], *, weight: str | None = "weight") -> Graph:
        """Graph of a networkx graph of any class; its nodes are the labels, in its order.

        Undirected edges count both ways. `weight` is the edge attribute; an edge without it has weight 1, and
        None takes no weights.
        """
        rows = graph_networkx.read(graph, weight)
        labels = None if graph_networkx.numbered(rows.nodes) else rows.nodes
        strings, objects = graph_sources.split_labels(labels)
        return cls(rows.graph(strings), objects)

    @classmethod
    def from_igraph(cls, graph: igraph.Graph, *, weight: str | None = "weight") -> Graph:
        """Graph of an igraph graph; the vertex attribute "name", where there is one, gives the labels.

        Undirected edges count both ways. `weight` is the edge attribute; without it, or with None, there are
        no weights.
        """
        src, dst, weights, names = graph_sources.from_igraph(graph, weight)
        return cls.from_edges(src, dst, weights, graph.vcount(), names)

    @property
    def num_nodes(self) -> int:
        """Number of nodes; they are 0 to num_nodes - 1."""
        return self._native.num_nodes

    @property
    def num_edges(self) -> int:
        """Number of edges, parallel ones counted each."""
        return self._native.num_edges

    @property
    def has_weights(self) -> bool:
        """Whether edges have weights; else each counts 1."""
        return self._native.weights is not None

    @property
    def labels(self) -> Sequence[Hashable] | None:
        """Label of each node, made anew on each access; None when nodes have numbers only."""
        if self._objects is not None:
            return self._objects
        return self._native.labels() if self._native.has_labels else None

    def label(self, node: int) -> Hashable:
        """Label of a node; its number when the graph has no labels."""
        if not 0 <= whole("node", node, "a node's number") < self.num_nodes:
            raise NotFound(f"node {node} in a graph of {self.num_nodes} nodes")
        if self._objects is not None:
            return self._objects[node]
        return self._native.label(node) if self._native.has_labels else node

    def index_of(self, label: Hashable) -> int:
        """Number of the node with that label; without labels a node's number is its own.

        Raises
        ------
        NotFound
            No node has the label.
        """
        node: int | None = None
        if self._objects is not None:
            if self._index is None:
                self._index = {name: i for i, name in enumerate(self._objects)}
            node = self._index.get(label) if isinstance(label, Hashable) else None
        elif self._native.has_labels:
            node = self._native.find(label) if isinstance(label, str) else None
        elif isinstance(label, (int, np.integer)) and 0 <= label < self.num_nodes:
            node = int(label)
        if node is None:
            raise NotFound(f"no node {label!r} in this graph of {self.num_nodes} nodes")
        return node

    def out_degree(self) -> NDArray[np.int64]:
        """Number of edges that leave each node, shape (num_nodes,)."""
        offsets = self._native.offsets.view(np.int64)
        return offsets[1:] - offsets[:-1]

    def edges(self) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.float64] | None]:
        """Sources, targets and weights in the order of sources, each of shape (num_edges,).

        Targets and weights are read-only views of the graph; weights are None when it has none.
        """
        sources = np.repeat(np.arange(self.num_nodes, dtype=np.uint32), self.out_degree())
        return sources, self._native.targets, self._native.weights

    def to_scipy(self) -> scipy.sparse.csr_array:
        """SciPy's CSR array, float64: entry (i, j) is the weight of i → j, parallel edges are stored each."""
        import scipy.sparse

        weights = self._native.weights
        values = np.ones(self.num_edges) if weights is None else weights.copy()
        shape = (self.num_nodes, self.num_nodes)
        offsets = self._native.offsets.astype(np.int64)
        return scipy.sparse.csr_array((values, self._native.targets.astype(np.int64), offsets), shape=shape)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the graph to a file that `read` loads at the speed of the disk; the name should end in .rwg.

        The file appears whole or not at all.

        Raises
        ------
        GraphError
            A label is not a string.
        InvalidOption
            The name ends as that of another format does, by which `read` would take it.
        """
        graph_files.check_save_name(path_of(path))
        if self._objects is not None:
            raise GraphError(
                "labels that are not strings cannot be saved; pickle keeps them, or make them strings"
            )
        target = path_of(path)
        if not target.name:
            raise InvalidOption(f"path is {path!r}; it must name a file")
        partial = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
        try:
            with partial.open("xb") as file:
                for part in self._native.saved():
                    file.write(part)
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        parts = self._native.saved()
        if protocol >= 5:
            return _unpickle, ([pickle.PickleBuffer(part) for part in parts], self._objects)
        return _unpickle, ([bytes(part) for part in parts], self._objects)

    def __len__(self) -> int:
        return self.num_nodes

    def __repr__(self) -> str:
        weights = ", weights" if self.has_weights else ""
        labels = ", labels" if self._objects is not None or self._native.has_labels else ""
        return f"<ringway.Graph: {self.num_nodes:,} nodes, {self.num_edges:,} edges{weights}{labels}>"


def path_of(path: str | os.PathLike[str]) -> pathlib.Path:
    """Return a path; `InvalidOption` on what is none."""
    name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(name, str):
        raise InvalidOption(f"path is {path!r}; it must be a str or a pathlib.Path")
    if not name or "\0" in name:
        raise InvalidOption(f"path is {path!r}; a file's name is not empty and holds no zero character")
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        raise InvalidOption(f"path is {path!r}, which no file's name can hold") from None
    return pathlib.Path(name)


def _unpickle(parts: list[Any], objects: tuple[Hashable, ...] | None) -> Graph:
    reader = _core.GraphReader(_core.GraphFormat.rwg, "pickle")
    for part in parts:
        reader.feed(part)
    return Graph(reader.finish(), objects)

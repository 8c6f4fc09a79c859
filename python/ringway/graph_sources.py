"""Edges, weights and labels as the native store takes them, from arrays and from other libraries' graphs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ringway import _core
from ringway.errors import GraphError, InvalidOption


class SupportsDLPack(Protocol):
    """An array of another library, on the CPU, by the array API's exchange."""

    def __dlpack__(self) -> Any:
        """Return the capsule."""

    def __dlpack_device__(self) -> tuple[Any, Any]:
        """Return the device's kind and number."""


Array = ArrayLike | SupportsDLPack


def _array(values: Array, name: str) -> NDArray[Any]:
    exchanged: Any = values
    try:
        if hasattr(exchanged, "__dlpack__") and not hasattr(exchanged, "__array__"):
            return np.from_dlpack(exchanged)
        return np.asarray(exchanged)
    except (BufferError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise GraphError(f"{name} is {values!r}, which is no array: {error}") from error


def label_list(labels: Iterable[Hashable] | None) -> list[Hashable] | None:
    """Labels as a list; `GraphError` when they are none, or not hashable."""
    if labels is None:
        return None
    try:
        names = list(labels)
        set(names)
    except (TypeError, RecursionError) as error:
        raise GraphError(
            f"labels is {labels!r}; it must hold one hashable label per node: {error}"
        ) from error
    return names


def _check(graph: Any, library: str, methods: tuple[str, ...]) -> None:
    if isinstance(graph, type) or not all(hasattr(graph, method) for method in methods):
        raise InvalidOption(f"graph is {graph!r}; it must be a graph of {library}")


def node_numbers(values: Array, name: str) -> NDArray[Any]:
    """`values` as a contiguous array of native integers; the caller's own memory where it is one."""
    array = _array(values, name)
    if array.ndim != 1:
        raise GraphError(f"{name} has {array.ndim} dimensions; pass one node number per edge")
    if array.size == 0:
        return np.empty(0, np.uint32)
    if array.dtype.kind not in "iu":
        raise GraphError(f"{name} is an array of {array.dtype}; node numbers are integers")
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


def weights(values: Array | None) -> NDArray[np.float64] | None:
    """`values` as a contiguous array of float64; None stays None."""
    if values is None:
        return None
    array = _array(values, "weight")
    if array.ndim != 1:
        raise GraphError(f"weight has {array.ndim} dimensions; pass one number per edge")
    if array.size > 0 and array.dtype.kind not in "biuf":
        raise GraphError(f"weight is an array of {array.dtype}; weights are real numbers")
    return np.ascontiguousarray(array, np.float64)


def split_labels(labels: list[Hashable] | None) -> tuple[list[str] | None, list[Hashable] | None]:
    """Labels for the native table when all are strings, else for Python to keep."""
    if labels is None:
        return None, None
    strings = [label for label in labels if isinstance(label, str)]
    if len(strings) < len(labels):
        return None, labels
    try:
        "".join(strings).encode()
    except UnicodeEncodeError as error:
        raise GraphError(f"a label is not valid Unicode text: {error}") from error
    return strings, None


def checked_objects(labels: Sequence[Hashable] | None, num_nodes: int) -> Sequence[Hashable] | None:
    """Labels that Python keeps, once they are one per node and different."""
    if labels is None:
        return None
    if len(labels) != num_nodes:
        raise GraphError(f"the graph has {num_nodes} nodes but {len(labels)} labels")
    if len(set(labels)) < num_nodes:
        raise GraphError("two nodes have the same label; labels must be unique")
    return labels


def from_scipy(matrix: Any, weighted: bool, labels: list[str] | None) -> _core.Graph:
    """Native graph of a SciPy sparse matrix or array of any format."""
    if isinstance(matrix, type) or not all(hasattr(matrix, name) for name in ("tocsr", "format", "dtype")):
        raise InvalidOption(f"matrix is {matrix!r}; it must be a sparse matrix or array of SciPy")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise GraphError(f"a matrix of shape {matrix.shape} is no graph; it must be square")
    if matrix.format == "coo":
        values = None if not weighted or matrix.dtype.kind == "b" else weights(matrix.data)
        row, column = node_numbers(matrix.row, "row"), node_numbers(matrix.col, "col")
        return _core.Graph.from_edges(row, column, values, matrix.shape[0], labels)
    rows = matrix.tocsr()
    count = int(rows.indptr[-1])
    values = None if not weighted or rows.dtype.kind == "b" else weights(rows.data[:count])
    indices = node_numbers(rows.indices[:count], "indices")
    return _core.Graph.from_csr(rows.indptr.astype(np.uint64), indices, values, labels)


def from_igraph(
    graph: Any, weight: str | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64] | None, list[Hashable] | None]:
    """Sources, targets, weights and names of an igraph graph; undirected edges both ways."""
    _check(graph, "igraph", ("get_edgelist", "es", "vs", "vcount"))
    pairs = np.array(graph.get_edgelist(), np.int64).reshape(-1, 2)
    src, dst = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
    values = weights(graph.es[weight]) if weight is not None and weight in graph.es.attributes() else None
    names: list[Hashable] | None = list(graph.vs["name"]) if "name" in graph.vs.attributes() else None
    if graph.is_directed():
        return src, dst, values, names
    return *both_ways(src, dst, values), names


def both_ways(
    src: NDArray[Any], dst: NDArray[Any], values: NDArray[np.float64] | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64] | None]:
    """The edges and, but for self-loops, their reverses."""
    back = src != dst
    doubled = None if values is None else np.concatenate([values, values[back]])
    return np.concatenate([src, dst[back]]), np.concatenate([dst, src[back]]), doubled

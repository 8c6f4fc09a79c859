"""Edges from tables: DataFrames of pandas and polars, Arrow tables, and files of Parquet."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringway import graph_sources
from ringway.errors import GraphError, InvalidOption
from ringway.extras import needed

# The names that text tables know too (native/core/graph/edge_columns.cpp).
SOURCES = (
    "source",
    "src",
    "from",
    "fromnodeid",
    "from_id",
    "start",
    "node1",
    "node_1",
    "id_1",
    "u",
    "package",
)
TARGETS = ("target", "dst", "to", "tonodeid", "to_id", "end", "node2", "node_2", "id_2", "v", "depends_on")

Progress = Callable[[int, int], object]
Edges = tuple[NDArray[Any], NDArray[Any], NDArray[np.float64] | None, list[Hashable] | None]


def is_frame(value: object) -> bool:
    """Whether `from_frame` takes it: a table of pandas, polars or Arrow, or one that Arrow can take over."""
    library = type(value).__module__.partition(".")[0]
    known = library in ("pandas", "polars", "pyarrow") and hasattr(value, "shape")
    return not isinstance(value, type) and (known or hasattr(value, "__arrow_c_stream__"))


class _Table:
    """The columns of a frame as arrays."""

    def __init__(self, frame: Any) -> None:
        library = type(frame).__module__.partition(".")[0]
        self._column: Callable[[str], Any]
        if library == "pandas" and hasattr(frame, "columns"):
            self.names = list(frame.columns)
            self._column = lambda name: frame[name].to_numpy()
        elif library == "polars" and hasattr(frame, "get_column"):
            self.names = list(frame.columns)
            self._column = lambda name: frame.get_column(name).to_numpy()
        elif is_frame(frame):
            arrow = needed("pyarrow", "arrow", "a graph from an Arrow table")
            try:
                table = frame if isinstance(frame, arrow.Table) else arrow.table(frame)
            except (TypeError, ValueError) as error:
                raise GraphError(f"frame is no table: {error}") from error
            self.names = list(table.column_names)
            self._column = lambda name: table.column(name).to_numpy()
        else:
            raise InvalidOption(
                f"frame is {frame!r}; it must be a DataFrame of pandas or polars, or an Arrow table"
            )

    def column(self, name: Hashable) -> NDArray[Any]:
        if self.names.count(name) != 1:
            times = "no" if name not in self.names else "more than one"
            raise GraphError(f"the table has {times} column {name!r}; it has {self.names}")
        return np.asarray(self._column(name))  # type: ignore[arg-type]  # pandas names columns by anything

    def named(self, given: Hashable | None, names: tuple[str, ...], otherwise: int) -> Hashable:
        """The column that is given, or has one of the names, or stands at that place."""
        if given is not None:
            return given
        if len(self.names) < 2:
            raise GraphError(f"the table has the columns {self.names}; edges need a source and a target")
        found = (name for name in self.names if isinstance(name, str) and name.lower() in names)
        return next(found, self.names[otherwise])


def _labelled(src: NDArray[Any], dst: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], list[Hashable]]:
    """Node numbers and labels by first appearance, row by row."""
    both = np.empty(2 * len(src), object)
    both[::2], both[1::2] = src, dst
    ends = both.tolist()
    labels = list(dict.fromkeys(ends))
    for label in labels:
        if not isinstance(label, (str, int, np.integer)):
            raise GraphError(f"a node is {label!r}; nodes are text or whole numbers, and no row may lack one")
    numbers = dict(zip(labels, range(len(labels)), strict=True))
    codes = np.fromiter(map(numbers.__getitem__, ends), np.uint32, len(ends))
    return np.ascontiguousarray(codes[::2]), np.ascontiguousarray(codes[1::2]), labels


def read(
    frame: Any,
    source: Hashable | None,
    target: Hashable | None,
    weight: Hashable | None,
    compact: bool | None,
) -> Edges:
    """Sources, targets, weights and labels of a table's rows; the options are those of `Graph.from_frame`."""
    for option, name in (("source", source), ("target", target), ("weight", weight)):
        if not (name is None or isinstance(name, (str, int))):
            raise InvalidOption(f"{option} is {name!r}; it must be the name of a column, or None")
    table = _Table(frame)
    ends = table.named(source, SOURCES, 0), table.named(target, TARGETS, 1)
    src, dst = (table.column(name) for name in ends)
    values = None
    if weight is not None and (weight != "weight" or weight in table.names):
        values = graph_sources.weights(table.column(weight))
    whole = all(side.dtype.kind in "iu" for side in (src, dst))
    if compact or (compact is None and not whole):
        try:
            src, dst, labels = _labelled(src, dst)
        except TypeError as error:
            raise GraphError(f"a node is not hashable: {error}") from error
        return src, dst, values, labels
    if not whole:
        raise GraphError(
            f"columns {ends} are of {src.dtype} and {dst.dtype}; node numbers are integers, "
            "and compact=None or True takes text"
        )
    return src, dst, values, None


def read_parquet(path: pathlib.Path, weighted: bool | None, progress: Progress | None) -> Any:
    """The Arrow table of a Parquet file, with the columns that edges need where it has more.

    Raises
    ------
    GraphError
        It is no such file, or has no weights where `weighted` asks for them.
    MissingPackage
        pyarrow is not installed.
    """
    parquet = needed("pyarrow.parquet", "arrow", f"reading {path}, a file of Parquet,")
    arrow = needed("pyarrow", "arrow", "reading Parquet")
    size = path.stat().st_size
    try:
        with parquet.ParquetFile(path) as file:
            table = _Table(file.schema_arrow.empty_table())
            wanted = {table.named(None, SOURCES, 0), table.named(None, TARGETS, 1), "weight"}
            columns = [name for name in table.names if name in wanted]
            if weighted and "weight" not in columns:
                raise GraphError(f"{path}: no column 'weight', and weighted=True asks for one")
            groups = []
            for number in range(file.num_row_groups):
                groups.append(file.read_row_group(number, columns=columns))
                if progress is not None:
                    progress(size * (number + 1) // file.num_row_groups, size)
            return arrow.concat_tables(groups) if groups else file.schema_arrow.empty_table()
    except arrow.ArrowInvalid as error:
        raise GraphError(f"{path}: not a readable file of Parquet: {error}") from error

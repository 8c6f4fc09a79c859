import enum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

__version__: str
compiler: str

def selftest_throughput(messages: int, batch: int) -> tuple[float, int]: ...
def selftest_queue_ns(round_trips: int) -> float: ...
def selftest_floor_ns(round_trips: int, shared_line: bool) -> float: ...

class Graph:
    @staticmethod
    def from_edges(
        src: NDArray[Any],
        dst: NDArray[Any],
        weight: NDArray[np.float64] | None,
        num_nodes: int | None,
        labels: list[str] | None,
    ) -> Graph: ...
    @staticmethod
    def from_csr(
        offsets: NDArray[np.uint64],
        targets: NDArray[Any],
        weight: NDArray[np.float64] | None,
        labels: list[str] | None,
    ) -> Graph: ...
    @property
    def num_nodes(self) -> int: ...
    @property
    def num_edges(self) -> int: ...
    @property
    def has_labels(self) -> bool: ...
    def labels(self) -> list[str]: ...
    def label(self, node: int) -> str: ...
    def find(self, name: str) -> int | None: ...
    def saved(self) -> list[Buffer]: ...
    @property
    def offsets(self) -> NDArray[np.uint64]: ...
    @property
    def targets(self) -> NDArray[np.uint32]: ...
    @property
    def weights(self) -> NDArray[np.float64] | None: ...

class GraphFormat(enum.Enum):
    mtx = 0
    edges = 1
    table = 2
    sg = 3
    wsg = 4
    rwg = 5

class GraphReader:
    def __init__(
        self,
        format: GraphFormat,
        name: str,
        *,
        bytes: int | None = None,
        directed: bool | None = None,
        weighted: bool | None = None,
        compact: bool | None = None,
        header: bool | None = None,
        delimiter: str = "\0",
    ) -> None: ...
    def feed(self, chunk: Buffer) -> None: ...
    def finish(self) -> Graph: ...

def sniff_graph_format(beginning: bytes) -> GraphFormat: ...

class PageRankPlan:
    def __init__(
        self,
        graph: Graph,
        shards: int,
        weighted: bool,
        value_bytes: int,
        order: str = "auto",
        block_nodes: int = 65535,
        window_nodes: int = 65536,
    ) -> None: ...
    @property
    def shards(self) -> int: ...
    @property
    def blocks(self) -> int: ...
    @property
    def windows(self) -> int: ...
    @property
    def weighted(self) -> bool: ...
    @property
    def moved(self) -> bool: ...
    @property
    def memory(self) -> NDArray[np.uint8]: ...

class PageRankWork:
    def __init__(self, plan: PageRankPlan) -> None: ...
    def start(
        self,
        damping: float,
        personalization: NDArray[np.float64] | None,
        dangling: NDArray[np.float64] | None,
        ranks: NDArray[np.float64] | None,
    ) -> None: ...
    def collect(self, out: NDArray[Any]) -> None: ...
    @property
    def memory(self) -> NDArray[np.uint8]: ...

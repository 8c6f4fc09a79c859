"""Graphs of networkx as ringway's, and back; networkx keeps what is converted until its graph changes."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from ringway import _core, graph_networkx
from ringway.errors import GraphError
from ringway.graphs import Graph
from ringway.networkx_backend.arguments import LeftToNetworkX


class NetworkXGraph:
    """A networkx graph laid out for ringway, which functions of networkx take as they take their own.

    Attributes
    ----------
    nodes
        The nodes, in their order.
    graph
        Attributes of the graph as a whole.
    rows
        `ringway.Graph` of the edges, undirected ones both ways, without labels.
    weight
        Edge attribute that its weights come from; None when it has none.
    """

    __networkx_backend__ = "ringway"

    def __init__(
        self, rows: Graph, nodes: list[Any], weight: Hashable | None, directed: bool, multigraph: bool
    ) -> None:
        self.rows = rows
        self.nodes = nodes
        self.weight = weight
        self.graph: dict[Any, Any] = {}
        self._in_edges: dict[bool, _core.InEdges] = {}
        self._directed = directed
        self._multigraph = multigraph

    def is_directed(self) -> bool:
        """Whether edges have a direction."""
        return self._directed

    def is_multigraph(self) -> bool:
        """Whether edges may be parallel."""
        return self._multigraph

    def number_of_nodes(self) -> int:
        """Number of nodes."""
        return len(self.nodes)

    def number_of_edges(self) -> int:
        """Number of edges, undirected ones counted once."""
        return len(self._listed()[0])

    def weighted_by(self, weight: Hashable | None) -> bool:
        """Whether the weights in `rows` are those of an attribute; else all its edges weigh 1."""
        return weight is not None and weight == self.weight and self.rows.has_weights

    def in_edges(self, weight: Hashable | None) -> _core.InEdges:
        """The edges by the node they enter, made once; without weights where `weight` is not theirs."""
        weighted = self.weighted_by(weight)
        if weighted not in self._in_edges:
            self._in_edges[weighted] = _core.InEdges(self.rows._native, weighted)
        return self._in_edges[weighted]

    def _listed(self) -> tuple[Any, Any, Any]:
        """Sources, targets and weights as networkx lists edges: undirected ones from one end only."""
        src, dst, weights = self.rows.edges()
        if self._directed:
            return src, dst, weights
        once = src <= dst
        return src[once], dst[once], None if weights is None else weights[once]

    def to_networkx(self) -> Any:
        """The networkx graph with what was converted; parallel edges have the keys 0, 1, 2, …"""
        import networkx as nx

        kinds = {
            (False, False): nx.Graph, (True, False): nx.DiGraph,
            (False, True): nx.MultiGraph, (True, True): nx.MultiDiGraph,
        }  # fmt: skip
        made = kinds[self._directed, self._multigraph]()
        made.graph.update(self.graph)
        made.add_nodes_from(self.nodes)
        src, dst, weights = self._listed()
        ends = [[self.nodes[i] for i in side.tolist()] for side in (src, dst)]
        if weights is None:
            made.add_edges_from(zip(*ends, strict=True))
        else:
            made.add_weighted_edges_from(zip(*ends, weights.tolist(), strict=True), weight=self.weight)
        return made

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.nodes)

    def __contains__(self, node: object) -> bool:
        return node in self.nodes

    def __repr__(self) -> str:
        return f"<NetworkXGraph: {self.rows.num_nodes:,} nodes, {self.number_of_edges():,} edges>"


def convert_from_nx(
    graph: Any,
    *,
    edge_attrs: dict[Hashable, Any] | None = None,
    node_attrs: dict[Hashable, Any] | None = None,
    preserve_edge_attrs: bool = False,
    preserve_node_attrs: bool = False,
    preserve_graph_attrs: bool = False,
    name: str | None = None,
    graph_name: str | None = None,
) -> NetworkXGraph:
    """Convert a networkx graph; the arguments are those that networkx passes to its backends.

    Raises
    ------
    LeftToNetworkX
        More than one edge attribute or one of nodes is to be kept, an attribute's default is not 1, or a
        weight is no number, negative or not finite.
    """
    attributes = edge_attrs or {}
    kept = preserve_edge_attrs or preserve_node_attrs or node_attrs
    if kept or len(attributes) > 1 or any(default != 1 for default in attributes.values()):
        raise LeftToNetworkX("ringway keeps one edge attribute, whose default is 1, and none of nodes")
    weight = next(iter(attributes), None)
    try:
        rows = graph_networkx.read(graph, weight)
        native = Graph(rows.graph(None))
    except GraphError as error:
        raise LeftToNetworkX(str(error)) from error
    made = NetworkXGraph(native, rows.nodes, weight, graph.is_directed(), graph.is_multigraph())
    if preserve_graph_attrs:
        made.graph.update(graph.graph)
    return made


def convert_to_nx(result: Any, *, name: str | None = None) -> Any:
    """A converted graph as networkx's; any other result as it is."""
    return result.to_networkx() if isinstance(result, NetworkXGraph) else result

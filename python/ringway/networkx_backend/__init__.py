"""ringway as a backend of networkx: ``nx.pagerank(G, backend="ringway")``.

networkx finds this module by the entry point ``networkx.backends`` and calls what stands here.
"""

from ringway.networkx_backend.arguments import LeftToNetworkX
from ringway.networkx_backend.centrality import eigenvector_centrality, katz_centrality
from ringway.networkx_backend.conditions import can_run, should_run
from ringway.networkx_backend.convert import NetworkXGraph, convert_from_nx, convert_to_nx
from ringway.networkx_backend.link_analysis import pagerank

__all__ = [
    "LeftToNetworkX",
    "NetworkXGraph",
    "can_run",
    "convert_from_nx",
    "convert_to_nx",
    "eigenvector_centrality",
    "katz_centrality",
    "pagerank",
    "should_run",
]

"""networkx's centralities that are power iterations over a graph's edges, in native code."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringway.networkx_backend.arguments import LeftToNetworkX, iterations
from ringway.networkx_backend.convert import NetworkXGraph

MOST_ITERATIONS = 2**63 - 1


def _start(nstart: dict[Any, float], G: NetworkXGraph) -> NDArray[np.float64]:
    if len(nstart) != len(G) or not all(node in nstart for node in G):
        raise LeftToNetworkX("nstart has not one value for each node")
    return np.array([nstart[node] for node in G], dtype=float)


def _norm(values: NDArray[np.float64]) -> float:
    """The Euclidean norm, whose squares may be beyond the range of a float."""
    most = float(np.abs(values).max())
    return most * float(np.linalg.norm(values / most)) if 0 < most < np.inf else most


def _by_node(G: NetworkXGraph, values: NDArray[np.float64], nstart: Any) -> dict[Any, float]:
    """Values by node, in the order of the vector that networkx would have begun with."""
    found = dict(zip(G.nodes, values.tolist(), strict=True))
    return found if nstart is None else {node: found[node] for node in nstart}


def katz_centrality(  # noqa: PLR0917 (networkx's signature)
    G: NetworkXGraph,
    alpha: float = 0.1,
    beta: Any = 1.0,
    max_iter: int = 1000,
    tol: float = 1.0e-6,
    nstart: Any = None,
    normalized: bool = True,
    weight: Any = None,
) -> dict[Any, float]:
    """`networkx.katz_centrality`.

    Raises
    ------
    networkx.NetworkXError
        `beta` is a mapping that lacks a node, or has one too many.
    networkx.PowerIterationFailedConvergence
        `max_iter` iterations did not bring the change below ``tol * len(G)``.
    LeftToNetworkX
        `nstart` has not one value for each node.
    """
    from networkx import NetworkXError, PowerIterationFailedConvergence

    if len(G) == 0:
        return {}
    values = np.zeros(len(G)) if nstart is None else _start(nstart, G)
    try:
        constant = np.full(len(G), float(beta))
    except (TypeError, ValueError, AttributeError) as error:
        if set(beta) != set(G):
            raise NetworkXError("beta dictionary must have a value for every node") from error
        constant = np.array([beta[node] for node in G], dtype=float)
    edges = G.in_edges(weight)
    if not edges.katz(alpha, constant, values, tol * len(G), iterations(max_iter, MOST_ITERATIONS)):
        raise PowerIterationFailedConvergence(max_iter)
    norm = _norm(values) if normalized else 1.0
    return _by_node(G, values * (1.0 / norm) if norm else values, nstart)


def eigenvector_centrality(
    G: NetworkXGraph, max_iter: int = 100, tol: float = 1.0e-6, nstart: Any = None, weight: Any = None
) -> dict[Any, float]:
    """`networkx.eigenvector_centrality`.

    Raises
    ------
    networkx.NetworkXPointlessConcept
        The graph has no nodes.
    networkx.NetworkXError
        All values of `nstart` are 0.
    networkx.PowerIterationFailedConvergence
        `max_iter` iterations did not bring the change below ``tol * len(G)``.
    LeftToNetworkX
        `nstart` has not one value for each node.
    """
    from networkx import NetworkXError, NetworkXPointlessConcept, PowerIterationFailedConvergence

    if len(G) == 0:
        raise NetworkXPointlessConcept("cannot compute centrality for the null graph")
    if nstart is None:
        values = np.full(len(G), 1.0 / len(G))
    elif all(value == 0 for value in nstart.values()):
        raise NetworkXError("initial vector cannot have all zero values")
    else:
        total = sum(nstart.values())
        values = _start({node: value / total for node, value in nstart.items()}, G)
    edges = G.in_edges(weight or None)
    if not edges.eigenvector(values, tol * len(G), iterations(max_iter, MOST_ITERATIONS)):
        raise PowerIterationFailedConvergence(max_iter)
    return _by_node(G, values, nstart)

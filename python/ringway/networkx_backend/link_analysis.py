"""networkx's link analysis on the ring kernels of `ringway.pagerank`."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringway.errors import NotConverged
from ringway.networkx_backend.arguments import LeftToNetworkX, iterations, node_values
from ringway.networkx_backend.convert import NetworkXGraph
from ringway.pagerank import pagerank as ranking

MOST_ITERATIONS = 2**32 - 1


def _not_negative(vectors: dict[str, NDArray[np.float64]], name: str) -> NDArray[np.float64] | None:
    values = vectors.get(name)
    if values is not None and (values < 0).any():
        raise LeftToNetworkX(f"{name} has a negative value; ringway takes values of at least 0")
    return values


def pagerank(  # noqa: PLR0917 (networkx's signature)
    G: NetworkXGraph,
    alpha: float = 0.85,
    personalization: Any = None,
    max_iter: int = 100,
    tol: float = 1.0e-6,
    nstart: Any = None,
    weight: Any = "weight",
    dangling: Any = None,
    *,
    dtype: Any = None,
    workers: int | None = None,
) -> dict[Any, float]:
    """`networkx.pagerank`; `dtype` and `workers` are those of `ringway.pagerank`.

    Raises
    ------
    networkx.PowerIterationFailedConvergence
        `max_iter` iterations did not bring the change below ``tol * len(G)``.
    ZeroDivisionError
        The values of `personalization` add up to 0.
    LeftToNetworkX
        A value of `personalization`, `nstart` or `dangling` is negative.
    """
    from networkx import PowerIterationFailedConvergence

    if len(G) == 0:
        return {}
    vectors = {
        name: node_values(given, G.nodes)
        for name, given in (("nstart", nstart), ("personalization", personalization), ("dangling", dangling))
        if given is not None
    }
    if "personalization" in vectors and vectors["personalization"].sum() == 0:
        raise ZeroDivisionError
    most = iterations(max_iter, MOST_ITERATIONS)
    threshold = min(tol * len(G), sys.float_info.max)
    # networkx iterates over what is not a number then, and never below a change of 0.
    hopeless = any(not np.isfinite(vector).all() or vector.sum() == 0 for vector in vectors.values())
    if hopeless or not threshold > 0 or most == 0:
        raise PowerIterationFailedConvergence(max_iter)
    try:
        result = ranking(
            G.rows,
            damping=alpha,
            tol=threshold,
            max_iter=most,
            weight="weight" if G.weighted_by(weight) else None,
            dtype=np.float64 if dtype is None else dtype,
            workers=workers,
            personalization=_not_negative(vectors, "personalization"),
            nstart=_not_negative(vectors, "nstart"),
            dangling=_not_negative(vectors, "dangling"),
        )
    except NotConverged:
        raise PowerIterationFailedConvergence(max_iter) from None
    return dict(zip(G.nodes, result.ranks.tolist(), strict=True))

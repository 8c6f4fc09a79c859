"""What networkx reads about its backend ``ringway`` whenever it is imported.

A package of its own, so that ``import networkx`` imports neither ringway nor NumPy for it.
"""

from __future__ import annotations

from typing import Any

_ENGINE = "Computes in native code on every core. {}"
_PAGERANK = (
    "alpha is from 0 to 1; weights and the values of personalization, nstart and dangling are finite and not "
    "negative, else the call is left to networkx."
)
_CENTRALITY = (
    "Weights are finite and not negative, and nstart has a value for each node, else the call is left to "
    "networkx."
)


def get_info() -> dict[str, Any]:
    """The entry point ``networkx.backend_info``."""
    return {
        "backend_name": "ringway",
        "project": "ringway",
        "package": "ringway.networkx_backend",
        "short_summary": "PageRank by ring kernels, in native code on every core.",
        "functions": {
            "eigenvector_centrality": {"additional_docs": _ENGINE.format(_CENTRALITY)},
            "katz_centrality": {"additional_docs": _ENGINE.format(_CENTRALITY)},
            "pagerank": {
                "additional_docs": _ENGINE.format(_PAGERANK),
                "additional_parameters": {
                    "dtype : {'float32', 'float64'}, default 'float64'": "Precision of the ranks.",
                    "workers : int, optional": "Most threads; by default one on each core.",
                },
            },
        },
    }

"""Arguments of networkx's functions in the form that native code takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class LeftToNetworkX(NotImplementedError):
    """A call that this backend does not take; networkx then asks the next one, or computes it itself."""


def iterations(max_iter: Any, most: int) -> int:
    """`max_iter` as networkx takes it, which is by ``range``; at most `most`."""
    counted = range(max_iter)
    return most if max_iter > most else len(counted)


def node_values(given: Any, nodes: list[Any]) -> NDArray[np.float64]:
    """Values by node, shape (nodes,); a node left out has 0."""
    return np.array([given.get(node, 0) for node in nodes], dtype=float)

"""Which calls the backend takes, and why it leaves others to networkx."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from numbers import Real
from typing import Any

from ringway.networkx_backend import centrality, link_analysis

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "eigenvector_centrality": centrality.eigenvector_centrality,
    "katz_centrality": centrality.katz_centrality,
    "pagerank": link_analysis.pagerank,
}
FEW_NODES = 20  # loops over so few in Python take less time than conversion and call


@functools.cache
def _signature(name: str) -> inspect.Signature:
    return inspect.signature(FUNCTIONS[name])


def _objection(name: str, arguments: dict[str, Any]) -> str | None:
    alpha, weight = arguments.get("alpha", 0), arguments["weight"]
    if not isinstance(alpha, Real):
        return f"alpha is {alpha!r}; ringway takes a real number"
    if name == "pagerank" and not 0 <= arguments["alpha"] <= 1:
        return f"alpha is {alpha!r}; ringway takes a number from 0 to 1"
    if callable(weight) or isinstance(weight, bool):
        return f"weight is {weight!r}; ringway takes the name of an edge attribute, or None"
    return None


def can_run(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool | str:
    """Whether a call is one that this backend takes; else the reason, for networkx's log."""
    if name not in FUNCTIONS:
        return f"ringway has no {name}"
    try:
        bound = _signature(name).bind(*args, **kwargs)
    except TypeError as error:
        return str(error)
    bound.apply_defaults()
    return _objection(name, bound.arguments) or True


def should_run(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool | str:
    """Whether a call that this backend takes is faster here, conversion included; else the reason."""
    graph = args[0] if args else kwargs["G"]
    if name != "pagerank" and len(graph) < FEW_NODES:
        return f"a graph of {len(graph)} nodes is done in Python before native code is called"
    return True

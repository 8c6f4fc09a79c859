"""GPU-native actors for Python: ring kernels that stay resident and answer messages from slot queues."""

from __future__ import annotations

from ringway._core import __version__ as __version__
from ringway.errors import Error as Error
from ringway.graphs import Graph as Graph

__all__ = ["Error", "Graph"]

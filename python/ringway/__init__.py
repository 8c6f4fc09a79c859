"""Ring kernels for Python: actors that stay resident and answer messages from lock-free slot queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ringway._core import DeviceBuffer as DeviceBuffer
from ringway._core import Latency as Latency
from ringway._core import LinkTelemetry as LinkTelemetry
from ringway._core import Message as Message
from ringway._core import QueueCounts as QueueCounts
from ringway._core import QueueTelemetry as QueueTelemetry
from ringway._core import Telemetry as Telemetry
from ringway._core import __version__ as __version__
from ringway.buffers import Buffer as Buffer
from ringway.compiled.kernel import KernelSource as KernelSource
from ringway.dead_letters import DeadLetter as DeadLetter
from ringway.device import Device as Device
from ringway.errors import Error as Error
from ringway.feeds import Feed as Feed
from ringway.graphs import Graph as Graph
from ringway.groups import Group as Group
from ringway.groups import GroupTelemetry as GroupTelemetry
from ringway.kernel_decorator import kernel as kernel
from ringway.kernels import Kernel as Kernel
from ringway.kernels import TerminateReport as TerminateReport
from ringway.memorypack import field as field
from ringway.memorypack import message as message
from ringway.messages import VectorRequest as VectorRequest
from ringway.messages import VectorResponse as VectorResponse
from ringway.options import LaunchOptions as LaunchOptions
from ringway.pagerank import PageRankResult as PageRankResult
from ringway.pagerank import pagerank as pagerank
from ringway.pagerank import release_pagerank as release_pagerank
from ringway.queues import Queue as Queue
from ringway.recording import Recording as Recording
from ringway.recording import RecordingReport as RecordingReport
from ringway.replay import ReplayDifference as ReplayDifference
from ringway.replay import ReplayedMessage as ReplayedMessage
from ringway.replay import ReplayedPart as ReplayedPart
from ringway.replay import ReplayReport as ReplayReport
from ringway.replay import replay as replay
from ringway.runtime import Runtime as Runtime
from ringway.runtime import RuntimeTelemetry as RuntimeTelemetry
from ringway.runtime import backends as backends
from ringway.shared_queues import SharedQueueInfo as SharedQueueInfo
from ringway.shared_queues import remove_shared_queue as remove_shared_queue
from ringway.shared_queues import shared_queues as shared_queues
from ringway.topics import Topic as Topic
from ringway.topology import Topology as Topology
from ringway.topology import TopologyEdge as TopologyEdge
from ringway.topology import TopologyGroup as TopologyGroup
from ringway.topology import TopologyNode as TopologyNode
from ringway.types import Array as Array
from ringway.types import f16 as f16
from ringway.types import f32 as f32
from ringway.types import f64 as f64
from ringway.types import i8 as i8
from ringway.types import i16 as i16
from ringway.types import i32 as i32
from ringway.types import i64 as i64
from ringway.types import u8 as u8
from ringway.types import u16 as u16
from ringway.types import u32 as u32
from ringway.types import u64 as u64
from ringway.user_kernels import Context as Context

if TYPE_CHECKING:
    from ringway.aio import AsyncRuntime as AsyncRuntime
    from ringway.aio_kernels import AsyncKernel as AsyncKernel
    from ringway.aio_queues import AsyncQueue as AsyncQueue
    from ringway.logs import log_to_logging as log_to_logging
    from ringway.logs import log_to_stderr as log_to_stderr
    from ringway.telemetry.serve import serve_metrics as serve_metrics

__all__ = [
    "AsyncKernel",
    "AsyncQueue",
    "AsyncRuntime",
    "Buffer",
    "Context",
    "DeadLetter",
    "Device",
    "DeviceBuffer",
    "Error",
    "Feed",
    "Graph",
    "Group",
    "GroupTelemetry",
    "Kernel",
    "KernelSource",
    "Latency",
    "LaunchOptions",
    "LinkTelemetry",
    "Message",
    "PageRankResult",
    "Queue",
    "QueueCounts",
    "QueueTelemetry",
    "Recording",
    "RecordingReport",
    "ReplayDifference",
    "ReplayReport",
    "ReplayedMessage",
    "ReplayedPart",
    "Runtime",
    "RuntimeTelemetry",
    "SharedQueueInfo",
    "Telemetry",
    "TerminateReport",
    "Topic",
    "Topology",
    "TopologyEdge",
    "TopologyGroup",
    "TopologyNode",
    "VectorRequest",
    "VectorResponse",
    "backends",
    "field",
    "kernel",
    "log_to_logging",
    "log_to_stderr",
    "message",
    "pagerank",
    "remove_shared_queue",
    "replay",
    "serve_metrics",
    "shared_queues",
]


def __getattr__(name: str) -> Any:
    """Import asyncio, logging and HTTP only for those who use them."""
    if name in ("AsyncKernel", "AsyncRuntime"):
        from ringway import aio

        return getattr(aio, name)
    if name == "AsyncQueue":
        from ringway import aio_queues

        return aio_queues.AsyncQueue
    if name in ("log_to_logging", "log_to_stderr"):
        from ringway import logs

        return getattr(logs, name)
    if name == "serve_metrics":
        from ringway.telemetry import serve

        return serve.serve_metrics
    raise AttributeError(f"module 'ringway' has no attribute {name!r}")

"""The message shapes that ring kernels of this field exchange."""

from __future__ import annotations

import enum
from typing import Annotated, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from ringway._core import Message, new_uuid
from ringway.errors import InvalidOption
from ringway.memorypack.classes import field, message
from ringway.types import (
    Array,
    CorrelationId,
    Length,
    MaxLength,
    MessageId,
    Priority,
    Wire,
    f32,
    i32,
    i64,
    u64,
)

MAX_INLINE = 25  # elements of a vector inside a message
Payload = TypeVar("Payload")
Vector = Annotated[Array[f32] | None, MaxLength(MAX_INLINE)]


class VectorOp(enum.IntEnum):
    """Element-wise operation of the kernel ``vector_op``."""

    ADD = 0
    SUBTRACT = 1
    MULTIPLY = 2
    DIVIDE = 3


class MessageKind(enum.IntEnum):
    """What a KernelMessage asks of its receiver."""

    DATA = 0
    CONTROL = 1
    TERMINATE = 2
    ACTIVATE = 3
    DEACTIVATE = 4


def inline_vector(name: str, values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    try:
        vector = np.asarray(values, np.float32)
    except (TypeError, ValueError):
        raise InvalidOption(f"{name} is {values!r}; it must be a vector of numbers") from None
    if vector.ndim != 1:
        raise InvalidOption(f"{name} has {vector.ndim} dimensions; a vector has one")
    if len(vector) > MAX_INLINE:
        raise InvalidOption(
            f"{name} has {len(vector)} elements; a message holds {MAX_INLINE}. Put longer vectors into "
            "device buffers and send VectorRequest.by_handle(a, b, result, length, op=...)"
        )
    return vector


OPERATIONS: dict[VectorOp | str, VectorOp] = {
    key: op for op in VectorOp for key in (op, op.name.lower(), op.name)
}


def operation(op: VectorOp | str) -> VectorOp:
    try:
        return OPERATIONS[op]
    except (KeyError, TypeError):
        names = ", ".join(member.name.lower() for member in VectorOp)
        raise InvalidOption(f"op={op!r} is none of {names}") from None


@message
class VectorRequest(Message):
    """Request to the kernel ``vector_op``: an element-wise operation on two vectors.

    Parameters
    ----------
    a, b : array_like of float32, shape (n,), n <= 25
        The vectors, equally long.
    op : VectorOp or str, default "add"
        ``"add"``, ``"subtract"``, ``"multiply"`` or ``"divide"``.
    priority : int, default 128
        0 (highest) to 255.

    Raises
    ------
    InvalidOption
        No numbers, another operation, or vectors of different lengths, of more than one dimension or of more
        than 25 elements.
    """

    message_id: MessageId
    priority: Priority
    correlation_id: CorrelationId
    length: i32
    op: Annotated[VectorOp, Wire("int32")]
    use_device_buffer: bool
    handle_a: u64
    handle_b: u64
    handle_result: u64
    a: Vector
    b: Vector

    def __init__(
        self, a: npt.ArrayLike, b: npt.ArrayLike, op: VectorOp | str = VectorOp.ADD, *, priority: int = 128
    ) -> None:
        self.a = inline_vector("a", a)
        self.b = inline_vector("b", b)
        if len(self.a) != len(self.b):
            raise InvalidOption(
                f"a has {len(self.a)} elements and b {len(self.b)}; they must be equally long"
            )
        self._head(len(self.a), op, priority)
        self.use_device_buffer = False
        self.handle_a = self.handle_b = self.handle_result = 0

    def _head(self, length: int, op: VectorOp | str, priority: int) -> None:
        self.message_id = new_uuid()
        self.priority = priority
        self.correlation_id = None
        self.length = length
        self.op = operation(op)

    @classmethod
    def by_handle(
        cls,
        a: int,
        b: int,
        result: int,
        length: int,
        *,
        op: VectorOp | str = VectorOp.ADD,
        priority: int = 128,
    ) -> VectorRequest:
        """Request on vectors of `length` float32 elements that lie in device buffers of these handles."""
        made = cls.__new__(cls)
        made._head(length, op, priority)
        made.use_device_buffer = True
        made.handle_a, made.handle_b, made.handle_result = a, b, result
        made.a = made.b = None
        return made


@message
class VectorResponse(Message):
    """Answer of the kernel ``vector_op``; ``result`` is None on an error or when it is in a buffer."""

    message_id: MessageId = field(default_factory=new_uuid)
    priority: Priority = 128
    correlation_id: CorrelationId = None
    success: bool = True
    error: Annotated[str | None, MaxLength(120)] = None
    processed: i32 = 0
    result_handle: u64 = 0
    result: Vector = None
    processing_ns: i64 = 0


@message(layout="struct")
class PageRankContribution(Message):
    """Rank that a node passes along one edge."""

    source: i32
    target: i32
    contribution: f32
    iteration: i32


@message(layout="struct")
class RankAggregationResult(Message):
    """New rank of a node after an iteration."""

    node: i32
    rank: f32
    delta: f32
    iteration: i32


@message(layout="struct")
class ConvergenceCheckResult(Message):
    """Largest change of an iteration, and whether it is small enough."""

    iteration: i32
    max_delta: f32
    converged: i32
    nodes_processed: i32


@message(layout="struct")
class GraphNode(Message):
    """A node with up to 32 outgoing edges."""

    id: i32
    rank: f32
    edge_count: i32
    reserved: i32 = 0
    targets: Annotated[Array[i32], Length(32)] = field(default_factory=lambda: np.zeros(32, np.int32))


@message(layout="struct")
class KernelMessage(Message, Generic[Payload]):
    """A payload between two kernels; ``KernelMessage[PageRankContribution]`` takes 48 bytes."""

    sender: i32
    receiver: i32
    type: Annotated[MessageKind, Wire("int32")]
    payload: Payload
    timestamp_us: i64 = 0
    sequence: u64 = 0


__all__ = [
    "ConvergenceCheckResult",
    "GraphNode",
    "KernelMessage",
    "MessageKind",
    "PageRankContribution",
    "RankAggregationResult",
    "VectorOp",
    "VectorRequest",
    "VectorResponse",
]

"""What a launch may ask for, and three presets."""

from __future__ import annotations

import dataclasses
import re
from numbers import Integral, Real
from typing import Any, Literal

from ringway import _core
from ringway.arguments import INT64
from ringway.errors import InvalidOption


@dataclasses.dataclass(frozen=True, kw_only=True)
class LaunchOptions:
    """Options of one kernel; checked when made, by the native core.

    Attributes
    ----------
    capacity
        Slots of the mailbox and of the queue to the host; a power of two, 16 to 1,048,576.
    slot_size
        Bytes of the largest message body, rounded up so that slots fill cache lines; ``"auto"`` fits what the
        kernel declares, else 4,096.
    policy
        What a full mailbox does to a sender: ``"block"`` until there is room or ``block_timeout`` has passed,
        ``"reject"`` with `QueueFull`, ``"drop_new"`` or ``"drop_oldest"`` and count it.
    block_timeout
        Seconds that a sender waits for room under ``"block"``.
    message_timeout
        Seconds that a request waits for its answer when it names no time-out.
    idle
        What the worker does without messages: ``"park"`` after a short spin and be woken by senders;
        ``"spin"``, the lowest latency, for a whole core (all workers but one may); ``"poll"`` every
        ``poll_interval``, so that senders never pay for a wake.
    poll_interval
        Seconds between two looks under ``"poll"``.
    batch
        Messages handled before the worker turns to its next kernel.
    worker
        Worker slot to live on, below ``Runtime.workers``; None lets the runtime choose. Kernels on one worker
        exchange messages through one core's caches.
    bridge
        How messages reach the kernel's queues: ``"direct"`` where host and device see the same memory,
        ``"pumped"`` by one background thread of the runtime, through staging rings; ``"auto"`` takes what
        suits the backend (the CPU's is direct). Under ``"pumped"`` the policy applies at the staging ring.
    staging_capacity
        Slots of each staging ring of a pumped bridge, one each way, beside the ``capacity`` of the queues on
        the device; a power of two, 16 to 1,048,576.
    on_error
        What a handler that breaks on a message, as by an exception, does to its kernel: ``"fail"`` ends it;
        ``"restart"`` gives it a new, zero-filled state; ``"skip"`` keeps its state. In every case the
        message's sender gets `HandlerError`; the messages behind it are kept under ``"restart"`` and
        ``"skip"``, whose kernels get their messages one by one. A message that the handler reports as at
        fault breaks nothing.
    restart_limit
        Restarts under ``"restart"`` without a message handled in between; the next break then fails the
        kernel. 0 to 1,000,000.
    restart_backoff
        Seconds that a restarted kernel pauses; doubled with every restart without a message handled in
        between, up to 30.
    prefault
        Take the memory of the kernel's queues from the system at launch. Without it the first message
        in each page, in the first lap of a queue, waits for the system.
    lanes
        Four lanes by priority in the mailbox: 0 to 63, 64 to 127, 128 to 191, 192 to 255. Each has
        ``capacity`` slots and keeps to the policy on its own. While all have messages waiting, of any 85
        handled in a row 64 are of the first lane, 16, 4 and 1 of the others, so that none starves. Order is
        kept within a sender and lane. A pumped bridge has ``staging_capacity`` slots for each lane too.
    dedup
        How many message ids, 16 to 1,024, the kernel remembers of the last messages it has taken; one of the
        same id is dropped, and its asker gets `DuplicateMessage`. A message whose handler failed may come
        again. 0: none.
    ttl
        Seconds, up to 655.35, that a message which names none itself may wait for its turn; None: as long as
        it takes. An expired message is not handled, and its asker gets `Timeout`.
    dead_letters
        How many messages that were not handled are kept, as copies, for `Kernel.dead_letters`; 0: none. When
        there are more, the oldest letter goes and is counted.
    telemetry
        Whether counters count; `Kernel.telemetry_enabled` turns them on and off later.
    latency_sample
        One mailbox message in so many is timed, and one in sixteen times as many of a link into the kernel; a
        power of two up to 1,048,576, or 0 for none.

    device_polls
        How often, at most, a kernel on a GPU looks for messages of the host while a command buffer runs and
        there are none, so that a message need not wait for the next command buffer; 0 to 1,000,000.
        Only ``Runtime("metal")`` has it, on macOS 15 or later; others refuse it.

    Raises
    ------
    InvalidOption
        Names field, value and range.
    """

    capacity: int = 4096
    slot_size: int | Literal["auto"] = "auto"
    policy: Literal["block", "reject", "drop_new", "drop_oldest"] = "block"
    block_timeout: float = 5.0
    message_timeout: float = 30.0
    idle: Literal["park", "spin", "poll"] = "park"
    poll_interval: float = 100e-6
    batch: int = 256
    worker: int | None = None
    bridge: Literal["auto", "direct", "pumped"] = "auto"
    staging_capacity: int = 4096
    on_error: Literal["fail", "restart", "skip"] = "fail"
    restart_limit: int = 5
    restart_backoff: float = 0.1
    telemetry: bool = True
    latency_sample: int = 64
    prefault: bool = False
    lanes: bool = False
    dedup: int = 0
    ttl: float | None = None
    dead_letters: int = 256
    device_polls: int = 0

    def __post_init__(self) -> None:
        self.native()

    def native(self) -> _core.Options:
        """Return the native core's form."""
        try:
            return self._native()
        except TypeError:
            raise wrong_type(self) from None

    def _native(self) -> _core.Options:
        return _core.Options(
            capacity=self.capacity,
            slot_size=self.slot_size,
            policy=self.policy,
            block_timeout=self.block_timeout,
            message_timeout=self.message_timeout,
            idle=self.idle,
            poll_interval=self.poll_interval,
            batch=self.batch,
            worker=self.worker,
            bridge=self.bridge,
            staging_capacity=self.staging_capacity,
            on_error=self.on_error,
            restart_limit=self.restart_limit,
            restart_backoff=self.restart_backoff,
            telemetry=self.telemetry,
            latency_sample=self.latency_sample,
            prefault=self.prefault,
            lanes=self.lanes,
            dedup=self.dedup,
            ttl=self.ttl,
            dead_letters=self.dead_letters,
            device_polls=self.device_polls,
        )

    @classmethod
    def production(cls) -> LaunchOptions:
        """Return the defaults with ``dedup=1024``: 4,096 slots, ``policy="block"`` for 5 s, requests 30 s."""
        return cls(dedup=1024)

    @classmethod
    def low_latency(cls) -> LaunchOptions:
        """Return short queues, no waits: 256 slots, ``policy="reject"``, ``idle="spin"``, dedup, prefault."""
        return cls(capacity=256, policy="reject", idle="spin", dedup=256, prefault=True)

    @classmethod
    def high_throughput(cls) -> LaunchOptions:
        """Return deep queues: 16,384 slots, ``batch=1024``."""
        return cls(capacity=16384, batch=1024)


def wrong_type(options: LaunchOptions) -> InvalidOption:
    """Return the error that names the first field whose value is not of the type it is declared with."""
    for field in dataclasses.fields(options):
        value, declared = getattr(options, field.name), str(field.type)
        if not _fits(value, declared):
            names = [repr(name) for name in re.findall(r"'(\w+)'", declared)]
            words = [word for kind, word in _WORDS.items() if re.search(rf"\b{kind}\b", declared)]
            return InvalidOption(
                f"LaunchOptions.{field.name} is {value!r}; it must be {', '.join(words + names)}"
            )
    raise AssertionError("every field has its type")


_WORDS = {"int": "a whole number of 64 bits", "float": "a number", "bool": "True or False", "None": "None"}


def _fits(value: Any, declared: str) -> bool:
    if isinstance(value, bool):
        return "bool" in declared
    if isinstance(value, Integral):
        return ("int" in declared and int(value) in INT64) or "float" in declared
    if isinstance(value, Real):
        return "float" in declared
    if isinstance(value, str):
        return "Literal" in declared and value.isprintable()
    return value is None and "None" in declared

"""Checks of memory, as the system counts it: what a kernel takes, and what a used queue does."""

from __future__ import annotations

import resource
from pathlib import Path

import ringway as rw
from ringway import _core
from ringway.cli.validate.check import Check, Finding, Setting, Skip, below
from ringway.messages import MAX_INLINE

STATISTICS = Path("/proc/self/statm")
KERNELS = 2000


def resident() -> int:
    """Bytes that the process holds."""
    if not STATISTICS.exists():
        raise Skip("reads Linux's process files")
    return int(STATISTICS.read_text().split()[1]) * resource.getpagesize()


def kernels(setting: Setting) -> Finding:
    """Idle kernels, each with its queues."""
    with setting.runtime() as runtime:
        runtime.launch("echo")
        before = resident()
        launched = [runtime.launch("echo") for _ in range(KERNELS)]
        each = (resident() - before) / len(launched)
        locked = _core.choose_backend(runtime.backend).locked_memory
    # Behind a bridge each queue is there twice. Memory that is not locked costs nothing before it is touched.
    limit = 8 if launched[0].bridge == "direct" else 700 if locked else 40
    return below(each / 1024, limit, "KB", f"mean of {KERNELS}")


def used_queue(setting: Setting) -> Finding:
    """A default mailbox of vector requests, full."""
    message = rw.VectorRequest(range(MAX_INLINE), range(MAX_INLINE))
    with setting.runtime() as runtime:
        kernel = runtime.launch("vector_op", activate=False)
        kernel.send(message)
        before = resident()
        for _ in range(4095):
            kernel.send(message)
        held = resident() - before
    return below(held / 1e6, 2 if kernel.bridge == "direct" else 4, "MB", "4,096 slots")


CHECKS = [
    Check("memory-kernel", "memory of an idle kernel", kernels, measured=True),
    Check("memory-queue", "memory of a full mailbox of VectorRequest", used_queue, measured=True),
]

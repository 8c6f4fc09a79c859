"""Launches that take long, beside the event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from ringway import _core
from ringway.errors import Error


async def launch_aside(launch: Callable[[], _core.Kernel]) -> _core.Kernel:
    """Launch on another thread, because that may have to compile; cancelled, it leaves no kernel behind."""
    task = asyncio.ensure_future(asyncio.to_thread(launch))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_end)
        raise


def _end(task: asyncio.Future[_core.Kernel]) -> None:
    if not task.cancelled() and not task.exception():
        with contextlib.suppress(Error):  # the runtime has ended
            task.result().terminate(drain=False, timeout=None)

"""Feeds and topics of an `AsyncRuntime`."""

from __future__ import annotations

import asyncio
import math
from types import TracebackType

from ringway.arguments import seconds
from ringway.feeds import BaseFeed
from ringway.topics import BaseTopic

FIRST_PAUSE, LONGEST_PAUSE = 1e-3, 0.02  # seconds between two looks of a task that waits for an end


async def wait_for_end(mover: BaseFeed | BaseTopic, timeout: float | None) -> bool:
    """Wait until it has ended; False after ``timeout`` seconds."""
    loop = asyncio.get_running_loop()
    end, pause = loop.time() + seconds(timeout, math.inf), FIRST_PAUSE
    while not mover.done:
        left = end - loop.time()
        if left <= 0:
            return False
        await asyncio.sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE)
    return True


class AsyncFeed(BaseFeed):
    """A feed of an `AsyncRuntime`; see `Feed`."""

    __slots__ = ()

    async def stop(self) -> None:
        """Move nothing more."""
        await asyncio.to_thread(self._core.stop)

    async def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended; False after ``timeout`` seconds."""
        return await wait_for_end(self, timeout)

    async def __aenter__(self) -> AsyncFeed:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class AsyncTopic(BaseTopic):
    """A topic of an `AsyncRuntime`; see `Topic`."""

    __slots__ = ()

    async def stop(self) -> None:
        """Move nothing more."""
        await asyncio.to_thread(self._core.stop)

    async def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended; False after ``timeout`` seconds."""
        return await wait_for_end(self, timeout)

    async def __aenter__(self) -> AsyncTopic:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

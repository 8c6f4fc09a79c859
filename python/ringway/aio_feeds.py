"""Feeds and topics of an `AsyncRuntime`."""

from __future__ import annotations

import asyncio
import math
from types import TracebackType
from typing import TYPE_CHECKING

from ringway.arguments import seconds
from ringway.feeds import BaseFeed
from ringway.movers import BaseMover
from ringway.topics import BaseTopic

if TYPE_CHECKING:
    from typing_extensions import Self

FIRST_PAUSE, LONGEST_PAUSE = 1e-3, 0.02  # seconds between two looks of a task that waits for an end


class AsyncMover(BaseMover):
    """As `ringway.movers.Mover`, awaited."""

    __slots__ = ()

    async def stop(self) -> None:
        """Move nothing more."""
        await asyncio.to_thread(self._core.stop)

    async def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended; False after ``timeout`` seconds."""
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + seconds(timeout, math.inf), FIRST_PAUSE
        while not self.done:
            left = end - loop.time()
            if left <= 0:
                return False
            await asyncio.sleep(min(pause, left))
            pause = min(2 * pause, LONGEST_PAUSE)
        return True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class AsyncFeed(BaseFeed, AsyncMover):
    """A feed of an `AsyncRuntime`; see `Feed`."""

    __slots__ = ()


class AsyncTopic(BaseTopic, AsyncMover):
    """A topic of an `AsyncRuntime`; see `Topic`."""

    __slots__ = ()

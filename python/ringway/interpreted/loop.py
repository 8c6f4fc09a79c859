"""Event loops of handlers that are an ``async def``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ringway.interpreted.handler import Handler

_END = 1.0  # seconds for the tasks that a loop has left


class Loop:
    """The event loop of one replica, run and closed by its thread alone, while messages are handled."""

    def __init__(self, function: Callable[[Any, Any, Any], Coroutine[Any, Any, Any]]) -> None:
        self._function = function
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, take: Callable[[], tuple[Any, Any] | None], state: Any) -> None:
        """Handle what ``take`` gives, one message after the other."""
        self._opened().run_until_complete(self._handle(take, state))

    def call(self, function: Callable[[Any, Any], Coroutine[Any, Any, Any]], ctx: Any, state: Any) -> Any:
        """Run what a timer calls; return what it returns."""
        return self._opened().run_until_complete(function(ctx, state))

    def _opened(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop

    async def _handle(self, take: Callable[[], tuple[Any, Any] | None], state: Any) -> None:
        while (taken := take()) is not None:
            ctx, msg = taken
            del taken  # the context is let go with the message
            result = await self._function(ctx, msg, state)
            del ctx, msg
            if result is not None:
                Handler.refuse_result(result)

    def close(self) -> None:
        """Cancel what is left and close the loop."""
        if self._loop is None:
            return
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        if left:
            self._loop.run_until_complete(asyncio.wait(left, timeout=_END))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

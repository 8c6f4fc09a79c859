"""Tasks that try something again each time they are woken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Turns:
    """Waits of one event loop, by token.

    Parameters
    ----------
    token
        Makes the number of a wait, unique among all that the same port tells of.
    """

    def __init__(self, token: Callable[[], int]) -> None:
        self._token = token
        self._waits: dict[int, asyncio.Future[None]] = {}

    async def until(
        self,
        watch: Callable[[int], None],
        withdraw: Callable[[int], None],
        attempt: Callable[[], Any],
        timeout: float | None,
        vain: object = None,
    ) -> Any:
        """Return what ``attempt`` returns once that is not ``vain``; ``vain`` at the end of the time-out."""
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        while True:
            token = self._token()
            turn = self._waits[token] = loop.create_future()
            watch(token)
            try:
                # After the watch began, so that nothing comes unseen in between.
                if (made := attempt()) is not vain:
                    return made
                left = None if end is None else end - loop.time()
                if left is not None and left <= 0:
                    return vain
                await asyncio.wait([turn], timeout=left)
            finally:
                del self._waits[token]
                withdraw(token)

    def wake(self, token: int) -> bool:
        """Let the wait of that token try again; False when there is none."""
        turn = self._waits.get(token)
        if turn is not None and not turn.done():
            turn.set_result(None)
        return turn is not None

    def __len__(self) -> int:
        return len(self._waits)

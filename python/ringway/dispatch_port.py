"""Dispatches that an event loop awaits."""

from __future__ import annotations

import asyncio
import weakref

from ringway import _core


class DispatchLoop:
    """Tells an event loop of ended dispatches. Its file descriptor is watched while some are awaited."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._core = _core.DispatchPort()
        self._awaited: dict[int, tuple[asyncio.Future[None], _core.Started]] = {}
        self._tokens = 0

    @classmethod
    def of_running_loop(cls) -> DispatchLoop:
        """Return the running loop's port."""
        loop = asyncio.get_running_loop()
        if loop not in _loops:
            _loops[loop] = cls(loop)
        return _loops[loop]

    async def ended(self, started: _core.Started) -> None:
        """Return when the dispatch has ended; a cancelled call cancels it first."""
        loop = asyncio.get_running_loop()
        self._tokens += 1
        token = self._tokens
        if not self._core.listen(started, token):
            return
        if not self._awaited:
            loop.add_reader(self._core.fileno(), self._ready)
        future: asyncio.Future[None] = loop.create_future()
        self._awaited[token] = future, started
        try:
            await asyncio.shield(future)
        except asyncio.CancelledError:
            started.cancel()
            if not future.done():
                await asyncio.wait([future])
            raise
        finally:
            if token in self._awaited and self._core.withdraw(started, token):
                self._forget(token)

    def _ready(self) -> None:
        for token in self._core.take():
            future, _ = self._awaited[token]
            self._forget(token)
            if not future.done():
                future.set_result(None)

    def _forget(self, token: int) -> None:
        del self._awaited[token]
        loop = self._loop()
        if not self._awaited and loop is not None:
            loop.remove_reader(self._core.fileno())


_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, DispatchLoop] = weakref.WeakKeyDictionary()

"""What native code calls of a kernel that Python runs (`native/bindings/python_kernel.h`)."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ringway import _core
from ringway.errors import EncodeError, TypeMismatch
from ringway.interpreted.values import is_fixed, plain_class, preparation, stored

if TYPE_CHECKING:
    from ringway.interpreted.loop import Loop


class Handler:
    """A handler with what is needed around it.

    Attributes
    ----------
    function
        ``f(ctx, msg, state)``.
    prepare
        By message class: what makes a decoded message one for the handler, in place.
    messages
        The classes of its messages. What comes by a link, bare, is of the only one, or else bytes.
    new_state
        Makes a state.
    waits
        Whether the handler is an ``async def``.
    """

    def __init__(
        self,
        function: Callable[[Any, Any, Any], Any],
        messages: Sequence[type[_core.Message]],
        new_state: Callable[[], Any],
        ticks: Sequence[Callable[[Any, Any], Any]] = (),
    ) -> None:
        self.function = function
        self.new_state = new_state
        self.waits = is_async(function)
        self._ticks = [(tick, is_async(tick)) for tick in ticks]
        made = {cls: preparation(cls) for cls in messages if is_fixed(cls)}
        self.prepare = {cls: prepare for cls, prepare in made.items() if prepare is not None}
        self.messages = tuple(messages)
        called: list[Callable[..., Any]] = [function, *ticks]
        codes = [getattr(inspect.unwrap(one), "__code__", None) for one in called]
        self._code_files = {code.co_filename for code in codes if code}

    def driver(self) -> Loop | None:
        """Return what runs what is an ``async def`` for one replica; None: nothing is."""
        if not self.waits and not any(waits for _, waits in self._ticks):
            return None
        from ringway.interpreted.loop import Loop  # with asyncio, for those alone that use it

        return Loop(self.function)

    def tick(self, driver: Loop | None, timer: int, ctx: Any, state: Any) -> None:
        """Run what a timer calls."""
        function, waits = self._ticks[timer]
        result = driver.call(function, ctx, state) if driver and waits else function(ctx, state)
        if result is not None:
            self.refuse_result(result)

    @staticmethod
    def snapshot(state: Any) -> Any:
        """Return a copy of the state, for whoever reads it."""
        if is_fixed(type(state)):
            return plain_class(type(state)).decode(state.encode())
        try:
            return copy.deepcopy(state)
        except Exception as error:
            raise TypeMismatch(
                f"a state of {type(state).__qualname__} cannot be copied, as reading it does: {error}; "
                "give the class a __deepcopy__ that returns what is to be read"
            ) from error

    def stored(self, message: Any) -> Any:
        """Return a message whose numbers fit their fields, for one whose do not; None: they cannot."""
        if not is_fixed(type(message)):
            return None
        try:
            return stored(message)
        except (TypeError, ValueError, EncodeError):
            return None

    def failure(self, error: BaseException) -> str:
        """Return what an exception says, with the line of the handler's file that it came through last."""
        place, trace = "", error.__traceback__
        while trace is not None:
            if (file := trace.tb_frame.f_code.co_filename) in self._code_files:
                place = f"{file}:{trace.tb_lineno}: "
            trace = trace.tb_next
        text = str(error)
        return f"{place}{type(error).__name__}{': ' if text else ''}{text}"

    @staticmethod
    def refuse_result(result: Any) -> None:
        """Raise the error for a handler that returns something."""
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError("the handler returned a coroutine; write it with async def")
        raise TypeError(
            f"the handler returned a {type(result).__qualname__}; it returns nothing: use ctx.reply(...)"
        )


def is_async(function: Any) -> bool:
    """Whether it is an ``async def``, or an object called as one."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)

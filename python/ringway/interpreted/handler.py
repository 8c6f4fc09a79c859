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
    """

    def __init__(
        self,
        function: Callable[[Any, Any, Any], Any],
        messages: Sequence[type[_core.Message]],
        new_state: Callable[[], Any],
    ) -> None:
        self.function = function
        self.new_state = new_state
        made = {cls: preparation(cls) for cls in messages if is_fixed(cls)}
        self.prepare = {cls: prepare for cls, prepare in made.items() if prepare is not None}
        self.messages = tuple(messages)
        code = getattr(inspect.unwrap(function), "__code__", None)
        self._code_file = code.co_filename if code else None

    def driver(self) -> Loop | None:
        """Return what runs the handler of one replica, when that is an ``async def``."""
        called = getattr(self.function, "__call__", None)  # noqa: B004 (of an object that is called)
        waits = inspect.iscoroutinefunction(self.function) or inspect.iscoroutinefunction(called)
        if not waits:
            return None
        from ringway.interpreted.loop import Loop  # with asyncio, for those alone that use it

        return Loop(self.function)

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
            if trace.tb_frame.f_code.co_filename == self._code_file:
                place = f"{self._code_file}:{trace.tb_lineno}: "
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

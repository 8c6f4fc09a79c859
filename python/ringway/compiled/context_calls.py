"""Calls of a handler's context as lines of C++."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING, Any

from ringway.compiled.arrays import WholeArrays
from ringway.compiled.scalars import BOOL
from ringway.compiled.structs import Struct, type_id_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringway.compiled.expressions import Value

CTX = (
    "ctx.send(link, Message(...)), ctx.reply(Message(...)), ctx.emit(Message(...)), "
    "ctx.count(name, n) and ctx.deactivate()"
)
_ARGUMENTS = {"send": (2,), "reply": (1,), "emit": (1,), "count": (1, 2), "deactivate": (0,)}


class ContextCalls(WholeArrays):
    """The part of a function's translation that deals with calls of its context."""

    is_tick: bool

    if TYPE_CHECKING:

        def leave(self, error: str) -> str: ...
        def leave_if_failed(self, node: ast.AST) -> None: ...
        def text_of(self, node: ast.expr) -> str: ...
        def error_at(self, node: ast.stmt, kind: str, text: str) -> int: ...
        def message_of(self, node: ast.expr) -> tuple[str, Struct, type[Any]]: ...
        def value(self, node: ast.expr) -> Value: ...

    def call_alone(self, node: ast.Expr) -> None:
        """Translate a statement that is a call, or a docstring."""
        call = node.value
        if isinstance(call, ast.Constant) and isinstance(call.value, str):
            return None
        function = call.func if isinstance(call, ast.Call) else None
        called: Callable[..., Any] | Any = self.source.known(function) if function is not None else None
        if isinstance(call, ast.Call) and inspect.isfunction(called):
            self.checked = False
            self.put(f"{self.helper_call(call, called, alone=True)[0]};")
            return self.leave_if_failed(node)
        owner = function.value if isinstance(function, ast.Attribute) else None
        if not (isinstance(owner, ast.Name) and owner.id == self.context and self.context):
            self.refuse(
                node, f"'{ast.unparse(call)}' does nothing here", f"statements that are calls are {CTX}"
            )
        assert isinstance(call, ast.Call)
        assert isinstance(function, ast.Attribute)
        if call.keywords or len(call.args) not in _ARGUMENTS.get(function.attr, ()):
            self.refuse(node, f"'{ast.unparse(call)}'", f"known are {CTX}")
        return self._call_of_context(node, function.attr, call.args)

    def _call_of_context(self, node: ast.Expr, verb: str, arguments: list[ast.expr]) -> None:
        if verb in ("deactivate", "count"):
            self.unit.cpu_only.add(f"ctx.{verb}")
        if verb == "deactivate":
            return self.put(f"{self.context}_.deactivate();")
        if verb == "count":
            return self._count(node, arguments)
        if verb == "reply" and self.is_tick:
            self.refuse(node, "a tick has no sender to reply to", "use ctx.emit or ctx.send")
        name, _, cls = self.message_of(arguments[-1])
        if verb == "send":
            number = self._number(arguments[0], self.unit.outputs, self.unit.outputs_are_fixed, "link")
            return self.put(f"{self.context}_.send({number}u, {name});")
        wire = f"{type_id_of(cls):#x}u"
        if verb == "emit":
            return self.put(f"{self.context}_.emit({wire}, {name});")
        error = self.error_at(node, "ValueError", "a message that came by a link has no sender to reply to")
        return self.put(f"if (!{self.context}_.reply({wire}, {name})) {self.leave(f'{error}u')}")

    def _count(self, node: ast.Expr, arguments: list[ast.expr]) -> None:
        number = self._number(arguments[0], self.unit.counters, self.unit.counters_are_fixed, "counter")
        n = "1"
        if len(arguments) == 2:
            n, kind = self.value(arguments[1])
            if kind.floating or kind is BOOL:
                self.refuse(
                    arguments[1],
                    f"'{ast.unparse(arguments[1])}' is a {kind}, no number to count",
                    "an integer",
                )
            error = self.error_at(node, "ValueError", "a counter counts up: n is below 0")
            self.put(f"if ({n} < 0) {self.leave(f'{error}u')}")
        self.put(f"{self.context}_.count({number}u, ringway::u64({n}));")

    def _number(self, node: ast.expr, names: list[str], fixed: bool, what: str) -> int:
        """Return the number that a link's or a counter's name stands for, from 1."""
        name = self.text_of(node)
        if name not in names:
            if fixed:
                self.refuse(node, f"no {what} is named {name!r}", f"{what}s: {', '.join(names)}")
            names.append(name)
        return names.index(name) + 1

"""A Python function's source with its place in its file, and what its names stand for."""

from __future__ import annotations

import ast
import builtins
import enum
import inspect
import textwrap
from collections.abc import Callable
from typing import Any, NoReturn

from ringway.errors import KernelError

ANY_PYTHON = "compiled kernels know numbers, structs, if, for over range and arrays, while, and calls of ctx"


class Source:
    """A function's syntax tree; errors name its file, line and column."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = function.__name__
        try:
            lines, first = inspect.getsourcelines(function)
            self.file = inspect.getsourcefile(function) or "<unknown>"
        except (OSError, TypeError):
            raise KernelError(
                f"the source of {self.name!r} is not to be had; "
                "kernels are translated from a file or a notebook's cell"
            ) from None
        text = "".join(lines)
        self._indent = len(text) - len(text.lstrip(" "))
        tree = ast.parse(textwrap.dedent(text)).body[0]
        ast.increment_lineno(tree, first - 1)
        if not isinstance(tree, ast.FunctionDef):
            self.refuse(tree, f"{self.name!r} is no plain function", "write it with def")
        self.tree = tree
        found = inspect.getclosurevars(function)
        self._names: dict[str, Any] = {**vars(builtins), **found.globals, **found.nonlocals}
        self._names.update({k: v for k, v in function.__globals__.items() if k not in found.nonlocals})

    def refuse(self, node: ast.AST, what: str, remedy: str = "") -> NoReturn:
        """Raise the error at a place of the source."""
        line = getattr(node, "lineno", 1)
        column = getattr(node, "col_offset", 0) + 1 + self._indent
        raise KernelError(f"{self.file}:{line}:{column}: {what}{f'; {remedy}' if remedy else ''}")

    def known(self, node: ast.expr) -> Any:
        """Return what a name, or its attribute, stands for outside the function; `Nothing` when nothing."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id, Nothing)
        if isinstance(node, ast.Attribute):
            base = self.known(node.value)
            if base is Nothing or not (inspect.ismodule(base) or isinstance(base, enum.EnumMeta)):
                return Nothing
            return getattr(base, node.attr, Nothing)
        return Nothing


class Nothing:
    """Stands for no value, where None is one."""

"""Whole arrays in a handler: loops over them, membership, the least and the greatest, copies."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringway.compiled.expressions import Expressions, Value
from ringway.compiled.scalars import BOOL, I64, Array, Scalar
from ringway.compiled.source import Nothing

_ITERABLES = "write for i in range(...), for x in array, for x in (1, 2), enumerate(array) or zip(one, other)"


class WholeArrays(Expressions):
    """The part of a function's translation that deals with arrays as wholes."""

    temporaries: int
    depth: int

    if TYPE_CHECKING:

        def put(self, line: str) -> None: ...
        def block(self, body: list[ast.stmt]) -> bool: ...
        def value(self, node: ast.expr) -> Value: ...
        def store_local(self, target: ast.Name, value: Value) -> None: ...

    def for_elements(self, node: ast.For) -> None:
        """Translate a loop over an array or a tuple, `enumerate` of one, or `zip` of several."""
        call = node.iter
        of = self.source.known(call.func) if isinstance(call, ast.Call) else Nothing
        if isinstance(call, ast.Call) and of in (enumerate, zip) and call.args:
            nodes = call.args
            if of is enumerate and len(nodes) != 1:
                self.refuse(call, "enumerate takes an array", "add to the index in the loop")
        else:
            nodes = [call]
        arrays = [self._row(part) if isinstance(part, ast.Tuple) else self.array(part) for part in nodes]
        if None in arrays:
            self.refuse(node, f"for over '{ast.unparse(call)}'", _ITERABLES)
        found = [array for array in arrays if array is not None]
        if isinstance(call, ast.Call):
            self._check_strict(call, [kind for _, kind in found])
        targets = node.target.elts if isinstance(node.target, ast.Tuple) else [node.target]
        names = [target for target in targets if isinstance(target, ast.Name)]
        wanted = 2 if of is enumerate else len(found)
        if len(names) != len(targets) or len(names) != wanted or (of is zip and names == [node.target]):
            self.refuse(node.target, f"'{ast.unparse(node.target)}' takes {wanted} names here")
        self.temporaries += 1
        at = f"i{self.temporaries}"
        count = min(kind.count for _, kind in found)
        self.put(f"for (ringway::i64 {at} = 0; {at} < {count}; ++{at}) {{")
        before = set(self.assigned)
        self.depth += 1
        if of is enumerate:
            self.store_local(names.pop(0), (at, I64))
        for name, (text, kind) in zip(names, found, strict=True):
            element = f"({text}[{at}] != 0)" if kind.element is BOOL else f"{text}[{at}]"
            self.store_local(name, (element, kind.element))
        self.block(node.body)
        self.depth -= 1
        self.put("}")
        self.assigned = before

    def _row(self, node: ast.Tuple) -> tuple[str, Array] | None:
        """Return numbers written in a row, as ``(row - 1, row)``, as an array."""
        values = [self.value(element) for element in node.elts]
        if not values:
            return None
        kind = values[0][1]
        for value in values[1:]:
            kind = self.meet(kind, value[1], node)
        kind = self.strong(kind)
        self.temporaries += 1
        parts = ", ".join(self.cast(value, kind) for value in values)
        self.put(f"const {kind.text} t{self.temporaries}[] = {{{parts}}};")
        return f"t{self.temporaries}", Array(kind, len(values))

    def _check_strict(self, call: ast.Call, kinds: list[Array]) -> None:
        for keyword in call.keywords:
            wanted = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if keyword.arg != "strict" or len(kinds) < 2 or not isinstance(wanted, bool):
                self.refuse(call, f"keyword arguments in '{ast.unparse(call)}'")
            if wanted and len({kind.count for kind in kinds}) > 1:
                self.refuse(call, f"zip of {' and '.join(map(str, kinds))}", "they differ in length")

    def copy_array(self, target: ast.Subscript, given: ast.expr) -> None:
        """Translate ``state.v[:] = array``, or ``= number`` for every element."""
        into = self.array(target)
        if into is None:
            self.refuse(target, f"'{ast.unparse(target.value)}' is no array")
        assert into is not None
        place, kind = into
        source = self.array(given)
        if source is not None:
            text, own = source
            if own != kind:
                self.refuse(given, f"{own} into '{ast.unparse(target)}', {kind}")
            stored = f"{text}[k]"
        else:
            value = self.value(given)
            self.storable(given, value, kind.element, f"'{ast.unparse(target)}'")
            stored = f"{'ringway::u8' if kind.element is BOOL else kind.element.text}({value[0]})"
        self.put(f"for (int k = 0; k < {kind.count}; ++k) {place}[k] = {stored};")

    def contained(self, wanted: Value, node: ast.expr, within: ast.expr) -> str:
        """Return C++ of ``x in array`` or ``x in (1, 2, 3)``."""
        if isinstance(within, ast.Tuple | ast.List | ast.Set):
            if not within.elts:
                self.refuse(within, f"'{ast.unparse(within)}' holds nothing")
            equal = []
            for element in within.elts:
                other = self.number(element)
                kind = self.meet(wanted[1], other[1], node)
                equal.append(f"({self.cast(wanted, kind)} == {self.cast(other, kind)})")
            return f"bool({' | '.join(equal)})"  # all are looked at: one may fail
        found = self.array(within)
        if found is None:
            self.refuse(within, f"'{ast.unparse(within)}' is no array", "an array, or (1, 2, 3)")
        assert found is not None
        text, array = found
        kind = self.meet(wanted[1], array.element, node)
        return f"ringway::py::contains({text}, {array.count}, {self.cast(wanted, kind)})"

    def extreme(self, least: bool, nodes: list[ast.expr], node: ast.Call) -> Value:
        """Return C++ of ``min`` or ``max``, of an array or of numbers."""
        name = "least" if least else "greatest"
        found = self.array(nodes[0]) if len(nodes) == 1 else None
        if found is not None:
            text, array = found
            if array.element is BOOL:
                self.refuse(node, f"'{ast.unparse(node)}' compares bools")
            return f"ringway::py::{name}_of<{array.element.text}>({text}, {array.count})", array.element
        if len(nodes) < 2:
            self.refuse(node, f"'{ast.unparse(node)}' compares nothing", "give it an array, or two numbers")
        values = [self.number(argument) for argument in nodes]
        kind = values[0][1]
        for value in values[1:]:
            kind = self.meet(kind, value[1], node)
        text = self.cast(values[0], kind)
        for value in values[1:]:
            text = f"ringway::py::{name}<{self.strong(kind).text}>({text}, {self.cast(value, kind)})"
        return text, kind

    def array(self, node: ast.expr) -> tuple[str, Array] | None:
        """Return an array of message or state, also as ``v[:]``; None when it is something else."""
        if isinstance(node, ast.Subscript) and is_whole(node.slice):
            node = node.value
        if not isinstance(node, ast.Attribute) or self.source.known(node) is not Nothing:
            return None
        text, kind = self.place(node)
        return (text, kind) if isinstance(kind, Array) and isinstance(kind.element, Scalar) else None


def is_whole(node: ast.expr) -> bool:
    """Whether it is the slice ``[:]``."""
    return isinstance(node, ast.Slice) and not (node.lower or node.upper or node.step)

"""Expressions of a handler: each as C++ text with its type."""

from __future__ import annotations

import ast
import decimal
import inspect
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ringway.compiled.scalars import BOOL, I64, REAL, WHOLE, Array, Scalar, fits, joined, named_by
from ringway.compiled.source import ANY_PYTHON, Nothing, Source
from ringway.compiled.structs import Struct, c_field

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringway.compiled.translator import Helper, Unit

_BITWISE = {ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^"}
_WRAPPING = {ast.Add: ("+", "add"), ast.Sub: ("-", "subtract"), ast.Mult: ("*", "multiply")}
_COMPARED = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_MATH = ("sqrt", "exp", "log", "sin", "cos", "tan", "tanh", "floor", "ceil", "trunc")
_MATH_CALLS = {getattr(module, name): name for module in (math, np) for name in _MATH}
_MATH_CALLS[math.fabs] = "magnitude"
_WHOLE_RESULT = {math.floor, math.ceil, math.trunc}  # an int in Python

_NUMBERS_OF_CTX = "ctx.now_us(), ctx.self_id, ctx.replica and ctx.missed are"

Value = tuple[str, Scalar]


class Expressions:
    """The part of a function's translation that deals with expressions."""

    unit: Unit
    source: Source
    roots: dict[str, Struct]  # message, state and messages built in locals, by name
    built: dict[str, type[Any]]  # classes of the last
    locals: dict[str, Scalar]
    assigned: set[str]
    context: str | None
    checked: bool
    message: str | None
    whole: ast.expr | None  # the expression that a statement evaluates alone
    written: set[str]  # parameters whose fields are changed

    if TYPE_CHECKING:

        def refuse(self, node: ast.AST, what: str, remedy: str = "") -> Any: ...
        def strong(self, scalar: Scalar) -> Scalar: ...
        def value(self, node: ast.expr) -> Value: ...
        def helper(self, function: Callable[..., Any], node: ast.AST) -> Helper: ...
        def contained(self, wanted: Value, node: ast.expr, within: ast.expr) -> str: ...
        def extreme(self, least: bool, nodes: list[ast.expr], node: ast.Call) -> Value: ...

    def number(self, node: ast.expr) -> Value:
        """Return an expression that is a number."""
        if isinstance(node, ast.Constant):
            return self.constant(node, node.value)
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.Attribute | ast.Subscript):
            return self._place(node)
        if isinstance(node, ast.BinOp):
            return self._binary(node)
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.Compare):
            return self._compare(node)
        if isinstance(node, ast.BoolOp):
            parts = [f"({self.condition(part)})" for part in node.values]
            return f"({(' && ' if isinstance(node.op, ast.And) else ' || ').join(parts)})", BOOL
        if isinstance(node, ast.IfExp):
            test, one, other = self.condition(node.test), self.number(node.body), self.number(node.orelse)
            kind = self.meet(one[1], other[1], node)
            return f"({test} ? {self.cast(one, kind)} : {self.cast(other, kind)})", kind
        if isinstance(node, ast.Call):
            return self._call(node)
        found: Value = self.refuse(
            node, f"'{ast.unparse(node)}' has no meaning in a compiled kernel", ANY_PYTHON
        )
        return found

    def condition(self, node: ast.expr) -> str:
        """Return an expression that is true or false."""
        text, kind = self.number(node)
        if kind is not BOOL:
            self.refuse(node, f"'{ast.unparse(node)}' is a {kind}, no condition", "compare it, as in x != 0")
        return text

    def meet(self, a: Scalar, b: Scalar, node: ast.AST) -> Scalar:
        """Return the type in which two numbers meet."""
        kind = joined(a, b, self.unit.real)
        if kind is None:
            self.refuse(
                node, f"{a} and {b} have no integer type in common", "cast one of them, as in rw.i64(x)"
            )
        assert kind is not None
        return kind

    def cast(self, value: Value, kind: Scalar) -> str:
        """Return a number in another type, in which it is known to have a place."""
        text, own = value
        wanted = self.strong(kind)
        return text if self.strong(own) is wanted and not own.weak else f"{wanted.text}({text})"

    def constant(self, node: ast.expr, value: Any) -> Value:
        """Return a number that is known now."""
        if isinstance(value, bool | np.bool_):
            return ("true" if value else "false"), BOOL
        if isinstance(value, int | np.integer):
            if not -(2**63) <= value < 2**64:
                self.refuse(node, f"{value} does not fit 64 bits")
            if value >= 2**63:
                return f"ringway::u64({value}ul)", named_by(np.uint64) or I64
            return (f"ringway::i64({value}l)" if value > -(2**63) else "ringway::i64(1ul << 63)"), WHOLE
        if isinstance(value, float | np.floating):
            if math.isnan(value):
                return "ringway::py::not_a_number()", REAL
            if math.isinf(value):
                return f"({'-' if value < 0 else ''}ringway::py::infinity())", REAL
            digits = _digits(float(value))
            return digits if value >= 0 else f"({digits})", REAL
        found: Value = self.refuse(
            node, f"{value!r} is no number", "text stands only as the name of a link, and in raise"
        )
        return found

    def _name(self, node: ast.Name) -> Value:
        if node.id in self.locals:
            if node.id not in self.assigned:
                self.unassigned(node)
            return f"{node.id}_", self.locals[node.id]
        if node.id in self.roots or node.id == self.context:
            self.refuse(node, f"{node.id!r} is no number", f"name a field, as in {node.id}.field")
        value = self.source.known(node)
        if isinstance(value, bool | int | float | np.generic):
            return self.constant(node, value)
        remedy = "kernels see their parameters, locals, and numbers, enums and functions of the module"
        what = (
            f"{node.id!r} is not known here"
            if value is Nothing
            else f"{node.id!r} is a {type(value).__name__}"
        )
        found: Value = self.refuse(node, what, remedy)
        return found

    def unassigned(self, node: ast.Name) -> None:
        """Refuse a local that has no value on some way to here."""
        self.refuse(
            node, f"{node.id!r} may be used before it is assigned", "assign it before the branch or loop"
        )

    def place(self, node: ast.expr) -> tuple[str, Scalar | Array | Struct]:
        """Return what lies in the message or the state: a field, of it an element."""
        if isinstance(node, ast.Name) and node.id in self.roots:
            if node.id in self.built and node.id not in self.assigned:
                self.unassigned(node)
            return f"{node.id}_", self.roots[node.id]
        if isinstance(node, ast.Attribute):
            base, kind = self.place(node.value)
            if not isinstance(kind, Struct):
                self.refuse(node, f"'{ast.unparse(node.value)}' is {kind}, which has no fields")
            assert isinstance(kind, Struct)
            if node.attr not in kind.fields:
                self.refuse(
                    node, f"{kind.name} has no field {node.attr!r}", f"fields: {', '.join(kind.fields)}"
                )
            return f"{base}.{c_field(node.attr)}", kind.fields[node.attr]
        if isinstance(node, ast.Subscript):
            base, kind = self.place(node.value)
            if not isinstance(kind, Array):
                self.refuse(node, f"'{ast.unparse(node.value)}' is no array")
            assert isinstance(kind, Array)
            return f"{base}[{self.index(node.slice, kind.count)}]", kind.element
        found: tuple[str, Scalar] = self.refuse(
            node, f"'{ast.unparse(node)}' is no field of the message or the state"
        )
        return found

    def index(self, node: ast.expr, count: int) -> str:
        """Return a checked index into so many elements."""
        text, kind = self.number(node)
        if kind.floating or kind is BOOL:
            self.refuse(node, f"'{ast.unparse(node)}' is a {kind}, no index", "an index is an integer")
        number = written(node)
        if number is not None:
            if not -count <= number < count:
                self.refuse(node, f"index {number} is outside of {count} elements")
            return str(number % count)
        self.checked = True
        return f"ringway::py::index(ringway::i64({text}), {count}, failed)"

    def _place(self, node: ast.Attribute | ast.Subscript) -> Value:
        owner = node.value
        if isinstance(node, ast.Attribute) and isinstance(owner, ast.Name) and owner.id == self.context:
            if node.attr not in ("self_id", "replica", "missed"):
                self.refuse(node, f"ctx.{node.attr} is no number", _NUMBERS_OF_CTX)
            self.unit.cpu_only.add(f"ctx.{node.attr}")
            return f"ringway::i64({self.context}_.{node.attr}())", I64
        value = self.source.known(node)
        if value is not Nothing:
            return self.constant(node, value)
        text, kind = self.place(node)
        if not isinstance(kind, Scalar):
            self.refuse(node, f"'{ast.unparse(node)}' is {kind}, no number", "name one of its numbers")
        assert isinstance(kind, Scalar)
        return (f"({text} != 0)" if kind is BOOL else text), kind

    def _binary(self, node: ast.BinOp) -> Value:
        left, right = self.number(node.left), self.number(node.right)
        if BOOL in (left[1], right[1]) and not (left[1] is right[1] and type(node.op) in _BITWISE):
            self.refuse(node, f"arithmetic with a bool in '{ast.unparse(node)}'", "cast it, as in int(x)")
        if isinstance(node.op, ast.LShift | ast.RShift):
            return self._shift(node, left, right)
        kind = self.meet(left[1], right[1], node)
        self._written(node, (node.left, left), (node.right, right), kind)
        text, a, b = self.strong(kind).text, self.cast(left, kind), self.cast(right, kind)
        if isinstance(node.op, ast.Div):
            if not kind.floating:
                self.refuse(
                    node, f"{left[1]} / {right[1]} is a division of integers", "write float(a) / b, or a // b"
                )
            return f"({a} / {b})", kind
        if isinstance(node.op, ast.FloorDiv | ast.Mod):
            if kind.floating:
                self.refuse(
                    node,
                    f"'{ast.unparse(node)}' divides numbers with a point",
                    "use math.floor(a / b), or integers",
                )
            self.checked = True
            name = "floor_divide" if isinstance(node.op, ast.FloorDiv) else "modulo"
            return f"ringway::py::{name}<{text}>({a}, {b}, failed)", kind
        if isinstance(node.op, ast.Pow):
            if not kind.floating:
                self.refuse(
                    node, f"'{ast.unparse(node)}' raises integers", "multiply, or write float(a) ** b"
                )
            return f"ringway::py::power({a}, {b})", kind
        if type(node.op) in _BITWISE:
            if kind.floating:
                self.refuse(node, f"bits of a {kind} in '{ast.unparse(node)}'")
            return f"{text}({a} {_BITWISE[type(node.op)]} {b})", kind
        if type(node.op) not in _WRAPPING:
            self.refuse(node, f"operator in '{ast.unparse(node)}'", ANY_PYTHON)
        sign, name = _WRAPPING[type(node.op)]
        return (f"({a} {sign} {b})" if kind.floating else f"ringway::{name}_wrapped<{text}>({a}, {b})"), kind

    def _shift(self, node: ast.BinOp, left: Value, right: Value) -> Value:
        if left[1].floating or right[1].floating:
            self.refuse(node, f"bits of a number with a point in '{ast.unparse(node)}'")
        self.checked = True
        name = "shift_left" if isinstance(node.op, ast.LShift) else "shift_right"
        kind = self.strong(left[1])
        return (
            f"ringway::py::{name}<{kind.text}>({self.cast(left, kind)}, ringway::i64({right[0]}), failed)",
            kind,
        )

    def _written(
        self, node: ast.AST, one: tuple[ast.expr, Value], other: tuple[ast.expr, Value], kind: Scalar
    ) -> None:
        """Refuse a number that is written in the source and does not fit the other side's integer type."""
        for at, (_, own) in (one, other):
            number = written(at)
            if own is WHOLE and number is not None and not fits(number, kind):
                self.refuse(node, f"{number} does not fit {kind}")

    def _unary(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            return f"(!{self.condition(node.operand)})", BOOL
        literal = node.operand.value if isinstance(node.operand, ast.Constant) else None
        if (
            isinstance(node.op, ast.USub)
            and isinstance(literal, int | float)
            and not isinstance(literal, bool)
        ):
            return self.constant(node, -literal)
        text, kind = self.number(node.operand)
        if kind is BOOL:
            self.refuse(node, f"arithmetic with a bool in '{ast.unparse(node)}'", "cast it, as in int(x)")
        if isinstance(node.op, ast.UAdd):
            return text, kind
        if isinstance(node.op, ast.Invert):
            if kind.floating:
                self.refuse(node, f"bits of a {kind} in '{ast.unparse(node)}'")
            return f"{self.strong(kind).text}(~{text})", kind
        return (
            f"(-{text})" if kind.floating else f"ringway::py::negate<{self.strong(kind).text}>({text})"
        ), kind

    def _compare(self, node: ast.Compare) -> Value:
        parts = []
        left = self.number(node.left)
        for operator, right_node in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                if len(node.ops) > 1:
                    self.refuse(node, f"'{ast.unparse(node)}' chains 'in'", "join the parts by 'and'")
                found = self.contained(left, node, right_node)
                return found if isinstance(operator, ast.In) else f"(!{found})", BOOL
            if type(operator) not in _COMPARED:
                self.refuse(
                    node,
                    f"'{ast.unparse(node)}' has no meaning in a compiled kernel",
                    "compare numbers by <, <=, ==, !=, >, >=, in",
                )
            right = self.number(right_node)
            kind = self.meet(left[1], right[1], node)
            parts.append(f"{self.cast(left, kind)} {_COMPARED[type(operator)]} {self.cast(right, kind)}")
            left = right
        return f"({' && '.join(parts)})", BOOL

    def _call(self, node: ast.Call) -> Value:
        if node.keywords:
            self.refuse(node, f"keyword arguments in '{ast.unparse(node)}'")
        if (
            isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == self.context
        ):
            if node.func.attr == "now_us" and not node.args:
                return f"ringway::i64({self.context}_.now_us())", I64
            self.refuse(node, f"ctx.{node.func.attr} gives no number", _NUMBERS_OF_CTX)
        called = self.source.known(node.func)
        if called is len and len(node.args) == 1:
            _, kind = self.place(node.args[0])
            if not isinstance(kind, Array):
                self.refuse(node, f"'{ast.unparse(node.args[0])}' is no array")
            assert isinstance(kind, Array)
            return f"ringway::i64({kind.count})", WHOLE
        if called in (min, max) and node.args:
            return self.extreme(called is min, node.args, node)
        if called is sum:
            self.refuse(node, "call of 'sum'", "write a loop, as in for x in array: total += x")
        if inspect.isfunction(called):
            return self.helper_call(node, called)
        values = [self.number(argument) for argument in node.args]
        cast = named_by(called) if called is not Nothing else None
        if cast is not None and len(values) == 1:
            return self.converted(values[0], cast), cast
        if called is abs and len(values) == 1 and values[0][1] is not BOOL:
            kind = self.strong(values[0][1])
            return f"ringway::py::magnitude({self.cast(values[0], kind)})", values[0][1]
        if _hashable(called) and called in _MATH_CALLS and len(values) == 1:
            kind = self.strong(values[0][1]) if values[0][1].floating else self.unit.real
            text = f"ringway::py::{_MATH_CALLS[called]}({self.cast(values[0], kind)})"
            return (self.converted((text, kind), I64), I64) if called in _WHOLE_RESULT else (text, kind)
        known = (
            "min, max, abs, len, int, float, the number types, functions of the module, and math."
            + ", math.".join(_MATH)
        )
        found: Value = self.refuse(node, f"call of '{ast.unparse(node.func)}'", f"known are {known}")
        return found

    def converted(self, value: Value, kind: Scalar) -> str:
        """Return a number converted as a cast in the source does."""
        text, own = value
        if kind is BOOL:
            return f"({text} != 0)"
        if own.floating and not kind.floating:
            return f"ringway::py::truncate<{kind.text}>({self.cast(value, own)})"
        return self.cast(value, kind)

    def helper_call(self, node: ast.Call, called: Callable[..., Any], *, alone: bool = False) -> Value:
        """Return a call of a function of the module; alone: it is a statement."""
        helper = self.helper(called, node)
        name = called.__name__
        if len(node.args) != len(helper.parameters) or node.keywords:
            self.refuse(node, f"{name!r} takes {', '.join(helper.parameters) or 'nothing'}")
        if helper.returned is None and not alone:
            self.refuse(node, f"{name!r} returns nothing", "call it as a statement")
        if helper.written and not alone and node is not self.whole:
            self.refuse(
                node,
                f"call of {name!r}, which changes {', '.join(sorted(helper.written))}, within an expression",
                "assign what it returns to a local, and use that",
            )
        given = []
        for argument, (parameter, kind) in zip(node.args, helper.parameters.items(), strict=True):
            where = f"{name}'s {parameter}"
            if isinstance(kind, Scalar):
                # What fails must do so before anything is changed.
                value = self.value(argument) if helper.written else self.number(argument)
                self.storable(argument, value, kind, where)
                given.append(f"{self.cast(value, kind)}, ")
            else:
                given.append(f"{self._handed(argument, kind, where, parameter in helper.written)}, ")
        self.checked = True
        return f"{helper.c_name}({''.join(given)}error)", helper.returned or I64

    def _handed(self, node: ast.expr, kind: Struct, where: str, changes: bool) -> str:
        """Return a message or state that is handed to a function."""
        text, own = self.place(node)
        if own != kind:
            self.refuse(node, f"{own} for {where}, {kind}")
        root = node
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        assert isinstance(root, ast.Name)
        if changes and root.id == self.message:
            self.refuse(node, f"a message is not changed, and {where} is")
        if changes:
            self.written.add(root.id)
        return text

    def storable(self, node: ast.expr, value: Value, kind: Scalar, where: str) -> None:
        """Refuse a number that the place's type does not take without a cast."""
        own = value[1]
        number = written(node)
        if own is WHOLE and number is not None and not kind.floating and not fits(number, kind):
            self.refuse(node, f"{number} does not fit {where}, {kind}")
        if own.floating and not kind.floating:
            self.refuse(node, f"{own} stored into {where}, {kind}", f"write int(...), or rw.{kind}(...)")
        if (own is BOOL) != (kind is BOOL):
            self.refuse(
                node,
                f"{own} stored into {where}, {kind}",
                "compare it, as in x != 0" if kind is BOOL else "write int(...)",
            )


def written(node: ast.expr) -> int | None:
    """Return the whole number that stands in the source, if that is what the expression is."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = written(node.operand)
        return None if number is None else -number
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _digits(value: float) -> str:
    """Return all digits, so that it is rounded once; C++14 has no hexadecimal ones."""
    text = str(decimal.Decimal(value))
    return text if "." in text or "E" in text else f"{text}.0"


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True

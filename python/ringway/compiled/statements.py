"""Statements of a handler as lines of C++."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from ringway.compiled.arrays import is_whole
from ringway.compiled.context_calls import CTX, ContextCalls
from ringway.compiled.expressions import Value
from ringway.compiled.scalars import BOOL, I64, Array, Scalar, named_by
from ringway.compiled.source import ANY_PYTHON
from ringway.compiled.structs import (
    Struct,
    c_field,
    c_name,
    defaults_of,
    is_struct_class,
    struct_of,
)
from ringway.errors import SchemaError


class Statements(ContextCalls):
    """The part of a function's translation that deals with statements."""

    parameters: dict[str, Scalar]
    message: str | None
    classes: dict[str, type[Any]]  # of message and state
    returns: Scalar | None
    is_handler: bool
    lines: list[str]
    depth: int
    temporaries: int

    def block(self, body: list[ast.stmt]) -> bool:
        """Translate statements; True when what follows them is never reached."""
        for number, node in enumerate(body):
            self.lines.append(f'#line {node.lineno} "{_quoted(self.source.file)}"\n')
            if self._statement(node):
                if number + 1 < len(body):
                    self.refuse(body[number + 1], "this is never reached")
                return True
        return False

    def _statement(self, node: ast.stmt) -> bool:
        ends = False
        if isinstance(node, ast.Assign):
            self._assign(node)
        elif isinstance(node, ast.AnnAssign):
            self._annotated(node)
        elif isinstance(node, ast.AugAssign):
            target = ast.copy_location(_loaded(node.target), node.target)
            self._store(node.target, ast.copy_location(ast.BinOp(target, node.op, node.value), node))
        elif isinstance(node, ast.If):
            ends = self._if(node)
        elif isinstance(node, ast.While):
            ends = self._while(node)
        elif isinstance(node, ast.For):
            self._for(node)
        elif isinstance(node, ast.Expr):
            self.call_alone(node)
        elif isinstance(node, ast.Return):
            ends = self._return(node)
        elif isinstance(node, ast.Raise | ast.Assert):
            ends = self._raise(node)
        elif isinstance(node, ast.Break | ast.Continue):
            self.put("break;" if isinstance(node, ast.Break) else "continue;")
            ends = True
        elif not isinstance(node, ast.Pass):
            word = type(node).__name__.lower()
            self.refuse(node, f"'{word}' has no meaning in a compiled kernel", ANY_PYTHON)
        return ends

    def put(self, line: str) -> None:
        """Add a line."""
        self.lines.append("  " * self.depth + line + "\n")

    def leave(self, error: str) -> str:
        """C++ that leaves the function with an error's number."""
        if self.is_handler:
            return f"return {error};"
        value = f" {self.returns.text}(0)" if self.returns else ""
        return f"{{ error = {error}; return{value}; }}"

    def settle(self, node: ast.AST, kind: Scalar, text: str) -> str:
        """Return the value of an expression whose checks, if it has any, have passed."""
        if not self.checked:
            return text
        self.temporaries += 1
        name = f"t{self.temporaries}"
        self.put(f"const {kind.text} {name} = {text};")
        self.leave_if_failed(node)
        return name

    def leave_if_failed(self, node: ast.AST) -> None:
        """Add what leaves the function when a check has not passed."""
        line = getattr(node, "lineno", 0)
        at = f"{self.source.file}:{line}: "
        index = self.unit.error(at + "IndexError: index out of range, or a shift by less than 0")
        zero = self.unit.error(at + "ZeroDivisionError: integer division or modulo by zero")
        self.put(f"if (failed | error) {self.leave(f'error ? error : failed & 1u ? {index}u : {zero}u')}")
        self.checked = False

    def value(self, node: ast.expr) -> Value:
        """Return a number whose checks have passed."""
        self.checked = False
        text, kind = self.number(node)
        return self.settle(
            node, self.strong(kind), text if not kind.weak else self.cast((text, kind), kind)
        ), kind

    def test(self, node: ast.expr) -> str:
        """Return a condition whose checks have passed."""
        self.checked = False
        return self.settle(node, BOOL, self.condition(node))

    def _assign(self, node: ast.Assign) -> None:
        """Translate an assignment: all values first, then the targets from left to right."""
        first = node.targets[0]
        if len(node.targets) == 1 and not isinstance(first, ast.Tuple | ast.List):
            return self._store(first, node.value)
        targets = [
            first.elts if isinstance(first, ast.Tuple | ast.List) else [first] for first in node.targets
        ]
        given = node.value.elts if isinstance(node.value, ast.Tuple | ast.List) else [node.value]
        if any(len(row) != len(given) for row in targets):
            self.refuse(
                node, f"'{ast.unparse(node)}' does not give each target a value", "assign them one by one"
            )
        kept = [(value, self._kept(value)) for value in given]
        for row in targets:
            for target, (value, number) in zip(row, kept, strict=True):
                self._store_number(target, value, number)
        return None

    def _kept(self, node: ast.expr) -> Value:
        """Return a number as it is now, whatever is assigned after."""
        self.whole = node
        text, kind = self.value(node)
        self.temporaries += 1
        self.put(f"const {self.strong(kind).text} t{self.temporaries} = {text};")
        return f"t{self.temporaries}", kind

    def _store(self, target: ast.expr, given: ast.expr) -> None:
        if isinstance(target, ast.Name) and self._is_message(given):
            return self._store_message(target, given)
        if isinstance(target, ast.Subscript) and is_whole(target.slice):
            self._refuse_message(target)
            return self.copy_array(target, given)
        self.whole = given
        return self._store_number(target, given, self.value(given))

    def _refuse_message(self, target: ast.expr) -> None:
        root = target
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        if isinstance(root, ast.Name):
            self.written.add(root.id)
        if isinstance(root, ast.Name) and root.id == self.message:
            self.refuse(target, "a message is not changed", "change the state, or send a message of its own")

    def _store_message(self, target: ast.Name, given: ast.expr) -> None:
        """Keep a message that is built here in a local."""
        name = target.id
        text, struct, cls = self.message_of(given)
        if name in self.locals or self.built.get(name, None if name in self.roots else cls) is not cls:
            self.refuse(
                target, f"{name!r} is something else elsewhere, and a {struct.name} here", "use two names"
            )
        self.roots[name], self.built[name] = struct, cls
        self.assigned.add(name)
        self.put(f"{name}_ = {text};")

    def _store_number(self, target: ast.expr, given: ast.expr, value: Value) -> None:
        text, kind = value
        if isinstance(target, ast.Name):
            return self.store_local(target, (text, kind))
        self._refuse_message(target)
        self.checked = False
        place, into = self.place(target)
        if not isinstance(into, Scalar):
            self.refuse(
                target,
                f"'{ast.unparse(target)}' is {into}, no number",
                "assign its numbers one by one, or those of an array as in v[:] = w",
            )
        assert isinstance(into, Scalar)
        self.storable(given, (text, kind), into, f"'{ast.unparse(target)}'")
        if self.checked:
            assert isinstance(target, ast.Subscript | ast.Attribute)
            place = self._settled_place(target)
        stored = f"ringway::u8({text})" if into is BOOL else f"{into.text}({text})"
        self.put(f"{place} = {stored};")

    def _settled_place(self, node: ast.expr) -> str:
        """Return a place whose indices have been checked, one after another."""
        if isinstance(node, ast.Attribute):
            return f"{self._settled_place(node.value)}.{c_field(node.attr)}"
        if isinstance(node, ast.Subscript):
            base = self._settled_place(node.value)
            _, kind = self.place(node.value)
            assert isinstance(kind, Array)
            self.checked = False
            return f"{base}[{self.settle(node, I64, self.index(node.slice, kind.count))}]"
        return self.place(node)[0]

    def store_local(self, target: ast.Name, value: Value) -> None:
        name = target.id
        if name in self.roots or name in (self.context, self.message):
            self.refuse(target, f"{name!r} is not assigned to", f"assign a field, as in {name}.field")
        kind = self.strong(value[1])
        if name in self.locals:
            own = self.locals[name]
            if (own is BOOL) != (kind is BOOL):
                self.refuse(target, f"{name!r} is a {own} elsewhere, and a {kind} here", "use two names")
            kind = self.meet(own, kind, target)
            if name in self.parameters and kind is not own:
                self.refuse(target, f"{name!r} is declared as {own}, and a {kind} here", "use another name")
        self.locals[name] = kind
        self.assigned.add(name)
        self.put(f"{name}_ = {self.cast(value, kind)};")

    def _annotated(self, node: ast.AnnAssign) -> None:
        if node.value is None or not isinstance(node.target, ast.Name):
            self.refuse(node, "an annotation without a value", "assign one, as in x: rw.f32 = 0.0")
        assert node.value is not None
        assert isinstance(node.target, ast.Name)
        kind = named_by(self.source.known(node.annotation))
        if kind is None:
            self.refuse(
                node.annotation,
                f"'{ast.unparse(node.annotation)}' is no number type",
                "as in x: rw.f32 = 0.0",
            )
        assert kind is not None
        self.whole = node.value
        value = self.value(node.value)
        self.storable(node.value, value, kind, repr(node.target.id))
        self.store_local(node.target, (self.cast(value, kind), kind))

    def _branch(self, body: list[ast.stmt]) -> tuple[bool, set[str]]:
        """Translate a nested block; whether it leaves, and what is assigned then."""
        before = set(self.assigned)
        self.depth += 1
        ends = self.block(body)
        self.depth -= 1
        after, self.assigned = self.assigned, before
        return ends, after

    def _if(self, node: ast.If) -> bool:
        self.put(f"if ({self.test(node.test)}) {{")
        ends, then = self._branch(node.body)
        other_ends, other = False, set(self.assigned)
        if node.orelse:
            self.put("} else {")
            other_ends, other = self._branch(node.orelse)
        self.put("}")
        self.assigned = other if ends else then if other_ends else then & other
        return ends and other_ends

    def _while(self, node: ast.While) -> bool:
        if node.orelse:
            self.refuse(node.orelse[0], "else of a loop", "use a local to tell how it ended")
        for_ever = isinstance(node.test, ast.Constant) and node.test.value is True
        self.put("for (;;) {")
        self.depth += 1
        if not for_ever:
            self.put(f"if (!{self.test(node.test)}) break;")
        self.depth -= 1
        self._branch(node.body)
        self.put("}")
        return for_ever and not any(isinstance(inner, ast.Break) for inner in _own_loop(node.body))

    def _for(self, node: ast.For) -> None:
        if node.orelse:
            self.refuse(node.orelse[0], "else of a loop", "use a local to tell how it ended")
        call = node.iter
        ranged = isinstance(call, ast.Call) and self.source.known(call.func) is range and not call.keywords
        if not ranged or not isinstance(node.target, ast.Name):
            return self.for_elements(node)
        assert isinstance(call, ast.Call)
        assert isinstance(node.target, ast.Name)
        if not 1 <= len(call.args) <= 3:
            self.refuse(call, "range takes one to three numbers")
        bounds = []
        for argument in call.args[:2]:
            text, kind = self.value(argument)
            if kind.floating or kind is BOOL:
                self.refuse(
                    argument,
                    f"'{ast.unparse(argument)}' is a {kind}, no bound of a range",
                    "cast it, as in int(x)",
                )
            bounds.append(f"ringway::i64({text})")
        step = self._step(call.args[2]) if len(call.args) == 3 else 1
        self.temporaries += 1
        at, end = f"i{self.temporaries}", f"e{self.temporaries}"
        first, last = bounds if len(bounds) == 2 else ("0", bounds[0])
        # Counted, so that no bound is passed by: i + step could wrap.
        self.put(
            f"for (ringway::i64 {at} = {first}, {end} = {last}; {at} {'<' if step > 0 else '>'} {end};) {{"
        )
        before = set(self.assigned)
        self.depth += 1
        self.store_local(node.target, (at, I64))
        left = f"{end} - {at} <= {step}" if step > 0 else f"{end} - {at} >= {step}"
        self.put(f"{at} = {left} ? {end} : {at} + {step};")
        self.block(node.body)
        self.depth -= 1
        self.put("}")
        self.assigned = before

    def _step(self, node: ast.expr) -> int:
        try:
            step = ast.literal_eval(node)
        except ValueError:
            step = None
        if not isinstance(step, int) or isinstance(step, bool) or not step:
            self.refuse(
                node, f"'{ast.unparse(node)}' as the step of a range", "write a whole number other than 0"
            )
        return int(step or 1)

    def _return(self, node: ast.Return) -> bool:
        if self.returns is None:
            if node.value is not None and not (
                isinstance(node.value, ast.Constant) and node.value.value is None
            ):
                what = "a handler" if self.is_handler else repr(self.source.name)
                self.refuse(node, f"{what} returns nothing", f"use {CTX}" if self.is_handler else "")
            self.put("return 0;" if self.is_handler else "return;")
            return True
        if node.value is None:
            self.refuse(node, f"this function returns a {self.returns}")
        assert node.value is not None
        self.whole = node.value
        value = self.value(node.value)
        self.storable(node.value, value, self.returns, "what it returns")
        self.put(f"return {self.cast(value, self.returns)};")
        return True

    def _raise(self, node: ast.Raise | ast.Assert) -> bool:
        if isinstance(node, ast.Assert):
            text = self.text_of(node.msg) if node.msg else ""
            number = self.error_at(node, "AssertionError", text)
            self.put(f"if (!{self.test(node.test)}) {self.leave(f'{number}u')}")
            return False
        raised = node.exc
        called = raised.func if isinstance(raised, ast.Call) else raised
        kind = self.source.known(called) if called is not None else None
        if not (isinstance(kind, type) and issubclass(kind, Exception)) or node.cause:
            self.refuse(node, f"'{ast.unparse(node)}'", 'write raise ValueError("why")')
        arguments = raised.args if isinstance(raised, ast.Call) else []
        if len(arguments) > 1 or (isinstance(raised, ast.Call) and raised.keywords):
            self.refuse(node, f"'{ast.unparse(node)}'", 'write raise ValueError("why")')
        assert isinstance(kind, type)
        text = self.text_of(arguments[0]) if arguments else ""
        self.put(self.leave(f"{self.error_at(node, kind.__name__, text)}u"))
        return True

    def text_of(self, node: ast.expr) -> str:
        """Return a text that is written out."""
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            self.refuse(
                node,
                f"'{ast.unparse(node)}' is no text",
                'an error\'s text is written out, as in "too large"',
            )
        assert isinstance(node, ast.Constant)
        return str(node.value)

    def error_at(self, node: ast.stmt, kind: str, text: str) -> int:
        """Return the number of an error that a statement raises."""
        return self.unit.error(f"{self.source.file}:{node.lineno}: {kind}{': ' if text else ''}{text}")

    def _is_message(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and is_struct_class(self.source.known(node.func))

    def message_of(self, node: ast.expr) -> tuple[str, Struct, type[Any]]:
        """Name or build a message; return its name in C++, its struct and its class."""
        if isinstance(node, ast.Name) and node.id in self.roots:
            text, _ = self.place(node)
            return text, self.roots[node.id], self.built.get(node.id) or self.classes[node.id]
        cls = self.source.known(node.func) if isinstance(node, ast.Call) else None
        if not is_struct_class(cls):
            self.refuse(
                node,
                f"'{ast.unparse(node)}' is no message",
                "build it here, as in Mean(state.mean), of a class of fixed layout",
            )
        assert isinstance(node, ast.Call)
        assert isinstance(cls, type)
        try:
            struct = struct_of(cls)
            self.unit.use(struct)
            self.unit.sends.append(cls)
        except SchemaError as error:
            self.refuse(node, str(error))
        names = list(struct.fields)
        given: dict[str, ast.expr] = dict(zip(names, node.args, strict=False))
        wrong = len(node.args) > len(names)
        for keyword in node.keywords:
            wrong |= keyword.arg is None or keyword.arg in given or keyword.arg not in names
            given[str(keyword.arg)] = keyword.value
        defaults = {field: value for field, value in defaults_of(cls).items() if field not in given}
        if wrong or len(given) + len(defaults) != len(names):
            self.refuse(
                node,
                f"{struct.name} takes {', '.join(names)}, all that have no default",
                f"'{ast.unparse(node)}' does not name each once",
            )
        self.temporaries += 1
        local = f"m{self.temporaries}"
        parts = [(field, self._member(struct, field, value)) for field, value in given.items()]
        parts += [(field, self._default(node, struct, field, value)) for field, value in defaults.items()]
        self.put(f"{c_name(struct.name)} {local}{{}};")
        for field, text in parts:
            kind = struct.fields[field]
            if isinstance(kind, Array):
                self.put(f"for (int k = 0; k < {kind.count}; ++k) {local}.{c_field(field)}[k] = {text}[k];")
            else:
                self.put(f"{local}.{c_field(field)} = {text};")
        return local, struct, cls

    def _default(self, node: ast.expr, struct: Struct, field: str, value: Any) -> str:
        kind = struct.fields[field]
        if isinstance(kind, Scalar):
            return f"{'ringway::u8' if kind is BOOL else kind.text}({self.constant(node, value)[0]})"
        if not isinstance(kind, Array) or not isinstance(kind.element, Scalar):
            self.refuse(
                node, f"{struct.name}.{field} is {kind}", "give its value here: only numbers have defaults"
            )
        assert isinstance(kind, Array)
        numbers = np.asarray(value, kind.element.dtype).tolist()
        self.temporaries += 1
        text = ", ".join(f"{kind.element.text}({self.constant(node, number)[0]})" for number in numbers)
        self.put(f"const {kind.element.text} t{self.temporaries}[] = {{{text}}};")
        return f"t{self.temporaries}"

    def _member(self, struct: Struct, field: str, node: ast.expr) -> str:
        kind = struct.fields[field]
        if isinstance(kind, Scalar):
            value = self.value(node)
            self.storable(node, value, kind, f"{struct.name}.{field}")
            return f"ringway::u8({value[0]})" if kind is BOOL else f"{kind.text}({value[0]})"
        text, own = self.place(node)
        if own != kind:
            self.refuse(node, f"{own} for {struct.name}.{field}, {kind}")
        return text


def _own_loop(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements of a loop's body, but for those of loops within."""
    found: list[ast.stmt] = []
    for node in body:
        found.append(node)
        if isinstance(node, ast.If):
            found += _own_loop(node.body) + _own_loop(node.orelse)
    return found


def _loaded(target: ast.expr) -> ast.expr:
    """Return the target of an assignment as what is read."""
    if isinstance(target, ast.Name):
        return ast.Name(target.id, ast.Load())
    if isinstance(target, ast.Attribute):
        return ast.Attribute(target.value, target.attr, ast.Load())
    if isinstance(target, ast.Subscript):
        return ast.Subscript(target.value, target.slice, ast.Load())
    return target


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')

"""Metal Shading Language, preprocessed, to C++ over msl/library.

Only attributes, vector constructors, threadgroup variables and function constants are rewritten. The types of
parameters are never parsed: C++ finds them in the type of the kernel.
"""

from __future__ import annotations

import kernels
from kernels import NUMBERS, POSITIONS, SPACES, Instance, Kernel
from tokens import MetalError, Tokens

_VECTORS = {
    f"{element}{count}"
    for element in ["float", "half", "int", "uint", "short", "ushort", "char", "uchar", "long", "ulong"]
    for count in "234"
}
_FORBIDDEN = {
    *("goto", "virtual", "dynamic_cast", "throw", "try", "catch", "new", "delete", "typeid"),
    *("thread_local", "double"),
}


class Translation:
    """A source on its way to C++: tokens that go, and text that comes before others."""

    def __init__(self, source: str, constants: dict[str, str], default_threads: str) -> None:
        self.tokens = Tokens(source)
        self.dropped: set[int] = set()
        self.before: dict[int, list[str]] = {}
        self.values = constants
        self.constants: list[tuple[str, str, str]] = []
        self.kernels, self.instances, statements = kernels.find(self.tokens, default_threads)
        for begin, end in statements:
            self._drop(begin, end + 1)

    def cpp(self) -> str:
        for kernel in self.kernels:
            list_ = f"template <{kernel.template}> " if kernel.template else ""
            self._insert(kernel.begin, f"{list_}struct sm_tag_{kernel.name}; ")
            self._group_variables(kernel)
        self._function_constants()
        self._attributes_and_constructors()
        body = "".join(
            "".join(self.before.get(at, [])) + ("" if at in self.dropped else self.tokens[at])
            for at in range(len(self.tokens))
        )
        return body + self._table()

    def _insert(self, at: int, text: str) -> None:
        self.before.setdefault(at, []).append(text)

    def _drop(self, begin: int, end: int) -> None:
        """Lines keep their numbers."""
        self.dropped.update(range(begin, end))
        self._insert(begin, "\n" * self.tokens.text(range(begin, end)).count("\n"))

    def _group_variables(self, kernel: Kernel) -> None:
        tokens, count = self.tokens, 0
        for at in range(*kernel.body):
            if not tokens.is_name(at, "threadgroup") or tokens[tokens.next(at, -1)] not in ("{", "}", ";"):
                continue
            end = at
            while tokens[end] != ";":
                end = tokens.match(end) + 1 if tokens[end] in ("(", "[", "{", "[[") else end + 1
            words = tokens.words(range(at, end))
            shape = next((k for k, word in enumerate(words) if tokens[word] in ("[", "(")), len(words))
            if any(tokens[word] in ("*", "&") for word in words[:shape]):
                continue  # a pointer into threadgroup memory is an ordinary variable
            if any(tokens[word] == "=" for word in words):
                raise MetalError(
                    tokens.all[at], "a variable in the threadgroup address space takes no initializer"
                )
            declarations, type_ = [], ""
            for part in tokens.split(at + 1, end):
                part_words = tokens.words(part)
                bracket = next(
                    (k for k, word in enumerate(part_words) if tokens[word] == "["), len(part_words)
                )
                name = part_words[bracket - 1]
                type_ = type_ or tokens.text(k for k in part if k < name)
                extents = tokens.text(k for k in part if k > name)
                declarations.append(
                    f"typedef {type_} sm_t{count}{extents}; sm_t{count}& {tokens[name]} ="
                    f" sm_group_variable<{kernel.tag}, sm_t{count}, {count}>();"
                )
                count += 1
            self._drop(at, end + 1)
            self._insert(end + 1, " ".join(declarations))

    def _function_constants(self) -> None:
        tokens = self.tokens
        for at in range(len(tokens)):
            if tokens[at] != "[[" or tokens[tokens.next(at)] != "function_constant":
                continue
            close = tokens.match(at)
            index = tokens.text(range(tokens.next(at) + 1, close)).strip().strip("()").strip()
            name = tokens.next(at, -1)
            begin = tokens.next(name, -1)
            while begin > 0 and tokens[tokens.next(begin, -1)] not in (";", "}", "{", ""):
                begin = tokens.next(begin, -1)
            words = [
                tokens[k] for k in tokens.words(range(begin, name)) if tokens[k] not in ("constant", "const")
            ]
            type_, label = " ".join(words), tokens[name]
            value = self.values.get(label, self.values.get(index))
            if value is None:
                cpp = f'static const sm_unset_constant<{type_}, {index}> {label}{{"{label}"}};'
            else:
                cpp = f"static constexpr {type_} {label} = ({type_})({value});"
            self._drop(begin, tokens.next(close) + 1)
            self._insert(begin, cpp)
            self.constants.append((label, index, type_))

    def _attributes_and_constructors(self) -> None:
        tokens = self.tokens
        for at in range(len(tokens)):
            if at in self.dropped:
                continue
            token = tokens.all[at]
            if token.text == "[[":
                self._drop(at, tokens.match(at) + 1)
            elif token.kind == "name" and token.text in _VECTORS and tokens[tokens.next(at)] == "(":
                token.text = f"sm_make<{token.text}>"
            elif token.kind == "name" and token.text in _FORBIDDEN:
                raise MetalError(token, f"'{token.text}' is not part of the Metal Shading Language")

    def _table(self) -> str:
        lines = ['\n# 1 "softmetal"']
        for number, instance in enumerate(self.instances):
            lines += self._entry(number, instance)
        rows = ", ".join(
            f'{{"{one.name}", sm_entry_{i}, &sm_owner<sm_tag_{one.kernel.name}{one.arguments}>::id,'
            f" sm_arguments_{i}, {self._bindings(one)}, (unsigned)({one.kernel.max_threads})}}"
            for i, one in enumerate(self.instances)
        )
        constants = ", ".join(
            f'{{"{name}", {index}, sm_data_type<{type_}>}}' for name, index, type_ in self.constants
        )
        lines += [
            f"static const sm_kernel sm_kernels[] = {{{rows or '{}'}}};",
            f"static const sm_constant sm_constants[] = {{{constants or '{}'}}};",
            'extern "C" __attribute__((visibility("default"))) const sm_module sm_module_table = {sm_kernels,'
            f" {len(self.instances)}, &sm_variables, sm_constants, {len(self.constants)}}};\n",
        ]
        return "\n".join(lines)

    @staticmethod
    def _bindings(instance: Instance) -> int:
        return sum(one.attribute in SPACES for one in instance.kernel.parameters)

    @staticmethod
    def _entry(number: int, instance: Instance) -> list[str]:
        function = instance.kernel.name + instance.arguments
        passed, described = [], []
        for place, one in enumerate(instance.kernel.parameters):
            type_ = f"sm_parameter<{place}, decltype(&{function})>::type"
            if one.attribute in SPACES:
                kind = "SM_BUFFER" if one.attribute == "buffer" else "SM_GROUP_MEMORY"
                array = "buffer" if one.attribute == "buffer" else "group_memory"
                passed.append(f"sm_bind<{type_}>(self->group->{array}[{one.index}])")
                described.append(f'sm_describe<{type_}>("{one.name}", {kind}, {one.index})')
            elif one.attribute in POSITIONS:
                passed.append(f"sm_position<{type_}>({POSITIONS[one.attribute]})")
            else:
                passed.append(f"(sm_plain<{type_}>){NUMBERS[one.attribute]}")
        return [
            f"static void sm_entry_{number}(sm_thread* self) {{ (void)self;"
            f" {function}({', '.join(passed)}); }}",
            f"static const sm_argument sm_arguments_{number}[] = {{{', '.join([*described, '{}'])}}};",
        ]


def translate(source: str, constants: dict[str, str], default_threads: str = "1024") -> str:
    """C++ of a preprocessed source; `constants` gives function constants by index or name."""
    return Translation(source, constants, default_threads).cpp()

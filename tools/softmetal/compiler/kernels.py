"""The kernels of a Metal source: their names, attributes and parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tokens import MetalError, Tokens

# What the attributes of a parameter stand for, in the engine's words.
POSITIONS = {
    "thread_position_in_grid": "self->in_grid",
    "thread_position_in_threadgroup": "self->in_group",
    "threadgroup_position_in_grid": "self->group->position",
    "threads_per_threadgroup": "self->group->size",
    "dispatch_threads_per_threadgroup": "self->group->full_size",
    "threadgroups_per_grid": "self->group->groups",
    "threads_per_grid": "self->group->grid",
}
NUMBERS = {
    "thread_index_in_threadgroup": "self->index",
    "thread_index_in_simdgroup": "self->lane",
    "simdgroup_index_in_threadgroup": "self->simdgroup",
    "threads_per_simdgroup": "(unsigned)SM_LANES",
    "thread_execution_width": "(unsigned)SM_LANES",
    "simdgroups_per_threadgroup": "self->group->simdgroups",
}
SPACES = {"buffer": {"device", "constant"}, "threadgroup": {"threadgroup"}}
_ATTRIBUTE = re.compile(r"\s*(\w+)\s*(?:\((.*)\))?\s*", re.DOTALL)


@dataclass
class Parameter:
    attribute: str
    index: str | None
    name: str


@dataclass
class Kernel:
    name: str
    parameters: list[Parameter]
    begin: int  # where its declaration begins, template list included
    body: tuple[int, int]
    max_threads: str
    template: str = ""  # the list of template parameters, without defaults
    template_names: list[str] = field(default_factory=list)

    @property
    def tag(self) -> str:
        """The type that tells this kernel's threadgroup variables from another's."""
        names = f"<{', '.join(self.template_names)}>" if self.template else ""
        return f"sm_tag_{self.name}{names}"


@dataclass
class Instance:
    """A function of the library: a kernel, or an instance of a template under a name of its own."""

    name: str
    kernel: Kernel
    arguments: str = ""


def find(tokens: Tokens, default_threads: str) -> tuple[list[Kernel], list[Instance], list[tuple[int, int]]]:
    """The kernels, the functions, and the statements that name instances."""
    kernels: list[Kernel] = []
    instances: list[Instance] = []
    statements: list[tuple[int, int]] = []
    at = 0
    template: tuple[int, int] | None = None
    while at < len(tokens):
        if tokens.is_name(at, "template"):
            after = tokens.next(at)
            if tokens[after] == "<":
                template = (at, tokens.match_angle(after))
                at = template[1] + 1
                continue
            end = _end_of_statement(tokens, at)
            if instance := _instance(tokens, at, end, kernels):
                instances.append(instance)
                statements.append((at, end))
            at = end
        elif (first := _kernel_word(tokens, at)) is not None:
            kernel = _kernel(tokens, at, first, template, default_threads)
            template = None
            if kernel:
                kernels.append(kernel)
                if not kernel.template:
                    instances.append(Instance(kernel.name, kernel))
                at = kernel.body[1]
        elif tokens[at] in (";", "{", "}"):
            template = None
        at += 1
    return kernels, instances, statements


def _kernel_word(tokens: Tokens, at: int) -> int | None:
    """Where the declaration goes on after `kernel` or `[[kernel]]`."""
    if tokens.is_name(at, "kernel"):
        return tokens.next(at)
    if tokens[at] != "[[":
        return None
    end = tokens.match(at)
    if re.search(r"\bkernel\b", tokens.text(range(at + 1, end))):
        return at  # its other attributes are looked at with those that follow
    after = tokens.next(end)
    return at if tokens.is_name(after, "kernel") else None


def _end_of_statement(tokens: Tokens, at: int) -> int:
    while at < len(tokens) and tokens[at] != ";":
        at = tokens.match(at) + 1 if tokens[at] in ("(", "[", "[[", "{") else at + 1
    return at


def _instance(tokens: Tokens, begin: int, end: int, kernels: list[Kernel]) -> Instance | None:
    attribute = re.search(r'host_name\s*\(\s*("[^)]*")\s*\)', tokens.text(range(begin, end)))
    if attribute is None:
        return None
    name = "".join(re.findall(r'"([^"]*)"', attribute[1]))
    templates = {kernel.name: kernel for kernel in kernels if kernel.template}
    found = [at for at in range(begin, end) if tokens[at] in templates and tokens[tokens.next(at)] == "<"]
    if not found:
        raise MetalError(tokens.all[begin], f'[[host_name("{name}")]] names no kernel template')
    first = tokens.next(found[-1])
    arguments = tokens.text(range(first, tokens.match_angle(first) + 1))
    return Instance(name, templates[tokens[found[-1]]], arguments)


def _kernel(
    tokens: Tokens, begin: int, at: int, template: tuple[int, int] | None, max_threads: str
) -> Kernel | None:
    while at < len(tokens) and tokens[at] not in ("(", ";"):
        if tokens[at] == "[[":
            end = tokens.match(at)
            attributes = tokens.text(range(at + 1, end))
            if limit := re.search(r"max_total_threads_per_threadgroup\s*\((.*?)\)", attributes, re.DOTALL):
                max_threads = limit[1]
            at = end
        at += 1
    if tokens[at] != "(":
        return None
    name = next(
        tokens[k]
        for k in range(at - 1, begin, -1)
        if tokens.all[k].kind == "name" and not _in_attribute(tokens, k, begin)
    )
    close = tokens.match(at)
    parts = [part for part in tokens.split(at + 1, close) if tokens.words(part)]
    parameters = [_parameter(tokens, part, name) for part in parts]
    shared = [(p.attribute, p.index) for p in parameters if p.index is not None]
    if len(set(shared)) != len(shared):
        raise MetalError(tokens.all[at], f"two parameters of kernel '{name}' share an index")
    body = tokens.next(close)
    if tokens[body] != "{":
        return None
    kernel = Kernel(name, parameters, begin, (body, tokens.match(body)), max_threads)
    if template:
        kernel.begin = template[0]
        lists = tokens.split(tokens.next(template[0]) + 1, template[1])
        plain = [tokens.text(part).split("=")[0].strip() for part in lists]
        kernel.template = ", ".join(plain)
        kernel.template_names = [re.findall(r"\w+", one)[-1] for one in plain]
    return kernel


def _in_attribute(tokens: Tokens, at: int, begin: int) -> bool:
    opened = sum((tokens[k] == "[[") - (tokens[k] == "]]") for k in range(begin, at))
    return opened > 0


def _parameter(tokens: Tokens, part: list[int], kernel: str) -> Parameter:
    first = tokens.all[tokens.words(part)[0]]
    begin = next((at for at in part if tokens[at] == "[["), None)
    if begin is None:
        raise MetalError(
            first,
            f"parameter '{tokens.text(part).strip()}' of kernel '{kernel}' has no attribute"
            " such as [[buffer(0)]]",
        )
    parsed = _ATTRIBUTE.fullmatch(tokens.text(range(begin + 1, tokens.match(begin))))
    attribute, index = (parsed[1], parsed[2]) if parsed else ("", None)
    before = tokens.words(at for at in part if at < begin)
    name, words = tokens[before[-1]], {tokens[at] for at in before}
    if attribute in SPACES:
        if not words & SPACES[attribute]:
            spaces = " or ".join(sorted(SPACES[attribute]))
            raise MetalError(
                first, f"parameter '{name}' with [[{attribute}]] must be in the {spaces} address space"
            )
        if index is None:
            raise MetalError(first, f"parameter '{name}' needs an index: [[{attribute}(0)]]")
    elif attribute not in POSITIONS and attribute not in NUMBERS:
        raise MetalError(first, f"unknown attribute [[{attribute}]] of parameter '{name}'")
    return Parameter(attribute, index if attribute in SPACES else None, name)

"""Address-space check of a Metal source, without a Metal compiler.

clang's C++ for OpenCL has Metal's address spaces, and a generic one that Metal lacks. So a Metal source
is parsed in that mode against declarations of the Metal library (tests/portability/msl), and its syntax
tree is searched for what would need the generic space: a pointer or reference declared without an
address space, and the address of a device, threadgroup or constant object used without its space, as a
method called on an object in device memory does.

usage: address_spaces.py FILE [CLANG_ARGUMENT...]     RINGWAY_CLANG names another clang
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]
LIBRARY = ROOT / "tests" / "portability" / "msl"
PARSE = [
    *(
        "-x",
        "cl",
        "-cl-std=clc++2021",
        "-cl-no-stdinc",
        "-target",
        "spir64",
        "-fsyntax-only",
        "-ferror-limit=0",
    ),
    *("-D__METAL__=1", "-Wall", "-Wno-unused", "-Wno-unknown-attributes", "-Wno-duplicate-decl-specifier"),
    *(f"-I{LIBRARY}", f"-I{ROOT / 'native' / 'include'}", "-include", str(LIBRARY / "metal_stdlib")),
]
ATTRIBUTE = re.compile(r"\[\[[^\]]*\]\]")
TEMPLATE_KERNEL = re.compile(r"(template\s*<[^>]*>\s*)kernel\b")
QUOTED = re.compile(r"'([^']*)'")
TEMPLATE_ARGUMENTS = re.compile(r"<.*>")
PLACE = re.compile(r"([\w./-]+):(\d+):\d+")
DECLARATION = re.compile(r"(ParmVarDecl|FieldDecl|VarDecl) ")


def diagnostics(source: pathlib.Path, arguments: list[str]) -> str:
    """What the parser itself has to say; empty when the source is well-formed."""
    return _clang(source, arguments, []).stderr


def generic_uses(source: pathlib.Path, arguments: list[str]) -> list[str]:
    """Each place of a well-formed source that needs a generic address space."""
    lines = _clang(source, arguments, ["-Xclang", "-ast-dump", "-fno-color-diagnostics"]).stdout.split("\n")
    tree = Tree(lines)
    found = set()
    file, line = str(source), "0"
    for number, text in enumerate(lines):
        for name, row in PLACE.findall(text.split("'")[0]):
            file, line = (file if name == "line" else name), row
        what = _declared_generic(tree, number) or _converted_to_generic(tree, number)
        if what and not file.startswith(str(LIBRARY)):
            found.add(f"{file}:{line}: {what}")
    return sorted(found)


class Tree:
    """The lines of clang's syntax-tree dump; indentation says which belongs to which."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def depth(self, number: int) -> int:
        drawn = re.match(r"[ |`-]*", self.lines[number])
        return len(drawn.group()) if drawn else 0

    def parent(self, number: int) -> int:
        depth = self.depth(number)
        while number >= 0 and self.depth(number) >= depth:
            number -= 1
        return number


def _declared_generic(tree: Tree, number: int) -> str | None:
    text = tree.lines[number]
    if not DECLARATION.search(text) or " implicit " in text:
        return None
    declared = QUOTED.search(text)
    if (
        declared is None
        or not re.search(r"__generic\b[^*&]*[*&]", declared[1])
        or _made_by_compiler(tree, number)
    ):
        return None
    return f"pointer or reference without an address space: {declared[1]}"


def _converted_to_generic(tree: Tree, number: int) -> str | None:
    text = tree.lines[number]
    if "<AddressSpaceConversion>" not in text or not re.search(r"'[^']*__generic", text):
        return None
    origin = QUOTED.search(tree.lines[number + 1])
    if (
        origin is None
        or not re.search(r"__(global|local|constant)\b", TEMPLATE_ARGUMENTS.sub("", origin[1]))
        or _copies_a_struct(tree, number)
    ):
        return None
    return f"address of {origin[1]} used without its address space"


def _made_by_compiler(tree: Tree, number: int) -> bool:
    """A parameter of a constructor or assignment that the compiler wrote."""
    parent = tree.lines[tree.parent(number)]
    return any(mark in parent for mark in (" implicit", "operator=", "CXXConstructorDecl"))


def _copies_a_struct(tree: Tree, number: int) -> bool:
    """Metal copies plain structs between address spaces."""
    parent = tree.parent(number)
    text = tree.lines[parent]
    assigned = "CXXOperatorCallExpr" in text and "operator=" in "".join(tree.lines[parent : parent + 3])
    return "CXXConstructExpr" in text or assigned


def _clang(source: pathlib.Path, arguments: list[str], extra: list[str]) -> subprocess.CompletedProcess[str]:
    clang = os.environ.get("RINGWAY_CLANG", "clang")
    command = [clang, *PARSE, f"-I{source.parent}", *arguments, *extra, "-"]
    return subprocess.run(command, input=_readable(source), capture_output=True, text=True, check=False)


def _readable(source: pathlib.Path) -> str:
    """The source, line for line, without what C++ for OpenCL lacks: attributes, and kernels by template."""
    text = TEMPLATE_KERNEL.sub(r"\1", ATTRIBUTE.sub("", source.read_text()))
    return f'#line 1 "{source}"\n{text}'


if __name__ == "__main__":
    path, options = pathlib.Path(sys.argv[1]), sys.argv[2:]
    problems = diagnostics(path, options) or "\n".join(generic_uses(path, options))
    if problems:
        sys.exit(problems)

"""One implementation of a concept: no public type is declared in two headers or two modules."""

from __future__ import annotations

import ast
import pathlib
import re

from sources import Finding, at, code_lines, files

TYPE = re.compile(
    r"^(?:template\s*<[^{;]*>\s*)?(?:struct|class|enum(?:\s+(?:class|struct))?)\s+(\w+)[^;(<]*\{"
)


def check(root: pathlib.Path) -> list[Finding]:
    found = []
    first: dict[str, pathlib.Path] = {}
    for path in files(root, "native", {".h"}):
        for number, line in enumerate(code_lines(path.read_text()), 1):
            declared = TYPE.match(line)
            if declared and first.setdefault(declared[1], path) != path:
                found.append(
                    at(root, path, number, f"{declared[1]} is also in {first[declared[1]].relative_to(root)}")
                )
    classes: dict[str, pathlib.Path] = {}
    for path in files(root, "python", {".py"}):
        for node in ast.parse(path.read_text()).body:
            public = isinstance(node, ast.ClassDef) and not node.name.startswith("_")
            if public and classes.setdefault(node.name, path) != path:
                also = classes[node.name].relative_to(root)
                found.append(at(root, path, node.lineno, f"{node.name} is also in {also}"))
    return found

"""Nothing unfinished is checked in: no marker of work to come, no empty body, no file of endless length."""

from __future__ import annotations

import ast
import pathlib
import re

from sources import CPP, Finding, at, files

# A class that derives from NotImplementedError is an answer of its own.
MARKER = re.compile(
    r"\b(TODO|FIXME|XXX|HACK|NotImplementedError(?!\):)|(?i:placeholder|not (?:yet )?implemented))\b"
)
FOLDERS = ("native", "python", "tests", "tools", "benchmarks", "examples", ".ci")
SCRIPTS = {".py", ".pyi", ".sh", ".cmake", ""}
EXEMPT = ("tools/lints/stubs.py", "tests/python/test_lints.py")
LONGEST = 600


def check(root: pathlib.Path) -> list[Finding]:
    found = []
    for folder in FOLDERS:
        for path in files(root, folder, CPP | SCRIPTS):
            if path.relative_to(root).as_posix() in EXEMPT:
                continue
            lines = path.read_text().split("\n")
            # A stub is as long as the one module that it describes.
            if len(lines) > LONGEST + 1 and path.suffix != ".pyi":
                found.append(
                    at(root, path, len(lines), f"longer than {LONGEST} lines: split it by responsibility")
                )
            for number, line in enumerate(lines, 1):
                if marker := MARKER.search(line):
                    found.append(at(root, path, number, f"unfinished: {marker[0]}"))
            if path.suffix == ".py":
                found += [
                    at(root, path, line, "an empty body (pass)") for line in _empty_bodies("\n".join(lines))
                ]
    return found


def _empty_bodies(source: str) -> list[int]:
    return [node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Pass)]

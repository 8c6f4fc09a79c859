"""Which files the lints read, and a C++ source without its comments and strings."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

CPP = {".h", ".cpp", ".cu", ".metal", ".mm"}
SKIPPED = {"build", "dist", "__pycache__", "node_modules"}

Finding = str
_NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.DOTALL)


def files(root: pathlib.Path, folder: str, suffixes: set[str]) -> Iterator[pathlib.Path]:
    """The files below `folder` with one of the suffixes, sorted; no hidden folders, no build outputs."""
    for path in sorted((root / folder).rglob("*")):
        inside = path.relative_to(root).parts
        hidden = any(part.startswith(".") or part in SKIPPED or part.startswith("build-") for part in inside)
        if path.is_file() and path.suffix in suffixes and not hidden:
            yield path


def code_lines(text: str) -> list[str]:
    """The lines of a C++ source, comments and literals blanked out except the names of included files."""

    def blank(match: re.Match[str]) -> str:
        start = match.string.rfind("\n", 0, match.start()) + 1
        if match.string[start : match.start()].lstrip().startswith("#include"):
            return match.group()
        return re.sub(r"[^\n]", " ", match.group())

    return _NOISE.sub(blank, text).split("\n")


def at(root: pathlib.Path, path: pathlib.Path, line: int, what: str) -> Finding:
    return f"{path.relative_to(root)}:{line}: {what}"

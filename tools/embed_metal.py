"""Puts a Metal source and the headers that it includes by name in quotes into one text.

newLibraryWithSource: knows no folders. Each header comes once, where it is first included; #line keeps
diagnostics true. With --cpp the output is a C++ source that defines the text as a string of that name.

usage: embed_metal.py FILE OUTPUT [-I FOLDER ...] [--cpp NAMESPACE::NAME]
"""

from __future__ import annotations

import argparse
import pathlib
import re

_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')
_ONCE = re.compile(r"^\s*#\s*pragma\s+once\b")


def embed(path: pathlib.Path, folders: list[pathlib.Path], seen: set[pathlib.Path] | None = None) -> str:
    """The text of `path` with its headers in place."""
    seen = set() if seen is None else seen
    seen.add(path.resolve())
    out = [f'#line 1 "{path.name}"']
    for number, line in enumerate(path.read_text().split("\n"), 1):
        if _ONCE.match(line):
            out.append("")
        elif included := _INCLUDE.match(line):
            header = _find(included[1], path, folders)
            if header.resolve() not in seen:
                out.append(embed(header, folders, seen))
            out.append(f'#line {number + 1} "{path.name}"')
        else:
            out.append(line)
    return "\n".join(out)


def as_cpp(text: str, qualified: str) -> str:
    """A C++ source that defines `qualified` as `text`."""
    namespace, _, name = qualified.rpartition("::")
    return (
        "// Made by tools/embed_metal.py.\n"
        f"namespace {namespace} {{\n"
        f"extern const char* const {name};\n"
        f'const char* const {name} = R"msl({text})msl";\n'
        f"}}  // namespace {namespace}\n"
    )


def _find(name: str, includer: pathlib.Path, folders: list[pathlib.Path]) -> pathlib.Path:
    for folder in [includer.parent, *folders]:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f'{includer}: no header "{name}" in {[str(folder) for folder in folders]}')


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("-I", dest="folders", type=pathlib.Path, action="append", default=[])
    parser.add_argument("--cpp", metavar="NAMESPACE::NAME")
    asked = parser.parse_args()
    text = embed(asked.file, asked.folders)
    asked.output.write_text(as_cpp(text, asked.cpp) if asked.cpp else text)


if __name__ == "__main__":
    main()

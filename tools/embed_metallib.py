"""Puts compiled Metal libraries into a C++ source, a function that returns the one for a language version.

usage: embed_metallib.py OUTPUT NAME [VERSION=FILE ...]

It defines ringway::metal::NAME (backends/metal/sources.h); without files it returns none.
"""

from __future__ import annotations

import argparse
import pathlib


def as_cpp(name: str, libraries: dict[int, bytes]) -> str:
    """A C++ source that defines `name` over these libraries, by version."""
    arrays, cases = "", ""
    for version, content in libraries.items():
        numbers = ",".join(map(str, content))
        arrays += f"const unsigned char bytes_{version}[] = {{{numbers}}};\n"
        cases += f"  if (language == {version}) return {{bytes_{version}, sizeof(bytes_{version})}};\n"
    return (
        "// Made by tools/embed_metallib.py.\n"
        '#include "backends/metal/sources.h"\n'
        "namespace ringway::metal {\n"
        f"namespace {{\n{arrays}}}  // namespace\n"
        f"CompiledKernels {name}([[maybe_unused]] u32 language) {{\n{cases}  return {{}};\n}}\n"
        "}  // namespace ringway::metal\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("name")
    parser.add_argument("libraries", nargs="*", metavar="VERSION=FILE")
    asked = parser.parse_args()
    named = (library.split("=", 1) for library in asked.libraries)
    libraries = {int(version): pathlib.Path(file).read_bytes() for version, file in named}
    asked.output.write_text(as_cpp(asked.name, libraries))


if __name__ == "__main__":
    main()

"""Compiles Metal source to a shared library that the software Metal device loads.

usage: compile.py SOURCE OUTPUT --version=320 [--fast] [--threads=N] [-DNAME=VALUE ...]
       [--constant=KEY=VALUE ...] [--flag=CXXFLAG ...]
Diagnostics go to stderr; the exit status is 1 where there is an error. SOFTMETAL_CLANG names another clang++.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys

from tokens import MetalError
from translate import translate

LIBRARY = pathlib.Path(__file__).parents[1] / "msl"
PREPROCESS = [
    "-E",
    "-undef",
    "-nostdinc",
    "-nostdinc++",
    "-x",
    "c++",
    "-std=c++14",
    f"-I{LIBRARY / 'headers'}",
]
COMPILE = [
    *("-x", "c++", "-std=c++14", "-fno-exceptions", "-fno-rtti", "-O2", "-g1", "-fPIC", "-shared"),
    *("-fvisibility=hidden", "-ftls-model=initial-exec", "-fno-strict-aliasing"),
    "-ftrivial-auto-var-init=pattern",  # what a thread does not initialise is conspicuous
    "-Werror=c++17-extensions",  # the Metal Shading Language is a dialect of C++14
    *(
        "-Wall",
        "-Wno-unknown-pragmas",
        "-Wno-unused-function",
        "-Wno-unused-variable",
        "-Wno-unused-const-variable",
    ),
    *("-Wno-unused-local-typedef", "-Wno-duplicate-decl-specifier", "-Wno-c++11-narrowing"),
    *(f"-isystem{LIBRARY / 'library'}", "-include", "all.h"),
]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--version", default="310")
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--threads", default="1024")
    parser.add_argument("-D", dest="macros", action="append", default=[])
    parser.add_argument("--constant", action="append", default=[])
    parser.add_argument("--flag", action="append", default=[])
    asked = parser.parse_args()

    clang = os.environ.get("SOFTMETAL_CLANG", "clang++-19")
    version = f"-D__METAL_VERSION__={asked.version}"
    macros = [f"-D{macro}" for macro in asked.macros]
    preprocessed = subprocess.run(
        [clang, *PREPROCESS, version, "-D__METAL__=1", "-D__METAL_MACOS__=1", *macros, "-"],
        input='#line 1 "program_source"\n' + asked.source.read_text(),
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stderr.write(preprocessed.stderr)
    if preprocessed.returncode:
        return 1
    constants = dict(constant.split("=", 1) for constant in asked.constant)
    try:
        cpp = translate(preprocessed.stdout, constants, asked.threads)
    except MetalError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    translated = asked.output.with_suffix(".cpp")
    translated.write_text(cpp)
    contract = "-ffp-contract=fast" if asked.fast else "-ffp-contract=on"
    command = [clang, *COMPILE, version, contract, *asked.flag, str(translated), "-o", str(asked.output)]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    sys.stderr.write(compiled.stderr)
    return 1 if compiled.returncode else 0


if __name__ == "__main__":
    sys.exit(main())

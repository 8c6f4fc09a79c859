"""Only config.h and atomics_*.h ask which compiler or system this is; elsewhere CMake chooses."""

from __future__ import annotations

import pathlib
import re

from sources import CPP, Finding, at, code_lines, files

QUESTION = re.compile(
    r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b.*?\b(__\w+__|__\w+|_MSC_VER|_WIN32|_LIBCPP_VERSION)\b"
)
ALLOWED = re.compile(r"include/ringway/(config|atomics_\w+)\.h$")


def check(root: pathlib.Path) -> list[Finding]:
    found = []
    for path in files(root, "native", CPP):
        if ALLOWED.search(path.as_posix()):
            continue
        for number, line in enumerate(code_lines(path.read_text()), 1):
            if asked := QUESTION.match(line):
                found.append(
                    at(root, path, number, f"asks for {asked[1]}; only config.h and atomics_*.h may")
                )
    return found

"""Only atomics_*.h name an atomic, so that algorithms can be model-checked and compiled for every device."""

from __future__ import annotations

import pathlib
import re

from sources import CPP, Finding, at, code_lines, files

ATOMIC = re.compile(
    r"std::atomic\w*|cuda::(?:std::)?atomic\w*|metal::atomic\w*|\brl::\w+|\bmemory_order\w*"
    r"|\b__(?:atomic|sync)_\w+|\b__ATOMIC_\w+|\batomic(?:Add|CAS|Exch|Sub|Or|And|Min|Max)\b|\b_Atomic\b"
    r"|#\s*include\s*<(?:atomic|cuda/atomic|cuda/std/atomic|stdatomic\.h|relacy/[^>]*)>"
)
ALLOWED = re.compile(r"include/ringway/atomics_\w+\.h$")


def check(root: pathlib.Path) -> list[Finding]:
    found = []
    for path in files(root, "native", CPP):
        if ALLOWED.search(path.as_posix()):
            continue
        for number, line in enumerate(code_lines(path.read_text()), 1):
            if named := ATOMIC.search(line):
                found.append(at(root, path, number, f"names {named[0]}; only atomics_*.h may"))
    return found

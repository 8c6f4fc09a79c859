"""Arrows between the layers: bindings -> core, codec and backends' factories; core, codec -> include;
backends -> core and include; include -> itself only. Python modules need the extension and NumPy; anything
else is an extra, imported inside the function that uses it."""

from __future__ import annotations

import ast
import pathlib
import re
import sys

from sources import CPP, Finding, at, code_lines, files

MAY_INCLUDE = {
    "bindings": {"bindings", "core", "codec", "ringway", "backends"},
    "backends": {"backends", "core", "ringway"},
    "core": {"core", "ringway"},
    "codec": {"codec", "ringway"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
OWN_SYSTEM_HEADERS = re.compile(r"(config|atomics_\w+)\.h$")


def check(root: pathlib.Path) -> list[Finding]:
    return [*_check_native(root), *_check_python(root)]


def _check_native(root: pathlib.Path) -> list[Finding]:
    found = []
    for path in files(root, "native", CPP):
        layer = path.relative_to(root / "native").parts[0]
        for number, line in enumerate(code_lines(path.read_text()), 1):
            included = INCLUDE.match(line)
            if included is None:
                continue
            why = _objection(path, layer, system=included[1] == "<", name=included[2])
            if why:
                found.append(at(root, path, number, f"includes {included[2]}: {why}"))
    return found


def _objection(path: pathlib.Path, layer: str, *, system: bool, name: str) -> str | None:
    if layer == "include":
        if system:
            allowed = OWN_SYSTEM_HEADERS.search(path.name)
            return None if allowed else "a portable header may include nothing of the host"
        headers = next(parent for parent in path.parents if parent.name == "ringway")
        inside = (path.parent / name).resolve().is_relative_to(headers.resolve())
        return None if inside else "portable headers may include only each other"
    if system:
        return None
    target = name.split("/", maxsplit=1)[0] if "/" in name else layer
    may = MAY_INCLUDE.get(layer, set())
    if target not in may:
        return f"{layer} may include {', '.join(sorted(may))} only, with the folder's name"
    if target == "backends" and layer == "backends" and not name.startswith(f"backends/{path.parent.name}/"):
        return "a backend may not include another"
    return None


def _check_python(root: pathlib.Path) -> list[Finding]:
    known = {*sys.stdlib_module_names, "numpy", "ringway"}
    found = []
    for path in files(root, "python", {".py"}):
        for node in ast.parse(path.read_text()).body:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or "ringway"]
            for name in names:
                if name.split(".")[0] not in known:
                    found.append(
                        at(root, path, node.lineno, f"imports {name} on import; NumPy is the only dependency")
                    )
    return found

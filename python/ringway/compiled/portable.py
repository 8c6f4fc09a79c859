"""A kernel's C++ as a device takes it, checked for what the device cannot do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ringway import _core
from ringway.compiled.scalars import F64, Array, Scalar
from ringway.compiled.structs import Struct, c_name, struct_of
from ringway.errors import KernelError

# The text comes behind what this would include, and the device's compiler knows no folders.
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]ringway/kernel\.h[>"][^\n]*', re.MULTILINE)
_STEP = re.compile(r"\bstep\s*\(([^)]*)\)\s*\{")
_SPACES = ("RW_PRIVATE", "RW_SHARED", "RW_STATE")
_REMEDY = (
    "write step(RW_PRIVATE ringway::KernelContext& ctx, RW_SHARED const {message}& msg, "
    "RW_STATE {state}& state), which means the same on every backend"
)


def portable_text(name: str, source: str, classes: Sequence[type[Any]], backend: str) -> str:
    """Return the text for a backend that compiles it itself.

    Parameters
    ----------
    name
        Of the kernel.
    source
        Its C++, as for the host.
    classes
        Those of message and state, then those that it sends.

    Raises
    ------
    KernelError
        It does what the device has not; the text names it.
    """
    doubles = {entry.name: entry.float64 for entry in _core.backends()}
    if not doubles.get(backend, True):
        found = next((path for cls in classes for path in _doubles(struct_of(cls))), None)
        if found is None and re.search(r"\bdouble\b", _without_comments(source)):
            found = "a value in its handler"
        if found is not None:
            raise KernelError(
                f"kernel {name!r}: {found} is an f64, which backend {backend!r} does not have; "
                'declare it rw.f32, or use Runtime(backend="cpu")'
            )
    if backend == "metal":
        _check_spaces(name, source, [c_name(cls.__qualname__) for cls in classes])
    return _INCLUDE.sub("", source)


def _without_comments(source: str) -> str:
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"[^\"\n]*\"", "", source, flags=re.DOTALL)


def _doubles(struct: Struct) -> list[str]:
    """Return the fields of a struct that are f64, those of structs within too."""
    found = []
    for field, kind in struct.fields.items():
        element: Scalar | Array | Struct = kind.element if isinstance(kind, Array) else kind
        if isinstance(element, Struct):
            found += [f"{struct.name}.{field}{path[len(element.name) :]}" for path in _doubles(element)]
        elif element is F64:
            found.append(f"{struct.name}.{field}")
    return found


def _check_spaces(name: str, source: str, classes: list[str]) -> None:
    """Refuse a step whose references do not say in which memory they lie."""
    step = _STEP.search(source)
    for parameter in step[1].split(",") if step else ():
        if "&" in parameter and not any(space in parameter for space in _SPACES):
            raise KernelError(
                f"kernel {name!r}: step's parameter '{parameter.strip()}' does not say in which memory it "
                f"lies, which Metal asks for; {_REMEDY.format(message=classes[0], state=classes[1])}"
            )

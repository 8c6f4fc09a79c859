"""What a message class looks like on the wire, as text and as a NumPy structured type."""

from __future__ import annotations

from typing import Any

import numpy as np

from ringway import _core
from ringway.errors import TypeMismatch
from ringway.memorypack.annotations import element_dtype


def describe(cls: type[Any]) -> str:
    """Table of the members: offset and size in bytes where they are fixed, and wire type."""
    if not (isinstance(cls, type) and issubclass(cls, _core.Message) and cls is not _core.Message):
        raise TypeMismatch(f"{cls!r} is no message class; decorate it with @ringway.message")
    facts = _core.describe_message(cls)
    struct = facts["form"] == "struct"
    sizes = [size for _, _, _, size, _ in facts["members"]]
    rows = [("offset", "size", "type", "member")]
    at: int | None = 1  # after the count of members
    if facts["form"] == "versioned":
        at = None if None in sizes else 1 + sum(_length_bytes(size) for size in sizes)
    for name, kind, offset, size, _ in facts["members"]:
        place = offset if struct else at
        rows.append(("-" if place is None else str(place), "-" if size is None else str(size), kind, name))
        at = at + size if at is not None and size is not None else None
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"{row[0]:>{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]}" for row in rows]
    most = str(facts["max_size"]) if facts["max_size"] else "unbounded"
    size = f"{facts['size']} bytes, aligned to {facts['align']}" if struct else f"largest size {most}"
    return "\n".join(
        [f"{facts['name']}: {facts['form']} form, {size}, type id {facts['type_id']:#010x}", *lines]
    )


def _length_bytes(size: int) -> int:
    """Bytes of a member's length before the members of the version-tolerant form, as they all stand."""
    return 1 if size < 1 << 7 else 3 if size < 1 << 15 else 5


def image_dtype(cls: type[Any], forms: list[Any]) -> np.dtype[Any]:
    """Structured type with the offsets of the C image; members without a NumPy type are raw bytes."""
    facts = _core.describe_message(cls)
    formats = [
        element_dtype(form) or np.dtype(f"V{size}")
        for form, (_, _, _, size, _) in zip(forms, facts["members"], strict=True)
    ]
    return np.dtype(
        {
            "names": [name for name, *_ in facts["members"]],
            "formats": formats,
            "offsets": [offset for _, _, offset, _, _ in facts["members"]],
            "itemsize": facts["size"],
        }
    )

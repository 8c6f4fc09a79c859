"""`layout()` against offsets and sizes derived by hand from the wire forms, and against encoded bytes."""

from __future__ import annotations

import uuid
from typing import Annotated

import pytest
import ringway as rw
from ringway import types


@rw.message(layout="struct")
class Pair(rw.Message):
    left: rw.u8
    right: rw.u32


@rw.message
class Mixed(rw.Message):
    flag: bool
    number: rw.i32
    key: uuid.UUID
    maybe: rw.f64 | None
    pair: Pair
    label: Annotated[str, types.MaxLength(10)]
    after: rw.i16


@rw.message(layout="versioned")
class Fixed(rw.Message):
    number: rw.i32
    small: rw.u8
    key: uuid.UUID


@rw.message(layout="struct")
class Wide(rw.Message):
    values: Annotated[rw.Array[rw.f32], types.Length(32)]


@rw.message(layout="versioned")
class LongLengths(rw.Message):
    wide: Wide
    number: rw.u16


@rw.message(layout="versioned")
class Varying(rw.Message):
    number: rw.i32
    text: str


def layout_of(cls: type[rw.Message], capsys: pytest.CaptureFixture[str]) -> tuple[str, list[list[str]]]:
    """First line, and offset, size, type and member of the others."""
    cls.layout()
    first, _, *rows = capsys.readouterr().out.splitlines()
    return first, [row.split() for row in rows]


def test_object_form(capsys: pytest.CaptureFixture[str]) -> None:
    first, rows = layout_of(Mixed, capsys)
    # The count, then members without padding between them; a nullable and a structure are padded within.
    assert [row[:2] + row[3:] for row in rows] == [
        ["1", "1", "flag"],
        ["2", "4", "number"],
        ["6", "16", "key"],
        ["22", "16", "maybe"],
        ["38", "8", "pair"],
        ["46", "-", "label"],
        ["-", "2", "after"],
    ]
    # The label: two lengths of 4 bytes and at most 10 bytes of text.
    assert f"object form, largest size {46 + 8 + 10 + 2}," in first


def test_object_form_is_where_layout_says(capsys: pytest.CaptureFixture[str]) -> None:
    key = uuid.UUID(int=0x0123456789ABCDEF0123456789ABCDEF)
    data = Mixed(True, 0x01020304, key, 2.5, Pair(7, 0x0A0B0C0D), "x" * 10, -2).encode()
    assert data[0] == 7
    assert data[2:6] == bytes([4, 3, 2, 1])
    assert data[6:22] == key.bytes_le
    assert data[38] == 7
    assert data[42:46] == bytes([0x0D, 0x0C, 0x0B, 0x0A])
    assert len(data) == 66


def test_versioned_form(capsys: pytest.CaptureFixture[str]) -> None:
    first, rows = layout_of(Fixed, capsys)
    # The count, a length of one byte for each of three members, then the members.
    assert [row[:2] for row in rows] == [["4", "4"], ["8", "1"], ["9", "16"]]
    assert first.startswith("Fixed: versioned form, largest size 25,")
    key = uuid.UUID(int=1)
    data = Fixed(0x01020304, 9, key).encode()
    assert data == bytes([3, 4, 1, 16, 4, 3, 2, 1, 9]) + key.bytes_le


def test_lengths_of_more_than_a_byte(capsys: pytest.CaptureFixture[str]) -> None:
    _, rows = layout_of(LongLengths, capsys)
    # A length of 128 takes a code and two bytes.
    assert [row[:2] for row in rows] == [["5", "128"], ["133", "2"]]
    data = LongLengths(Wide([1.0] * 32), 0x0102).encode()
    assert data[133:] == bytes([2, 1])


def test_versioned_members_have_no_place_where_a_length_varies(capsys: pytest.CaptureFixture[str]) -> None:
    first, rows = layout_of(Varying, capsys)
    assert [row[:2] for row in rows] == [["-", "4"], ["-", "-"]]
    assert "largest size unbounded" in first
    shorter, longer = (Varying(1, "x" * n).encode().index(b"\x01\x00\x00\x00") for n in (1, 500))
    assert shorter != longer

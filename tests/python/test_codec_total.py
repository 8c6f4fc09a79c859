"""Any schema, any value, any bytes: round trips, and decoding that ends in a value or a DecodeError."""

from __future__ import annotations

import math
import tracemalloc
import uuid
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ringway import memorypack
from ringway.errors import DecodeError

WIDTHS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64, "int128": 128}


def number(bits: int, signed: bool) -> st.SearchStrategy[Any]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    numbers = st.integers(low, high)
    return numbers.map(str) if bits >= 64 else numbers


def finite(value: float) -> Any:
    return value if math.isfinite(value) else str(value)


SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    **{name: number(bits, True) for name, bits in WIDTHS.items()},
    **{f"u{name}": number(bits, False) for name, bits in WIDTHS.items()},
    "float16": st.floats(width=16).map(finite),
    "float32": st.floats(width=32).map(finite),
    "float64": st.floats().map(finite),
    "guid": st.uuids().map(str),
    "timespan": number(64, True),
    "datetime": st.integers(-62_135_596_800_000, 253_402_300_799_999),
    "decimal": st.decimals(
        allow_nan=False, allow_infinity=False, places=5, min_value=-(10**20), max_value=10**20
    ).map(str),
}
TEXTS: dict[str, st.SearchStrategy[Any]] = {
    "string": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    "bytes": st.none() | st.binary(max_size=12).map(bytes.hex),
    "biginteger": st.integers(-(2**200), 2**200).map(str),
}
KEYS = ("int32", "string", "uint8", "guid")
Pair = tuple[Any, st.SearchStrategy[Any]]


def lists(inner: Pair) -> Pair:
    return {"array": inner[0]}, st.none() | st.lists(inner[1], max_size=4)


def members(inners: list[Pair], form: str) -> Pair:
    names = [f"m{i}" for i in range(len(inners))]
    schema = {form: [[name, inner[0]] for name, inner in zip(names, inners, strict=True)]}
    values = st.fixed_dictionaries({name: inner[1] for name, inner in zip(names, inners, strict=True)})
    return schema, st.none() | values


def tuples(inners: list[Pair], form: str) -> Pair:
    values = st.tuples(*(inner[1] for inner in inners)).map(list)
    return {form: [inner[0] for inner in inners]}, values


def maps(key: str, inner: Pair) -> Pair:
    entries = st.lists(st.tuples({**SCALARS, **TEXTS}[key], inner[1]).map(list), max_size=3)
    return {"map": [key, inner[0]]}, st.none() | entries


def unions(inners: list[Pair]) -> Pair:
    cases = [(3 if i == 0 else 300 + i, inner) for i, inner in enumerate(inners)]
    values = st.one_of(
        *(st.fixed_dictionaries({"tag": st.just(tag), "value": inner[1]}) for tag, inner in cases)
    )
    return {"union": [[tag, inner[0]] for tag, inner in cases]}, st.none() | values


def nullables(name: str) -> Pair:
    return {"nullable": name}, st.none() | SCALARS[name]


def structs(names: list[str]) -> Pair:
    fields = [[f"m{i}", name] for i, name in enumerate(names)]
    return {"struct": fields}, st.fixed_dictionaries({f"m{i}": SCALARS[name] for i, name in enumerate(names)})


LEAVES: st.SearchStrategy[Pair] = st.one_of(
    st.sampled_from([*SCALARS.items(), *TEXTS.items()]),
    st.sampled_from(list(SCALARS)).map(nullables),
    st.lists(st.sampled_from(list(SCALARS)), min_size=1, max_size=5).map(structs),
)


def grow(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    several = st.lists(inner, min_size=1, max_size=4)
    return st.one_of(
        inner.map(lists),
        st.builds(members, several, st.sampled_from(["object", "versioned"])),
        st.builds(tuples, several, st.sampled_from(["tuple", "valuetuple"])),
        st.builds(maps, st.sampled_from(KEYS), inner),
        several.map(unions),
    )


PAIRS = st.recursive(LEAVES, grow, max_leaves=8)


def canonical(value: Any) -> Any:
    """-0.0 and 0.0, and decimals of equal value, apart: compared by their text."""
    return repr(value)


def outcome(codec: memorypack.Codec, data: bytes | bytearray) -> tuple[bool, Any]:
    """True and the value, or False and the offset of the error."""
    try:
        return True, codec.decode(data)
    except DecodeError as error:
        return False, error.offset


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_round_trip(data: st.DataObject) -> None:
    schema, values = data.draw(PAIRS)
    codec = memorypack.codec(schema)
    value = data.draw(values)
    wire = codec.encode(value)
    decoded = codec.decode(wire)
    assert codec.encode(decoded) == wire
    assert canonical(codec.decode(wire)) == canonical(decoded)
    assert codec.min_size <= len(wire)
    buffer = bytearray(len(wire))
    assert codec.encode_into(value, buffer) == len(wire)
    assert buffer == wire


@settings(max_examples=500, deadline=None)
@given(PAIRS, st.binary(max_size=60))
@example(({"array": "string"}, None), bytes.fromhex("01000000ffffff7f"))  # type: ignore[arg-type]
def test_arbitrary_bytes(pair: Pair, data: bytes) -> None:
    codec = memorypack.codec(pair[0])
    ok, value = outcome(codec, data)
    if ok:
        again = codec.encode(value)
        assert canonical(codec.decode(again)) == canonical(value)
    else:
        assert 0 <= value <= len(data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_bytes(data: st.DataObject) -> None:
    schema, values = data.draw(PAIRS)
    codec = memorypack.codec(schema)
    wire = bytearray(codec.encode(data.draw(values)))
    at = data.draw(st.integers(0, len(wire) - 1))
    wire[at] = data.draw(st.integers(0, 255))
    del wire[data.draw(st.integers(0, len(wire))) :]
    ok, value = outcome(codec, wire)
    assert ok or 0 <= value <= len(wire)


@pytest.mark.parametrize(
    "schema",
    [
        {"array": "int32"},
        {"array": "string"},
        {"array": {"object": []}},
        {"map": ["int32", "string"]},
        {"set": "guid"},
        "bytes",
        "string",
        {"ndarray": ["int8", 2]},
    ],
)
@pytest.mark.parametrize(
    "head", ["ffffff7f", "00000001", "ffff0000", "00000080", "03 ffffff7f 00000000 00000000"]
)
def test_no_allocation_that_the_input_does_not_justify(schema: Any, head: str) -> None:
    codec = memorypack.codec(schema)
    data = bytes.fromhex(head) + bytes(40)
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            codec.decode(data)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_guid_order() -> None:
    value = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
    assert memorypack.codec("guid").encode(str(value)) == value.bytes_le

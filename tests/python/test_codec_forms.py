"""Forms that the golden vectors do not hold; their bytes are derived by hand from the format."""

from __future__ import annotations

from typing import Any

import pytest
from ringway import memorypack
from ringway.errors import DecodeError, EncodeError, SchemaError

POINT = {"object": [["x", "float32"], ["y", "float32"]]}

FORMS: list[tuple[str, Any, Any, str]] = [
    (
        "struct with padding",
        {"struct": [["a", "uint8"], ["b", "int32"], ["c", "uint8"]]},
        {"a": 1, "b": -1, "c": 2},
        "01000000 ffffffff 02000000",
    ),
    (
        "struct in a struct",
        {"struct": [["a", "uint8"], ["b", {"struct": [["c", "int16"], ["d", "uint8"]]}]]},
        {"a": 1, "b": {"c": 2, "d": 3}},
        "0100 0200 0300",
    ),
    (
        "fixed array",
        {"struct": [["n", "int32"], ["v", {"fixed": ["int16", 3]}]]},
        {"n": 1, "v": [1, 2, 3]},
        "01000000 0100 0200 0300 0000",
    ),
    (
        "map of unmanaged entries is padded",
        {"map": ["int32", "int8"]},
        [[1, 2], [3, -1]],
        "02000000 01000000 02000000 03000000 ff000000",
    ),
    (
        "map of guid to bool",
        {"map": ["bool", "guid"]},
        [[True, "ca761232-ed42-11ce-bacd-00aa0057b223"]],
        "01000000 01000000 321276ca42edce11bacd00aa0057b223",
    ),
    ("pair with a string", {"pair": ["string", "int32"]}, ["a", 5], "feffffff0100000061 05000000"),
    (
        "value tuple, automatic layout",
        {"valuetuple": ["uint8", "int32", "uint8"]},
        [1, 2, 3],
        "02000000 01 03 0000",
    ),
    (
        "value tuple with structures last",
        {"valuetuple": ["guid", "uint8"]},
        ["ca761232-ed42-11ce-bacd-00aa0057b223", 9],
        "09000000 321276ca42edce11bacd00aa0057b223",
    ),
    ("value tuple with a reference", {"valuetuple": ["uint8", "string"]}, [1, ""], "01 00000000"),
    ("tuple", {"tuple": ["int32", "string"]}, [7, None], "02 07000000 ffffffff"),
    ("tuple null", {"tuple": ["int32"]}, None, "ff"),
    (
        "version-tolerant",
        {"versioned": [["a", "int32"], ["s", "string"]]},
        {"a": 1, "s": "b"},
        "02 04 09 01000000 feffffff0100000062",
    ),
    (
        "version-tolerant, long member",
        {"versioned": [["b", "bytes"]]},
        {"b": "00" * 200},
        "01 84cc00 c8000000" + "00" * 200,
    ),
    ("nullable of a pair with a string", {"nullable": {"pair": ["int32", "string"]}}, None, "ff"),
    (
        "nullable of a pair with a string, value",
        {"nullable": {"pair": ["int32", "string"]}},
        [1, None],
        "01 01000000 ffffffff",
    ),
    ("array of nullable", {"array": {"nullable": "int16"}}, [1, None], "02000000 01000100 00000000"),
    ("array of objects", {"array": POINT}, [{"x": 1, "y": 2}, None], "02000000 02 0000803f 00000040 ff"),
    (
        "map of arrays",
        {"map": ["string", {"array": "uint8"}]},
        [["k", [1, 2]]],
        "01000000 feffffff010000006b 02000000 0102",
    ),
    (
        "two dimensions",
        {"ndarray": ["int16", 2]},
        [[1, 2, 3], [4, 5, 6]],
        "03 02000000 03000000 06000000 0100 0200 0300 0400 0500 0600",
    ),
    (
        "three dimensions of strings",
        {"ndarray": ["string", 3]},
        [[["a"], [None]]],
        "04 01000000 02000000 01000000 02000000 feffffff0100000061 ffffffff",
    ),
    ("two dimensions, empty", {"ndarray": ["int16", 2]}, [[], []], "03 02000000 00000000 00000000"),
    ("two dimensions, null", {"ndarray": ["int16", 2]}, None, "ff"),
    ("decimal 1.5", "decimal", "1.5", "00000100 00000000 0f00000000000000"),
    ("decimal -0.01", "decimal", "-0.01", "00000280 00000000 0100000000000000"),
    ("largest decimal", "decimal", "79228162514264337593543950335", "00000000 ffffffff ffffffffffffffff"),
    ("timespan one second", "timespan", "10000000", "8096980000000000"),
    (
        "datetimeoffset",
        "datetimeoffset",
        {"ticks": "621355968000000000", "offset": 120},
        "7800 000000000000 0080b5f7f57f9f08",
    ),
    ("datetime of kind Utc", "datetime", {"ticks": "621355968000000000", "kind": 1}, "0080b5f7f57f9f48"),
    (
        "datetime between milliseconds",
        "datetime",
        {"ticks": "621355968000000001", "kind": 0},
        "0180b5f7f57f9f08",
    ),
    ("half", "float16", 1.5, "003e"),
    ("half infinity", "float16", "-inf", "00fc"),
    ("nan", "float32", "nan", "0000c07f"),
    ("int128", "int128", "-2", "fe" + "ff" * 15),
    ("uint128", "uint128", str(2**128 - 1), "ff" * 16),
    ("nullable int128", {"nullable": "int128"}, "1", "01" + "00" * 15 + "01" + "00" * 15),
    ("char", "char", "π", "c003"),
    ("dateonly", "dateonly", 719_162, "3af90a00"),
    ("timeonly", "timeonly", "10000000", "8096980000000000"),
    ("biginteger 128", "biginteger", "128", "02000000 8000"),
    ("biginteger 0", "biginteger", "0", "01000000 00"),
    ("biginteger -129", "biginteger", "-129", "02000000 7fff"),
    ("uri", "uri", "http://a/", "f6ffffff09000000 687474703a2f2f612f"),
    ("union tag 249", {"union": [[249, POINT]]}, {"tag": 249, "value": None}, "f9 ff"),
    ("union tag 250", {"union": [[250, POINT]]}, {"tag": 250, "value": None}, "fafa00 ff"),
]


@pytest.mark.parametrize(
    ("schema", "value", "wire"), [form[1:] for form in FORMS], ids=[form[0] for form in FORMS]
)
def test_form(schema: Any, value: Any, wire: str) -> None:
    codec = memorypack.codec(schema)
    raw = bytes.fromhex(wire)
    assert codec.encode(value).hex() == raw.hex()
    assert codec.decode(raw) == value


def test_read_only_forms() -> None:
    string = memorypack.codec("string")
    assert string.decode(bytes.fromhex("02000000 6100c003")) == "aπ", "UTF-16"
    assert string.decode(bytes.fromhex("feffffff ffffffff 61")) == "a", "unknown UTF-16 length"
    assert string.decode(bytes.fromhex("feffffff 00000000 61")) == "a"
    assert memorypack.codec("bool").decode(b"\x02") is True
    assert memorypack.codec({"map": ["int32", "int8"]}).decode(
        bytes.fromhex("01000000 01000000 02aabbcc")
    ) == [[1, 2]]


def test_missing_members_are_defaults() -> None:
    codec = memorypack.codec(
        {"object": [["a", "int32"], ["s", "string"], ["g", {"nullable": "int32"}], ["v", {"array": "int8"}]]}
    )
    assert codec.decode(bytes.fromhex("01 07000000")) == {"a": 7, "s": None, "g": None, "v": None}


def test_versions_of_a_version_tolerant_object() -> None:
    old = memorypack.codec({"versioned": [["a", "int32"]]})
    new = memorypack.codec({"versioned": [["a", "int32"], ["s", "string"], ["p", POINT]]})
    assert old.decode(new.encode({"a": 1, "s": "text", "p": {"x": 1, "y": 2}})) == {"a": 1}
    assert new.decode(old.encode({"a": 1})) == {"a": 1, "s": None, "p": None}
    assert new.decode(bytes.fromhex("02 00 04 00000000")) == {"a": 0, "s": "", "p": None}, (
        "length 0: a removed member"
    )
    for code in ("87 04", "86 04", "85 0400", "84 0400", "83 04000000", "82 04000000", "81 0400000000000000"):
        assert old.decode(bytes.fromhex(f"01 {code} 05000000")) == {"a": 5}


BAD: list[tuple[str, Any, str, str]] = [
    ("more members than declared", {"object": [["a", "uint8"]]}, "02 01 02", "object of 2 members"),
    ("bytes left over", "uint8", "01 02", "after the end"),
    ("negative count", {"array": "int32"}, "feffffff", "array of -2"),
    ("count beyond the input", {"array": "int32"}, "ffffff7f 00000000", "array of 2147483647"),
    ("count of objects beyond the input", {"array": POINT}, "05000000 ffff", "array of 5"),
    ("string beyond the input", "string", "00000080 01000000", "needs"),
    ("utf-16 beyond the input", "string", "ffffff7f 6100", "needs"),
    ("invalid utf-8", "string", "feffffff 01000000 ff", "string"),
    ("unknown tag", {"union": [[0, POINT]]}, "07", "tag 7"),
    ("reserved tag", {"union": [[0, POINT]]}, "fb", "tag"),
    ("tuple of the wrong length", {"tuple": ["uint8", "uint8"]}, "01 01", "tuple of 1"),
    ("negative member length", {"versioned": [["a", "int32"]]}, "01 82ffffffff", "length of member 0"),
    ("member beyond the input", {"versioned": [["a", "int32"]]}, "01 7f 00", "member of 127"),
    ("member reads beyond its length", {"versioned": [["a", "int32"]]}, "01 02 00000000", "needs 4"),
    ("member shorter than its length", {"versioned": [["a", "uint8"]]}, "01 02 0000", "shorter"),
    ("circular reference", {"versioned": [["a", "uint8"]]}, "fa 00", "not supported"),
    ("wrong rank", {"ndarray": ["uint8", 2]}, "04 00000000", "dimensions"),
    ("lengths that disagree", {"ndarray": ["uint8", 2]}, "03 02000000 02000000 03000000 010203", "lengths"),
    ("lengths that overflow", {"ndarray": ["uint8", 3]}, "04 00000100 00000100 00000100 00000000", "lengths"),
    ("sides of an empty array", {"ndarray": ["uint8", 2]}, "03 ffffff7f 00000000 00000000", "sides"),
    ("nullable mark", {"nullable": {"pair": ["int32", "string"]}}, "02", "marked 2"),
    ("decimal scale", "decimal", "00001d00" + "00" * 12, "decimal"),
]


@pytest.mark.parametrize(("schema", "wire", "text"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_bad_bytes(schema: Any, wire: str, text: str) -> None:
    with pytest.raises(DecodeError, match=text) as caught:
        memorypack.codec(schema).decode(bytes.fromhex(wire))
    assert 0 <= caught.value.offset <= len(bytes.fromhex(wire))


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ("int8", 128, "128 does not fit int8"),
        ("uint64", "-1", "does not fit"),
        ("int64", 2**63, "does not fit"),
        ("int32", 1.5, "expected an integer"),
        ("float32", 1e39, "does not fit float32"),
        ("bool", 1, "expected a bool"),
        ("string", 5, "expected a string"),
        ("string", "\ud800", "surrogates"),
        ("guid", "not one", "badly formed"),
        ("decimal", "1e-29", "does not fit"),
        ("char", "ab", "UTF-16 unit"),
        (POINT, {"x": 1}, "y: is missing"),
        (POINT, {"x": 1, "y": 2, "z": 3}, "'z' is not a member"),
        ({"array": POINT}, [{"x": 1, "y": 1}, {"x": "a", "y": 1}], r"\[1\]\.x"),
        ({"map": ["int32", "string"]}, [[1, 2]], r"\[0\]\[1\]: expected a string"),
        ({"union": [[0, POINT]]}, {"tag": 1, "value": None}, "tag 1"),
        ({"ndarray": ["int8", 2]}, [[1, 2], [3]], "unequal"),
        ({"fixed": ["int8", 2]}, [1, 2, 3], "3 elements in an array of 2"),
        ({"struct": [["a", "int8"]]}, None, "expected a dict"),
    ],
)
def test_values_that_do_not_fit(schema: Any, value: Any, text: str) -> None:
    with pytest.raises(EncodeError, match=text):
        memorypack.codec(schema).encode(value)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("int33", "unknown type 'int33'"),
        ({"list of": "int32"}, "unknown form"),
        ({"object": [["a", "string"], ["a", "int8"]]}, "'a' twice"),
        ({"struct": [["s", "string"]]}, "'s' of the struct form has no fixed size"),
        ({"object": [[f"m{i}", "int8"] for i in range(250)]}, "at most 249"),
        ({"union": [[70_000, POINT]]}, "above 65535"),
        ({"union": [[1, POINT], [1, POINT]]}, "tag 1 twice"),
        ({"enum": "float32"}, "integer type"),
        ({"ndarray": ["int8", 5]}, "2 to 4"),
        ({"struct": []}, "without members"),
        ({"fixed": ["int32", 100_000_000]}, "16 MiB"),
        (5, "expected a type"),
    ],
)
def test_schemas_without_a_wire_form(schema: Any, text: str) -> None:
    with pytest.raises(SchemaError, match=text):
        memorypack.codec(schema)


def test_nesting_is_bounded() -> None:
    schema: Any = "int8"
    for _ in range(62):
        schema = {"array": schema}
    memorypack.codec(schema)
    for _ in range(10):
        schema = {"array": schema}
    with pytest.raises(SchemaError, match="nested deeper"):
        memorypack.codec(schema)


def test_a_buffer_that_is_too_small() -> None:
    codec = memorypack.codec({"array": "int32"})
    buffer = bytearray(10)
    with pytest.raises(EncodeError, match="needs 12 bytes, the buffer has 10"):
        codec.encode_into([1, 2], buffer)
    with pytest.raises(ValueError, match="offset is 11; it must be a whole number, 0 to the 10 bytes"):
        codec.encode_into([1, 2], buffer, 11)


def test_values_one_after_the_other() -> None:
    codec = memorypack.codec("string")
    data = codec.encode("one") + codec.encode(None) + codec.encode("three")
    offset, seen = 0, []
    while offset < len(data):
        value, offset = codec.decode_from(data, offset)
        seen.append(value)
    assert seen == ["one", None, "three"]

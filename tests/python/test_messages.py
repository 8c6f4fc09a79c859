"""The field's message shapes, and what @message makes of a class."""

from __future__ import annotations

import copy
import datetime
import enum
import pickle
import struct
import uuid
from decimal import Decimal
from typing import Annotated, Any, Generic, Optional, TypeVar

import numpy as np
import pytest
import ringway as rw
from ringway import _core, memorypack, types
from ringway.errors import DecodeError, EncodeError, SchemaError, TypeMismatch
from ringway.messages import (
    ConvergenceCheckResult,
    GraphNode,
    KernelMessage,
    MessageKind,
    PageRankContribution,
    RankAggregationResult,
    VectorOp,
    VectorRequest,
    VectorResponse,
)

T = TypeVar("T")


class Colour(enum.IntEnum):
    RED = 1
    BLUE = 200


class Flags(enum.IntFlag):
    A = 1
    B = 2


@rw.message
class Point(rw.Message):
    x: rw.f32
    y: rw.f32 = 0.0


@rw.message
class Label(rw.Message):
    text: str


@rw.message
class Everything(rw.Message):
    flag: bool
    count: int
    ratio: float
    small: rw.i8
    wide: rw.u64
    huge: types.i128
    half: rw.f16
    letter: types.char
    text: str
    raw: bytes
    key: uuid.UUID
    price: Decimal
    moment: datetime.datetime
    span: datetime.timedelta
    day: datetime.date
    hour: datetime.time
    zoned: types.date_time_offset
    big: types.big_integer
    place: types.uri
    colour: Annotated[Colour, types.Wire("uint8")]
    flags: Flags
    numbers: rw.Array[rw.f64]
    grid: Annotated[rw.Array[rw.i16], types.Dims(2)]
    points: rw.Array[PageRankContribution]
    names: list[str]
    places: set[rw.i32]
    ages: dict[str, rw.u8]
    pair: tuple[rw.u8, rw.i32]
    reference: Annotated[tuple[rw.u8, str], types.TupleForm()]
    entry: Annotated[tuple[str, rw.u8], types.PairForm()]
    child: Point
    either: Point | Label
    numpy_scalar: np.int16
    maybe: int | None = None
    maybe_text: Optional[str] = None  # noqa: UP045
    maybe_child: Point | None = None
    maybe_array: rw.Array[rw.f32] | None = None
    maybe_either: Annotated[Point | Label | None, types.Tags(7, 300)] = None


def everything(**changes: Any) -> Everything:
    utc = datetime.timezone.utc
    values: dict[str, Any] = {
        "flag": True,
        "count": -5,
        "ratio": 0.1,
        "small": -128,
        "wide": 2**64 - 1,
        "huge": -(2**100),
        "half": 0.5,
        "letter": "π",
        "text": "日本 😀",
        "raw": b"\0\xff",
        "key": uuid.UUID(int=7),
        "price": Decimal("-12.50"),
        "moment": datetime.datetime(2024, 2, 29, 1, 2, 3, 4, utc),
        "span": datetime.timedelta(days=-1, microseconds=5),
        "day": datetime.date(2024, 1, 2),
        "hour": datetime.time(23, 59, 59, 999_999),
        "zoned": datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=-3))),
        "big": -(2**70),
        "place": "http://a/",
        "colour": Colour.BLUE,
        "flags": Flags.A | Flags.B,
        "numbers": np.array([1.5, 2.5]),
        "grid": np.arange(6, dtype=np.int16).reshape(2, 3),
        "points": np.zeros(2, PageRankContribution.dtype()),
        "names": ["a", ""],
        "places": {1, 2},
        "ages": {"x": 3},
        "pair": (1, -1),
        "reference": (1, "r"),
        "entry": ("k", 1),
        "child": Point(1, 2),
        "either": Label("e"),
        "numpy_scalar": 5,
    }
    return Everything(**(values | changes))


def test_every_annotation_round_trips() -> None:
    message = everything()
    decoded = Everything.decode(message.encode())
    assert decoded == message
    assert type(decoded.colour) is Colour
    assert decoded.numbers.dtype == np.float64
    assert decoded.points.dtype == PageRankContribution.dtype()
    full = everything(
        maybe=3,
        maybe_text="t",
        maybe_child=Point(3),
        maybe_array=np.array([1], np.float32),
        maybe_either=Point(9),
    )
    assert Everything.decode(full.encode()) == full
    assert full != message


def test_sizes_of_the_vector_messages() -> None:
    def ones(n: int) -> Any:
        return np.ones(n, np.float32)

    assert len(VectorRequest(ones(10), ones(10)).encode()) == 159
    assert len(VectorRequest(ones(25), ones(25)).encode()) == 279
    assert len(VectorRequest.by_handle(1, 2, 3, 1_000_000).encode()) == 79
    assert len(VectorRequest([], []).encode()) == 79


@pytest.mark.parametrize(
    ("cls", "size"),
    [
        (KernelMessage[PageRankContribution], 48),
        (PageRankContribution, 16),
        (RankAggregationResult, 16),
        (ConvergenceCheckResult, 16),
        (GraphNode, 144),
    ],
)
def test_sizes_of_the_struct_messages(cls: Any, size: int) -> None:
    assert cls.dtype().itemsize == size
    assert memorypack.describe(cls).splitlines()[0].count(f"{size} bytes") == 1


def test_struct_form_is_the_c_image() -> None:
    message = KernelMessage[PageRankContribution](
        3, 4, MessageKind.CONTROL, PageRankContribution(5, 6, 0.5, 7), 2**40, 2**63
    )
    assert message.encode() == struct.pack("<iiiiifi4xqQ", 3, 4, 1, 5, 6, 0.5, 7, 2**40, 2**63)
    record = np.frombuffer(message.encode(), KernelMessage[PageRankContribution].dtype())[0]
    assert record["payload"]["contribution"] == 0.5
    assert record["sequence"] == 2**63


def test_vector_request() -> None:
    request = VectorRequest([1, 2], [3, 4], op="multiply")
    decoded = VectorRequest.decode(request.encode())
    assert decoded == request
    assert (decoded.length, decoded.op, decoded.priority) == (2, VectorOp.MULTIPLY, 128)
    assert decoded.message_id.version == 4
    assert request.message_id != VectorRequest([1], [1]).message_id
    by_handle = VectorRequest.decode(VectorRequest.by_handle(1, 2, 3, 99, op="divide").encode())
    assert (by_handle.handle_b, by_handle.length, by_handle.use_device_buffer, by_handle.a) == (
        2,
        99,
        True,
        None,
    )
    with pytest.raises(ValueError, match="equally long"):
        VectorRequest([1], [1, 2])
    with pytest.raises(ValueError, match="by_handle"):
        VectorRequest(np.ones(26), np.ones(26))
    with pytest.raises(ValueError, match="one"):
        VectorRequest(np.ones((2, 2)), np.ones((2, 2)))
    with pytest.raises(ValueError, match="none of add, subtract, multiply, divide"):
        VectorRequest([1], [1], op="power")


def test_the_bound_on_an_array_is_kept() -> None:
    request = VectorRequest([1], [1])
    request.a = np.ones(26, np.float32)
    with pytest.raises(EncodeError, match="a: 26 elements, at most 25"):
        request.encode()
    request.a = np.ones(25, np.float32)
    wire = bytearray(request.encode())
    wire[71] = 26
    with pytest.raises(DecodeError):
        VectorRequest.decode(wire)


def test_response_defaults() -> None:
    response = VectorResponse()
    assert VectorResponse.decode(response.encode()) == response
    assert _core.describe_message(VectorResponse)["max_size"] > 0


def test_arrays_are_views_of_bytes_and_copies_of_other_buffers() -> None:
    request = VectorRequest([1, 2], [3, 4])
    wire = request.encode()
    view = VectorRequest.decode(wire).a
    assert view is not None
    assert not view.flags.owndata
    assert not view.flags.writeable
    copied = VectorRequest.decode(bytearray(wire)).a
    assert copied is not None
    copied[0] = 5


@pytest.mark.parametrize(
    "values", [[1, 2, 3], (1, 2, 3), np.arange(6)[::2] + 1, np.array([1, 2, 3], ">f8"), memoryview(b"\1\2\3")]
)
def test_what_an_array_takes(values: Any) -> None:
    @rw.message
    class Holder(rw.Message):
        values: rw.Array[rw.f32]

    decoded = Holder.decode(Holder(values).encode())
    assert len(decoded.values) == 3


def test_array_of_the_wrong_kind() -> None:
    @rw.message
    class Holder(rw.Message):
        values: rw.Array[rw.i32]

    with pytest.raises(EncodeError, match="values: Cannot cast"):
        Holder(np.array([1.5])).encode()
    with pytest.raises(EncodeError, match=r"values\[1\]: 1099511627776 does not fit int32"):
        Holder([1, 2**40]).encode()  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match="2 dimensions, 1 declared"):
        Holder(np.ones((2, 2), np.int32)).encode()


def test_errors_name_the_path() -> None:
    with pytest.raises(EncodeError, match=r"child\.x: expected a number, got str"):
        everything(child=Point("a")).encode()  # type: ignore[arg-type]
    with pytest.raises(EncodeError, match=r"names\[1\]: expected a string"):
        everything(names=["a", 5]).encode()
    with pytest.raises(EncodeError, match="text: None where"):
        everything(text=None).encode()
    with pytest.raises(EncodeError, match="either: PageRankContribution is not in the union"):
        everything(either=PageRankContribution(1, 2, 3, 4)).encode()
    with pytest.raises(EncodeError, match="child: expected Point, got Label"):
        everything(child=Label("a")).encode()
    message = Point(1)
    del message.x
    with pytest.raises(EncodeError, match="x: has no value"):
        message.encode()


def test_null_where_it_is_not_declared() -> None:
    with pytest.raises(DecodeError, match="null where"):
        Label.decode(bytes.fromhex("01 ffffffff"))
    with pytest.raises(DecodeError, match="null where"):
        Label.decode(b"\xff")


def test_older_messages_take_the_defaults() -> None:
    @rw.message(name="Grown")
    class Grown(rw.Message):
        x: rw.f32
        y: rw.f32 = 9.0
        text: str = "none"
        values: rw.Array[rw.i32] = rw.field(default_factory=lambda: np.array([1, 2], np.int32))
        ratio: float = 0.5

    decoded = Grown.decode(bytes.fromhex("01 0000803f"))
    assert (decoded.x, decoded.y, decoded.text, decoded.ratio) == (1, 9, "none", 0.5)
    assert list(decoded.values) == [1, 2]


def test_unknown_number_of_an_enum() -> None:
    @rw.message
    class Painted(rw.Message):
        colour: Annotated[Colour, types.Wire("uint8")]

    assert Painted.decode(b"\x01\x01").colour is Colour.RED
    with pytest.raises(DecodeError, match="7 is not a valid Colour at byte 1"):
        Painted.decode(b"\x01\x07")


def test_class_behaviour() -> None:
    point = Point(1, y=2)
    assert repr(point) == "Point(x=1, y=2)"
    assert point == Point(1, 2)
    assert point != Point(1, 3)
    assert point != Label("a")
    assert not hasattr(point, "__dict__")
    assert Point.__match_args__ == ("x", "y")  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="unhashable"):
        hash(point)
    with pytest.raises(AttributeError):
        point.z = 1  # type: ignore[attr-defined]
    for wrong in (Point, lambda: Point(1, 2, 3), lambda: Point(1, x=2), lambda: Point(z=1)):  # type: ignore[call-arg,misc]
        with pytest.raises(TypeError, match=r"Point\(\)"):
            wrong()


def test_copies_and_pickles() -> None:
    message = everything()
    for made in (pickle.loads(pickle.dumps(message)), copy.copy(message), copy.deepcopy(message)):
        assert made == message
    generic = KernelMessage[PageRankContribution](1, 2, MessageKind.DATA, PageRankContribution(1, 2, 3, 4))
    assert pickle.loads(pickle.dumps(generic)) == generic


def test_inheritance() -> None:
    @rw.message
    class Base(rw.Message):
        a: rw.i32

        def total(self) -> int:
            return self.a

    @rw.message
    class Derived(Base):
        b: rw.i32 = 5

        def total(self) -> int:
            return super().total() + self.b

    derived = Derived(1)
    assert derived.encode() == bytes.fromhex("02 01000000 05000000")
    assert derived.total() == 6
    assert isinstance(Derived.decode(derived.encode()), Base)

    class Undecorated(Base):
        """Adds no field."""

    assert Undecorated(3).encode() == Base(3).encode()


def test_own_constructor_is_not_called_by_decode() -> None:
    @rw.message
    class Doubled(rw.Message):
        value: rw.i32

        def __init__(self, half: int) -> None:
            self.value = half * 2

    assert Doubled(4).value == 8
    assert Doubled.decode(Doubled(4).encode()).value == 8


def test_a_class_that_contains_itself() -> None:
    @rw.message
    class Tree(rw.Message):
        name: str
        children: list[Tree] = rw.field(default_factory=list)
        twin: Tree | None = None

    tree = Tree("a", [Tree("b", [Tree("c")])], Tree("d"))
    assert Tree.decode(tree.encode()) == tree
    knot = Tree("k")
    knot.twin = knot
    with pytest.raises(EncodeError, match="nested deeper than 64"):
        knot.encode()
    deep = Tree("x").encode()
    for _ in range(100):
        deep = bytes.fromhex("03 00000000 01000000") + deep + b"\xff"
    with pytest.raises(DecodeError, match="nested deeper than 64"):
        Tree.decode(deep)


def test_generics() -> None:
    @rw.message
    class Box(rw.Message, Generic[T]):
        values: list[T]
        first: T

    assert Box[rw.i32] is Box[rw.i32]
    assert Box[rw.i32]([1, 2], 1).encode() == bytes.fromhex("02 02000000 01000000 02000000 01000000")
    assert Box[str](["a"], "b") == Box[str].decode(Box[str](["a"], "b").encode())
    with pytest.raises(TypeError, match=r"Box\[\.\.\.\]"):
        Box([1], 1)


@pytest.mark.parametrize(
    "annotation", [object, complex, list[object], "dict[list[int], int]", tuple[int, ...], T]
)
def test_unknown_annotation(annotation: Any) -> None:
    with pytest.raises(SchemaError, match=r"Wrong\.bad"):
        rw.message(type("Wrong", (), {"__annotations__": {"fine": int, "bad": annotation}}))


def test_other_errors_at_class_creation() -> None:
    def make(annotations: dict[str, Any], layout: str = "object", **values: Any) -> Any:
        return rw.message(layout=layout)(type("Wrong", (), {"__annotations__": annotations} | values))

    with pytest.raises(SchemaError, match="'s' of the struct form has no fixed size"):
        make({"s": str}, layout="struct")
    with pytest.raises(SchemaError, match="default_factory"):
        make({"s": list[int]}, s=[])
    with pytest.raises(SchemaError, match=r"Wrong\.b: has no default"):
        make({"a": int, "b": int}, a=1)
    with pytest.raises(SchemaError, match="method of message classes"):
        make({"encode": int})
    with pytest.raises(SchemaError, match="none of object"):
        make({"a": int}, layout="packed")


def test_encode_into() -> None:
    buffer = bytearray(20)
    assert Point(1, 2).encode_into(buffer, 3) == 12
    assert buffer[3:12] == Point(1, 2).encode()
    assert Point(1, 2).encode_into(buffer, offset=0) == 9
    with pytest.raises(EncodeError, match="needs 9 bytes"):
        Point(1, 2).encode_into(bytearray(8))
    with pytest.raises(ValueError, match="offset"):
        Point(1, 2).encode_into(buffer, -1)
    with pytest.raises(
        TypeMismatch, match="buffer is b'read-only'; it must be a bytearray or other writable"
    ):
        Point(1, 2).encode_into(b"read-only")  # type: ignore[arg-type]


def test_layout_prints_offsets(capsys: pytest.CaptureFixture[str]) -> None:
    GraphNode.layout()
    text = capsys.readouterr().out
    assert "GraphNode: struct form, 144 bytes" in text
    assert [line.split()[:2] for line in text.splitlines()[2:]] == [
        ["0", "4"], ["4", "4"], ["8", "4"], ["12", "4"], ["16", "128"],
    ]  # fmt: skip


def test_type_id_is_the_hash_of_the_name() -> None:
    facts = _core.describe_message(Point)
    expected = 2166136261
    for byte in b"Point":
        expected = (expected ^ byte) * 16777619 % 2**32
    assert facts["type_id"] == expected
    assert _core.class_of_type_id(expected) is not None


def test_versioned_classes() -> None:
    @rw.message(layout="versioned", name="V")
    class Old(rw.Message):
        a: rw.i32

    @rw.message(layout="versioned", name="V")
    class New(rw.Message):
        a: rw.i32
        b: str = "later"

    assert Old.decode(New(1, "x").encode()) == Old(1)
    assert New.decode(Old(1).encode()) == New(1, "later")


def test_datetimes() -> None:
    @rw.message
    class Stamped(rw.Message):
        at: datetime.datetime

    naive = datetime.datetime(2024, 5, 6, 7, 8, 9)
    assert Stamped.decode(Stamped(naive).encode()).at == naive
    aware = naive.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    decoded = Stamped.decode(Stamped(aware).encode()).at
    assert decoded == aware
    assert decoded.tzinfo is datetime.timezone.utc


def test_a_message_class_is_made_once() -> None:
    with pytest.raises(SchemaError, match="VectorRequest is a message class already"):
        rw.message(rw.VectorRequest)

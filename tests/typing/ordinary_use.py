"""Ordinary use of message classes; mypy and pyright check it strictly."""

from __future__ import annotations

import enum
from typing import Annotated

import numpy as np
import ringway as rw
from ringway import memorypack, types
from ringway.messages import KernelMessage, MessageKind, PageRankContribution
from typing_extensions import assert_type


class Colour(enum.IntEnum):
    RED = 1


@rw.message
class Scale(rw.Message):
    factor: rw.f32
    values: rw.Array[rw.f32]


@rw.message
class Plain:
    """Without the base, checkers know the members, and the functions of `memorypack` take it."""

    factor: rw.f32


@rw.message(layout="struct")
class Pixel(rw.Message):
    x: rw.i32
    y: rw.i32 = 0
    colour: Annotated[Colour, types.Wire("uint8")] = Colour.RED


@rw.message
class Picture(rw.Message):
    name: str
    pixels: list[Pixel] = rw.field(default_factory=list)
    title: str | None = None


@rw.message
class Framed(Picture):
    width: rw.i32 = 1


scale = Scale(2.0, np.ones(3, np.float32))
assert_type(scale.factor, float)
total = scale.values.sum() + scale.values[0]
assert_type(scale.encode(), bytes)
assert_type(Scale.decode(b""), Scale)

plain = Plain(factor=2.0)
assert_type(plain.factor, float)
assert_type(memorypack.encode(plain), bytes)
assert_type(memorypack.decode(Plain, b""), Plain)

pixel = Pixel(1, y=2)
assert_type(pixel.encode(), bytes)
assert_type(Pixel.decode(b""), Pixel)
assert_type(pixel.x, int)
assert_type(pixel.encode_into(bytearray(12)), int)

framed = Framed("a", [pixel], None, 3)
assert_type(framed.pixels, list[Pixel])
assert_type(framed.title, "str | None")

kernel = KernelMessage[PageRankContribution](1, 2, MessageKind.DATA, PageRankContribution(1, 2, 0.5, 3))
assert_type(kernel.payload, PageRankContribution)

request = rw.VectorRequest([1.0], [2.0], op="add")
assert_type(request.length, int)
assert_type(memorypack.codec("int32").encode(5), bytes)

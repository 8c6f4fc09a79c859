"""Mistakes that a type checker must report: every line with an `# error` comment, and no other."""

from __future__ import annotations

import ringway as rw


@rw.message
class Pixel(rw.Message):
    x: rw.i32
    y: rw.i32 = 0


@rw.message
class Plain:
    x: rw.i32


Pixel()  # error
Pixel("a")  # error
Pixel(1, 2, 3)  # error
wrong = Pixel(1).z  # error
Pixel.decode(5)  # error
Plain(1).encode()  # error: no checker knows what a decorator adds; the base class says it

"""Bloom filter: which keys were seen, in a fixed number of bits; it may say yes too often, never no."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import ringway as rw
from ringway.types import Length

WORDS = 256
BITS = WORDS * 32
HASHES = 5
ADD, ASK = 0, 1
LOW = 0xFFFFFFFF


@rw.message(layout="struct")
class Key(rw.Message):
    what: rw.i32
    key: rw.i64


@rw.message(layout="struct")
class Seen(rw.Message):
    key: rw.i64
    maybe: bool


@rw.message(layout="struct")
class Filter(rw.Message):
    added: rw.i64 = 0
    words: Annotated[rw.Array[rw.u32], Length(WORDS)] = rw.field(
        default_factory=lambda: np.zeros(WORDS, np.uint32)
    )


def spread(x: rw.i64) -> rw.i64:
    """Spread 32 bits; no product leaves 64 bits, so that Python's integers give the same."""
    x = ((x ^ (x >> 16)) * 0x45D9F3B) & LOW
    x = ((x ^ (x >> 16)) * 0x45D9F3B) & LOW
    return x ^ (x >> 16)


@rw.kernel
def bloom_filter(ctx: rw.Context, msg: Key, state: Filter) -> None:
    first, step = spread(msg.key & LOW), spread((msg.key >> 32) ^ 0x5BD1E995) | 1
    maybe = True
    for i in range(HASHES):
        bit = (first + i * spread(first ^ step)) % BITS
        word, mask = bit // 32, 1 << (bit % 32)
        if msg.what == ADD:
            state.words[word] = rw.u32(int(state.words[word]) | mask)
        elif int(state.words[word]) & mask == 0:
            maybe = False
    if msg.what == ADD:
        state.added += 1
    elif msg.what == ASK:
        ctx.reply(Seen(msg.key, maybe))
    else:
        raise ValueError("what is neither ADD nor ASK")


def main() -> None:
    with rw.Runtime("cpu") as runtime:
        kernel = runtime.launch(bloom_filter)
        for key in range(0, 3000, 3):
            kernel.send(Key(ADD, key))
        answers = [kernel.request(Key(ASK, key), timeout=20).maybe for key in range(3000)]
    print(f"of 1000 keys that were added, {sum(answers[::3])} were found")
    print(f"of 2000 others, {sum(answers) - sum(answers[::3])} were taken for one of them")


if __name__ == "__main__":
    main()

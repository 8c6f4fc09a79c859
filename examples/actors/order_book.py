"""Order book: limit orders matched by price, then by time, as an exchange does."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import ringway as rw
from ringway.types import Length

BUY, SELL = 0, 1
TICKS = 1024  # prices are 1 to TICKS - 1
ORDERS = 32768  # ids are 1 to ORDERS - 1; one that is done may be used again
LEVELS = 2 * TICKS


@rw.message(layout="struct")
class Order(rw.Message):
    id: rw.i32
    side: rw.i32
    price: rw.i32
    quantity: rw.i32  # 0 takes the order of this id back


@rw.message(layout="struct")
class Trade(rw.Message):
    maker: rw.i32  # who waited in the book, at whose price it is
    taker: rw.i32
    price: rw.i32
    quantity: rw.i32


@rw.message(layout="struct")
class Book(rw.Message):
    """A queue of orders for each side and price; 0 is no order.

    Levels count away from the other side, so that the best one is the lowest on both: an ask's level is its
    price, a bid's is TICKS less its price.
    """

    best: Annotated[rw.Array[rw.i32], Length(2)] = rw.field(
        default_factory=lambda: np.array([TICKS, TICKS], np.int32)
    )  # lowest level that may hold an order
    first: Annotated[rw.Array[rw.i32], Length(LEVELS)] = rw.field(
        default_factory=lambda: np.zeros(LEVELS, np.int32)
    )
    last: Annotated[rw.Array[rw.i32], Length(LEVELS)] = rw.field(
        default_factory=lambda: np.zeros(LEVELS, np.int32)
    )
    level: Annotated[rw.Array[rw.i32], Length(ORDERS)] = rw.field(
        default_factory=lambda: np.zeros(ORDERS, np.int32)
    )
    left: Annotated[rw.Array[rw.i32], Length(ORDERS)] = rw.field(
        default_factory=lambda: np.zeros(ORDERS, np.int32)
    )
    next: Annotated[rw.Array[rw.i32], Length(ORDERS)] = rw.field(
        default_factory=lambda: np.zeros(ORDERS, np.int32)
    )
    previous: Annotated[rw.Array[rw.i32], Length(ORDERS)] = rw.field(
        default_factory=lambda: np.zeros(ORDERS, np.int32)
    )
    trades: rw.i64 = 0
    volume: rw.i64 = 0


def unlink(book: Book, order: rw.i32) -> None:
    level, before, after = book.level[order], book.previous[order], book.next[order]
    if before == 0:
        book.first[level] = after
    else:
        book.next[before] = after
    if after == 0:
        book.last[level] = before
    else:
        book.previous[after] = before


def append(book: Book, order: rw.i32, level: rw.i32, quantity: rw.i32) -> None:
    before = book.last[level]
    book.level[order], book.left[order] = level, quantity
    book.previous[order], book.next[order] = before, 0
    book.last[level] = order
    if before == 0:
        book.first[level] = order
    else:
        book.next[before] = order


@rw.kernel
def order_book(ctx: rw.Context, msg: Order, state: Book) -> None:
    if msg.id <= 0 or msg.id >= ORDERS:
        raise ValueError("an order's id is 1 to ORDERS - 1")
    if msg.quantity == 0:
        if state.left[msg.id] > 0:
            state.left[msg.id] = 0
            unlink(state, msg.id)
        return
    if msg.price <= 0 or msg.price >= TICKS or msg.quantity < 0 or msg.side not in (BUY, SELL):
        raise ValueError("a price is 1 to TICKS - 1, a side BUY or SELL, a quantity not negative")
    if state.left[msg.id] > 0:
        raise ValueError("an order of this id is in the book")

    other, limit = 1 - msg.side, msg.price if msg.side == BUY else TICKS - msg.price
    left = msg.quantity
    while left > 0 and state.best[other] <= limit:
        best = state.best[other]
        maker = state.first[other * TICKS + best]
        if maker == 0:
            state.best[other] += 1
            continue
        traded = min(left, state.left[maker])
        left -= traded
        state.left[maker] -= traded
        if state.left[maker] == 0:
            unlink(state, maker)
        state.trades += 1
        state.volume += traded
        ctx.emit(Trade(maker, msg.id, best if msg.side == BUY else TICKS - best, traded))

    if left > 0:
        append(state, msg.id, msg.side * TICKS + TICKS - limit, left)
        state.best[msg.side] = min(state.best[msg.side], TICKS - limit)


def main() -> None:
    with rw.Runtime("cpu") as runtime:
        kernel = runtime.launch(order_book)
        for order in (
            Order(1, SELL, 101, 5),
            Order(2, SELL, 100, 5),
            Order(3, BUY, 99, 4),
            Order(4, BUY, 101, 7),
        ):
            kernel.send(order)
        for _ in range(2):
            trade = kernel.receive(timeout=20)
            print(f"order {trade.taker} took {trade.quantity} from order {trade.maker} at {trade.price}")
        print(f"order 1 has {kernel.read_state().left[1]} left")


if __name__ == "__main__":
    main()

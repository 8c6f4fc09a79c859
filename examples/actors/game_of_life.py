"""Game of Life in tiles: each kernel holds some rows and exchanges edges with those above and below."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import ringway as rw
from numpy.typing import NDArray
from ringway.types import Length

TILES = 4
ROWS, COLUMNS = 8, 32
CELLS = ROWS * COLUMNS
START, ABOVE, BELOW = 0, 1, 2


@rw.message(layout="struct")
class Edge(rw.Message):
    kind: rw.i32  # START: generations more to do; else a row from the tile above or below
    generation: rw.i32
    row: Annotated[rw.Array[rw.u8], Length(COLUMNS)] = rw.field(
        default_factory=lambda: np.zeros(COLUMNS, np.uint8)
    )


@rw.message(layout="struct")
class Evolved(rw.Message):
    generation: rw.i32


@rw.message(layout="struct")
class Tile(rw.Message):
    """A neighbour may be one generation ahead, so that there is room for two of its rows."""

    cells: Annotated[rw.Array[rw.u8], Length(CELLS)] = rw.field(
        default_factory=lambda: np.zeros(CELLS, np.uint8)
    )
    after: Annotated[rw.Array[rw.u8], Length(CELLS)] = rw.field(
        default_factory=lambda: np.zeros(CELLS, np.uint8)
    )
    above: Annotated[rw.Array[rw.u8], Length(2 * COLUMNS)] = rw.field(
        default_factory=lambda: np.zeros(2 * COLUMNS, np.uint8)
    )
    below: Annotated[rw.Array[rw.u8], Length(2 * COLUMNS)] = rw.field(
        default_factory=lambda: np.zeros(2 * COLUMNS, np.uint8)
    )
    edges: Annotated[rw.Array[rw.i32], Length(2)] = rw.field(
        default_factory=lambda: np.zeros(2, np.int32)
    )  # that have come, of an even and an odd generation
    generation: rw.i32 = 0
    target: rw.i32 = 0
    told: rw.i32 = 0  # generations whose edges the neighbours have been sent


@rw.kernel(outputs=("up", "down"))
def life(ctx: rw.Context, msg: Edge, state: Tile) -> None:
    if msg.kind == START:
        state.target += msg.generation
    else:
        half = msg.generation % 2
        for column, cell in enumerate(msg.row):
            if msg.kind == ABOVE:
                state.above[half * COLUMNS + column] = cell
            else:
                state.below[half * COLUMNS + column] = cell
        state.edges[half] += 1
        if state.generation == state.target:
            return  # a neighbour was told to start before

    while state.generation < state.target:
        if state.told == state.generation:
            top = Edge(BELOW, state.generation)
            bottom = Edge(ABOVE, state.generation)
            for column in range(COLUMNS):
                top.row[column] = state.cells[column]
                bottom.row[column] = state.cells[CELLS - COLUMNS + column]
            ctx.send("up", top)  # for the tile above, what lies below it
            ctx.send("down", bottom)
            state.told += 1
        now = state.generation % 2
        if state.edges[now] < 2:
            return
        state.edges[now] = 0
        for row in range(ROWS):
            for column in range(COLUMNS):
                around = 0
                for line in (row - 1, row, row + 1):
                    for other in (column - 1, column, column + 1):
                        if line < 0:
                            around += state.above[now * COLUMNS + other % COLUMNS]
                        elif line == ROWS:
                            around += state.below[now * COLUMNS + other % COLUMNS]
                        elif line != row or other != column:
                            around += state.cells[line * COLUMNS + other % COLUMNS]
                alive = around == 3 or (around == 2 and state.cells[row * COLUMNS + column] == 1)
                state.after[row * COLUMNS + column] = 1 if alive else 0
        state.cells[:] = state.after
        state.generation += 1
    ctx.emit(Evolved(state.generation))


def evolve(runtime: rw.Runtime, board: NDArray[np.uint8], generations: int) -> NDArray[np.uint8]:
    """Return the board, of TILES * ROWS rows whose ends meet, after so many generations."""
    tiles = [runtime.launch(life, state=Tile(cells=part.ravel())) for part in np.split(board, TILES)]
    for i, tile in enumerate(tiles):
        runtime.link(tile, tiles[i - 1], output="up", message=Edge)
        runtime.link(tile, tiles[(i + 1) % TILES], output="down", message=Edge)
    for tile in tiles:
        tile.send(Edge(START, generations))
    for tile in tiles:
        tile.receive(timeout=20)
    return np.array([tile.read_state().cells for tile in tiles], np.uint8).reshape(board.shape)


def main() -> None:
    board = np.zeros((TILES * ROWS, COLUMNS), np.uint8)
    board[5:8, 3:6] = [[0, 1, 0], [0, 0, 1], [1, 1, 1]]  # a glider, about to leave the first tile
    with rw.Runtime("cpu") as runtime:
        after = evolve(runtime, board, 40)
    for row in after[14:19]:
        print("".join(".#"[cell] for cell in row))


if __name__ == "__main__":
    main()

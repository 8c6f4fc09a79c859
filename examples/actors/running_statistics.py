"""Running statistics: count, mean, variance and range of a stream, without keeping it."""

from __future__ import annotations

import ringway as rw


@rw.message(layout="struct")
class Sample(rw.Message):
    value: rw.f64


@rw.message(layout="struct")
class Statistics(rw.Message):
    count: rw.i64 = 0
    mean: rw.f64 = 0.0
    squares: rw.f64 = 0.0  # sum of squared distances from the mean
    least: rw.f64 = 0.0
    greatest: rw.f64 = 0.0


@rw.kernel
def running_statistics(ctx: rw.Context, msg: Sample, state: Statistics) -> None:
    """Welford's method: the sum of squares never grows large against what it is compared with."""
    if state.count == 0:
        state.least = state.greatest = msg.value
    state.count += 1
    before = msg.value - state.mean
    state.mean += before / state.count
    state.squares += before * (msg.value - state.mean)
    state.least = min(state.least, msg.value)
    state.greatest = max(state.greatest, msg.value)
    ctx.reply(state)


def main() -> None:
    with rw.Runtime("cpu") as runtime:
        kernel = runtime.launch(running_statistics)
        for value in (20.5, 21.0, 19.0, 22.5):
            now = kernel.request(Sample(value), timeout=20)
    print(f"{now.count} samples from {now.least} to {now.greatest}, mean {now.mean}")
    print(f"variance {now.squares / (now.count - 1):.4f}")


if __name__ == "__main__":
    main()

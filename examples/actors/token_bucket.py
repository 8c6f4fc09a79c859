"""Token bucket: a rate limit per client, with bursts."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import ringway as rw
from ringway.types import Length

CLIENTS = 64
BURST = 5  # requests at once
INTERVAL_US = 100_000  # one more request each


@rw.message(layout="struct")
class Request(rw.Message):
    client: rw.i32
    at_us: rw.i64 = 0  # when it was made; 0: now


@rw.message(layout="struct")
class Verdict(rw.Message):
    allowed: bool
    wait_us: rw.i64  # until the next one would be


@rw.message(layout="struct")
class Buckets(rw.Message):
    spent_us: Annotated[rw.Array[rw.i64], Length(CLIENTS)] = rw.field(
        default_factory=lambda: np.zeros(CLIENTS, np.int64)
    )  # 0 is a full bucket
    last_us: Annotated[rw.Array[rw.i64], Length(CLIENTS)] = rw.field(
        default_factory=lambda: np.zeros(CLIENTS, np.int64)
    )
    refused: rw.i64 = 0


@rw.kernel
def token_bucket(ctx: rw.Context, msg: Request, state: Buckets) -> None:
    now = msg.at_us if msg.at_us != 0 else ctx.now_us()
    elapsed = max(0, now - state.last_us[msg.client])
    state.last_us[msg.client] += elapsed
    spent = max(0, state.spent_us[msg.client] - elapsed)
    allowed = spent + INTERVAL_US <= BURST * INTERVAL_US
    if allowed:
        spent += INTERVAL_US
    else:
        state.refused += 1
    state.spent_us[msg.client] = spent
    ctx.reply(Verdict(allowed, max(0, spent - (BURST - 1) * INTERVAL_US)))


def main() -> None:
    with rw.Runtime("cpu") as runtime:
        kernel = runtime.launch(token_bucket)
        verdicts = [kernel.request(Request(7, at_us=1_000_000), timeout=20) for _ in range(7)]
        later = kernel.request(Request(7, at_us=1_100_000), timeout=20)
        refused = kernel.read_state().refused
    print(f"at once: {[verdict.allowed for verdict in verdicts]}, wait {verdicts[-1].wait_us} µs")
    print(f"after 0.1 s: {later.allowed}; {refused} refused")


if __name__ == "__main__":
    main()

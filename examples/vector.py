"""Typed messages: vectors inside a message, and longer ones in buffers that a message names."""

from __future__ import annotations

import numpy as np
import ringway as rw


def main() -> None:
    """Add ten numbers inside a message, then a million in place."""
    with rw.Runtime() as runtime:
        vector_op = runtime.launch("vector_op")
        answer = vector_op.request(rw.VectorRequest(np.arange(10), np.ones(10), op="add"), timeout=5)
        print(answer.result)

        n = 1_000_000
        a, b, out = np.arange(n, dtype=np.float32), np.full(n, 2, np.float32), np.empty(n, np.float32)
        first, second, result = (runtime.buffer(array) for array in (a, b, out))
        request = rw.VectorRequest.by_handle(first.handle, second.handle, result.handle, n, op="divide")
        answer = vector_op.request(request, timeout=5)
        print(answer.success, out[-1], f"{answer.processing_ns / 1e6:.1f} ms")


if __name__ == "__main__":
    main()

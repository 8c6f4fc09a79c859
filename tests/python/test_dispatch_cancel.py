"""What the CPU promises of a cancelled dispatch beyond the contract of all backends."""

from __future__ import annotations

import numpy as np
import pytest
import ringway as rw
from ringway.errors import Closed


def leaves_groups_out(inner: int) -> bool:
    a = np.ones(128 * inner, np.float32)
    with rw.Device("cpu", workers=1) as device:
        multiply = device.kernel("matrix_multiply")
        outs = [np.zeros((128, 128), np.float32) for _ in range(2)]
        running, waiting = (multiply.start(a, a, out, inner, threads=(128, 128)) for out in outs)
        # Both may have ended, on a fast machine or one that stood still: a longer one has to tell then.
        cancelled = [dispatch.cancel() for dispatch in (waiting, running)]
        for dispatch, was in zip((waiting, running), cancelled, strict=True):
            if was:
                with pytest.raises(Closed, match="the dispatch was cancelled"):
                    dispatch.wait(timeout=60)
        return cancelled == [True, True] and (outs[0] == 0).any() and not outs[1].any()


def test_groups_that_have_not_begun_are_left_out() -> None:
    assert any(leaves_groups_out(6000 << attempt) for attempt in range(5))

"""What the CPU promises of a cancelled dispatch beyond the contract of all backends."""

from __future__ import annotations

import numpy as np
import pytest
import ringway as rw
from ringway.errors import Closed


def test_groups_that_have_not_begun_are_left_out() -> None:
    inner = 6000
    a = np.ones(128 * inner, np.float32)
    with rw.Device("cpu", workers=1) as device:
        multiply = device.kernel("matrix_multiply")
        outs = [np.zeros((128, 128), np.float32) for _ in range(2)]
        running, waiting = (multiply.start(a, a, out, inner, threads=(128, 128)) for out in outs)
        assert waiting.cancel()
        assert running.cancel()
        for dispatch in running, waiting:
            with pytest.raises(Closed, match="the dispatch was cancelled"):
                dispatch.wait(timeout=60)
        assert (outs[0] == 0).any()
        assert not outs[1].any()

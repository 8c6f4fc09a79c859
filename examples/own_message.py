"""A message class of your own, through a kernel and back."""

from __future__ import annotations

import enum

import numpy as np
import ringway as rw


class Unit(enum.IntEnum):
    CELSIUS = 0
    KELVIN = 1


@rw.message
class Reading(rw.Message):
    sensor: str
    unit: Unit
    values: rw.Array[rw.f32]
    remark: str | None = None


def main() -> None:
    reading = Reading("roof", Unit.CELSIUS, np.array([20.5, 21.0, 19.75], dtype=np.float32))
    print(f"on the wire: {len(reading.encode())} bytes")
    with rw.Runtime() as runtime:
        kernel = runtime.launch("echo", name="readings")
        answer = kernel.request(reading, timeout=5)
        counted = kernel.telemetry()
    print(answer)
    print(f"{counted.processed} message processed")


if __name__ == "__main__":
    main()

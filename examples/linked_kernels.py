"""Two kernels and a link: what the first one sends reaches the second without Python in between."""

from __future__ import annotations

import ringway as rw

MESSAGES = 1000


def main() -> None:
    with rw.Runtime() as runtime:
        relay = runtime.launch("relay")
        echo = runtime.launch("echo")
        runtime.link(relay, echo)
        for number in range(MESSAGES):
            relay.send(number.to_bytes(8, "little"))
        received = [int.from_bytes(echo.receive(timeout=5), "little") for _ in range(MESSAGES)]
        counted = echo.telemetry()
    print(f"{len(received)} messages came through the link, in order: {received == list(range(MESSAGES))}")
    print(f"echo processed {counted.processed} and dropped {sum(counted.dropped.values())}")


if __name__ == "__main__":
    main()

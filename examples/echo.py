"""Messages to a ring kernel and back: bytes, threads and asyncio."""

from __future__ import annotations

import asyncio

import ringway as rw


async def ask() -> bytes:
    """Ask the kernel from an event loop."""
    async with rw.AsyncRuntime() as runtime:
        echo = await runtime.launch("echo")
        answer: bytes = await echo.request(b"hello from asyncio", timeout=5)
        return answer


def main() -> None:
    """Ask the kernel from a thread, then send without waiting."""
    with rw.Runtime() as runtime:
        echo = runtime.launch("echo")
        print(echo.request(b"hello", timeout=5))
        for number in range(3):
            echo.send(b"message %d" % number)
        print([echo.receive(timeout=5) for _ in range(3)])
        print(echo.telemetry())
    print(asyncio.run(ask()))


if __name__ == "__main__":
    main()

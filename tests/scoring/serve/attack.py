"""Clients that mean harm: `python -m tests.scoring.serve.attack PORT SECONDS` says what held.

Slow bodies, a header line without an end and idle connections, all at once, from one process; who
is dropped comes again, as an attacker would.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import suppress

N_SLOW, N_IDLE, LINE_BYTES = 9, 350, 300_000_000
BYTE_EACH_S = 18.0
COME_AGAIN_S = 1.0
SLOW_HEAD = (
    b"POST /api/v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: audio/wav\r\n"
    b"Content-Length: 1000000\r\n\r\n"
)
LINE_HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: "


class Attack:
    """What is done to a port for some seconds, and what came of it."""

    def __init__(self, port: int, seconds: float, byte_each_s: float) -> None:
        self._port, self._byte_each_s = port, byte_each_s
        self._until = time.monotonic() + seconds
        self.said: Counter[str] = Counter()
        """First lines of answers to slow bodies, and `dropped` for none."""
        self.n_idle_open = self.n_lines = self.most_of_a_line = 0
        self.longest_idle_s = self.longest_slow_s = 0.0

    async def run(self) -> None:
        """Do all at once."""
        await asyncio.gather(
            *(self._again(self._slow_body) for _ in range(N_SLOW)),
            *(self._again(self._idle) for _ in range(N_IDLE)),
            self._again(self._long_line),
        )

    async def _again(self, attack) -> None:
        while self._left_s() > 0:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    await attack(reader, writer)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(COME_AGAIN_S)

    def _left_s(self) -> float:
        return self._until - time.monotonic()

    async def _slow_body(self, reader, writer) -> None:
        began = time.monotonic()
        writer.write(SLOW_HEAD)
        answer = asyncio.ensure_future(reader.readline())
        while self._left_s() > 0 and not answer.done():
            writer.write(b"\0")
            await asyncio.wait([answer], timeout=min(self._byte_each_s, self._left_s() + 0.1))
        self.longest_slow_s = max(self.longest_slow_s, time.monotonic() - began)
        if not answer.done():
            answer.cancel()
            self.said["held to the end"] += 1
            return
        try:
            self.said[answer.result().decode().strip() or "dropped"] += 1
        except OSError:
            self.said["dropped"] += 1

    async def _idle(self, reader, writer) -> None:
        began = time.monotonic()
        self.n_idle_open += 1
        try:
            async with asyncio.timeout(self._left_s()):
                await reader.read(1)
            self.n_idle_open -= 1
        except TimeoutError:
            pass
        finally:
            self.longest_idle_s = max(self.longest_idle_s, time.monotonic() - began)

    async def _long_line(self, reader, writer) -> None:
        self.n_lines += 1
        writer.write(LINE_HEAD)
        sent = 0
        try:
            while sent < LINE_BYTES and self._left_s() > 0:
                writer.write(b"a" * 65_536)
                await writer.drain()
                sent += 65_536
            while self._left_s() > 0:
                await asyncio.sleep(0.1)
                writer.write(b"a")
                await writer.drain()
        finally:
            self.most_of_a_line = max(self.most_of_a_line, sent)


def main(port: int, seconds: float, byte_each_s: float = BYTE_EACH_S) -> None:
    """Attack, then print what held."""
    attack = Attack(port, seconds, byte_each_s)
    asyncio.run(attack.run())
    print(
        json.dumps(
            {
                "slow bodies": dict(attack.said),
                "longest slow body, s": round(attack.longest_slow_s, 1),
                "idle connections open at the end": attack.n_idle_open,
                "longest idle connection, s": round(attack.longest_idle_s, 1),
                "bytes taken of a header line": attack.most_of_a_line,
                "header lines": attack.n_lines,
            }
        )
    )


if __name__ == "__main__":
    main(*(float(given) if i else int(given) for i, given in enumerate(sys.argv[1:])))

"""Connections of clients that are slow or mean harm: how long each may hold a place, and who goes.

uvicorn closes a connection that is idle after an answer, and h11 refuses a head of more than
16 KiB. What neither bounds is how long a head, a body or the reading of an answer may take, and how
many connections there are. Here one number does both: how far a client is behind the slowest one
that is served. Who is too far behind is let go; when there are too many, who is farthest behind.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from http import HTTPStatus
from ipaddress import IPv6Address
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from musqa_pipeline.scoring.serve.problems import RETRY_AFTER_S, ProblemError
from musqa_pipeline.scoring.serve.settings import ServeSettings, as_address

READ_BYTES = 16_384
"""Taken from a connection at a time: a body of one-byte chunks costs 10 ms then, not 170."""
TICK_S = 0.25
LINGER_S = 3.0
"""For taking the last answer, and for sending what nobody will read."""


def connection_kind(limits: ServeSettings) -> type[Connection]:
    """Make the class of a server's connections, for `http` of `uvicorn.Config`."""
    return type("LimitedConnection", (Connection,), {"limits": limits})


class Connection(H11Protocol, asyncio.BufferedProtocol):
    """A connection that is let go when its client is too far behind.

    Behind is a time: it grows while the client has to act (ask, send a body, read an answer),
    shrinks by what it moves at the slowest rate that is served, and is never below zero, so that
    no haste buys leisure. It is zero while the server has to act.
    """

    limits: ClassVar[ServeSettings]
    connections: set[Connection]  # type: ignore[assignment]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection; another one goes if there are too many."""
        super().connection_made(transport)
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._is_dropped = False
        self._who = who(self.client[0]) if self.client else ""
        self._begin_turn()
        self._ticks = self.loop.call_later(TICK_S, self._tick)
        here = [c for c in self.connections if not c._is_dropped]
        same = [c for c in here if c._who == self._who]
        if len(same) > self.limits.max_per_client:
            _drop_one_of(same)
        elif len(here) > self.limits.max_connections:
            _drop_one_of(here)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._ticks.cancel()
        super().connection_lost(exc)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Give the place for what comes next; asyncio asks for it."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has come."""
        self.data_received(bytes(self._buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:  # a head is there
            self._begin_turn()
        elif self.cycle is not None and not self.cycle.response_complete:
            self._moved_bytes += len(data)

    def resume_writing(self) -> None:
        """Go on with an answer, because the client has read so much of it at least."""
        super().resume_writing()
        low, high = self.transport.get_write_buffer_limits()
        self._moved_bytes += high - low

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._begin_turn()
        super().on_response_complete()

    def _begin_turn(self) -> None:
        self._behind_s, self._moved_bytes, self._ticked_s = 0.0, 0, self.loop.time()

    def _claim_to_go(self, n_of: Counter[str]) -> tuple[float, float]:
        return n_of[self._who], self._behind_after(self.loop.time() - self._ticked_s)

    def _behind_after(self, passed_s: float) -> float:
        moved_s = self._moved_bytes / self.limits.min_bytes_per_s
        return max(0.0, self._behind_s + passed_s - moved_s)

    def _awaits_client(self) -> bool:
        if self.transport.is_closing() or self.transport.get_write_buffer_size():
            return True  # to read
        if self.cycle is None or self.cycle.response_complete:
            return True  # to ask
        return self.cycle.more_body and not self.flow.read_paused  # to send

    def _tick(self) -> None:
        """Count a tick, and no clock: when the server is late, its clients are not."""
        behind_s = self._behind_after(TICK_S) if self._awaits_client() else 0.0
        self._begin_turn()
        self._behind_s = behind_s
        answered = self.cycle is not None and self.cycle.response_complete
        leaves = self.transport.is_closing() or (answered and self.cycle.more_body)
        if self._behind_s >= (LINGER_S if leaves else self.limits.patience_s):
            self._drop(
                ProblemError(
                    408,
                    "too_slow",
                    f"less than {self.limits.min_kbps:g} kbit/s came for "
                    f"{self.limits.patience_s:g} s; send it again, faster or in parts",
                )
            )
        if not self._is_dropped:
            self._ticks = self.loop.call_later(TICK_S, self._tick)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; uvicorn calls it, with the application perhaps at work on it."""
        self._refuse(ProblemError(400, "bad_request", f"{msg.rstrip('.')}; send it anew"))

    def _drop(self, problem: ProblemError) -> None:
        """Let the client go; who is sending a body is told why."""
        if self.cycle is None or self.cycle.response_complete:
            self._abort()
        else:
            self._refuse(problem)

    def _abort(self) -> None:
        self._is_dropped = True
        self.transport.abort()

    def _refuse(self, problem: ProblemError) -> None:
        if self.cycle is not None:  # the application is to wait for no more, and to say no more
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.transport.is_closing() or self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self._abort()
            return
        body = json.dumps(problem.body).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        headers |= {**problem.headers, "Connection": "close"}
        events = (
            h11.Response(
                status_code=problem.status,
                headers=list(headers.items()),
                reason=HTTPStatus(problem.status).phrase,
            ),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        self.transport.write(b"".join(self.conn.send(event) or b"" for event in events))
        self._begin_turn()
        self.transport.close()


def who(host: str) -> str:
    """Tell clients apart: by address, and in IPv6 by network, of which anyone has a whole one.

    Its network is the first 64 bits of an address.
    """
    address = as_address(host)
    if not isinstance(address, IPv6Address):
        return host
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))


def _drop_one_of(crowd: list[Connection]) -> None:
    """Drop who is farthest behind, among those of the commonest address."""
    n_of = Counter(c._who for c in crowd)
    waiting = [c for c in crowd if c._awaits_client()]
    if waiting:
        victim = max(waiting, key=lambda c: c._claim_to_go(n_of))
        victim._drop(ProblemError(503, "busy", "too many are connected; try again", RETRY_AFTER_S))

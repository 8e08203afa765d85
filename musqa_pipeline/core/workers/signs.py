"""Signs of life: how a task that may take days says that it goes on.

A task that gives one is held no longer to the time of a unit but to that of its sign. Signs of a
worker process go to whoever waits for its answer, on this machine or another.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

SIGN = b"sign"
"""How the message of a sign begins; a pickled answer begins otherwise."""


@dataclass(frozen=True)
class Sign:
    """What a task says of itself on its way."""

    within_s: float = math.inf
    """It answers, or gives another sign, within this time."""
    limit: str = ""
    """The environment variable that sets this time."""
    line: str = ""
    """A line of progress."""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    """Progress as numbers."""

    def pack(self) -> bytes:
        """Return the message."""
        return SIGN + json.dumps(asdict(self)).encode()


Listener = Callable[[Sign], object]
_listener: Listener | None = None


def is_sign(message: bytes) -> bool:
    """Tell a sign from an answer."""
    return message.startswith(SIGN)


def unpack(message: bytes) -> Sign:
    """Read the message of a sign."""
    return Sign(**json.loads(message.removeprefix(SIGN)))


def give(sign: Sign) -> None:
    """Give a sign to whoever waits for the task that runs in this process; nobody needs to."""
    if _listener:
        _listener(sign)


@contextmanager
def heard_by(listener: Listener | None) -> Iterator[None]:
    """Give the signs of this process to a listener."""
    global _listener
    before, _listener = _listener, listener
    try:
        yield
    finally:
        _listener = before

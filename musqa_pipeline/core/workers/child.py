"""The process that runs tasks one after the other, for the process that started it.

It ends at once, with the programs that it runs, when that process is gone. It imports nothing
beyond the standard library and its own small modules until a task does.
"""

from __future__ import annotations

import functools
import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from musqa_pipeline.core.workers.signs import heard_by

IDLE_S = 300.0
"""A child without work ends after this time: whoever started it may have no use for it."""
RESULT, ERROR, LOST = "result", "error", "lost"
"""First half of an answer: what the function returned, raised, or why there is neither."""
STARTED = b""
"""Sent when the task is loaded: what it imports for the first time is not in its time limit."""


@functools.lru_cache(maxsize=4)
def unpacked(pickled: bytes) -> Any:
    """Load what was pickled, once for all tasks that come with the same bytes."""
    return pickle.loads(pickled)


class Packed:
    """Stands for a function on its way to a child, where it is loaded as what it stands for."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._pickled = pickle.dumps(function)

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        return unpacked, (self._pickled,)


def serve(descriptor: int) -> None:
    """Answer pickled ``(function, task)`` with pickled ``(kind, value)`` until nobody asks."""
    channel = Connection(descriptor)
    os.set_inheritable(descriptor, False)
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    # As an exception, so that a file half written is cleared away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_listen, args=(channel, inbox), daemon=True).start()
    while True:
        try:
            payload = inbox.get(timeout=IDLE_S)
        except queue.Empty:
            return
        with heard_by(lambda sign: channel.send_bytes(sign.pack())):
            answered = answer(payload, lambda: channel.send_bytes(STARTED))
        channel.send_bytes(answered)


def answer(payload: bytes, started: Callable[[], object]) -> bytes:
    """Run one task."""
    try:
        function, task = pickle.loads(payload)
        started()
        return pickle.dumps((RESULT, function(task)))
    except Exception as error:
        return pickle.dumps((ERROR, _portable(error)))


def _portable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an exception of a library may not come back from its pickle
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _listen(channel: Connection, inbox: queue.SimpleQueue[Any]) -> None:
    try:
        while True:
            inbox.put(channel.recv_bytes())
    except (EOFError, OSError):
        # The other process is gone. This one leads a group: ffmpeg ends with it.
        os.killpg(0, signal.SIGKILL)

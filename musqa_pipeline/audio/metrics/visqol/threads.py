"""The engine works on one thread of a process at a time, and lets BLAS use one.

Its transforms have buffers that are used again. Its matrix products are small: more threads spin
longer than they compute, and their number would move the last digits of a sum.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController

_AT_WORK = threading.RLock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep other threads out of the engine, and BLAS on one thread, while the context lasts."""
    with _AT_WORK, _controller().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _controller() -> ThreadpoolController:
    import scipy.linalg.blas  # noqa: F401  # the controller knows what is loaded by now

    return ThreadpoolController()

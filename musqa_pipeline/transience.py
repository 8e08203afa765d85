"""Which failures may pass by themselves: a machine that went away, a storage that hiccuped.

What the user or an operator must mend first (a setting, a catalog, a full disk, a missing tool) is
permanent: trying again would cost time and hide the sentence that says what to do.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

from musqa_pipeline.errors import LeaseLostError, MachineError, StorageAwayError

PASSING = frozenset(
    [
        errno.EAGAIN,
        errno.EBUSY,
        errno.ECONNABORTED,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.EINTR,
        errno.EIO,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.EPIPE,
        errno.EREMOTEIO,
        errno.ESTALE,
        errno.ETIMEDOUT,
    ]
)
"""Errors of a disk that is a network's, and of a network."""
_PASSING_KINDS = (
    MachineError,
    LeaseLostError,
    StorageAwayError,
    ConnectionError,
    TimeoutError,
)
PASSING_NAMES = frozenset(
    [
        "ConnectTimeoutError",
        "ConnectionClosedError",
        "EndpointConnectionError",
        "HTTPClientError",
        "IncompleteReadError",
        "ReadTimeoutError",
        "ResponseStreamingError",
        "ServerTimeoutError",
        "SlowDown",
    ]
)
"""Classes of storage clients, by name, so that none of these needs to be installed."""


def is_passing(error: BaseException) -> bool:
    """Say whether the same work may succeed a little later though nobody mends anything.

    Parameters
    ----------
    error : BaseException
        What ended a stage; what it came from counts too.

    Returns
    -------
    bool
        True for a lost machine, scheduler or connection, and for input and output errors that
        pass; False for all else.
    """
    return any(_passes(one) for one in _chain(error))


def _passes(error: BaseException) -> bool:
    if isinstance(error, _PASSING_KINDS):
        return True
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in PASSING
    return type(error).__name__ in PASSING_NAMES


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__

"""The errors of musqa: one kind per decision that a caller can take.

Every message names the value, what was expected and what to do next. Bad input raises
`UnfitInputError`, which a stage turns into a row of the `quarantine` table; everything else
here ends a run with one sentence and exit code 1. Some failures may pass by themselves: a machine
that went away, a storage that hiccuped. What the user or an operator must mend first is permanent:
trying again would cost time and hide the sentence that says what to do.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator


class MusqaError(Exception):
    """Root of all deliberate errors; the text is meant for the user as it stands."""


class SettingsError(MusqaError):
    """A preset or a field of it is wrong; the user edits the preset."""


class CatalogError(MusqaError):
    """A catalog is unknown, empty, or its `catalog.toml` or `tracks.csv` cannot be used."""


class ToolError(MusqaError):
    """A tool that every unit needs (ffmpeg, a library) is missing or broken; the run stops."""


class LakeError(MusqaError):
    """The lake cannot be written or read: disk full, read-only, locked or damaged."""


class DamagedError(LakeError):
    """A file of the lake cannot be read, or is not what was written."""

    def __init__(self, text: str, key: str = "") -> None:
        super().__init__(text, key)  # both, so that it pickles
        self.key = key

    def __str__(self) -> str:
        return str(self.args[0])


class LockedError(LakeError):
    """Another process holds a lock of the lake; it is free again when that one ends."""


class StorageAwayError(LakeError):
    """Object storage does not answer, or only with errors of its own, which may pass."""


class LeaseLostError(LakeError):
    """Another process holds a lock of ours by now, or may: what we would write is not wanted."""


class StageError(MusqaError):
    """A stage cannot start or finish, for example because the stage before it has no rows."""


class CheckFailedError(StageError):
    """A check that blocks failed: what a stage made of a catalog is not as it must be."""


class MachineError(StageError):
    """A machine, a scheduler or a network went away; the same run may succeed a little later."""


class ModelError(MusqaError):
    """A model file is missing, damaged or of another kind; the user names another."""


class UnfitInputError(MusqaError):
    """One unit's input cannot serve; the unit goes to quarantine and the run goes on."""

    def __init__(self, reason: str, detail: str, advice: str, passing: bool = False) -> None:
        super().__init__(reason, detail, advice, passing)  # all, so that it pickles
        self.reason = reason
        self.detail = detail
        self.advice = advice
        self.passing = passing

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}; {self.advice}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its kind if it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]


PASSING = frozenset((
    errno.EAGAIN, errno.EBUSY, errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET,
    errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EINTR, errno.EIO, errno.ENETDOWN, errno.ENETRESET,
    errno.ENETUNREACH, errno.EPIPE, errno.EREMOTEIO, errno.ESTALE, errno.ETIMEDOUT,
))  # fmt: skip
"""Errors of a disk that is a network's, and of a network."""
PASSING_NAMES = frozenset((
    "ConnectTimeoutError", "ConnectionClosedError", "EndpointConnectionError", "HTTPClientError",
    "IncompleteReadError", "ReadTimeoutError", "ResponseStreamingError", "ServerTimeoutError",
    "SlowDown",
))  # fmt: skip
"""Classes of storage clients, by name, so that none of these needs to be installed."""
_PASSING_KINDS = (MachineError, LeaseLostError, StorageAwayError, ConnectionError, TimeoutError)


def is_passing(error: BaseException) -> bool:
    """Say whether the same work may succeed a little later though nobody mends anything."""
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

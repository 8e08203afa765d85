"""Requests to object storage that are tried again where that may help, and explained where not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)

from musqa_pipeline.core.errors import LakeError, StorageAwayError
from musqa_pipeline.core.home import ObjectHome
from musqa_pipeline.storage.stores.s3_client import explain

T = TypeVar("T")
ATTEMPTS = 5
"""Of what botocore does not try again by itself: a body that broke off, a checksum that differs."""
_AGAIN = {"BadDigest", "IncompleteBody", "RequestTimeout", "XAmzContentSHA256Mismatch"}
_ABSENT = {"NoSuchKey", "NoSuchUpload", "NotFound", "404"}
_EMPTY = {"InvalidRange", "416"}
_CHANGED = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
_SERVER_ERROR = 500
_BROKEN_OFF = {"ResponseStreamingError", "IncompleteReadError", "ReadTimeoutError"}


class AbsentError(Exception):
    """There is no such object, or no such upload."""


class EmptyError(Exception):
    """The object has no bytes of which to ask for a part."""


class ChangedError(Exception):
    """The object is not as expected."""


class TornError(Exception):
    """What arrived is not what was put."""


def again(doing: str, what: ObjectHome, act: Callable[[], T]) -> T:
    """Act, again where that may help.

    Raises AbsentError, EmptyError or ChangedError if there is nothing there or not what a condition
    demanded; else LakeError, which names no credential, or StorageAwayError if it may pass.
    """
    for attempt in range(ATTEMPTS):
        last = attempt == ATTEMPTS - 1
        try:
            return act()
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _ABSENT:
                raise AbsentError from None
            if code in _EMPTY:
                raise EmptyError from None
            if code in _CHANGED:
                raise ChangedError from None
            if last or code not in _AGAIN:
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
                passes = status >= _SERVER_ERROR or code in _AGAIN
                kind = StorageAwayError if passes else LakeError
                raise kind(explain(doing, what, error)) from None
        except (BotoCoreError, TornError) as error:
            hung_again = attempt > 0 and isinstance(error, ReadTimeoutError)  # a minute each
            if last or hung_again or not _may_pass(error):
                passes = _may_pass(error) or isinstance(error, ConnectionError | HTTPClientError)
                kind = StorageAwayError if passes else LakeError
                raise kind(explain(doing, what, error)) from None
        time.sleep(0.1 * 2**attempt)
    raise AssertionError("unreachable")


def _may_pass(error: Exception) -> bool:
    """Whether the body of an answer broke off; what ends before it, botocore has tried again."""
    return isinstance(error, TornError) or type(error).__name__ in _BROKEN_OFF

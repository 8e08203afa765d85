"""The connection to object storage: requests tried again where that may help, else explained.

Credentials come from where AWS's own tools look (environment, files, the machine's role) and are
never read here, never logged and never part of a message.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from musqa_pipeline.core.errors import LakeError, SettingsError, StorageAwayError
from musqa_pipeline.core.home import ObjectHome

T = TypeVar("T")
ENDPOINT = "MUSQA_S3_ENDPOINT"
CONNECTIONS = 32
_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = 10, 60
_DENIED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "403"}
ATTEMPTS = 5
"""Of what botocore does not try again by itself: a body that broke off, a checksum that differs."""
_AGAIN = {"BadDigest", "IncompleteBody", "RequestTimeout", "XAmzContentSHA256Mismatch"}
_ABSENT = {"NoSuchKey", "NoSuchUpload", "NotFound", "404"}
_EMPTY = {"InvalidRange", "416"}
_CHANGED = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
_SERVER_ERROR = 500
_BROKEN_OFF = {"ResponseStreamingError", "IncompleteReadError", "ReadTimeoutError"}


def endpoint_url() -> str | None:
    """Return the endpoint of a storage that is not Amazon's; None leaves it to AWS's settings.

    Raises SettingsError if it is no http or https URL, or carries credentials.
    """
    url = os.environ.get(ENDPOINT)
    if not url:
        return None
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise SettingsError(
            f"{ENDPOINT} carries credentials; take them out, and give them as AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY or in AWS's own files"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{ENDPOINT}={url}: expected http://HOST:PORT or https://HOST")
    return url


def make_client() -> Any:
    """Return a client, which threads may share and which tries again what may pass.

    Raises SettingsError if the endpoint or AWS's own configuration cannot be used.
    """
    endpoint = endpoint_url()
    config = Config(
        retries={"total_max_attempts": 6, "mode": "standard"},
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        max_pool_connections=CONNECTIONS,
        # Checksums of our own, which every server of the protocol knows.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"} if endpoint else {},
    )
    try:
        return botocore.session.get_session().create_client(
            "s3", endpoint_url=endpoint, config=config
        )
    except (BotoCoreError, ValueError) as error:
        raise SettingsError(
            f"AWS's configuration cannot be used ({type(error).__name__}); check AWS_PROFILE, "
            "AWS_REGION and the files below ~/.aws"
        ) from None


def _explain(doing: str, what: ObjectHome, error: Exception) -> str:
    """Say in one sentence what failed and what to do; the server's texts may repeat keys."""
    where = endpoint_url() or "Amazon S3"
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        why = (
            "there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "AWS_PROFILE"
        )
    elif isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "?")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == "NoSuchBucket":
            why = f"the bucket {what.bucket!r} does not exist at {where}; make it first"
        elif code in _DENIED or status == 403:
            why = f"{where} denies access ({code}); check the credentials and what they may do"
        else:
            why = f"{where} answered {code} ({status}) again and again; run again later"
    elif isinstance(error, ConnectionError):
        why = f"{where} does not answer ({type(error).__name__}); check the network and {ENDPOINT}"
    else:
        why = f"the transfer broke off again and again ({type(error).__name__}); run again later"
    return f"cannot {doing} {what}: {why}"


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
                raise kind(_explain(doing, what, error)) from None
        except (BotoCoreError, TornError) as error:
            hung_again = attempt > 0 and isinstance(error, ReadTimeoutError)  # a minute each
            if last or hung_again or not _may_pass(error):
                passes = _may_pass(error) or isinstance(error, ConnectionError | HTTPClientError)
                kind = StorageAwayError if passes else LakeError
                raise kind(_explain(doing, what, error)) from None
        time.sleep(0.1 * 2**attempt)
    raise AssertionError("unreachable")


def _may_pass(error: Exception) -> bool:
    """Whether the body of an answer broke off; what ends before it, botocore has tried again."""
    return isinstance(error, TornError) or type(error).__name__ in _BROKEN_OFF

"""Requests to one place on object storage: conditional, with checksums, tried again, explained.

It speaks through botocore, which has all that locks and clean-up need: conditions, the server's
time, checksums of the body, uploads that others began. Every error is a `LakeError` of one sentence
that names no credential.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.home import ObjectHome
from musqa_pipeline.core.seal_format import digest_of
from musqa_pipeline.storage.stores.s3_client import (
    AbsentError,
    ChangedError,
    EmptyError,
    TornError,
    again,
    make_client,
)
from musqa_pipeline.storage.stores.store import StoredFile

T = TypeVar("T")
DIGEST = "musqa-blake2b"
"""Name of the metadata that says what the content has to be."""
PUT_ID = "musqa-put"
"""Name of the metadata that tells puts of the same content apart."""


class Anything:
    """Stands for whatever version an object has."""


ANY = Anything()


@dataclass(frozen=True)
class Answer:
    """A get of an object, or of a part of it."""

    content: bytes
    first_byte: int
    """Position of the content in the object."""
    size_bytes: int
    """Of the whole object."""
    version: str
    modified: Any
    """When it was put, a datetime."""
    age_s: float
    """Since it was put, by the server's clock alone."""
    put_id: str
    """Of the request that put it; empty if others did."""


class Bucket:
    """Objects below a home."""

    def __init__(self, home: ObjectHome) -> None:
        self.home = home
        self.failed: LakeError | None = None
        """The last error, for who calls through a library that loses it."""
        self._client = make_client()
        self._base = len(home.prefix) + 1 if home.prefix else 0

    def name(self, key: str) -> str:
        """Return an object's full name in the bucket."""
        return (self.home / key).prefix

    def get(
        self, key: str, *, span: str | None = None, version: str | None = None
    ) -> Answer | None:
        """Read an object, or a part of it (as HTTP has it: ``bytes=-100``); None if it is absent.

        A whole one is checked against its digest, a wanted version against that which is there.

        Raises LakeError if the storage does not answer, or gives what was never put.
        """
        about: dict[str, str] = {"Range": span} if span else {}
        if version:
            about["IfMatch"] = version

        def read() -> Answer:
            reply = self.call("get_object", key, **about)
            with closing(reply["Body"]) as body:
                content = body.read()
            first, size = _extent(reply, len(content))
            digest = reply["Metadata"].get(DIGEST)
            if digest and len(content) == size and digest_of(content) != digest:
                raise TornError(f"{self.home / key} is not what was put")
            put_id = reply["Metadata"].get(PUT_ID, "")
            modified, age_s = reply["LastModified"], _age_s(reply)
            return Answer(content, first, size, reply["ETag"], modified, age_s, put_id)

        try:
            return self.again("read", key, read)
        except AbsentError:
            return None
        except EmptyError:
            return self.get(key, version=version)
        except ChangedError as error:
            raise LakeError(
                f"{self.home / key} was replaced while it was read; run again"
            ) from error

    def put(self, key: str, content: bytes, expected: str | Anything | None = ANY) -> str | None:
        """Put a small object whole and return its version; None if it was not as `expected`.

        `expected` is a version, or None if there has to be no such object. If an answer was lost,
        the request is sent again and refused, and the object itself tells who put it.
        """
        put_id = os.urandom(8).hex()
        about: dict[str, Any] = {"Metadata": {DIGEST: digest_of(content), PUT_ID: put_id}}
        if expected is None:
            about["IfNoneMatch"] = "*"
        elif isinstance(expected, str):
            about["IfMatch"] = expected

        def write() -> str:
            reply = self.call("put_object", key, Body=content, ContentMD5=md5_of(content), **about)
            return str(reply["ETag"])

        try:
            return self.again("write", key, write)
        except (ChangedError, AbsentError):
            present = self.get(key)
            if present is None or present.put_id != put_id:
                return None
            return present.version

    def look_up(self, key: str) -> tuple[StoredFile, str] | None:
        """Describe an object, with the digest that it was put with or ""; None if it is absent."""
        try:
            reply = self.send("read", "head_object", key)
        except AbsentError:
            return None
        modified_s = reply["LastModified"].timestamp()
        file = StoredFile(key, reply["ContentLength"], reply["ETag"], modified_s)
        return file, str(reply["Metadata"].get(DIGEST, ""))

    def listing(self, folder: str, *, deep: bool) -> tuple[list[StoredFile], list[str]]:
        """List a folder, sorted: its files, and unless it is `deep`, the names of its folders."""
        prefix = self.name(folder).rstrip("/") + "/" if self.name(folder) else ""
        files: list[StoredFile] = []
        folders: list[str] = []
        about = {"Bucket": self.home.bucket, "Prefix": prefix}
        if not deep:
            about["Delimiter"] = "/"
        while True:
            reply = self.again("list", folder, lambda: self._client.list_objects_v2(**about))
            files += [
                StoredFile(
                    o["Key"][self._base :], o["Size"], o["ETag"], o["LastModified"].timestamp()
                )
                for o in reply.get("Contents", [])
                if not o["Key"].endswith("/")
            ]
            folders += [
                p["Prefix"].rstrip("/").rpartition("/")[2] for p in reply.get("CommonPrefixes", [])
            ]
            if not reply.get("IsTruncated"):
                return sorted(files), sorted(folders)
            about["ContinuationToken"] = reply["NextContinuationToken"]

    def delete(self, key: str) -> None:
        """Delete an object if it is there."""
        self.send("delete", "delete_object", key)

    def copy(self, key: str, target: str) -> None:
        """Copy an object within the storage; a missing one is an error."""
        source = {"Bucket": self.home.bucket, "Key": self.name(key)}
        try:
            self.again("move", key, lambda: self.call("copy_object", target, CopySource=source))
        except AbsentError as error:
            raise LakeError(f"cannot move {self.home / key}: it is not there") from error

    def uploads(self, folder: str) -> list[tuple[str, str, float]]:
        """List the uploads in parts that nobody ended: key, id, and when they began."""
        reply = self.again(
            "list",
            folder,
            lambda: self._client.list_multipart_uploads(
                Bucket=self.home.bucket, Prefix=self.name(folder).rstrip("/") + "/"
            ),
        )
        return [
            (u["Key"][self._base :], u["UploadId"], u["Initiated"].timestamp())
            for u in reply.get("Uploads", [])
        ]

    def again(self, doing: str, key: str, act: Callable[[], T]) -> T:
        """Act on an object; see `attempts.again`."""
        try:
            return again(doing, self.home / key, act)
        except LakeError as error:
            self.failed = error
            raise

    def send(self, doing: str, method: str, key: str, **about: Any) -> dict[str, Any]:
        """Call a method of the client on an object, again where that may help."""
        return self.again(doing, key, lambda: self.call(method, key, **about))

    def call(self, method: str, key: str, **about: Any) -> dict[str, Any]:
        """Call a method of the client once, on an object."""
        call = getattr(self._client, method)
        reply: dict[str, Any] = call(Bucket=self.home.bucket, Key=self.name(key), **about)
        return reply


def _extent(reply: dict[str, Any], n_bytes: int) -> tuple[int, int]:
    """Return where a part begins and how large the whole is."""
    if "ContentRange" not in reply:
        return 0, n_bytes
    span, _, size = reply["ContentRange"].removeprefix("bytes ").partition("/")
    return int(span.partition("-")[0]), int(size)


def _age_s(reply: dict[str, Any]) -> float:
    date = reply["ResponseMetadata"]["HTTPHeaders"].get("date")
    if not date:
        raise LakeError("the object storage does not say its time, by which leases expire")
    return float((parsedate_to_datetime(date) - reply["LastModified"]).total_seconds())


def md5_of(content: bytes) -> str:
    """Return the checksum that every server of the protocol verifies."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()

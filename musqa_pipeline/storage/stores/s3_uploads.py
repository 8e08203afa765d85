"""Files to object storage: in one request, or in parts that appear together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.seal_format import file_digest
from musqa_pipeline.storage.stores.s3_bucket import DIGEST, Bucket, md5_of
from musqa_pipeline.storage.stores.s3_client import AbsentError
from musqa_pipeline.storage.stores.store import StoredFile

SINGLE_PUT_BYTES = 64 << 20
"""Larger files are put in parts of this size, and appear when the last one is there."""
_MARK = "?uploadId="


def put_file(bucket: Bucket, key: str, path: Path) -> None:
    """Put a file whole: in one request, or in parts that appear together.

    Raises LakeError if the storage refuses it or does not answer; the object is as it was.
    """
    if path.stat().st_size <= SINGLE_PUT_BYTES:
        bucket.put(key, path.read_bytes())
        return
    digest = file_digest(path)
    about = {"Metadata": {DIGEST: digest}}
    upload = bucket.send("write", "create_multipart_upload", key, **about)["UploadId"]
    try:
        parts = [
            {"PartNumber": number, "ETag": _put_part(bucket, key, upload, number, content)}
            for number, content in enumerate(_pieces(path), start=1)
        ]
        _complete(bucket, key, upload, parts, digest)
    except BaseException:
        _abort(bucket, key, upload)
        raise


def abort_uploads(bucket: Bucket, folder: str) -> None:
    """Forget the parts that killed writers left in a folder; nobody else may be writing there."""
    for key, upload, _ in bucket.uploads(folder):
        if key.rpartition("/")[0] == folder:
            _abort(bucket, key, upload)


def list_uploads(bucket: Bucket, folder: str) -> list[StoredFile]:
    """List the uploads that nobody ended, with when they began, by names for `abort_upload`."""
    found = bucket.uploads(folder)
    return sorted(StoredFile(f"{key}{_MARK}{upload}", 0, upload, at) for key, upload, at in found)


def abort_upload(bucket: Bucket, name: str) -> bool:
    """Forget an upload if the name is one of `list_uploads`, and say whether it is."""
    key, mark, upload = name.partition(_MARK)
    if mark:
        _abort(bucket, key, upload)
    return bool(mark)


def _put_part(bucket: Bucket, key: str, upload: str, number: int, content: bytes) -> str:
    about = {"UploadId": upload, "PartNumber": number, "ContentMD5": md5_of(content)}
    return str(bucket.send("write", "upload_part", key, Body=content, **about)["ETag"])


def _complete(
    bucket: Bucket, key: str, upload: str, parts: list[dict[str, Any]], digest: str
) -> None:
    about = {"UploadId": upload, "MultipartUpload": {"Parts": parts}}
    try:
        bucket.send("write", "complete_multipart_upload", key, **about)
    except AbsentError:  # done already, if it was the answer that got lost
        found = bucket.look_up(key)
        if found is None or found[1] != digest:
            raise LakeError(
                f"cannot write {bucket.home / key}: its upload was ended by somebody else; run "
                "again"
            ) from None


def _abort(bucket: Bucket, key: str, upload: str) -> None:
    try:
        bucket.send("write", "abort_multipart_upload", key, UploadId=upload)
    except (LakeError, AbsentError):  # `sweep` does it later
        return


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(SINGLE_PUT_BYTES):
            yield piece

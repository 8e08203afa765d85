"""From a home to its store, and from a prefix to its file system."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Any

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.home import SCHEME, Home, ObjectHome
from musqa_pipeline.storage.stores.local_store import LocalStore
from musqa_pipeline.storage.stores.store import Store


def open_store(home: Home) -> Store:
    """Return the store of a home; cheap to ask for again.

    Raises LakeError if it is on object storage and the libraries for that are absent.
    """
    return _open_bucket(home) if isinstance(home, ObjectHome) else LocalStore(home)


def place_here(home: Home) -> Path:
    """Return the folder of this machine that belongs to a home: itself, or its scratch folder."""
    if isinstance(home, Path):
        return home
    from musqa_pipeline.storage.stores.local_cache import scratch_folder

    return scratch_folder(home)


def open_prefix(prefix: str) -> tuple[Any, str]:
    """Return the file system of fsspec that has a prefix, and the prefix as a path in it."""
    scheme, _, path = prefix.partition("://")
    if scheme not in (SCHEME, "s3a"):
        from fsspec.core import url_to_fs

        files, root = url_to_fs(prefix)
        return files, str(root)
    _need_botocore(prefix)
    from musqa_pipeline.storage.stores.s3_filesystem import S3FileSystem

    return S3FileSystem(), path


@functools.cache
def _open_bucket(home: ObjectHome) -> Store:
    _need_botocore(f"MUSQA_HOME={home}")
    from musqa_pipeline.storage.stores.s3_store import ObjectStore

    return ObjectStore(home)


def _need_botocore(what: str) -> None:
    if importlib.util.find_spec("botocore") is None:
        raise LakeError(f"{what} needs botocore; install it with pip install 'musqa-pipeline[s3]'")

"""Where things are: the checkout, and `MUSQA_HOME`, a folder or a place on object storage."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from musqa_pipeline.core.errors import LakeError, MusqaError, SettingsError

SCHEME = "s3"
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):/+(?P<rest>.*)", re.DOTALL)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SCHEMES = ("s3", "s3a", "s3n", "gs", "gcs", "az", "abfs", "abfss", "http", "https", "memory")


@dataclass(frozen=True, order=True)
class ObjectHome:
    """A home, or a file below it, on object storage with the protocol of Amazon S3."""

    bucket: str
    prefix: str = ""
    """Between bucket and keys, without a slash at either end; may be empty."""

    def __str__(self) -> str:
        return f"{SCHEME}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")

    def __truediv__(self, key: str) -> ObjectHome:
        return ObjectHome(self.bucket, f"{self.prefix}/{key}".strip("/"))


Home = Path | ObjectHome
"""Root of catalogs, lake, reports and releases."""


def parse_home(text: str) -> Home:
    """Read the value of `MUSQA_HOME`."""
    found = _URL.fullmatch(text)
    if not found:
        return Path(text).expanduser().absolute()
    shown = text if "@" not in text else f"{found['scheme']}://…"
    if not text.startswith(f"{SCHEME}://"):
        raise SettingsError(
            f"MUSQA_HOME={shown}: expected a folder, or s3://BUCKET/PREFIX for object storage"
        )
    bucket, _, prefix = text.removeprefix(f"{SCHEME}://").partition("/")
    if "@" in bucket:
        raise SettingsError(
            "MUSQA_HOME carries credentials; take them out, and give them as AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY or in AWS's own files"
        )
    if not _BUCKET.fullmatch(bucket):
        raise SettingsError(
            f"MUSQA_HOME={shown}: {bucket!r} is no name of a bucket; expected s3://BUCKET/PREFIX"
        )
    parts = [part for part in prefix.split("/") if part]
    if any(part in (".", "..") for part in parts):
        raise SettingsError(f"MUSQA_HOME={shown}: expected a prefix without . and ..")
    return ObjectHome(bucket, "/".join(parts))


def refuse_url(path: Path) -> None:
    """Refuse a path with a part such as ``s3:``, a URL before it was taken for a path."""
    scheme = next((p for p in path.parts if p.endswith(":") and p[:-1] in _SCHEMES), None)
    if scheme:
        raise LakeError(
            f"{os.fspath(path)} would be a folder called {scheme!r}; only MUSQA_HOME may be on "
            "object storage, give a folder of this machine here"
        )


MARKER = "dagster.yaml"
"""File at the root of a checkout."""


def find_checkout() -> Path | None:
    """Find the checkout: `MUSQA_PROJECT`, or the nearest folder upwards with a ``dagster.yaml``."""
    named = os.environ.get("MUSQA_PROJECT")
    if named:
        root = Path(named).expanduser().absolute()
        if not (root / MARKER).is_file():
            raise MusqaError(f"MUSQA_PROJECT={named}: no {MARKER} there; set it to a checkout")
        return root
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / MARKER).is_file()), None)


def require_checkout() -> Path:
    """Return the checkout."""
    root = find_checkout()
    if root is None:
        raise MusqaError(
            "no checkout of musqa found here; change into one, or set MUSQA_PROJECT to its path"
        )
    return root


def home_folder() -> Home:
    """Return `MUSQA_HOME`, by default ``data`` in the checkout (or here, outside of one)."""
    named = os.environ.get("MUSQA_HOME")
    if named:
        return parse_home(named)
    return default_home()


def default_home() -> Path:
    """Return the home that holds where `MUSQA_HOME` is not set."""
    return (find_checkout() or Path.cwd()) / "data"

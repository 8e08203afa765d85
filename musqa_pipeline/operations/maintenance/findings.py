"""What a look at a lake may find."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

ERRORS = {
    "damaged": "cannot be read",
    "wrong_fingerprint": "does not belong to its folder",
    "wrong_rows": "another number of rows than its footer says",
    "wrong_checksum": "other values than were written",
    "wrong_bytes": "other bytes than were written",
    "wrong_digest": "as written, but its digest or the copy of it is not",
    "wrong_schema": "other columns than its table has",
    "double": "is there twice",
    "missing": "something refers to it, and it is not there",
}
"""Kinds that are losses; `musqa verify` ends with exit code 1 for them."""
NOTES = {
    "orphan": "nothing refers to it",
    "leftover": "half-written by a process that was killed",
    "undigested": "written by an early release, without a digest of its bytes",
    "unfinished": "the next run makes it",
}
"""Kinds that cost nothing but space or time."""
MENDABLE = (
    "damaged", "wrong_bytes", "wrong_checksum", "wrong_digest", "wrong_fingerprint", "wrong_rows",
    "wrong_schema",
)  # fmt: skip
"""Kinds whose file the next run makes again, once it is out of the way."""


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is not as it should be."""

    kind: str
    """Key of `ERRORS` or `NOTES`."""
    key: str
    """Where, below `MUSQA_HOME`."""
    detail: str

    @property
    def is_error(self) -> bool:
        """Whether something is lost."""
        return self.kind in ERRORS


@dataclass(frozen=True)
class Looked:
    """What a look at one file found."""

    findings: tuple[Finding, ...] = ()
    rows: int = 0
    unsummed: bool = False
    """Written before fragments carried a checksum."""
    undigested: str = ""
    """Its key, if it has no digest of its bytes."""


@dataclass(frozen=True)
class Verification:
    """What was looked at, and what was found."""

    n_files: int
    """Parquet files, retired ones included."""
    n_others: int
    """Other files: records, catalogs, weights, reports."""
    n_rows: int
    n_bytes: int
    n_unsummed: int
    """Files without a checksum, written by early releases: read, but not compared."""
    findings: tuple[Finding, ...]
    undigested: tuple[str, ...] = ()
    """Keys of the files without a digest of their bytes."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What is lost."""
        return tuple(finding for finding in self.findings if finding.is_error)

    def as_dict(self) -> dict[str, Any]:
        """Return counts and findings as plain values."""
        return {
            "files": self.n_files,
            "other_files": self.n_others,
            "rows": self.n_rows,
            "bytes": self.n_bytes,
            "without_checksum": self.n_unsummed,
            "without_digest": list(self.undigested),
            "errors": len(self.errors),
            "counts": dict(sorted(Counter(finding.kind for finding in self.findings).items())),
            "findings": [{"kind": f.kind, "key": f.key, "detail": f.detail} for f in self.findings],
        }

"""What a seal says, and how it is written; how seals are kept true, says `seals.py`."""

from __future__ import annotations

import enum
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

SMALL_BYTES = 1 << 20
"""Files up to this size are kept twice."""
_LINE = re.compile(rb"blake2b ([0-9a-f]{32}) \1")
_COPY = b"copy"


class State(enum.Enum):
    """What a look at a file and its digest says."""

    WHOLE = "it is what was written"
    NONE = "it has no digest of its bytes"
    WRONG = "its bytes are not those that were written"
    SEAL = "its bytes are as written, the copy or the digest of them is not"


@dataclass(frozen=True)
class Seal:
    """What a seal says."""

    digests: tuple[str, ...]
    """The newest first; more than one while the file is replaced."""
    copy: bytes | None = None
    """The content of the first; None where the file is not kept twice."""
    is_copy_whole: bool = True
    """False where there was a copy, and is damaged."""

    def to_bytes(self) -> bytes:
        """Write it; a digest stands twice, so that a damaged one is told from a damaged file."""
        lines = "".join(f"blake2b {digest} {digest}\n" for digest in self.digests).encode()
        return lines if self.copy is None else lines + _COPY + b"\n" + self.copy

    @staticmethod
    def from_bytes(content: bytes) -> Seal | None:
        """Read it; None if it is damaged. A damaged copy is left out."""
        digests: list[str] = []
        rest = content
        while rest:
            line, _, rest = rest.partition(b"\n")
            if line == _COPY and digests:
                whole = digest_of(rest) == digests[0]
                return Seal(tuple(digests), rest if whole else None, whole)
            found = _LINE.fullmatch(line)
            if found is None:
                return None
            digests.append(found[1].decode())
        return Seal(tuple(digests)) if digests else None


def digest_of(content: bytes) -> str:
    """Return the digest of content."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def file_digest(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()

"""The pages of an Ogg file: whether it ends with a whole one, and how many recordings it chains.

libsndfile reads the first link of a chain and takes the last page that it finds for the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_HEAD_BYTES = 27
_BEGINS, _ENDS = 2, 4
"""Flags of a page (RFC 3533, section 6)."""
MOST_GAPS = 1000
"""Stretches that are no page; a file with more is walked no farther."""


@dataclass(frozen=True)
class OggPages:
    """What the pages of a file tell."""

    links: tuple[tuple[int, int], ...]
    """First byte and end of each link of the chain; one link is an ordinary file."""
    is_broken_off: bool
    """Whether the file ends within a page."""
    has_end: bool
    """Whether the last link's last page says that it is the last."""


def ogg_pages(path: Path) -> OggPages:
    """Walk over the pages of an Ogg file; what is in them is not read.

    A link begins with a page of a new stream after a page that was none. What stands between or
    after pages (tags, padding) belongs to the link before.
    """
    size = path.stat().st_size
    starts: list[int] = []
    at = n_gaps = 0
    in_heads = has_end = is_broken_off = False
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(_HEAD_BYTES)
            if head[:4] != b"OggS":
                n_gaps += 1
                found = _next_page(file, at) if n_gaps <= MOST_GAPS else None
                if found is None:
                    break
                at = found
                continue
            sizes = file.read(head[26]) if len(head) == _HEAD_BYTES else b""
            if len(head) < _HEAD_BYTES or len(sizes) < head[26]:
                is_broken_off = True
                break
            begins = bool(head[5] & _BEGINS)
            if begins and not in_heads:
                starts.append(at)
            in_heads, has_end = begins, bool(head[5] & _ENDS)
            at += _HEAD_BYTES + len(sizes) + sum(sizes)
            if at > size:
                is_broken_off = True
    stops = [*starts[1:], size][: len(starts)]
    return OggPages(
        tuple(zip(starts, stops, strict=True)), is_broken_off, has_end and not is_broken_off
    )


def _next_page(file: BinaryIO, at: int) -> int | None:
    """Search for the next page after something that is none."""
    file.seek(at)
    kept = b""
    while block := file.read(1 << 16):
        data = kept + block
        found = data.find(b"OggS")
        if found >= 0:
            return at - len(kept) + found
        kept = data[-3:]
        at += len(block)
    return None

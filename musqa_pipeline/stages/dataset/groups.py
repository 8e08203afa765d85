"""Split groups: tracks that share a recording, an artist or their samples, directly or in a chain.

Keys are compared over all catalogs together. A blank key joins nothing, nor does a name that only
says that the name is not known. Where `tracks` had no recording to record and put the file's path
in its place, the path is a key within its catalog only.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

NOT_A_NAME = frozenset(
    {"", "-", "?", "n/a", "na", "none", "null", "unknown", "unknown artist", "various",
     "various artists", "va", "v.a.", "untitled"}
)  # fmt: skip
"""Values that taggers write where they know nothing; as keys they would join half a library."""


@dataclass(frozen=True, kw_only=True)
class SplitTrack:
    """What the split has to know of a track."""

    catalog: str
    track_id: str
    file: str
    recording: str
    artist: str
    pcm_hash: str
    role: str
    """``"train"``, ``"test"`` or empty."""
    serves: bool = True
    """Whether it gives rows to the pool; a track that does not may still join two others."""


def normal_name(name: str) -> str:
    """Bring a name to the form in which two spellings of it are equal."""
    text = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    text = unicodedata.normalize("NFKC", text)  # case folding can denormalise
    return "" if text in NOT_A_NAME else text


def track_keys(track: SplitTrack, *, by_artist: bool = True) -> list[tuple[str, ...]]:
    """List the keys that a track shares with those it must not be parted from."""
    keys: list[tuple[str, ...]] = [("pcm", track.pcm_hash)]
    if track.recording == track.file:
        keys.append(("file", track.catalog, track.file))
    elif recording := normal_name(track.recording):
        keys.append(("recording", recording))
    if by_artist and (artist := normal_name(track.artist)):
        keys.append(("artist", artist))
    return keys


def group_tracks(tracks: Sequence[SplitTrack], *, by_artist: bool = True) -> list[list[int]]:
    """Find the connected components of tracks over their keys."""
    first_with: dict[tuple[str, ...], int] = {}
    edges = [
        (first_with.setdefault(key, i), i)
        for i, track in enumerate(tracks)
        for key in track_keys(track, by_artist=by_artist)
    ]
    a, b = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    n = len(tracks)
    _, labels = scipy.sparse.csgraph.connected_components(
        scipy.sparse.coo_array((np.ones(len(a)), (a, b)), (n, n)), directed=False
    )
    members: dict[int, list[int]] = defaultdict(list)
    for i, label in enumerate(labels.tolist()):
        members[label].append(i)
    return list(members.values())


def group_name(members: Iterable[SplitTrack]) -> str:
    """Name a group after its member with the lowest PCM hash."""
    return min((m.pcm_hash, m.track_id) for m in members)[1]

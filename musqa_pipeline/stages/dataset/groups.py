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
    """Bring a name to the form in which two spellings of it are equal.

    Parameters
    ----------
    name : str
        Artist or recording as the user or a tag wrote it.

    Returns
    -------
    str
        Compatibility-normalised, case-folded, with single spaces; empty if it names nothing.
    """
    text = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    text = unicodedata.normalize("NFKC", text)  # case folding can denormalise
    return "" if text in NOT_A_NAME else text


def track_keys(track: SplitTrack, *, by_artist: bool = True) -> list[tuple[str, ...]]:
    """List the keys that a track shares with those it must not be parted from.

    Parameters
    ----------
    track : SplitTrack
        The track.
    by_artist : bool
        Whether a common artist joins.

    Returns
    -------
    list of tuple of str
        Each starts with its kind: ``"pcm"``, ``"file"`` (within a catalog), ``"recording"``,
        ``"artist"``. From the narrowest to the widest.
    """
    keys: list[tuple[str, ...]] = [("pcm", track.pcm_hash)]
    if track.recording == track.file:
        keys.append(("file", track.catalog, track.file))
    elif recording := normal_name(track.recording):
        keys.append(("recording", recording))
    if by_artist and (artist := normal_name(track.artist)):
        keys.append(("artist", artist))
    return keys


def group_tracks(tracks: Sequence[SplitTrack], *, by_artist: bool = True) -> list[list[int]]:
    """Find the connected components of tracks over their keys.

    Parameters
    ----------
    tracks : sequence of SplitTrack
        All tracks of all catalogs.
    by_artist : bool
        Whether a common artist joins.

    Returns
    -------
    list of list of int
        Positions in `tracks`: ascending within a group, groups by their first.
    """
    parent = list(range(len(tracks)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first_with: dict[tuple[str, ...], int] = {}
    for i, track in enumerate(tracks):
        for key in track_keys(track, by_artist=by_artist):
            a, b = root(first_with.setdefault(key, i)), root(i)
            parent[max(a, b)] = min(a, b)
    members: dict[int, list[int]] = defaultdict(list)
    for i in range(len(tracks)):
        members[root(i)].append(i)
    return list(members.values())


def group_name(members: Iterable[SplitTrack]) -> str:
    """Name a group after its member with the lowest PCM hash.

    Parameters
    ----------
    members : iterable of SplitTrack
        The group's tracks.

    Returns
    -------
    str
        A track id; it depends neither on the order of tracks nor on the names of catalogs.
    """
    return min((m.pcm_hash, m.track_id) for m in members)[1]

"""Classes of genres: what a conditional network may be told of a track."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.studies.listening.pmqd_paper import GENRES

OTHER = "other"
"""Class of tracks without a genre, and of classes that are too small."""
FEWEST_RECORDINGS = 4
"""Recordings that train, of a class of its own."""


def genre_classes(
    tracks: Iterable[Mapping[str, Any]], table: Mapping[str, str]
) -> dict[tuple[str, str], str]:
    """Give each track its class, by catalog and track id.

    Tracks have catalog, track_id, recording, genre and part. Raises SettingsError if a genre is in
    no class, or a table is there and no track has a genre.
    """
    tracks = list(tracks)
    if table and tracks and not any(track["genre"] for track in tracks):
        raise SettingsError(
            f"[gan] genres has {len(table)} words and no track a genre; write genres into the "
            "catalogs' tracks.csv, or leave the table out for networks without classes"
        )
    classes = {(t["catalog"], t["track_id"]): _class_of(t, table) for t in tracks}
    training = defaultdict(set)
    for track in tracks:
        if track["part"] == "train":
            recording = track["catalog"], track["recording"]
            training[classes[track["catalog"], track["track_id"]]].add(recording)
    return {
        key: name if len(training[name]) >= FEWEST_RECORDINGS else OTHER
        for key, name in classes.items()
    }


def _class_of(track: Mapping[str, Any], table: Mapping[str, str]) -> str:
    word = track["genre"].strip()
    first = word.partition("/")[0].strip()
    if not word or not table:
        return first or OTHER
    known = {**{name: name for name in (*GENRES, *table.values(), OTHER)}, **table}
    found = known.get(word, known.get(first))
    if found is None:
        nearest = max(known, key=lambda name: _likeness(name, word))
        raise SettingsError(
            f"[gan] genres: {word!r} of {track['file']} in {track['catalog']} is in no class, the "
            f"nearest word is {nearest!r}; add {word!r} to the table, or correct tracks.csv"
        )
    return found


def _likeness(name: str, word: str) -> float:
    return difflib.SequenceMatcher(None, name.lower(), word.lower()).ratio()

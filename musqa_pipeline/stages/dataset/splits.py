"""Who trains, who validates, who is tested: every group of tracks in exactly one part.

Test
    A group is test if any member has ``role = test`` or, in catalogs without any role, if any
    member's own hash falls below `test_fraction`. Own hash: of the artist if it is named, else of
    the recording, else of the samples, so that ten songs by one artist have one hash, not ten. It
    depends on the track alone, and joining groups only ever adds members: a new catalog cannot
    move an old test song into training. Where the hash holds out nothing of a catalog of three
    groups or more, its lowest hash does; that, too, is decided within the catalog. Neither seed
    nor repetition enters: a test song stays one under every preset with the same fraction.

Validation
    Of the other groups, those with the lowest hashes, `validation_fraction` of them rounded; the
    group with the most tracks trains. A fixed number rather than a fixed threshold, because of
    60 groups a threshold at 0.15 would take anything from 4 to 14. One group more in the catalogs
    moves at most one old group over the border, two if it is the new largest.

Train
    The rest.

``paper_two_way`` is the paper's protocol (001, III.E): 24 % of the recordings validate (60 of
250), the artist is no key, and test is what the user marked, or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seeds import unit_interval_hash
from musqa_pipeline.stages.dataset.groups import SplitTrack, group_name, group_tracks, track_keys

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
PAPER_VALIDATION_FRACTION = 0.24
"""60 of 250 reference recordings (paper 001, III.E)."""
LEAST_GROUPS_FOR_TEST = 3
"""A smaller catalog is not made to give up a group for the test."""


@dataclass(frozen=True)
class Assignment:
    """Where a track went."""

    track: SplitTrack
    group: str
    part: Part


def split_tracks(
    tracks: Sequence[SplitTrack],
    *,
    protocol: Literal["three_way", "paper_two_way"] = "three_way",
    test_fraction: float = 0.15,
    validation_fraction: float = 0.15,
    repetition: int = 0,
) -> list[Assignment]:
    """Give each track its group and part.

    Raises StageError if a part would have no track that serves; it says how many groups there are
    and what to do. Under ``paper_two_way`` the test part may be empty.
    """
    two_way = protocol == "paper_two_way"
    tracks = sorted(tracks, key=lambda t: (t.catalog, t.track_id, t.file))
    groups = group_tracks(tracks, by_artist=not two_way)
    held_out = {i for i, t in enumerate(tracks) if t.role == "test"}
    if not two_way:
        held_out |= _held_out_by_hash(tracks, test_fraction)
    serving = [g for g in groups if any(tracks[i].serves for i in g)]
    _require_groups(len(serving), 2 if two_way else 3, protocol)
    if not two_way and all(held_out.isdisjoint(g) for g in serving):
        raise StageError(
            f"splits: none of {len(serving)} groups of tracks is held out for testing; set "
            "role=test for at least one of them in its catalog's tracks.csv"
        )
    others = [g for g in serving if held_out.isdisjoint(g)]
    if len(others) < 2:
        raise StageError(
            f"splits: {len(serving) - len(others)} of {len(serving)} groups of tracks are held out "
            f"for testing and {len(others)} left to train and validate, expected at least 2; add "
            "music, or name the roles (train, test) in the catalogs' tracks.csv"
        )
    fraction = PAPER_VALIDATION_FRACTION if two_way else validation_fraction
    validation = _validation_groups(tracks, others, fraction, repetition)
    assignments: list[Assignment | None] = [None] * len(tracks)
    for g in groups:
        name = group_name(tracks[i] for i in g)
        part: Part = "train"
        if not held_out.isdisjoint(g):
            part = "test"
        elif name in validation:
            part = "validation"
        for i in g:
            assignments[i] = Assignment(tracks[i], name, part)
    return [a for a in assignments if a is not None]


def own_hash(track: SplitTrack) -> float:
    """Hash a track for the test part."""
    keys = track_keys(track)
    widest = keys[-1] if keys[-1][0] != "file" else keys[0]  # a path says nothing of the music
    return unit_interval_hash("splits-test", *widest)


def _held_out_by_hash(tracks: Sequence[SplitTrack], test_fraction: float) -> set[int]:
    """Choose test tracks of the catalogs without roles, each catalog on its own."""
    chosen: set[int] = set()
    for catalog in {t.catalog for t in tracks}:
        here = [i for i, t in enumerate(tracks) if t.catalog == catalog]
        if any(tracks[i].role for i in here):
            continue
        hashes = {i: own_hash(tracks[i]) for i in here}
        below = {i for i in here if hashes[i] < test_fraction}
        chosen |= below
        serving = [i for i in here if tracks[i].serves]
        if below.isdisjoint(serving):
            n_groups = len(group_tracks([tracks[i] for i in serving]))
            if n_groups >= LEAST_GROUPS_FOR_TEST:
                chosen.add(min(serving, key=lambda i: (hashes[i], tracks[i].pcm_hash)))
    return chosen


def _validation_groups(
    tracks: Sequence[SplitTrack], others: Sequence[list[int]], fraction: float, repetition: int
) -> set[str]:
    """Name the groups that validate: the lowest hashes, never the group with the most tracks."""
    hashes, sizes = {}, {}
    for group in others:
        name = group_name(tracks[i] for i in group)
        hashes[name] = unit_interval_hash("splits-validation", repetition, name)
        sizes[name] = sum(tracks[i].serves for i in group)
    largest = max(hashes, key=lambda name: (sizes[name], hashes[name], name))
    n_validation = max(1, min(round(fraction * len(hashes)), len(hashes) - 1))
    ranked = sorted(hashes.keys() - {largest}, key=lambda name: (hashes[name], name))
    return set(ranked[:n_validation])


def _require_groups(n_groups: int, least: int, protocol: str) -> None:
    if n_groups < least:
        raise StageError(
            f"splits: {n_groups} independent groups of tracks (by artist, recording and samples) "
            f"give excerpts, {protocol} needs at least {least}; add music by other artists, or "
            "look into the view quarantine for what was refused"
        )

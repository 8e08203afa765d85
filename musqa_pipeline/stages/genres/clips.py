"""The clips that genre is told from: GTZAN's, synthesised pieces, or excerpts of the catalogs."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.clip_image import CLIP_FRAMES, CLIP_IMAGE, clip_image
from musqa_pipeline.audio.files.decoding import open_audio
from musqa_pipeline.catalogs.demo_music.catalog import TIER, TrackPlan
from musqa_pipeline.catalogs.demo_music.styles import STYLES
from musqa_pipeline.catalogs.identity import identified_files
from musqa_pipeline.catalogs.known import list_catalogs
from musqa_pipeline.catalogs.readers import gtzan
from musqa_pipeline.core.errors import StageError, UnfitInputError
from musqa_pipeline.core.files import whole_file
from musqa_pipeline.stages.autoencoders.music import listed_excerpts
from musqa_pipeline.stages.autoencoders.settings import RepresentationsSettings
from musqa_pipeline.stages.dataset.inputs import read_seen_tracks
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.excerpts.references import read_reference
from musqa_pipeline.stages.segments.genres import FEWEST_RECORDINGS

Clip = Mapping[str, Any]
"""``clip``, ``genre``, ``recording``, ``part`` (none: folds), ``content`` that tells another sound
apart, and what finds the sound."""
GTZAN = "gtzan"
PIECE_S = 30.0
PIECE_PARTS = (
    "train", "test", "validation", "train", "test", "train", "validation", "train", "test", "train",
)  # fmt: skip
"""Of a style's pieces in turn; GTZAN's parts have 48, 21 and 31 of a hundred."""
EXCERPT_FRAMES = 424
"""Of 10 s, which have 431; a multiple of 8."""
BLOCK = 24
"""Clips whose images are kept at a time."""


class Images(NamedTuple):
    """Images of the clips that have one."""

    clips: list[Clip]
    cells: NDArray[np.uint8]
    """Shape (n, 128, frames)."""
    left_out: list[str]
    """Names of clips that could not be read."""


def listed_clips(context: Context, kind: str, settings: RepresentationsSettings) -> list[Clip]:
    """List the clips of a kind.

    Raises StageError if there is no GTZAN, or too few recordings have a genre.
    """
    if kind == GTZAN:
        return _gtzan_clips(context)
    if kind == "synthesised":
        return _pieces(settings.genre_pieces)
    return _excerpts(context)


def images_of(
    context: Context, kind: str, clips: Sequence[Clip], folder: Path, after: Callable[[], object]
) -> Images:
    """Make the images of clips, or find them in a folder where a killed attempt kept them.

    What cannot be read, or is silent, is left out.
    """
    n_frames = EXCERPT_FRAMES if kind == "catalogs" else CLIP_FRAMES
    cells, kept, left_out = [], [], []
    for first in range(0, len(clips), BLOCK):
        some, path = clips[first : first + BLOCK], folder / f"images-{first:05d}.npz"
        if not path.is_file():
            made = [_image(context, kind, clip, n_frames, after) for clip in some]
            fits = np.array([image is not None for image in made])
            blank = np.zeros((CLIP_IMAGE.n_mels, n_frames), np.uint8)
            block = np.stack([blank if image is None else image for image in made])
            with whole_file(path) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, cells=block, fits=fits)
            after()
        with np.load(path) as stored:
            block, fits = stored["cells"], stored["fits"]
        cells.append(block[fits])
        kept += [clip for clip, fit in zip(some, fits, strict=True) if fit]
        left_out += [clip["clip"] for clip, fit in zip(some, fits, strict=True) if not fit]
    return Images(kept, np.concatenate(cells), left_out)


def _image(
    context: Context, kind: str, clip: Clip, n_frames: int, after: Callable[[], object]
) -> NDArray[np.uint8] | None:
    try:
        if kind == GTZAN:
            with open_audio(Path(clip["path"])) as audio:
                samples = np.concatenate([*audio.blocks])
            return clip_image(samples, audio.info.sample_rate_hz, n_frames)
        if kind == "synthesised":
            piece = TrackPlan(clip["index"], 0, PIECE_S).samples()
            after()
            return clip_image(piece.T, SAMPLE_RATE_HZ, n_frames)
        samples = read_reference(context, clip["clip"], clip["catalog"])
        return clip_image(samples, SAMPLE_RATE_HZ, n_frames)
    except UnfitInputError:
        return None


def _gtzan_clips(context: Context) -> list[Clip]:
    found = [catalog for catalog in list_catalogs(context.home) if catalog.reader == GTZAN]
    if not found:
        raise StageError(
            "genres: the preset asks for GTZAN and no catalog is one; put its clips into a folder "
            f"as {gtzan.READER.layout}, add it with `musqa catalog add FOLDER --reader gtzan`, or "
            "take 'gtzan' out of [representations] genres"
        )
    parts = {"train": gtzan.TRAIN, "validation": gtzan.VALIDATION, "test": gtzan.TEST}
    part_of = {name: part for part, ranges in parts.items() for name in gtzan.clips(ranges)}
    return [
        {
            "clip": Path(entry.file).stem,
            "genre": entry.metadata["genre"],
            "recording": Path(entry.file).stem,
            "part": part_of[Path(entry.file).stem],
            "content": unit_id,
            "path": os.fspath(entry.path),
        }
        for unit_id, entry in identified_files(context.home, found[0].name)
    ]


def _pieces(n_a_style: int) -> list[Clip]:
    """List pieces that are composed when they are asked for, the styles in turn."""
    clips: list[Clip] = []
    for index in range(n_a_style * len(STYLES)):
        plan = TrackPlan(index, 0, PIECE_S)
        part = PIECE_PARTS[index // len(STYLES) % len(PIECE_PARTS)]
        clips.append(
            {
                "clip": plan.file.removesuffix(".flac"),
                "genre": plan.style.name,
                "recording": plan.row()["recording"],
                "part": part,
                "content": plan.comment,
                "index": index,
            }
        )
    return clips


def _excerpts(context: Context) -> list[Clip]:
    """List the excerpts of recordings whose genre has enough of them; music that is made is none.

    A genre is what stands before a slash.
    """
    tracks = {
        (row["catalog"], row["track_id"]): row for row in read_seen_tracks(context).to_dicts()
    }
    clips: list[Clip] = []
    recordings = defaultdict(set)
    for row in listed_excerpts(context):
        track = tracks[row["catalog"], row["track_id"]]
        genre = track["genre"].partition("/")[0].strip()
        if not genre or track["tier"] == TIER:
            continue
        recording = f"{row['catalog']}/{row['recording']}"
        recordings[genre].add(recording)
        clips.append(
            {
                "clip": row["excerpt_id"],
                "genre": genre,
                "recording": recording,
                "part": "",
                "content": row["excerpt_id"],
                "catalog": row["catalog"],
            }
        )
    large = {genre for genre, whose in recordings.items() if len(whose) >= FEWEST_RECORDINGS}
    if len(large) < 2:
        raise StageError(
            f"genres: {len(large)} genres have {FEWEST_RECORDINGS} recordings or more in the "
            "preset's catalogs: expected two or more; write genres into tracks.csv, or take "
            "'catalogs' out of [representations] genres"
        )
    return [clip for clip in clips if clip["genre"] in large]

"""What bodies are pre-trained on: whole tracks of the chosen catalogs, a stored stream of each.

Streams lie in the home, if it is on a disk, for all trainings; what lies there may be deleted at
any time.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.degradations.six_versions import six_versions
from musqa_pipeline.audio.features.mel import encode_cells
from musqa_pipeline.audio.features.nisqa_mel import nisqa_mel, nisqa_mel_of_track
from musqa_pipeline.audio.features.pcm import WAVEFORM_RATE_HZ, pcm_at_rate
from musqa_pipeline.audio.files.limits import MAX_DURATION_S
from musqa_pipeline.audio.files.signals import read_signal
from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.catalogs.identity import identified_files
from musqa_pipeline.core.errors import SettingsError, StageError, UnfitInputError
from musqa_pipeline.core.files import explained, write_whole
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.learning.pretraining.streams import StreamFiles
from musqa_pipeline.stages.dataset.inputs import read_seen_tracks
from musqa_pipeline.stages.dataset.report import read_splits, require_splits
from musqa_pipeline.stages.engine.catalog_choice import drawn_catalogs
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.models.pretraining.settings import PretrainingSettings
from musqa_pipeline.stages.models.training import tell
from musqa_pipeline.stages.tracks.verdict import USABLE

PIECE_S = 600
"""Of music that is read at once, so that an hour of it is no gigabyte."""
PASSING_REASONS = ("gone", "unreadable", "changed")
"""Of a file that may be there again."""
_KEY = ["catalog", "track_id"]
Stream = NDArray[np.generic]
Pieces = Iterator[NDArray[np.float32]]


def pretraining_settings(preset: Preset) -> PretrainingSettings:
    """Return the section ``[pretraining]`` of a preset."""
    settings = preset.further["pretraining"]
    assert isinstance(settings, PretrainingSettings)
    return settings


def listed_tracks(context: Context) -> pl.DataFrame:
    """List the tracks of the chosen catalogs in a fixed order, with group and part where they are.

    Darker copies and, unless the preset cuts excerpts of them, flagged tracks are left out.

    Raises SettingsError if a catalog is none of the preset's, StageError if there are no splits.
    """
    require_splits(context, "pretraining")
    wanted = pretraining_settings(context.preset).catalogs
    there = drawn_catalogs(context)
    if unknown := sorted(set(wanted) - set(there)):
        raise SettingsError(
            f"[pretraining] catalogs: the preset has no {unknown[0]!r}, but {', '.join(there)}; "
            "add it to catalogs, or leave it out here"
        )
    parts = read_splits(context).select(*_KEY, "split_group", "part")
    serves = pl.col("verdict") == USABLE
    if context.preset.excerpts.flagged_tracks == "include":
        serves = pl.lit(True)
    return (
        read_seen_tracks(context)
        .filter(serves, pl.col("tier") != COPY_TIER, pl.col("catalog").is_in(wanted or there))
        .select(*_KEY, "unit_id", "file", "recording", "duration_s", "sample_rate_hz")
        .join(parts, on=_KEY, how="left", maintain_order="left")
    )


def material_of(tracks: pl.DataFrame, held: Collection[str]) -> list[list[str]]:
    """Return catalog and id of the tracks of no held group, nor of a recording that has one."""
    kept_out = tracks.filter(pl.col("split_group").is_in(list(held)))
    free = tracks.filter(
        ~pl.col("split_group").fill_null("").is_in(list(held)),
        ~pl.col("recording").is_in(kept_out["recording"].to_list()),
    )
    return [list(row) for row in free.select(_KEY).iter_rows()]


class Streams(NamedTuple):
    """The streams of tracks."""

    streams: StreamFiles
    recordings: list[str]
    heard: list[tuple[str, str]]
    """Catalog and id of the tracks that they are of."""
    refused: list[str]
    """Tracks that have none, and why."""


@contextmanager
def streams_folder(context: Context) -> Iterator[Path]:
    """Give the folder of streams: in the home, if it is on a disk, else one that goes away."""
    if isinstance(context.home, Path):
        folder = context.home / "cache" / "pretraining-streams"
        with explained("write", folder):
            folder.mkdir(parents=True, exist_ok=True)
        yield folder
    else:
        with tempfile.TemporaryDirectory(prefix="musqa-streams-") as scratch:
            yield Path(scratch)


def streams_of(
    context: Context, material: Sequence[Sequence[str]], kind: str, folder: Path
) -> Streams:
    """Return a stream of each track, made in a folder where it is not there yet.

    Raises StageError if none has one, or a file cannot be read now.
    """
    tracks = {tuple(row[name] for name in _KEY): row for row in listed_tracks(context).to_dicts()}
    paths = _paths(context, {catalog for catalog, _ in material})
    made_by = context.joint_partition("pretraining").fingerprint
    stored: list[Path] = []
    recordings, heard, refused = [], [], []
    for number, (catalog, track_id) in enumerate(material):
        track = tracks[catalog, track_id]
        path = folder / f"{digest([kind, catalog, track_id, made_by])[:32]}.npy"
        if not path.exists():
            tell(f"music for pre-training: track {number + 1} of {len(material)}")
            try:
                made = STREAMS[kind](_pieces(track, paths.get((catalog, track["unit_id"]))))
            except UnfitInputError as error:
                if error.passing or error.reason in PASSING_REASONS:
                    raise StageError(
                        f"pretraining: {track['file']} in {catalog} cannot be read now ({error}); "
                        "bring it back, or rescan the catalog, and run again"
                    ) from error
                refused.append(f"{track['file']} in {catalog}: {error}")
                continue
            content = io.BytesIO()
            np.save(content, made, allow_pickle=False)
            write_whole(path, content.getvalue())
        stored.append(path)
        recordings.append(track["recording"])
        heard.append((catalog, track_id))
    if not stored:
        why = f" ({refused[0]})" if refused else ""
        raise StageError(
            f"pretraining: none of {len(material)} tracks can be learned from{why}; add music to "
            "the catalogs of the preset"
        )
    return Streams(StreamFiles(stored), recordings, heard, refused)


def _paths(context: Context, catalogs: Collection[str]) -> Mapping[tuple[str, str], Path]:
    return {
        (catalog, unit_id): Path(os.fspath(entry.path))
        for catalog in sorted(catalogs)
        for unit_id, entry in identified_files(context.home, catalog)
    }


def _pieces(track: Mapping[str, Any], path: Path | None) -> Pieces:
    """Yield a track as mono at 48 kHz in pieces of `PIECE_S`."""
    if path is None:
        raise UnfitInputError("gone", "its file is gone", "bring it back, or rescan the catalog")
    n_frames = round(track["duration_s"] * track["sample_rate_hz"])
    n_piece = PIECE_S * track["sample_rate_hz"]
    for start_frame in range(0, n_frames, n_piece):
        n_here = min(n_piece, n_frames - start_frame)
        yield read_signal(
            path, start_frame=start_frame, n_frames=n_here, max_duration_s=MAX_DURATION_S
        ).samples


def _versions(pieces: Pieces) -> Stream:
    """Make the images of six versions of every 10 s, drawn by what is heard and nothing else."""
    stored = []
    for piece in pieces:
        for start in range(0, len(piece) - EXCERPT_SAMPLES + 1, EXCERPT_SAMPLES):
            excerpt = piece[start : start + EXCERPT_SAMPLES]
            heard = blake2b(excerpt.tobytes(), digest_size=8).hexdigest()
            try:
                made = six_versions(excerpt, derive_generator("pretraining.versions", heard))
                stored.append([encode_cells(nisqa_mel(version).image, "uint8") for version in made])
            except UnfitInputError:  # 10 s of silence
                continue
    if not stored:
        raise UnfitInputError("too_short", "it has no 10 s of sound", "leave it out")
    return np.array(stored)


def _waveform(pieces: Pieces) -> Stream:
    return np.concatenate([pcm_at_rate(piece, WAVEFORM_RATE_HZ) for piece in pieces])


def _mel(pieces: Pieces) -> Stream:
    return encode_cells(nisqa_mel_of_track(pieces), "uint8")


STREAMS: dict[str, Callable[[Pieces], Stream]] = {
    "waveforms": _waveform, "mels": _mel, "versions": _versions,
}  # fmt: skip
"""How a track's stream is made, see `learning.pretraining.methods.Material`."""

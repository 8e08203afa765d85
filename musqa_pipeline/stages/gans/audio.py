"""What GANs learn from: clean tracks of the train part, at the rate of images, in one file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.features.pcm import pcm_at_rate
from musqa_pipeline.audio.files.limits import MAX_DURATION_S
from musqa_pipeline.audio.files.signals import read_stereo
from musqa_pipeline.core.errors import StageError, UnfitInputError
from musqa_pipeline.core.files import explained, write_whole
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.learning.gan.segments import ImageSpec
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.models.training import tell
from musqa_pipeline.stages.segments.tracks import original_tracks
from musqa_pipeline.storage.stores.store import WorkFolder

if TYPE_CHECKING:
    from musqa_pipeline.learning.gan.tracks import Track, Tracks

PIECE_S = 600


@dataclass(frozen=True)
class Music:
    """Tracks by part, with their classes."""

    classes: tuple[str, ...]
    """Of the tracks that train, sorted; a track's class is its number here."""
    tracks: tuple[Mapping[str, Any], ...]

    def of_part(self, part: str) -> list[Mapping[str, Any]]:
        """Return the tracks of a part whose class trains."""
        return [t for t in self.tracks if t["part"] == part and t["genre"] in self.classes]

    def identity(self) -> list[list[str]]:
        """Return what a training depends on: who trains, who is shown as unmet, as what."""
        parts = ("train", "validation")
        return [
            [part, track["catalog"], track["track_id"], track["genre"]]
            for part in parts
            for track in self.of_part(part)
        ]


def listed_music(context: Context) -> Music:
    """List the clean tracks of the catalogs. Raises StageError if none is in the train part."""
    tracks = tuple(original_tracks(context))
    classes = tuple(sorted({track["genre"] for track in tracks if track["part"] == "train"}))
    if not classes:
        raise StageError(
            "gans: no clean track is in the train part; add recordings, or take [gan] out of the "
            "preset"
        )
    return Music(classes, tracks)


def written_tracks(
    context: Context, music: Music, part: str, spec: ImageSpec, work: WorkFolder
) -> tuple[Tracks, list[str]]:
    """Return the tracks of a part as PCM, with those that cannot train and why.

    They lie in the home, if it is on a disk, for all trainings at that rate; what lies there may be
    deleted at any time.
    """
    from musqa_pipeline.learning.gan.tracks import Tracks, write_tracks

    wanted = music.of_part(part)
    home = context.home
    folder = home / "cache" / "gan-tracks" if isinstance(home, Path) else work.path
    about = [[track["catalog"], track["track_id"], track["genre"]] for track in wanted]
    path = folder / f"{part}-{digest([spec.sample_rate_hz, about])[:16]}.arrow"
    refused_path = path.with_suffix(".json")
    if not path.exists():
        with explained("write", folder):
            folder.mkdir(parents=True, exist_ok=True)
        write_tracks(path, _fit(wanted, music.classes, spec, refused_path), spec)
    with explained("read", refused_path):
        refused: list[str] = json.loads(refused_path.read_text("utf-8"))
    return Tracks([path], spec), refused


def _fit(
    tracks: Sequence[Mapping[str, Any]],
    classes: Sequence[str],
    spec: ImageSpec,
    refused_path: Path,
) -> Iterator[Track]:
    """Yield tracks that can train; at last write down which cannot, and why."""
    from musqa_pipeline.learning.gan.tracks import Track, check_track

    refused = []
    for number, about in enumerate(tracks):
        tell(f"music for GANs: track {number + 1} of {len(tracks)}")
        try:
            pcm = np.concatenate(list(_pieces(about, spec.sample_rate_hz)))
            track = Track(about["track_id"], classes.index(about["genre"]), pcm)
            check_track(track, spec)
        except UnfitInputError as error:
            refused.append(f"{about['file']} in {about['catalog']}: {error}")
        else:
            yield track
    write_whole(refused_path, json.dumps(refused).encode())


def _pieces(track: Mapping[str, Any], rate_hz: int) -> Iterator[NDArray[np.int16]]:
    """Yield a track at a rate in pieces of `PIECE_S`, so that an hour of music is no gigabyte."""
    n_frames = round(track["duration_s"] * track["sample_rate_hz"])
    n_piece = PIECE_S * track["sample_rate_hz"]
    for start_frame in range(0, n_frames, n_piece):
        piece = read_stereo(
            Path(track["path"]),
            start_frame=start_frame,
            n_frames=min(n_piece, n_frames - start_frame),
            max_duration_s=MAX_DURATION_S,
        )
        yield pcm_at_rate(piece.samples, rate_hz)

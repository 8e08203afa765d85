"""Training audio: whole tracks as 16-bit PCM at the rate of images, in memory-mapped files.

A file is Arrow's, a record batch for each track, so that reading a segment copies that segment
alone. Which segments an epoch has is a function of (seed, epoch): tracks without replacement, as
many of every genre, so that those of smaller genres come again, and a segment of each that begins
anywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from musqa_pipeline.core.errors import LakeError, StageError, UnfitInputError
from musqa_pipeline.core.files import explained, whole_file
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.gan.segments import ImageSpec, is_silent

MOST_DRAWS = 20
"""Segments of a track that may be silent one after the other."""
_RATE = b"sample_rate_hz"


class Track(NamedTuple):
    """A recording to train on, or a stretch of it."""

    track_id: str
    genre: int
    """Class, from 0."""
    pcm: NDArray[np.int16]
    """Mono at the rate of images, shape (samples,); see `pcm_at_rate`."""


def write_tracks(path: Path, tracks: Iterable[Track], spec: ImageSpec) -> None:
    """Write tracks into a file that is whole or absent; one of them is in memory at a time.

    Parameters
    ----------
    path : Path
        File to write or replace.
    tracks : iterable of Track
        At the rate of `spec`. `check_track` says beforehand which are fit.
    spec : ImageSpec
        Geometry of the images.

    Raises
    ------
    UnfitInputError
        If a track is shorter than a segment, or silent.
    LakeError
        If the disk is full, read-only or not permitted.
    """
    columns = [("track_id", pa.string()), ("genre", pa.int32()), ("pcm", pa.list_(pa.int16()))]
    schema = pa.schema(columns, metadata={_RATE: str(spec.sample_rate_hz).encode()})
    with (
        whole_file(path) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, schema) as writer,
    ):
        for track in tracks:
            check_track(track, spec)
            offsets = pa.array([0, len(track.pcm)], pa.int32())
            pcm = pa.ListArray.from_arrays(offsets, pa.array(track.pcm))
            ids, genres = pa.array([track.track_id]), pa.array([track.genre], pa.int32())
            writer.write_batch(pa.record_batch([ids, genres, pcm], schema=schema))


def check_track(track: Track, spec: ImageSpec) -> None:
    """Raise an UnfitInputError if a track is shorter than a segment, or too much of it silent."""
    if len(track.pcm) < spec.segment_samples:
        raise UnfitInputError(
            "too_short",
            f"track {track.track_id!r} has {len(track.pcm)} of {spec.segment_samples} samples",
            "a segment takes 4.208 s; use longer music",
        )
    _draw(track, spec, derive_generator("gan.check", track.track_id))


class Tracks:
    """Tracks of several files, mapped into memory; can be pickled.

    `LakeError` if a file is absent, damaged or at another rate.
    """

    def __init__(self, paths: Sequence[Path], spec: ImageSpec) -> None:
        self.paths, self.spec = tuple(map(Path, paths)), spec
        self._files = [_opened(path, spec) for path in self.paths]
        self._places = [(f, n) for f in self._files for n in range(f.num_record_batches)]
        self.genres = np.array([self[i].genre for i in range(len(self))], np.int64)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Track:
        """Return a track, whose PCM is not read before it is looked at."""
        file, number = self._places[index]
        batch = file.get_batch(number)
        pcm = batch["pcm"].values.to_numpy(zero_copy_only=True)
        return Track(batch["track_id"][0].as_py(), batch["genre"][0].as_py(), pcm)

    def __reduce__(self) -> tuple[type[Tracks], tuple[Sequence[Path], ImageSpec]]:
        return Tracks, (self.paths, self.spec)

    def segment(self, index: int, rng: np.random.Generator) -> NDArray[np.int16]:
        """Draw a segment of a track; silent ones are drawn again.

        Raises UnfitInputError if `MOST_DRAWS` in a row are silent.
        """
        return _draw(self[index], self.spec, rng)


def _opened(path: Path, spec: ImageSpec) -> pa.ipc.RecordBatchFileReader:
    try:
        with explained("read", path):
            file = pa.ipc.open_file(pa.memory_map(str(path)))
    except pa.ArrowInvalid as error:
        raise LakeError(f"cannot read {path}: it is damaged ({error}); write it again") from error
    found = (file.schema.metadata or {}).get(_RATE, b"none").decode()
    if found != str(spec.sample_rate_hz):
        raise LakeError(
            f"{path} has the rate {found}: expected {spec.sample_rate_hz} Hz by band="
            f"{spec.band!r}; write it again"
        )
    return file


def _draw(track: Track, spec: ImageSpec, rng: np.random.Generator) -> NDArray[np.int16]:
    n_starts = len(track.pcm) - spec.segment_samples + 1
    for _ in range(MOST_DRAWS):
        start = int(rng.integers(n_starts))
        segment = track.pcm[start : start + spec.segment_samples]
        if not is_silent(segment):
            return segment
    raise UnfitInputError(
        "silent", f"{MOST_DRAWS} segments of track {track.track_id!r} are silent",
        "use music, or leave the track out",
    )  # fmt: skip


def order_of(genres: NDArray[np.int64], *, seed: int, epoch: int) -> NDArray[np.int64]:
    """Draw the order of an epoch: indices of tracks, as many of each genre.

    The largest genre has each of its tracks once. In a smaller one, no track comes again before
    all of it have come.
    """
    rng = derive_generator("gan.epoch", seed, epoch)
    of_genre = [np.flatnonzero(genres == genre) for genre in np.unique(genres)]
    most = max(map(len, of_genre))
    lots = [
        np.concatenate([rng.permutation(tracks) for _ in range(-(-most // len(tracks)))])[:most]
        for tracks in of_genre
    ]
    return rng.permutation(np.concatenate(lots))


@dataclass(frozen=True)
class SegmentBatches:
    """Batches of segments, as `learning.training.train` takes them; can be pickled.

    What training calls an epoch lies between two checkpoints: `n_batches` of them, which go on
    where those of the epoch before ended.
    """

    tracks: Tracks
    batch_size: int
    n_batches: int
    seed: int

    def __post_init__(self) -> None:
        if not len(self.tracks):
            raise StageError("gan: no track to train on; add recordings to the catalogs")

    def __call__(self, epoch: int = 0) -> Iterator[tuple[NDArray[np.int16], NDArray[np.int64]]]:
        """Yield segments (n, samples) with their genres (n,)."""
        first = epoch * self.n_batches * self.batch_size
        draws = self._draws(first)
        for _ in range(self.n_batches):
            batch = list(itertools.islice(draws, self.batch_size))
            pcm = np.stack([segment for _, segment in batch])
            yield pcm, self.tracks.genres[[index for index, _ in batch]]

    def _draws(self, first: int) -> Iterator[tuple[int, NDArray[np.int16]]]:
        """Yield tracks with a segment of each, from a number on and without end."""
        genres = self.tracks.genres
        n_a_pass = len(order_of(genres, seed=self.seed, epoch=0))
        first_pass, skipped = divmod(first, n_a_pass)
        for number in itertools.count(first_pass):
            order = order_of(genres, seed=self.seed, epoch=number).tolist()
            for place in range(skipped if number == first_pass else 0, n_a_pass):
                rng = derive_generator("gan.segment", self.seed, number, place)
                yield order[place], self.tracks.segment(order[place], rng)

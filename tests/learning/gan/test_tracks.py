"""Training audio: what is written is read, and what an epoch draws of it."""

import pickle
from collections import Counter

import numpy as np
import pytest

from musqa_pipeline.core.errors import LakeError, StageError, UnfitInputError
from musqa_pipeline.learning.gan.segments import ImageSpec
from musqa_pipeline.learning.gan.tracks import (
    MOST_DRAWS,
    SegmentBatches,
    Track,
    Tracks,
    order_of,
    write_tracks,
)
from tests.learning.gan.made_up_tracks import SPEC, made_up_pcm, write_made_up

N_SEGMENT = SPEC.segment_samples


def numbered(track_id="a", genre=0, n=3 * N_SEGMENT):
    """A track in which a segment's samples say where it begins."""
    return Track(track_id, genre, (np.arange(n) % 30_000).astype(np.int16))


def test_tracks_come_back_as_they_were_written(tmp_path):
    first = [Track("a", 2, made_up_pcm(0, 0)), Track("b", 0, made_up_pcm(1, 0))]
    second = [Track("ç", 1, made_up_pcm(1, 1))]
    for name, tracks in (("one", first), ("two", second)):
        write_tracks(tmp_path / name, tracks, SPEC)
    tracks = pickle.loads(pickle.dumps(Tracks([tmp_path / "one", tmp_path / "two"], SPEC)))
    assert len(tracks) == 3
    assert tracks.genres.tolist() == [2, 0, 1]
    for index, expected in enumerate([*first, *second]):
        found = tracks[index]
        assert found[:2] == expected[:2]
        assert np.array_equal(found.pcm, expected.pcm)
        assert not found.pcm.flags.owndata


def test_a_file_is_whole_or_absent(tmp_path):
    def interrupted():
        yield numbered()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tracks(tmp_path / "tracks", interrupted(), SPEC)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("genres", "n_each"), [((0,) * 7, 7), ((0, 0, 0, 0, 0, 1, 1, 2), 5), ((3, 1, 1), 2)]
)
def test_an_epoch_has_as_many_tracks_of_every_genre(genres, n_each):
    genres = np.array(genres)
    order = order_of(genres, seed=1, epoch=4)
    assert set(Counter(genres[order].tolist()).values()) == {n_each}
    times = Counter(order.tolist())
    assert times.keys() == set(range(len(genres)))
    for genre in np.unique(genres):
        of_genre = [times[int(i)] for i in np.flatnonzero(genres == genre)]
        assert max(of_genre) - min(of_genre) <= 1
    assert np.array_equal(order, order_of(genres, seed=1, epoch=4))
    if len(genres) > 3:
        for other in ({"seed": 2, "epoch": 4}, {"seed": 1, "epoch": 5}):
            assert not np.array_equal(order, order_of(genres, **other))


def test_batches_go_on_where_those_before_ended(tmp_path):
    tracks = write_made_up(tmp_path / "tracks", (3, 2))
    long = list(SegmentBatches(tracks, 2, 12, seed=5)())
    short = SegmentBatches(tracks, 2, 4, seed=5)
    pieces = [batch for epoch in range(3) for batch in short(epoch)]
    for (pcm, genres), (expected, of_expected) in zip(pieces, long, strict=True):
        assert np.array_equal(pcm, expected)
        assert np.array_equal(genres, of_expected)
    assert pcm.shape == (2, N_SEGMENT)
    assert np.concatenate([g for _, g in long]).tolist().count(0) == 12
    other = next(iter(SegmentBatches(tracks, 2, 4, seed=6)()))
    assert not np.array_equal(other[0], long[0][0])


def test_segments_begin_anywhere(tmp_path):
    write_tracks(tmp_path / "tracks", [numbered(n=N_SEGMENT + 9)], SPEC)
    tracks = Tracks([tmp_path / "tracks"], SPEC)
    starts = Counter(int(tracks.segment(0, np.random.default_rng(seed))[0]) for seed in range(300))
    assert starts.keys() == set(range(10))
    assert min(starts.values()) > 10


def test_silent_segments_are_drawn_again(tmp_path):
    pcm = np.zeros(12 * N_SEGMENT, np.int16)
    pcm[5 * N_SEGMENT : 8 * N_SEGMENT] = made_up_pcm(0, 1, seconds=20)[: 3 * N_SEGMENT]
    write_tracks(tmp_path / "tracks", [Track("a", 0, pcm)], SPEC)
    tracks = Tracks([tmp_path / "tracks"], SPEC)
    for seed in range(20):
        assert np.ptp(tracks.segment(0, np.random.default_rng(seed))) > 2


def test_unfit_tracks_are_refused(tmp_path):
    silent = Track("quiet", 0, np.zeros(2 * N_SEGMENT, np.int16))
    with pytest.raises(UnfitInputError, match=rf"silent: {MOST_DRAWS} segments of track 'quiet'"):
        write_tracks(tmp_path / "tracks", [numbered(), silent], SPEC)
    with pytest.raises(UnfitInputError, match="too_short: track 'a' has 67327 of 67328 samples"):
        write_tracks(tmp_path / "tracks", [numbered(n=N_SEGMENT - 1)], SPEC)
    assert list(tmp_path.iterdir()) == []


def test_files_that_cannot_serve_are_named(tmp_path):
    path = tmp_path / "tracks"
    with pytest.raises(LakeError, match=r"cannot read .*tracks"):
        Tracks([path], SPEC)
    write_tracks(path, [numbered()], SPEC)
    with pytest.raises(LakeError, match="has the rate 16000: expected 48000 Hz by band='48k'"):
        Tracks([path], ImageSpec(band="48k"))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(LakeError, match="tracks: it is damaged"):
        Tracks([path], SPEC)
    write_tracks(path, [], SPEC)
    with pytest.raises(StageError, match="no track to train on"):
        SegmentBatches(Tracks([path], SPEC), 2, 1, 0)

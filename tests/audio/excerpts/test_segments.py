"""Segments: where they lie, what is read, and the level of the whole track."""

import numpy as np
import pytest
import soxr

from musqa_pipeline.audio.excerpts.segments import (
    N_DRAWS,
    SEGMENT_SAMPLES,
    gain_to_level_db,
    n_segments,
    read_segment,
    segment_frames,
    segment_starts,
)
from musqa_pipeline.core.errors import UnfitInputError
from tests.audio.music import music
from tests.audio.sounds import write


@pytest.mark.parametrize(
    ("rate_hz", "frames"), [(48_000, 201_984), (44_100, 185_573), (96_000, 403_968)]
)
def test_as_many_fit_as_there_is_room_for(rate_hz, frames):
    assert segment_frames(rate_hz) == frames
    lengths = (frames - 1, frames, 3 * frames - 1, 9 * frames)
    assert [n_segments(n, rate_hz, 3) for n in lengths] == [0, 1, 2, 3]


def test_starts_lie_in_a_part_of_their_own_and_follow_from_the_seed():
    n_frames = 3 * SEGMENT_SAMPLES + 7_000
    about = {"n_frames": n_frames, "sample_rate_hz": 48_000, "n_in_track": 3, "track_id": "t"}
    parts = [segment_starts(index=index, seed=0, **about) for index in range(3)]
    for index, starts in enumerate(parts):
        assert 2 <= len(starts) <= N_DRAWS
        assert min(starts) >= n_frames * index // 3
        assert max(starts) + SEGMENT_SAMPLES <= n_frames * (index + 1) // 3
    assert parts[0] == segment_starts(index=0, seed=0, **about)
    assert parts[0] != segment_starts(index=0, seed=1, **about)
    exact = {**about, "n_frames": SEGMENT_SAMPLES, "n_in_track": 1}
    assert segment_starts(index=0, seed=0, **exact) == [0]


@pytest.mark.parametrize("start_frame", [0, 3_000, 100_000])
def test_a_segment_of_another_rate_is_the_part_of_the_whole_resampled(tmp_path, start_frame):
    x = music()[:300_000]
    path = write(tmp_path / "a.wav", x, 44_100, subtype="FLOAT")
    found = read_segment(path, start_frame=start_frame, sample_rate_hz=44_100)
    assert found.shape == (SEGMENT_SAMPLES, 2)
    np.testing.assert_array_equal(found[:, 0], found[:, 1])
    grid = start_frame % 147
    whole = soxr.resample(x[grid:], 44_100, 48_000, "VHQ")
    at = (start_frame - grid) * 160 // 147
    inside = slice(100, -100)
    expected = whole[at : at + SEGMENT_SAMPLES]
    np.testing.assert_allclose(found[inside, 0], expected[inside], atol=1e-4)


def test_both_channels_are_read_as_they_are(tmp_path):
    x = np.stack([music()[:250_000], music(seed=2)[:250_000]], axis=1)
    path = write(tmp_path / "a.wav", x, subtype="FLOAT")
    found = read_segment(path, start_frame=1_234, sample_rate_hz=48_000)
    np.testing.assert_array_equal(found, x[1_234 : 1_234 + SEGMENT_SAMPLES])
    for start_frame in (60_000, 400_000):
        with pytest.raises(UnfitInputError, match=r"a segment takes 4\.208 s"):
            read_segment(path, start_frame=start_frame, sample_rate_hz=48_000)


def test_the_gain_brings_the_track_to_its_level_and_no_peak_above_one():
    x = np.full((10, 2), 0.1, np.float32)
    assert gain_to_level_db(x, -14.0, track_lufs=-20.0, channels=2) == pytest.approx(6.0)
    assert gain_to_level_db(x, -14.0, track_lufs=-20.0, channels=1) == pytest.approx(2.99, abs=0.01)
    assert gain_to_level_db(x, -14.0, track_lufs=-50.0, channels=2) == pytest.approx(20.0)
    assert gain_to_level_db(x, -14.0, track_lufs=-6.0, channels=2) == pytest.approx(-8.0)

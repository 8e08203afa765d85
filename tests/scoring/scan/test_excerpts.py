"""Where a recording is listened to."""

import itertools

import numpy as np
import pytest
import soundfile

from musqa_pipeline.audio.files.limits import check_held
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.scoring.scan.reading import (
    EXCERPT_S,
    excerpt_length_s,
    excerpt_starts,
    read_recording,
    spare_starts,
)
from tests.audio.bombs import rf64_header


@pytest.mark.parametrize(("duration_s", "n"), [(240, 3), (31, 3), (11, 1), (600, 20)])
def test_excerpts_lie_within_the_recording_and_apart(duration_s, n):
    starts = excerpt_starts(duration_s, n)
    assert len(starts) == n
    assert excerpt_length_s(duration_s, n) == EXCERPT_S
    assert starts[0] >= 0
    assert all(b - a >= EXCERPT_S for a, b in itertools.pairwise(starts))
    assert starts[-1] + EXCERPT_S <= duration_s


@pytest.mark.parametrize("seconds", [30, 25, 9, 2])
@pytest.mark.parametrize("name", ["a.wav", "a.ogg"])
def test_a_short_recording_is_heard_whole(tmp_path, seconds, name):
    x = np.random.default_rng(1).uniform(-0.5, 0.5, (8_000 * seconds, 1))
    soundfile.write(tmp_path / name, x, 8_000)
    found = read_recording(tmp_path / name, 3)
    assert [e.start_s for e in found.excerpts] == [0]
    assert found.excerpts[0].samples.shape == x.shape


def test_spare_excerpts_hear_what_the_others_do_not():
    starts, spare = excerpt_starts(240, 3), spare_starts(240, 3)
    assert len(spare) == 3
    assert min(abs(a - b) for a in starts for b in spare) >= EXCERPT_S
    assert spare_starts(60, 3) == []


def test_a_copy_of_about_the_same_length_is_heard_at_the_same_places():
    a, b = excerpt_starts(240.0, 3), excerpt_starts(240.05, 3)
    assert max(abs(x - y) for x, y in zip(a, b, strict=True)) < 0.05


def test_silence_is_passed_over(tmp_path):
    x = np.zeros(200 * 4_000, np.float32)
    x[: 60 * 4_000] = 0.1  # then nothing, as before a hidden track
    soundfile.write(tmp_path / "a.wav", x, 4_000)
    found = read_recording(tmp_path / "a.wav", 3)
    assert found.duration_s == 200
    assert [e.start_s for e in found.excerpts] == pytest.approx([5.0, 200 / 6 - 5], abs=0.1)
    assert all(e.samples.all() for e in found.excerpts)


def test_a_silent_recording_is_still_read(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(40 * 4_000), 4_000)
    assert len(read_recording(tmp_path / "a.wav", 3).excerpts) == 3


def test_the_samples_are_those_of_the_file(tmp_path):
    x = np.random.default_rng(1).uniform(-0.5, 0.5, (4_000 * 50, 2)).astype(np.float32)
    x[25 * 4_000, 1] = np.nan
    soundfile.write(tmp_path / "a.wav", x, 4_000, subtype="FLOAT")
    found = read_recording(tmp_path / "a.wav", 3)
    for excerpt in found.excerpts:
        start = round(excerpt.start_s * 4_000)
        np.testing.assert_array_equal(
            excerpt.samples, np.nan_to_num(x[start : start + 40_000], nan=0.0)
        )
    assert [e.n_not_finite for e in found.excerpts] == [0, 1, 0]


@pytest.mark.parametrize("seconds", [50, 25])
def test_a_header_that_promises_more_is_damage(tmp_path, seconds):
    soundfile.write(
        tmp_path / "a.flac", np.random.default_rng(1).uniform(-1, 1, seconds * 8_000), 8_000
    )
    whole = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnfitInputError, match=r"damaged: .*get the file again"):
        read_recording(tmp_path / "a.flac", 3)


def test_excerpts_that_would_fill_the_memory_are_refused_by_the_header(tmp_path):
    path, rate_hz, n_bytes = tmp_path / "x.wav", 384_000, 64 * 384_000 * 40 * 4
    with path.open("wb") as file:
        file.write(rf64_header(rate_hz, 64, n_bytes))
        file.truncate(80 + n_bytes)
    message = (
        r"odd_format: 64 channels at 384000 Hz: 3 excerpts of 10 s fill 2\.9 GB; take fewer exc"
    )
    with pytest.raises(UnfitInputError, match=message):
        read_recording(path, 3)
    check_held(384_000, 64, 2, 10.0)
    check_held(192_000, 6, 40, 10.0)  # 5.1 at the most excerpts there are

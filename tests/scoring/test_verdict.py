"""Images: what is done to a window before the model sees it is what training did."""

import numpy as np
import pytest

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.features.bands import band_image
from musqa_pipeline.audio.features.looping import SEAM_S
from musqa_pipeline.audio.measures.loudness import gain_to_target_db, integrated_lufs
from musqa_pipeline.scoring.verdict import to_excerpt, to_image
from musqa_pipeline.scoring.windows import margin_frames
from tests.audio.music import music


def test_the_image_is_that_of_a_reference_as_it_is_stored():
    excerpt = music(EXCERPT_SAMPLES, 3) * np.float32(0.3)
    gain_db = gain_to_target_db(integrated_lufs(excerpt), -23.0)
    expected = band_image(excerpt * 10 ** (gain_db / 20))
    np.testing.assert_array_equal(to_image(excerpt), expected)


@pytest.mark.parametrize("gain_db", [-40.0, -6.0, 6.0, 40.0])
def test_gain_does_not_change_the_image(gain_db):
    excerpt = music(EXCERPT_SAMPLES, 3).copy()
    excerpt[200_000:] *= 1e-3  # far enough below for a gate that stands at an absolute level
    plain = to_image(excerpt).astype(int)
    moved = to_image(excerpt * np.float32(10 ** (gain_db / 20))).astype(int)
    assert np.abs(plain - moved).max() <= 1
    assert np.mean(plain != moved) < 1e-3


@pytest.mark.parametrize(
    "excerpt",
    [
        np.zeros(EXCERPT_SAMPLES, np.float32),
        1e-5 * music(EXCERPT_SAMPLES),
        (0.01 * np.sin(np.arange(EXCERPT_SAMPLES) * 2 * np.pi * 0.2 / 48_000)).astype(np.float32),
    ],
    ids=["zeros", "below -70 LUFS", "0.2 Hz"],
)
def test_silence_has_no_image(excerpt):
    assert to_image(excerpt) is None


def test_margins_are_cut_off_after_resampling():
    rate_hz = 44_100
    margin = margin_frames(rate_hz)
    n = 10 * rate_hz + 2 * margin
    x = np.sin(2 * np.pi * 1_000 * (np.arange(n) - margin) / rate_hz).astype(np.float32)
    excerpt, looped = to_excerpt(x, rate_hz, margin_frames=margin)
    assert (excerpt.shape, looped) == ((EXCERPT_SAMPLES,), False)
    wanted = np.sin(2 * np.pi * 1_000 * np.arange(EXCERPT_SAMPLES) / 48_000)
    np.testing.assert_allclose(excerpt, wanted, atol=2e-4)


def test_at_the_models_rate_nothing_is_resampled():
    x = music(EXCERPT_SAMPLES + 200)
    excerpt, _ = to_excerpt(x, 48_000, margin_frames=100)
    np.testing.assert_array_equal(excerpt, x[100:-100])


def test_four_seconds_are_repeated():
    x = music(4 * 48_000)
    excerpt, looped = to_excerpt(x, 48_000)
    assert looped
    n = 4 * 48_000 - round(SEAM_S * 48_000)
    np.testing.assert_array_equal(excerpt[:n], x[:n])
    np.testing.assert_array_equal(excerpt[n + 4_800 : 2 * n], x[4_800:n])

"""Image metrics on music: what an image of a pair holds, and opinions that follow the damage."""

import math
import sys

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import torch

from musqa_pipeline.audio.metrics.perceptual.ms_ssim import MsSsim
from musqa_pipeline.audio.metrics.perceptual.nlpd import Nlpd
from musqa_pipeline.audio.metrics.perceptual.opinions import PairImages
from musqa_pipeline.audio.metrics.registry import find_opinion
from musqa_pipeline.core.errors import ToolError, UnfitInputError
from tests.audio.music import music

RATE_HZ = 48_000
REFERENCE = music()[: 4 * RATE_HZ]
NAMES = ("nlpd", "ms_ssim", "log_mel_mse")


def noisy(level):
    noise = np.random.default_rng(0).standard_normal(len(REFERENCE))
    return (REFERENCE + level * noise).astype(np.float32)


def lowpassed(cutoff_hz):
    sos = scipy.signal.butter(8, cutoff_hz, fs=RATE_HZ, output="sos")
    return scipy.signal.sosfiltfilt(sos, REFERENCE).astype(np.float32)


def test_ten_seconds_are_625_frames_in_the_references_range():
    images = PairImages(music()[: 10 * RATE_HZ])
    assert images.reference.shape == (1, 1, 256, 625)
    assert float(images.reference.max()) == 1
    assert float(images.reference.min()) >= 0


def test_a_degraded_signal_is_brought_to_the_references_rms_and_length():
    images = PairImages(REFERENCE)
    quiet = images.degraded((REFERENCE / 8).astype(np.float32))
    np.testing.assert_allclose(quiet, images.reference, atol=1e-4)
    longer = np.concatenate([REFERENCE, noisy(1.0)[:RATE_HZ]])
    np.testing.assert_array_equal(images.degraded(longer), images.reference)
    half = images.degraded(REFERENCE[: len(REFERENCE) // 2])
    assert float(half[..., -100:].max()) == 0
    assert float(images.degraded(np.zeros(9, np.float32)).max()) == 0


def test_a_range_of_its_own_hides_a_difference_in_level():
    loud = REFERENCE.copy()
    loud[: RATE_HZ // 4] *= 6
    ours, theirs = (
        PairImages(REFERENCE, range_of=range_of).degraded(loud) for range_of in ("own", "reference")
    )
    assert float(ours.max()) == 1
    assert float(ours[..., 100:].mean()) < float(theirs[..., 100:].mean()) - 0.02


@pytest.mark.parametrize("name", NAMES)
def test_identity_is_best_and_damage_orders_the_rest(name):
    metric = find_opinion(name)(REFERENCE)
    best = metric.score(REFERENCE)
    assert best.distance == pytest.approx(0, abs=1e-6)
    assert best.mos == pytest.approx(5, abs=1e-5)
    for worse in ([noisy(10.0**k) for k in (-4, -3, -2)], [lowpassed(f) for f in (12e3, 6e3, 3e3)]):
        scores = [metric.score(samples) for samples in worse]
        distances = [score.distance for score in scores]
        assert distances == sorted(distances)
        assert 0 < distances[0] < distances[-1]
        assert all(1 <= score.mos < 5 for score in scores)
    assert metric.score(noisy(0.01)) == scores_again(name)


@pytest.mark.parametrize(
    "distance",
    [
        lambda one, other: Nlpd(one).distance(other),
        lambda one, other: Nlpd(one, variant="hepburn").distance(other),
        lambda one, other: 1 - MsSsim(one).score(other),
        lambda one, other: (one - other).square().mean(),
    ],
    ids=["laparra", "hepburn", "ms_ssim", "mse"],
)
def test_the_wider_music_is_blurred_the_farther_away_it_is(distance):
    image = PairImages(REFERENCE).reference
    found = [
        float(distance(image, torch.from_numpy(scipy.ndimage.gaussian_filter(image, sigma))))
        for sigma in ((0, 0, s, s) for s in (0.3, 0.5, 1, 2, 4, 8))
    ]
    assert found[0] > 0
    assert (np.diff(found) > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_threads_change_nothing(name):
    before, found = torch.get_num_threads(), []
    try:
        for n_threads in (1, 4):
            torch.set_num_threads(n_threads)
            found.append(scores_again(name).distance)
    finally:
        torch.set_num_threads(before)
    assert found[0] == pytest.approx(found[1], abs=1e-6, rel=0)


def scores_again(name):
    return find_opinion(name)(REFERENCE).score(noisy(0.01))


def test_scales_are_those_that_the_docs_say():
    damaged = noisy(0.01)
    by_name = {name: find_opinion(name)(REFERENCE).score(damaged) for name in NAMES}
    nlpd, ms_ssim, mse = (by_name[name] for name in NAMES)
    assert nlpd.mos == pytest.approx(1 + 4 * math.exp(-nlpd.distance))
    assert ms_ssim.mos == pytest.approx(5 - 4 * ms_ssim.distance)
    assert mse.mos == pytest.approx(1 + 4 * math.exp(-mse.distance / 0.02))


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (REFERENCE[: int(0.95 * RATE_HZ)], r"lasts 0.95 s, an image needs 0.96 s"),
        (np.zeros(RATE_HZ, np.float32), "every sample of the reference is zero"),
        (np.full(RATE_HZ, 1e-9, np.float32), "every cell of image 1 of 1 is 1; take one"),
        (np.full(RATE_HZ, np.nan, np.float32), "48000 samples of the reference are NaN"),
    ],
)
def test_what_makes_no_image_is_refused(samples, message):
    with pytest.raises(UnfitInputError, match=message):
        PairImages(samples)


@pytest.mark.parametrize("name", NAMES)
def test_silence_is_a_bad_version_and_no_original(name):
    silence = np.zeros(len(REFERENCE), np.float32)
    score = find_opinion(name)(REFERENCE).score(silence)
    assert score.distance > find_opinion(name)(REFERENCE).score(noisy(0.1)).distance
    with pytest.raises(UnfitInputError, match="every cell of image 1 of 1 is 1; take one"):
        find_opinion(name)(silence + np.float32(1e-9))


def test_a_degraded_signal_with_nans_is_refused():
    broken = REFERENCE.copy()
    broken[7] = np.nan
    with pytest.raises(UnfitInputError, match="1 samples of the degraded signal are NaN"):
        PairImages(REFERENCE).degraded(broken)


def test_without_torch_the_package_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "musqa_pipeline.audio.metrics.perceptual.opinions")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ToolError, match="the second opinion nlpd needs torch; install it"):
        find_opinion("nlpd")

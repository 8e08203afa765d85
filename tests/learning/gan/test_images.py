"""Images of segments against librosa's, and what silence makes of them."""

import librosa
import numpy as np
import pytest
import soxr
import torch

from musqa_pipeline.audio.excerpts.segments import SEGMENT_SAMPLES
from musqa_pipeline.audio.features.pcm import pcm_at_rate
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.learning.gan.images import images_of
from musqa_pipeline.learning.gan.segments import ImageSpec, is_silent


def music(seed=0):
    rng = np.random.default_rng(seed)
    time_s = np.arange(SEGMENT_SAMPLES) / 48_000
    beats = 0.3 * np.sin(2 * np.pi * 440 * time_s) * np.sin(2 * np.pi * 1.5 * time_s) ** 2
    rising = 0.2 * np.sin(2 * np.pi * 3000 * time_s**1.1)
    noise = 0.0003 * rng.standard_normal(SEGMENT_SAMPLES)
    return np.stack([beats + rising + noise, beats - noise], axis=1).astype(np.float32)


@pytest.mark.parametrize("band", ["16k", "48k"])
@pytest.mark.parametrize("size", [64, 128, 256])
def test_images_are_librosa_s(size, band):
    spec = ImageSpec(size=size, band=band)
    pcm = pcm_at_rate(music(), spec.sample_rate_hz)
    both = torch.from_numpy(np.stack([pcm, pcm[::-1]]))
    images = images_of(both, spec)
    assert images.shape == (2, 1, size, size)
    samples = pcm.astype(np.float64)
    hop = 256 * 256 // size * (3 if band == "48k" else 1)
    stft = librosa.stft(samples, n_fft=spec.window_samples, hop_length=hop, center=False)
    filters = librosa.filters.mel(
        sr=spec.sample_rate_hz, n_fft=spec.window_samples, n_mels=size, dtype=np.float64
    )
    db = librosa.amplitude_to_db(filters @ np.abs(stft), ref=np.max, top_db=80)
    expected = 2 * (db - db.min()) / (db.max() - db.min()) - 1
    np.testing.assert_allclose(images[0, 0].numpy(), expected, atol=1e-4)
    assert (images[1] - images[0]).abs().max() > 0.1


def test_the_geometry_is_the_paper_s():
    paper, wide = ImageSpec(), ImageSpec(band="48k")
    assert (paper.sample_rate_hz, paper.window_samples, paper.hop_samples) == (16_000, 2048, 256)
    assert paper.segment_samples == 67_328 == 2048 + 255 * 256
    assert (wide.window_samples, wide.hop_samples, wide.segment_samples) == (6144, 768, 201_984)


def test_range_and_level():
    spec = ImageSpec(size=64)
    pcm = torch.from_numpy(pcm_at_rate(music(), 16_000))[None]
    image = images_of(pcm, spec)
    assert (float(image.min()), float(image.max())) == (-1.0, 1.0)
    torch.testing.assert_close(images_of(pcm.float() / 32768, spec), image, atol=1e-4, rtol=0)
    narrow = images_of(pcm, ImageSpec(size=64, range_db=40.0))
    # 40 dB below the loudest cell is the middle of 80 and the floor of 40.
    torch.testing.assert_close(narrow, (2 * image - 1).clamp(min=-1), atol=1e-4, rtol=0)


def test_an_image_does_not_depend_on_its_batch():
    spec = ImageSpec(size=64)
    pcm = torch.from_numpy(np.stack([pcm_at_rate(music(seed), 16_000) for seed in range(3)]))
    together = images_of(pcm, spec)
    torch.testing.assert_close(images_of(pcm[1:2], spec)[0], together[1], atol=1e-6, rtol=0)


def test_silence_is_told_and_music_is_not_taken_for_it():
    spec = ImageSpec(size=64)
    quiet = np.zeros(spec.segment_samples, np.int16)
    dither = (np.arange(len(quiet)) % 3 - 1).astype(np.int16)
    constant = np.full_like(quiet, 1000)
    faint = np.where(np.arange(len(quiet)) % 100 < 50, 2, -1).astype(np.int16)
    assert [is_silent(pcm) for pcm in (quiet, dither, constant, faint)] == [True, True, True, False]
    images = images_of(torch.from_numpy(np.stack([quiet, faint])), spec)
    assert images.amax(dim=(1, 2, 3)).tolist() == [-1, 1]
    assert torch.isfinite(images).all()


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_a_constant_is_silent_though_resampling_rings_at_its_ends(rate_hz):
    constant = np.full(round(rate_hz * SEGMENT_SAMPLES / 48_000), 0.3)
    at_48_khz = constant if rate_hz == 48_000 else soxr.resample(constant, rate_hz, 48_000, "VHQ")
    for image_rate_hz in (16_000, 48_000):
        pcm = pcm_at_rate(at_48_khz[:SEGMENT_SAMPLES], image_rate_hz)
        rings = rate_hz != 48_000 or image_rate_hz != 48_000
        assert (np.ptp(pcm) > 200) == rings
        assert is_silent(pcm)
        n = len(pcm)
        for start in (0, n // 2, n - n // 50):  # a fiftieth of it is music already
            part = slice(start, start + n // 50)
            sounds = pcm.copy()
            sounds[part] += 100 * (np.arange(n // 50) % 2).astype(np.int16)
            assert not is_silent(sounds)


def test_pcm_is_the_mean_of_the_channels_at_very_high_quality():
    stereo = music()
    pcm = pcm_at_rate(stereo, 16_000)
    assert (pcm.dtype, pcm.shape) == (np.int16, (67_328,))
    low = soxr.resample(stereo.astype(np.float64).mean(axis=1), 48_000, 16_000, quality="VHQ")
    assert np.abs(pcm / 32768 - low).max() <= 0.5001 / 32768
    assert np.array_equal(
        pcm_at_rate(stereo[:, 0], 48_000) / 32768,
        np.rint(stereo[:, 0].astype(float) * 32768) / 32768,
    )
    loud = np.full(SEGMENT_SAMPLES, 2.0)
    assert pcm_at_rate(loud, 48_000).max() == 32767


def test_unfit_segments_are_refused():
    with pytest.raises(UnfitInputError, match="wrong_length: a segment has 100 samples, not 67328"):
        images_of(torch.zeros(1, 100), ImageSpec())
    with pytest.raises(UnfitInputError, match="not_finite: it has samples that are NaN"):
        pcm_at_rate(np.full(100, np.nan), 16_000)

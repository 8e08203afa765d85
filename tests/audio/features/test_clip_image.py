"""Images of clips: librosa's at 22.05 kHz, of one size, and refused where nothing is in them."""

import librosa
import numpy as np
import pytest

from musqa_pipeline.audio.features.clip_image import CLIP_FRAMES, clip_image
from musqa_pipeline.core.errors import UnfitInputError
from tests.audio.music import music


def test_it_is_librosa_s_image_rescaled():
    samples = librosa.resample(music(), orig_sr=48_000, target_sr=22_050).astype(np.float32)
    n_frames = 200
    power = librosa.feature.melspectrogram(
        y=samples[: (n_frames + 4) * 512], sr=22_050, n_fft=2048, hop_length=512, n_mels=128
    )[:, :n_frames]
    level = librosa.power_to_db(power, ref=np.max, amin=1e-30, top_db=80)
    wanted = 255 * (level - level.min()) / (level.max() - level.min())
    image = clip_image(samples, 22_050, n_frames)
    assert image.shape == (128, n_frames)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image, wanted, atol=0.51)


def test_a_short_clip_is_filled_up_and_a_long_one_cut():
    samples = music()
    image = clip_image(np.stack([samples, samples], axis=1), 48_000)
    assert image.shape == (128, CLIP_FRAMES)
    n_frames = 1 + int(len(samples) * 22_050 / 48_000) // 512
    assert image[:, n_frames:].max() == 0
    np.testing.assert_array_equal(clip_image(samples, 48_000), image)
    # A frame reaches 1,024 samples beyond its middle.
    np.testing.assert_array_equal(
        clip_image(samples, 48_000, 50), clip_image(samples[: 48_000 * 3], 48_000, 50)
    )


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(48_000), "it is silent"),
        (np.full(48_000, np.nan), "samples that are NaN"),
        (np.zeros(0), "it is silent"),
    ],
)
def test_what_has_no_image_is_refused(samples, message):
    with pytest.raises(UnfitInputError, match=message):
        clip_image(samples, 22_050)

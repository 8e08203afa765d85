"""Waveforms at 16 kHz: what is kept, what is cut, what is refused."""

import numpy as np
import pytest
import soxr

from musqa_pipeline.audio.features.pcm import WAVEFORM_SAMPLES, waveform
from musqa_pipeline.core.errors import UnfitInputError


def tone(frequency_hz, duration_s=10.0, amplitude=0.25):
    time_s = np.arange(round(48_000 * duration_s)) / 48_000
    return (amplitude * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


def test_a_waveform_is_soxrs_to_a_step_and_states_its_levels():
    samples = tone(440) + tone(7_000)
    heard = waveform(samples)
    assert (heard.pcm.shape, heard.pcm.dtype, heard.looped) == ((WAVEFORM_SAMPLES,), "int16", False)
    expected = soxr.resample(samples.astype(np.float64), 48_000, 16_000, quality="VHQ")
    np.testing.assert_allclose(heard.pcm / 32_768, expected, atol=0.51 / 32_768)
    assert heard.peak_db == pytest.approx(20 * np.log10(np.abs(expected).max()), abs=0.001)
    assert heard.rms_db == pytest.approx(20 * np.log10(0.25), abs=0.01)


def test_a_short_one_is_looped_and_a_loud_one_cut():
    heard = waveform(tone(440, 4.0))
    assert (len(heard.pcm), heard.looped) == (WAVEFORM_SAMPLES, True)
    loud = waveform(tone(440, amplitude=1.5))
    assert (loud.pcm.max(), loud.pcm.min()) == (32_767, -32_768)
    assert loud.peak_db == 0.0


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(480_000, np.float32), "silent below 8 kHz"),
        (np.full(480_000, np.nan, np.float32), "NaN"),
        (tone(440, 11.0), "10 s"),
        (np.zeros((10, 2), np.float32), "mix it to one channel"),
    ],
)
def test_what_is_no_waveform_is_refused(samples, message):
    with pytest.raises(UnfitInputError, match=message):
        waveform(samples)

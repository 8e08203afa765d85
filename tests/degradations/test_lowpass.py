import numpy as np
import pytest

from musqa_pipeline.degradations.applied import stored_as_flac
from musqa_pipeline.degradations.audio import aligned
from musqa_pipeline.degradations.lowpass import Lowpass, LowpassParams, lag_samples
from musqa_pipeline.degradations.streams import decode


def filtered(x, cutoff_hz):
    applied = Lowpass().apply(np.asarray(x, np.float32), LowpassParams(cutoff_hz))
    (decoded,) = decode([(applied.container, applied.bitstream)])
    return decoded, applied


def gain_db(frequency_hz, cutoff_hz):
    t = np.arange(48_000) / 48_000
    x = 0.25 * np.sin(2 * np.pi * frequency_hz * t)
    y, _ = filtered(x, cutoff_hz)
    return 20 * np.log10(np.std(y[24_000:]) / np.std(x[24_000:]))


@pytest.mark.parametrize("cutoff_hz", [3500.0, 5000.0, 7500.0, 9000.0])
def test_the_response_is_that_of_a_fourth_order_butterworth(cutoff_hz):
    assert gain_db(cutoff_hz, cutoff_hz) == pytest.approx(-3.01, abs=0.05)
    assert gain_db(cutoff_hz / 8, cutoff_hz) == pytest.approx(0.0, abs=0.01)
    # |H|^2 = 1 / (1 + (tan(w/2) / tan(wc/2))^8), the bilinear transform of order 4.
    ratio = np.tan(np.pi * 12_000 / 48_000) / np.tan(np.pi * cutoff_hz / 48_000)
    expected_db = -10 * np.log10(1 + ratio**8)
    assert gain_db(12_000, cutoff_hz) == pytest.approx(expected_db, abs=0.1)


def test_the_filter_is_causal():
    x = np.zeros(4_800)
    x[1_000] = 0.5
    y, _ = filtered(x, 3500.0)
    assert not y[:1_000].any()
    assert abs(y[1_000:1_020]).max() > 0.05


def test_its_lag_is_the_measured_one():
    cutoffs_hz = (3500.0, 5000.0, 7500.0, 9000.0)
    assert [lag_samples(LowpassParams(f)) for f in cutoffs_hz] == [6, 4, 3, 2]


@pytest.mark.parametrize("peak", [0.3, 1.0, 1.7, 5.0])
def test_flac_gives_loud_signals_headroom_and_takes_it_back(peak):
    x = peak * np.sin(np.arange(4_800) / 7)
    x[100] = peak
    applied = stored_as_flac(x)
    (decoded,) = decode([(applied.container, applied.bitstream)])
    assert np.abs(decoded).max() < 1.0
    np.testing.assert_allclose(aligned(applied, decoded), x, atol=peak * 2e-7)
    assert (applied.gain_db == 0) == (peak < 1.0)

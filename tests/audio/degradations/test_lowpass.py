import numpy as np
import pytest

from musqa_pipeline.audio.degradations.applied import stored_as_flac
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.audio.degradations.lowpass import (
    Lowpass,
    LowpassParams,
    lag_samples,
    lag_spread_samples,
)
from musqa_pipeline.audio.degradations.rebuild import aligned
from musqa_pipeline.stages.degradations.checks import estimate_lag_samples
from tests.audio.music import music


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


def iir(family, order, cutoff_hz, **params):
    return LowpassParams(cutoff_hz, family, order, **params)


def fir(cutoff_hz, transition_hz, stopband_db):
    return LowpassParams(
        cutoff_hz, "fir", None, transition_hz=transition_hz, stopband_db=stopband_db
    )


FILTERS = [
    iir("butterworth", 2, 2_500.0),
    iir("butterworth", 10, 20_000.0),
    iir("chebyshev1", 2, 12_000.0, ripple_db=1.0),
    iir("chebyshev1", 10, 3_500.0, ripple_db=0.1),
    iir("chebyshev1", 7, 20_000.0, ripple_db=0.5),
    iir("chebyshev2", 2, 2_500.0, stopband_db=80.0),
    iir("chebyshev2", 9, 7_000.0, stopband_db=40.0),
    iir("elliptic", 3, 20_000.0, ripple_db=0.1, stopband_db=60.0),
    iir("elliptic", 10, 2_500.0, ripple_db=1.0, stopband_db=80.0),
    fir(2_500.0, 2_500.0, 40.0),
    fir(9_000.0, 100.0, 80.0),
    fir(20_000.0, 4_000.0, 60.0),
]


def response_db(params):
    """Measure the response on an impulse, at every hertz."""
    x = np.zeros(96_000, np.float32)
    x[5_000] = 0.9
    applied = Lowpass().apply(x, params)
    (decoded,) = decode([(applied.container, applied.bitstream)])
    y = aligned(applied, decoded).astype(np.float64) / 0.9
    return 20 * np.log10(np.abs(np.fft.rfft(y, 96_000))[::2] + 1e-9)


@pytest.mark.parametrize("params", FILTERS, ids=str)
def test_a_filter_of_any_kind_is_down_by_3_db_at_its_cut_off_and_as_steep_as_it_says(params):
    gain_db = response_db(params)
    cutoff = round(params.cutoff_hz)
    assert gain_db[cutoff] == pytest.approx(-3.01, abs=0.15)
    assert np.all(gain_db[: cutoff - 2] > -3.02)
    # No more above the pass band than the ripple allows, and down to stay.
    assert gain_db.max() < 0.1
    assert np.all(gain_db[cutoff + 2 :] < -3.0)
    if params.family == "chebyshev1":
        ripple = gain_db[: int(0.5 * cutoff)]
        assert ripple.min() > -params.ripple_db - 0.01
    if params.transition_hz:
        assert np.all(gain_db[int(cutoff + params.transition_hz) :] < 2 - params.stopband_db)
        assert np.all(gain_db[: int(cutoff - params.transition_hz)] > -0.2)
    elif params.stopband_db and params.order > 2:
        assert np.all(gain_db[min(23_900, 2 * cutoff) :] < 1 - params.stopband_db)


def test_the_order_and_the_kind_make_the_slope():
    octave_up = [
        response_db(iir(family, order, 5_000.0, **params))[10_000]
        for family, order, params in (
            ("butterworth", 2, {}),
            ("butterworth", 8, {}),
            ("chebyshev1", 8, {"ripple_db": 1.0}),
        )
    ]
    assert octave_up[0] > -20
    assert octave_up[1] < octave_up[0] - 30
    assert octave_up[2] < octave_up[1] - 20


@pytest.mark.parametrize("params", FILTERS, ids=str)
def test_the_lag_of_any_filter_is_dropped(params):
    x = music()[:96_000]
    applied = Lowpass().apply(x, params)
    (decoded,) = decode([(applied.container, applied.bitstream)])
    y = aligned(applied, decoded)
    assert abs(estimate_lag_samples(x[: len(y)], y)) <= 1


def test_a_steep_filter_delays_its_edge_more_than_the_rest():
    steep, gentle = (
        iir("elliptic", 7, 2_600.0, ripple_db=0.7, stopband_db=71.0),
        iir("butterworth", 2, 2_600.0),
    )
    assert lag_spread_samples(gentle) <= 4 < 50 < lag_spread_samples(steep) < 400
    assert lag_spread_samples(fir(2_600.0, 200.0, 60.0)) == 0
    t = np.arange(48_000) / 48_000
    note = 0.3 * np.sin(2 * np.pi * 2_550 * t) * np.exp(-(((t - 0.5) / 0.05) ** 2))
    applied = Lowpass().apply(note.astype(np.float32), steep)
    (decoded,) = decode([(applied.container, applied.bitstream)])
    envelope_peak = np.argmax(np.convolve(aligned(applied, decoded) ** 2, np.hanning(501), "same"))
    assert 20 < envelope_peak - 24_000 <= lag_spread_samples(steep) + 1

import numpy as np
import pytest
from scipy.signal import welch

from musqa_pipeline.audio.degradations import effects
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.audio.degradations.rebuild import aligned
from musqa_pipeline.stages.degradations.checks import estimate_lag_samples
from tests.audio.music import music

X = music()[:96_000]


def apply(effect, params, x=X):
    applied = effect.apply(x, params)
    (decoded,) = decode([(applied.container, applied.bitstream)])
    return aligned(applied, decoded)


def crest(x):
    return np.abs(x).max() / np.std(x)


@pytest.mark.parametrize(
    ("effect", "params"),
    [
        (effects.Limiter(), effects.LimiterParams(-12.0, 100.0)),
        (effects.Clipping(), effects.ClippingParams(-12.0)),
        (effects.Distortion(), effects.DistortionParams(12.0)),
        (effects.Reverb(), effects.ReverbParams(0.4, 0.5, 0.3)),
        (effects.Echo(), effects.EchoParams(120.0, 0.3, 0.3)),
        (effects.WhiteNoise(), effects.NoiseParams(20.0, 3)),
        (effects.PinkNoise(), effects.NoiseParams(20.0, 3)),
        (effects.BitCrush(), effects.BitCrushParams(6.0)),
        *(
            (effects.Resample(), effects.ResampleParams(16_000.0, quality))
            for quality in effects.Resample.qualities
        ),
    ],
)
def test_an_effect_keeps_time_and_length(effect, params):
    y = apply(effect, params)
    assert len(y) == len(X)
    held = getattr(params, "quality", "") == "ZeroOrderHold"
    assert abs(estimate_lag_samples(X, y)) <= (48_000 / 16_000 / 2 + 0.5 if held else 1)


def test_clipping_cuts_at_its_threshold_below_the_peak():
    y = apply(effects.Clipping(), effects.ClippingParams(-6.0))
    expected = np.clip(X / np.abs(X).max(), -(10 ** (-6 / 20)), 10 ** (-6 / 20))
    np.testing.assert_allclose(y, expected, atol=1e-6)


def test_distortion_is_the_hyperbolic_tangent():
    y = apply(effects.Distortion(), effects.DistortionParams(18.0))
    np.testing.assert_allclose(y, np.tanh(X / np.abs(X).max() * 10 ** (18 / 20)), atol=2e-3)


def test_the_limiter_takes_more_of_the_crest_the_lower_its_threshold():
    crests = [
        crest(apply(effects.Limiter(), effects.LimiterParams(threshold_db, 50.0)))
        for threshold_db in (-6.0, -15.0, -24.0)
    ]
    assert crest(X) > crests[0] > crests[1] > crests[2]


@pytest.mark.parametrize("snr_db", [5.0, 30.0])
@pytest.mark.parametrize("noise", [effects.WhiteNoise(), effects.PinkNoise()])
def test_noise_has_the_power_that_was_asked_for(noise, snr_db):
    added = apply(noise, effects.NoiseParams(snr_db, 11)) - X
    assert 10 * np.log10(np.mean(X**2) / np.mean(added**2)) == pytest.approx(snr_db, abs=0.01)
    other = apply(noise, effects.NoiseParams(snr_db, 12)) - X
    assert abs(np.corrcoef(added, other)[0, 1]) < 0.1


@pytest.mark.parametrize(
    ("noise", "slope_db"), [(effects.WhiteNoise(), 0.0), (effects.PinkNoise(), -3.01)]
)
def test_noise_falls_per_octave_as_its_colour_says(noise, slope_db):
    added = apply(noise, effects.NoiseParams(10.0, 4)) - X
    frequency_hz, power = welch(added, 48_000, nperseg=4096)
    band = (frequency_hz > 200) & (frequency_hz < 20_000)
    fit = np.polyfit(np.log2(frequency_hz[band]), 10 * np.log10(power[band]), 1)
    assert fit[0] == pytest.approx(slope_db, abs=0.25)


def test_bit_crush_leaves_few_levels():
    for bits in (4.0, 6.0):
        y = apply(effects.BitCrush(), effects.BitCrushParams(bits))
        assert len(np.unique(y)) <= 2**bits + 1
        peak = np.abs(X).max()
        np.testing.assert_allclose(y, X / peak, rtol=0, atol=1.01 * 2.0 ** (1 - bits))


def test_resample_removes_what_the_lower_rate_cannot_hold():
    y = apply(effects.Resample(), effects.ResampleParams(8_000.0, "WindowedSinc32"))
    frequency_hz, before = welch(X, 48_000, nperseg=4096)
    _, after = welch(y, 48_000, nperseg=4096)
    high, low = frequency_hz > 6_000, (frequency_hz > 100) & (frequency_hz < 2_000)
    assert after[high].sum() < 0.01 * before[high].sum()
    assert after[low].sum() == pytest.approx(before[low].sum(), rel=0.05)


def test_cheap_resampling_aliases_and_good_resampling_does_not():
    tone = (0.3 * np.sin(2 * np.pi * 9_000 * np.arange(48_000) / 48_000)).astype(np.float32)
    power = [
        np.mean(apply(effects.Resample(), effects.ResampleParams(12_000.0, quality), tone) ** 2)
        for quality in ("ZeroOrderHold", "WindowedSinc32")
    ]
    assert power[0] > 30 * power[1]


def test_an_echo_repeats_the_sound_after_its_delay():
    click = np.zeros(48_000, np.float32)
    click[1_000] = 0.5
    y = apply(effects.Echo(), effects.EchoParams(100.0, 0.5, 0.4), click)
    heard = np.flatnonzero(np.abs(y) > 0.02)
    assert heard.tolist()[:3] == [1_000, 5_800, 10_600]
    assert y[10_600] == pytest.approx(0.5 * y[5_800], rel=1e-3)


def test_a_larger_room_rings_longer():
    click = np.zeros(96_000, np.float32)
    click[100] = 0.9
    tails = [
        np.sum(apply(effects.Reverb(), effects.ReverbParams(size, 0.3, 0.5), click)[24_000:] ** 2)
        for size in (0.2, 0.9)
    ]
    assert tails[1] > 100 * tails[0]
    assert not apply(effects.Reverb(), effects.ReverbParams(0.9, 0.3, 0.5), click)[:100].any()


@pytest.mark.parametrize(("rate_hz", "quality"), [(8_000.0, "VHQ"), (22_050.0, "VHQ")])
def test_a_steep_conversion_ends_at_half_of_the_rate(rate_hz, quality):
    y = apply(effects.Resample(), effects.ResampleParams(rate_hz, quality))
    frequency_hz, before = welch(X, 48_000, nperseg=4096)
    _, after = welch(y, 48_000, nperseg=4096)
    kept_db = 10 * np.log10(after / before)
    assert kept_db[frequency_hz > rate_hz / 2 + 50].max() < -30
    assert np.abs(kept_db[(frequency_hz > 50) & (frequency_hz < 0.45 * rate_hz)]).max() < 0.3


def test_a_gentle_conversion_begins_to_fall_earlier():
    _, before = welch(X, 48_000, nperseg=4096)
    frequency_hz, gentle = welch(
        apply(effects.Resample(), effects.ResampleParams(16_000.0, "LQ")), 48_000, nperseg=4096
    )
    _, steep = welch(
        apply(effects.Resample(), effects.ResampleParams(16_000.0, "VHQ")), 48_000, nperseg=4096
    )
    near = (frequency_hz > 6_500) & (frequency_hz < 7_200)
    assert 10 * np.log10(steep[near] / before[near]).mean() > -0.2
    assert 10 * np.log10(gentle[near] / before[near]).mean() < -2

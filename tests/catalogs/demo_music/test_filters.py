import numpy as np
import pytest
from scipy.signal import butter, iirpeak, lfilter, sosfilt

from musqa_pipeline.catalogs.demo_music import filters


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(1).standard_normal(6_000)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize(("name", "kind"), [("low_pass", "low"), ("high_pass", "high")])
def test_every_filter_is_the_butterworth_filter_of_scipy(noise, name, kind, order):
    wanted = sosfilt(butter(order, 1_800, kind, fs=48_000, output="sos"), noise)
    np.testing.assert_allclose(getattr(filters, name)(noise, 1_800, order), wanted, atol=1e-9)


def test_a_band_pass_takes_both_channels_alike(noise):
    wanted = sosfilt(butter(1, (400, 3_000), "band", fs=48_000, output="sos"), noise)
    got = filters.band_pass(np.stack([noise, -noise]), 400, 3_000)
    np.testing.assert_allclose(got, np.stack([wanted, -wanted]), atol=1e-9)


def test_resonances_add_up_in_parallel(noise):
    wanted = sum(
        g * lfilter(*iirpeak(f, 8.0, fs=48_000), noise) for f, g in ((500, 1.0), (1_500, 0.3))
    )
    np.testing.assert_allclose(
        filters.resonances(noise, (500, 1_500), (1.0, 0.3), 8.0), wanted, atol=1e-9
    )


def test_a_swept_filter_that_stands_still_has_no_seams(noise):
    swept = filters.swept_low_pass(noise, np.full(noise.size, 2_000.0), 1 / np.sqrt(2))
    np.testing.assert_allclose(swept, filters.low_pass(noise, 2_000.0, 2), atol=1e-9)


def test_a_closing_filter_takes_the_treble_with_time():
    noise = np.random.default_rng(2).standard_normal(48_000)
    closing = filters.swept_low_pass(noise, np.geomspace(15_000, 100, 48_000))
    early, late = (np.sum(np.diff(part) ** 2) for part in np.split(closing, 2))
    assert late < 0.05 * early


def test_a_faded_note_begins_and_ends_at_zero_and_is_left_alone_between():
    faded = filters.fade(np.ones((2, 4_800)), 0.01, 0.02)
    assert faded[:, 0].max() == 0
    assert faded[:, -1].max() < 1e-9
    assert np.all(faded[:, 480:3_840] == 1)
    assert np.all(np.diff(faded[0, :480]) > 0)


def test_a_decay_falls_to_one_e_th_in_its_time():
    assert filters.decay(9_601, 0.2)[9_600] == pytest.approx(np.exp(-1))


def test_saturation_bends_large_values_and_never_passes_full_scale():
    x = np.array([-9.0, -0.01, 0.01, 9.0])
    bent = filters.saturate(x, 3.0)
    np.testing.assert_allclose(bent, [-1, -0.03, 0.03, 1], rtol=1e-3)

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.bands import (
    FLOOR_DB,
    N_BANDS,
    N_COLUMNS,
    N_SEGMENTS,
    STEP_DB,
    band_centres_hz,
    band_edges,
    band_image,
    levels_db,
)
from musqa_pipeline.audio.features.descriptors import DESCRIPTORS, describe
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.scoring.model_seal import check_image

NOISE = (0.05 * np.random.default_rng(0).standard_normal(EXCERPT_SAMPLES)).astype(np.float32)
TIME_S = np.arange(EXCERPT_SAMPLES) / SAMPLE_RATE_HZ


def without(lost):
    """Noise without the frequencies for which `lost` is true."""
    hz = np.fft.rfftfreq(EXCERPT_SAMPLES, 1 / SAMPLE_RATE_HZ)
    return np.fft.irfft(np.where(lost(hz), 0, np.fft.rfft(NOISE))).astype(np.float32)


def test_bands_cover_30_hz_to_24_khz_without_gap_or_overlap():
    edges = band_edges()
    assert len(edges) == N_BANDS + 1
    assert (np.diff(edges) > 0).all()
    assert edges[0] * SAMPLE_RATE_HZ / 2048 < 30
    assert edges[-1] == 1025


def test_the_level_of_white_noise_is_that_of_its_samples_in_every_band():
    power = levels_db(band_image(NOISE))["power"]
    expected_db = 20 * np.log10(0.05)
    np.testing.assert_allclose(power.mean(axis=0), expected_db, atol=0.8)


def test_twice_the_amplitude_is_six_decibels():
    before, after = (levels_db(band_image(x))["power"] for x in (NOISE, 2 * NOISE))
    np.testing.assert_allclose(after - before, 20 * np.log10(2), atol=STEP_DB)


def test_a_tone_stands_in_its_band_alone():
    tone = (0.1 * np.sin(2 * np.pi * 9_984.4 * TIME_S)).astype(np.float32)
    power = levels_db(band_image(tone))["power"].mean(axis=0)
    assert abs(band_centres_hz()[power.argmax()] - 9_984.4) < 94
    assert np.sort(power)[-6] < power.max() - 40


def test_statistics_are_ordered_as_means_of_logs_must_be():
    levels = levels_db(band_image(NOISE))
    assert (levels["power"] >= levels["log_power"] - STEP_DB).all()
    assert (levels["log_power"] >= levels["log_bins"] - STEP_DB).all()
    assert (levels["log_power"] >= levels["least"] - STEP_DB).all()


def test_silence_is_the_floor_and_full_scale_still_fits():
    assert band_image(np.zeros(EXCERPT_SAMPLES, np.float32)).max() == 0
    tone = np.sin(2 * np.pi * 1_000 * TIME_S).astype(np.float32)
    assert levels_db(band_image(tone))["power"].max() < FLOOR_DB + 255 * STEP_DB


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (NOISE[:-1], r"shape=\(479999,\), expected \(480000,\)"),
        (np.stack([NOISE, NOISE]), r"shape=\(2, 480000\)"),
        (np.where(np.arange(EXCERPT_SAMPLES) < 3, np.nan, NOISE), "3 samples are NaN or infinite"),
    ],
)
def test_what_is_no_excerpt_is_refused(samples, message):
    with pytest.raises(UnfitInputError, match=message):
        band_image(samples)


@pytest.mark.parametrize("cutoff_hz", [3_500, 7_000, 12_000, 16_000])
def test_a_steep_cut_is_found_where_it_is(cutoff_hz):
    found = describe(band_image(without(lambda hz: hz > cutoff_hz)))
    assert cutoff_hz - 800 < found["fall_8_hz"] < cutoff_hz + 100
    assert abs(found["edge_40_db_below_peak_hz"] - cutoff_hz) < 100
    assert found["fall_8_db"] > 50


def test_a_steeper_cut_falls_further():
    steep = describe(band_image(without(lambda hz: hz > 7_000)))
    gentle = describe(band_image(sosfilt(butter(2, 7_000, fs=SAMPLE_RATE_HZ, output="sos"), NOISE)))
    assert steep["fall_3_db"] > gentle["fall_3_db"] + 40


def test_holes_are_counted_where_they_are():
    holed = without(lambda hz: (hz > 12_100) & (hz < 15_000) & ((hz // 500) % 2 == 0))
    plain, found = (describe(band_image(x)) for x in (NOISE, holed))
    names = [name for name in DESCRIPTORS if name.startswith("holes_15_db")]
    gain = {name: found[name] - plain[name] for name in names}
    most = max(gain, key=gain.get)
    assert gain[most] > 0.3
    assert most == "holes_15_db_12059_15059_hz"
    assert abs(gain["holes_15_db_1547_6059_hz"]) < 0.02


def test_every_descriptor_is_a_number_even_of_silence():
    blank = describe(np.zeros((N_SEGMENTS, N_COLUMNS), np.uint8))
    assert list(blank) == list(DESCRIPTORS)
    assert np.isfinite(list(blank.values())).all()


@pytest.mark.parametrize("image", [check_image(), band_image(NOISE)], ids=["made up", "noise"])
def test_descriptors_are_the_same_where_a_processor_has_other_last_bits(image, monkeypatch):
    rng = np.random.default_rng(0)

    def with_other_bits(function):
        def changed(*arguments):
            exact = np.asarray(function(*arguments))
            shift = rng.integers(-4, 5, exact.shape).astype(exact.dtype)
            return exact + shift * np.spacing(exact)

        return changed

    expected = describe(image)
    for name in ("power", "log10"):
        monkeypatch.setattr(np, name, with_other_bits(getattr(np, name)))
    assert len({*np.log10(np.full(9, 2.0))}) > 1
    assert describe(image) == expected

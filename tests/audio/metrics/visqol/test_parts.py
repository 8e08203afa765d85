"""The engine's parts against textbook forms of them."""

import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import visqol
from visqol.quality_mapper import SvrSimilarityToQualityMapper

from musqa_pipeline.audio.features.gammatone import design_gammatone
from musqa_pipeline.audio.metrics.visqol import alignment, quality
from musqa_pipeline.audio.metrics.visqol.alignment import EnvelopeBank
from musqa_pipeline.audio.metrics.visqol.energies import N_BANDS, energy_bank
from musqa_pipeline.audio.metrics.visqol.engine import one_thread
from musqa_pipeline.audio.metrics.visqol.nsim import band_similarities, floor_together, to_db
from musqa_pipeline.audio.metrics.visqol.quality import support_vectors
from musqa_pipeline.audio.metrics.visqol.realign import patch_times, slice_of
from musqa_pipeline.audio.metrics.visqol.search import LOST, best_path, find_offsets, patch_starts
from musqa_pipeline.core.errors import ToolError
from tests.audio.music import music

N = 48_000
RNG = np.random.default_rng(3)


def test_the_bank_has_unit_gain_at_its_centres_which_are_even_on_the_erb_scale():
    bank = design_gammatone(48_000)
    assert bank.center_hz[0] == pytest.approx(50.0)
    steps = np.diff(np.log(bank.center_hz / 9.26449 + 24.7))
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)
    for band, center_hz in enumerate(bank.center_hz):
        response = 1.0
        for section in range(4):
            denominator = np.r_[1.0, bank.denominators[band]]
            _, h = scipy.signal.freqz(
                bank.numerators[section, band], denominator, [center_hz], fs=48_000
            )
            response *= abs(h[0])
        assert response == pytest.approx(1.0, rel=1e-9)


SIGNALS = {
    "music": music()[:N].astype(np.float64),
    "noise": RNG.standard_normal(N),
    "two tones 80 dB apart": np.sin(np.arange(N) * 0.01) + 1e-4 * np.sin(np.arange(N) * 1.9),
    "click at the end": np.eye(1, N, N - 7)[0],
    "onset": np.where(np.arange(N) < 30_000, 0.0, RNG.standard_normal(N)),
}


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize(("dtype", "tolerance_db"), [("float64", 1e-8), ("float32", 1e-4)])
def test_energies_are_those_of_filtered_frames(name, dtype, tolerance_db):
    x, bank, gammatone = SIGNALS[name], energy_bank(48_000, dtype), design_gammatone(48_000)
    starts = bank.frame_starts(N)[::5]
    expected = np.empty((N_BANDS, len(starts)))
    for column, start in enumerate(starts):
        frame = x[start : start + 3_840] * scipy.signal.windows.hann(3_840, sym=True)
        for band in range(N_BANDS):
            y = frame
            for numerator in gammatone.numerators[:, band]:
                y = scipy.signal.lfilter(numerator, np.r_[1.0, gammatone.denominators[band]], y)
            expected[band, column] = np.sqrt(np.mean(y**2))
    found_db, expected_db = floor_together(to_db(bank.rms(x, starts)), to_db(expected), N_BANDS)
    np.testing.assert_allclose(found_db, expected_db, rtol=0, atol=tolerance_db)


def test_equal_frames_have_equal_energies_wherever_they_stand():
    bank = energy_bank(48_000)
    x = np.tile(RNG.standard_normal(960), 90)
    with one_thread():
        rms = bank.rms(x, bank.frame_starts(len(x)))
    assert rms.shape == (32, 87)
    assert (rms == rms[:, :1]).all()


def tone(period):
    return np.sin(2 * np.pi * np.arange(6_000) / period)


BURST = np.where(np.abs(np.arange(6_000) - 4_000) < 300, RNG.standard_normal(6_000), 0.0)
NOISE = RNG.standard_normal(6_000)
ALIGNED = {
    "itself": (NOISE, NOISE),
    "late": (NOISE, np.r_[np.zeros(700), NOISE][:6_000]),
    "early": (NOISE, np.r_[NOISE[701:], np.zeros(701)]),
    "shorter": (NOISE, NOISE[:5_001]),
    "longer": (NOISE[:5_001], np.r_[RNG.standard_normal(300), NOISE]),
    "wraps around": (BURST, np.roll(BURST, 2_500)),
    "negative mean": (NOISE - 0.7, np.roll(NOISE, 50) - 0.9),
    "positive mean": (NOISE + 0.7, np.roll(NOISE, 50) * 0.1 + 0.9),
    "tone": (tone(60), np.roll(tone(60), 13)),
    "tone of no whole period": (tone(61.7), tone(61.7)[17:]),
    "silence": (NOISE, np.zeros(6_000)),
    "half silent": (NOISE, np.where(np.arange(6_000) < 3_000, 0.0, NOISE)),
    "other": (NOISE, RNG.standard_normal(6_000)),
    "far": (BURST, BURST[::-1]),
}


@pytest.mark.parametrize("name", ALIGNED)
@pytest.mark.parametrize("max_candidates", [64, 0])
def test_the_lag_is_that_of_the_whole_correlation(monkeypatch, name, max_candidates):
    monkeypatch.setattr(alignment, "MAX_CANDIDATES", max_candidates)
    reference, degraded = ALIGNED[name]
    envelopes = [np.abs(2 * (x - x.mean())) + x.mean() for x in (reference, degraded)]
    n = max(len(reference), len(degraded))
    padded = [np.pad(e, (0, n - len(e))) for e in envelopes]
    linear = np.correlate(padded[0], padded[1], mode="full")  # lags -(n - 1) ... n - 1
    lag = int(np.argmax(linear)) - (n - 1)
    expected = 0 if abs(lag) > len(reference) / 2 else lag
    # Beside others in a batch, and with room for a longer signal.
    bank = EnvelopeBank([NOISE[:4_000], reference], n + 1)
    assert bank.leads([NOISE[5:4_000], degraded])[1] == expected


def textbook_nsim(r, d):
    window = np.array(
        [[0.0113033910173052, 0.0838251475442633, 0.0113033910173052],
         [0.0838251475442633, 0.619485845753726, 0.0838251475442633],
         [0.0113033910173052, 0.0838251475442633, 0.0113033910173052]]
    )  # fmt: skip

    def smooth(x):
        return scipy.signal.correlate2d(np.pad(x, 1, mode="edge"), window, mode="valid")

    mu_r, mu_d = smooth(r), smooth(d)
    var_r, var_d, cov = (
        smooth(r * r) - mu_r**2,
        smooth(d * d) - mu_d**2,
        smooth(r * d) - mu_r * mu_d,
    )
    level = (2 * mu_r * mu_d + 1e-4) / (mu_r**2 + mu_d**2 + 1e-4)
    return level * (cov + 4.5e-4) / (np.sqrt(np.maximum(var_r * var_d, 0)) + 4.5e-4)


SPECTROGRAM = np.abs(RNG.standard_normal((32, 200)).cumsum(axis=1))


def test_nsim_is_the_textbook_s_and_one_for_equal_patches():
    r, d = SPECTROGRAM[:, :30], SPECTROGRAM[:, 3:33]
    np.testing.assert_allclose(band_similarities(r, d), textbook_nsim(r, d).mean(axis=1), atol=1e-9)
    assert (band_similarities(r, r) == 1.0).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_shifted_patches_are_found_where_they_are(dtype):
    starts = patch_starts(200)
    assert starts.tolist() == [14, 44, 74, 104, 134, 164]
    patches = np.stack([SPECTROGRAM[:, s : s + 30] for s in starts])
    degraded = np.concatenate((np.ones((32, 7)), SPECTROGRAM), axis=1)
    assert find_offsets(patches, starts, degraded, dtype).tolist() == (starts + 7).tolist()


def test_offsets_are_those_of_a_search_through_all_paths():
    # Every rising path of four patches over nine offsets, by hand; sums as they come.
    similarities = RNG.random((4, 9))
    starts = np.array([0, 1, 2, 3])
    best = max(
        ((a, b, c, d) for a in range(9) for b in range(a + 1, 9)
         for c in range(b + 1, 9) for d in range(c + 1, 9)),
        key=lambda path: sum(similarities[p, o] for p, o in enumerate(path)),
    )  # fmt: skip
    assert best_path(similarities.copy(), starts, 9).tolist() == list(best)


def test_a_patch_that_only_lowers_the_sum_is_lost():
    similarities = np.array([[0.1, 0.9, 0.2], [0.3, 0.1, -0.8]])
    assert best_path(similarities, np.array([0, 1]), 3).tolist() == [1, LOST]


def test_slices_keep_the_arithmetic_of_floating_point():
    frame_s = 960 / 48_000.0
    starts = [slice_of(*patch_times(i, frame_s), 480_000, 48_000).start for i in range(500)]
    early = [i for i, start in enumerate(starts) if start != 960 * i]
    assert early == [29, 58, 116, 205, 207, 232, 257, 410, 414, 439, 464, 489]
    assert all(starts[i] == 960 * i - 1 for i in early)
    lengths = {len(slice_of(*patch_times(i, frame_s), 960_000, 48_000)) for i in range(500)}
    assert lengths == {28_799, 28_800, 28_801}
    # Beyond the end: the last sample is left out, and zeros come in front,
    # one less than there is room for where the product is not exact.
    late = slice_of(*patch_times(480, frame_s), 480_000, 48_000)
    assert (late.start, late.stop, late.zeros) == (460_800, 479_999, 9_599)
    assert late.cut(np.ones(480_000))[[0, 9_598, 9_599]].tolist() == [0.0, 0.0, 1.0]


def test_the_regression_is_the_one_that_visqol_python_ships():
    folder = Path(visqol.__file__).parent / "model"
    mapper = SvrSimilarityToQualityMapper(str(folder / "libsvm_nu_svr_model.txt"))
    mapper.init()
    for fvnsim in (np.ones(32), RNG.random(32), np.linspace(1.0, 0.3, 32), np.full(32, 0.16)):
        expected = mapper.predict_quality(fvnsim, fvnsim, fvnsim, fvnsim)
        assert support_vectors().mos(fvnsim) == pytest.approx(expected, abs=1e-12)
    assert support_vectors().mos(np.full(32, 0.149)) == 1.0


def test_a_missing_model_is_named_with_what_to_install(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(ToolError, match=r"ViSQOL's model is missing; .*\[label\]"):
        support_vectors.__wrapped__()


@pytest.mark.parametrize("text", ["", "svm_type nu_svr\nkernel_type linear\nSV\n1 1:1\n"])
def test_a_damaged_model_is_named(monkeypatch, tmp_path, text):
    (tmp_path / "model.txt").write_text(text)
    monkeypatch.setattr(quality, "MODEL_FILE", tmp_path / "model.txt")
    with pytest.raises(ToolError, match=r"model\.txt cannot be used .*; install visqol-python"):
        support_vectors.__wrapped__()

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from musqa_pipeline.audio.degradations.codecs import ADTS, MP2, CodecParams
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.audio.metrics.visqol import Reference
from musqa_pipeline.audio.metrics.visqol.fft import fft_library
from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from tests.audio.metrics.visqol.oracle import Oracle
from tests.audio.music import music

N = 3 * 48_000
REFERENCE = music()[:N]


def coded(codec, bitrate_kbps):
    applied = codec.apply(music()[: N + 4_800], CodecParams(bitrate_kbps))
    (decoded,) = decode([(applied.container, applied.bitstream)])
    return decoded[codec.delay_samples :][:N]


DEGRADED = {
    "itself": REFERENCE,
    "low-passed": sosfilt(butter(4, 3500, fs=48_000, output="sos"), REFERENCE),
    "coded": coded(MP2, 48),
    "late, quiet": 0.2 * np.concatenate([np.zeros(777), coded(ADTS, 32)])[:N],
    "early": np.concatenate([REFERENCE[1_234:], np.zeros(1_234)]),
    "another song": music(seed=5)[:N],
    "noise": np.random.default_rng(0).standard_normal(N) * 0.05,
}
DEGRADED = {name: x.astype(np.float32) for name, x in DEGRADED.items()}


@pytest.fixture(scope="module")
def metric():
    return Reference(REFERENCE)


@pytest.fixture(scope="module")
def scores(metric):
    return {name: metric.score(x) for name, x in DEGRADED.items()}


def test_scores_equal_those_of_visqol_python_whatever_was_scored_before(scores):
    oracle = Oracle(rectified=True)
    for name, x in DEGRADED.items():
        expected, score = oracle.score(REFERENCE, x), scores[name]
        assert score.mos == pytest.approx(expected.mos, abs=1e-9), name
        assert score.vnsim == pytest.approx(expected.vnsim, abs=1e-9), name
        np.testing.assert_allclose(score.fvnsim, expected.fvnsim, rtol=0, atol=1e-9)
        assert score.fvnsim.shape == (32,)


def test_a_score_is_repeated_to_the_last_bit(metric, scores):
    fresh = Reference(REFERENCE)
    for name in ("late, quiet", "coded"):
        moved = np.concatenate([[0], DEGRADED[name]]).astype(np.float32)[1:]  # in other memory
        for again in (metric.score(DEGRADED[name]), fresh.score(moved)):
            assert again.mos == scores[name].mos
            assert again.fvnsim.tobytes() == scores[name].fvnsim.tobytes()


def test_the_delay_that_was_undone_is_reported_with_its_sign(scores):
    found = {name: score.lag_samples for name, score in scores.items()}
    assert (found["itself"], found["low-passed"]) == (0, 6)
    assert (found["late, quiet"], found["early"]) == (777, -1_234)


def test_identity_is_at_the_top_and_more_damage_scores_lower(metric, scores):
    mos = {name: score.mos for name, score in scores.items()}
    assert mos["itself"] == pytest.approx(4.732, abs=0.001)
    assert mos["itself"] > metric.score(coded(MP2, 192)).mos > mos["coded"] > 1.0
    assert mos["itself"] > mos["low-passed"] > mos["noise"]


def test_level_does_not_matter_and_the_number_of_threads_stays(metric, scores):
    n_threads = numba.get_num_threads()
    quiet = metric.score(DEGRADED["coded"] * np.float32(0.25))
    assert quiet.mos == pytest.approx(scores["coded"].mos, abs=1e-6)
    assert numba.get_num_threads() == n_threads


REFUSED = {
    "silent": (np.zeros(N), "silent: the degraded signal is silent"),
    "not finite": (np.where(np.arange(N) == 99, np.nan, REFERENCE), "not_finite: the degraded"),
    "stereo": (np.zeros((N, 2)), r"shape: the degraded signal has the shape \(144000, 2\)"),
    "empty": (np.zeros(0), r"shape: the degraded signal has the shape \(0,\)"),
    "hardly there": (REFERENCE[:3_000], "too_short: 3000 samples"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_scored_is_refused_with_a_reason(metric, name):
    samples, message = REFUSED[name]
    with pytest.raises(UnfitInputError, match=message):
        metric.score(samples)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (REFERENCE[:24_000], r"too_short: the reference lasts 0\.50 s.*0\.96 s"),
        (np.zeros(N), "silent: the reference is silent"),
        (np.full(N, np.inf), "not_finite: the reference"),
    ],
)
def test_a_reference_that_cannot_serve_is_refused_with_a_reason(samples, message):
    with pytest.raises(UnfitInputError, match=message):
        Reference(samples)


def test_the_fast_path_is_within_a_millionth(scores):
    fast = Reference(REFERENCE, precision="fast")
    for name, x in DEGRADED.items():
        score = fast.score(x)
        assert score.mos == pytest.approx(scores[name].mos, abs=1e-6), name
        assert score.lag_samples == scores[name].lag_samples


def test_a_batch_is_scored_in_order(metric, scores):
    batch = metric.score_batch(DEGRADED.values())
    assert [s.mos for s in batch] == [s.mos for s in scores.values()]


def test_threads_of_one_process_do_not_disturb_each_other(scores):
    other = Reference(music(seed=5)[:N])
    expected = other.score(REFERENCE)
    metric = Reference(REFERENCE)
    with ThreadPoolExecutor(2) as pool:
        found = list(
            pool.map(
                lambda i: (other, metric)[i % 2].score((REFERENCE, DEGRADED["coded"])[i % 2]),
                range(8),
            )
        )
    assert {score.mos for score in found[::2]} == {expected.mos}
    assert {score.mos for score in found[1::2]} == {scores["coded"].mos}


@pytest.mark.parametrize("library", ["pocketfft", "fftw"])
def test_both_transform_libraries_give_the_same_score(library, scores):
    program = (
        "from tests.audio.metrics.visqol.test_visqol import DEGRADED, REFERENCE, Reference\n"
        "from musqa_pipeline.audio.metrics.visqol.fft import fft_library\n"
        "print(fft_library(), Reference(REFERENCE).score(DEGRADED['late, quiet']).mos)"
    )
    environment = {**os.environ, "MUSQA_FFT": library}
    found = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    )
    name, mos = found.stdout.split()
    assert name == library
    assert float(mos) == pytest.approx(scores["late, quiet"].mos, abs=1e-9)


def test_an_unknown_transform_library_is_refused(monkeypatch):
    monkeypatch.setenv("MUSQA_FFT", "mkl")
    with pytest.raises(SettingsError, match="MUSQA_FFT='mkl': expected pocketfft or fftw"):
        fft_library.__wrapped__()


def test_fftw_that_is_asked_for_and_missing_is_named(monkeypatch):
    monkeypatch.setenv("MUSQA_FFT", "fftw")
    monkeypatch.setitem(sys.modules, "pyfftw", None)
    with pytest.raises(SettingsError, match=r"needs the extra fftw: pip install .*\[fftw\]"):
        fft_library.__wrapped__()

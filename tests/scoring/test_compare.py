"""Comparisons: what moves a score and what does not, windows of what is long, and bad files."""

import numpy as np
import pytest

from musqa_pipeline.audio.features.gammatone_bands import pair_image
from musqa_pipeline.audio.files.pairs import pair_up
from musqa_pipeline.audio.metrics.pair_files import ReferenceFile
from musqa_pipeline.core.errors import ModelError, UnfitInputError
from musqa_pipeline.scoring import compare as module
from musqa_pipeline.scoring.compare import Comparer, compare_pairs, worst_first
from musqa_pipeline.scoring.pair_model import PairModel
from musqa_pipeline.scoring.words import HIGHEST_MOS
from tests.audio.music import music
from tests.audio.sounds import write
from tests.scoring.small_pair_model import expected_quality, write_pair_model

N = 144_000
RATE_HZ = 48_000


def noisy(level=0.05, n=N):
    noise = np.random.default_rng(0).standard_normal(n).astype(np.float32)
    return (music(max(n, 600_000))[:n] + level * noise).astype(np.float32)


def silence(seconds):
    return np.zeros(round(seconds * RATE_HZ), np.float32)


@pytest.fixture(scope="module")
def comparer(tmp_path_factory):
    path = write_pair_model(tmp_path_factory.mktemp("model") / "pairs.onnx")
    return Comparer(PairModel(path))


def test_a_score_is_the_networks_of_both_spectrograms(comparer):
    score = comparer.compare(noisy(0.0), noisy())
    expected = expected_quality(pair_image(noisy(0.0), noisy()))
    assert score.quality == pytest.approx(expected, abs=1e-5)
    assert 0.0 < score.quality < 0.9
    assert score.mos == pytest.approx(1 + 4 * score.quality, abs=1e-6)
    assert (score.lag_samples, score.common_s, score.model) == (0, 3.0, "small 1")
    (window,) = score.windows
    assert (window.start_s, window.stop_s, window.mos) == (0.0, 3.0, score.mos)
    assert comparer.compare(noisy(0.0), 0.5 * noisy(0.0)).word == "transparent"


def test_neither_level_nor_delay_moves_a_score(comparer):
    plain = comparer.compare(noisy(0.0), noisy())
    assert comparer.compare(0.1 * noisy(0.0), 3.0 * noisy()).mos == pytest.approx(plain.mos, 1e-4)
    found = comparer.compare(noisy(0.0), np.concatenate((silence(0.1), noisy())))
    assert found.lag_samples == 4_800
    assert found.mos == pytest.approx(plain.mos, 1e-6)


@pytest.mark.parametrize(
    ("reference", "degraded", "text"),
    [
        (
            noisy(0.0),
            silence(3),
            "silent: the mono mix of the degraded signal is silent .below -80 dBFS.: it has",
        ),
        (noisy(0.0), 2e-5 * noisy(), "silent: the mono mix of the degraded signal is silent"),
        (silence(3), noisy(0.0), "silent: the mono mix of the reference is silent"),
        (noisy(0.0), noisy(n=0), "silent: the mono mix of the degraded signal is silent"),
        (noisy(0.0), np.full(N, np.nan, np.float32), "not_finite: the degraded signal has samples"),
        (noisy(0.0), noisy(n=30_000), "too_short: 0.6. s are common to both signals; compare"),
    ],
)
def test_what_cannot_be_compared_is_refused(comparer, reference, degraded, text):
    with pytest.raises(UnfitInputError, match=text):
        comparer.compare(reference, degraded)


def test_a_copy_has_the_score_that_visqol_gives_it_window_by_window(comparer):
    clean = noisy(0.0, 25 * RATE_HZ)
    damaged = np.concatenate((clean[: 20 * RATE_HZ], noisy(0.05, 25 * RATE_HZ)[20 * RATE_HZ :]))
    first, second, last = (window.mos for window in comparer.compare(clean, damaged).windows)
    assert first == second == HIGHEST_MOS > last
    assert comparer.compare(clean[:N], clean[:N]).mos == HIGHEST_MOS
    late = comparer.compare(clean[:N], np.concatenate((silence(0.1), clean[:N])))
    assert (late.lag_samples, late.mos) == (4_800, HIGHEST_MOS)
    almost = clean[:N].copy()
    almost[N // 2] += 1e-3
    expected = expected_quality(pair_image(clean[:N], almost))
    assert comparer.compare(clean[:N], almost).quality == pytest.approx(expected, abs=1e-5)


def test_channels_that_cancel_are_told(comparer, tmp_path):
    write(tmp_path / "a.wav", noisy(), subtype="FLOAT")
    both = np.stack([noisy(), -noisy()], axis=1)
    path = write(tmp_path / "b.wav", both, subtype="FLOAT")
    (found,) = compare_pairs(pair_up(tmp_path / "a.wav", [path]), comparer)
    assert found.error.endswith(
        "it has no sound, or its channels cancel; compare signals that have sound, or check the "
        "polarity of a channel"
    )


def test_a_soft_copy_is_not_silent(comparer):
    assert comparer.compare(noisy(0.0), 1e-2 * noisy()).mos > 1.0


@pytest.fixture(scope="module")
def long_pair():
    """35 s, noisier every 10 s, and a dropout from 20 to 30.1 s."""
    clean = noisy(0.0, 35 * RATE_HZ)
    levels = np.repeat(np.float32([0.001, 0.01, 0.1, 0.3]), 10 * RATE_HZ)[: len(clean)]
    noise = np.random.default_rng(1).standard_normal(len(clean)).astype(np.float32)
    degraded = (clean + levels * noise).astype(np.float32)
    degraded[20 * RATE_HZ : round(30.1 * RATE_HZ)] = 0.0
    return clean, degraded


def test_what_is_longer_than_a_window_has_a_score_for_each(comparer, long_pair):
    score = comparer.compare(*long_pair)
    times = [(window.start_s, window.stop_s) for window in score.windows]
    assert times == [(0.0, 10.0), (10.0, 20.0), (20.0, 30.0), (25.0, 35.0)]
    first, second, lost, last = (window.mos for window in score.windows)
    assert first > second > last > lost == 1.0
    clean, degraded = (signal[10 * RATE_HZ : 20 * RATE_HZ] for signal in long_pair)
    assert second == pytest.approx(comparer.compare(clean, degraded).mos, abs=1e-5)
    # Two windows share the seconds from 25 to 30.
    weights = [10.0, 10.0, 7.5, 7.5]
    expected = np.average([first, second, lost, last], weights=weights)
    assert score.mos == pytest.approx(expected, abs=0.01)
    assert (score.lowest.start_s, score.flags) == (20.0, ("mixed_windows",))


def test_times_are_those_of_the_reference(comparer):
    clean = noisy(0.0, 25 * RATE_HZ)
    late = comparer.compare(clean, np.concatenate((silence(2), clean)))
    early = comparer.compare(clean, clean[2 * RATE_HZ :])
    assert (late.lag_samples, late.windows[0].start_s) == (2 * RATE_HZ, 0.0)
    assert (early.lag_samples, early.windows[0].start_s) == (-2 * RATE_HZ, 2.0)
    assert early.windows[-1].stop_s == pytest.approx(25.0, abs=0.1)
    assert early.mos == pytest.approx(HIGHEST_MOS)
    assert late.mos == pytest.approx(HIGHEST_MOS)


def test_where_the_reference_is_silent_there_is_no_window(comparer):
    part = noisy(0.0, 11 * RATE_HZ)
    clean = np.concatenate((part, silence(15), part))
    hiss = 0.01 * np.random.default_rng(2).standard_normal(len(clean)).astype(np.float32)
    score = comparer.compare(clean, clean + hiss)
    assert [round(window.start_s) for window in score.windows] == [0, 1, 26, 27]
    sparse = np.concatenate((part[: 2 * RATE_HZ], silence(9), part[: 2 * RATE_HZ], silence(9)))
    with pytest.raises(UnfitInputError, match="too_short: no 10 s of what they share hold 3 s of"):
        comparer.compare(sparse, sparse)
    score = comparer.compare(*[np.concatenate((part, silence(8), part[: 2 * RATE_HZ]))] * 2)
    assert [window.abstained for window in score.windows] == ["", "silence", "silence"]
    assert score.flags == ("partly_scored",)
    assert score.mos == pytest.approx(HIGHEST_MOS)


@pytest.mark.parametrize("seconds", [10.0, 10.01])
def test_a_window_has_the_score_that_its_sound_alone_has(comparer, seconds):
    n = round(seconds * RATE_HZ)
    score = comparer.compare(noisy(0.0, n), noisy(0.05, n))
    assert len(score.windows) == 1
    alone = comparer.compare(noisy(0.0, n)[:480_000], noisy(0.05, n)[:480_000])
    assert score.mos == pytest.approx(alone.mos, abs=0.01)


def test_one_bad_file_costs_one_pair(comparer, tmp_path):
    for name, samples in {
        "a.wav": noisy(0.0), "good.wav": noisy(), "silent.wav": silence(3),
    }.items():  # fmt: skip
        write(tmp_path / name, samples, subtype="FLOAT")
    (tmp_path / "broken.flac").write_bytes(b"fLaC nothing")
    files = [tmp_path / name for name in ("broken.flac", "silent.wav", "gone.wav", "good.wav")]
    found = list(compare_pairs(pair_up(tmp_path / "a.wav", files), comparer))
    assert [bool(pair.error) for pair in found] == [True, True, True, False]
    assert found[0].error.startswith(("no known audio format", "soundfile cannot read it"))
    assert found[1].error.startswith("the mono mix of the degraded signal is silent")
    assert found[2].error == "No such file or directory; check the path and your permission"
    assert found[3].score.mos == pytest.approx(comparer.compare(noisy(0.0), noisy()).mos, abs=1e-6)
    (bad,) = compare_pairs(pair_up(tmp_path / "none.wav", [files[3]]), comparer)
    assert bad.error == "reference: No such file or directory; check the path and your permission"


def test_a_reference_is_read_once_for_its_neighbours(comparer, tmp_path, monkeypatch):
    read = []

    class Counted(ReferenceFile):
        def __init__(self, path):
            read.append(path.name)
            super().__init__(path)

    monkeypatch.setattr(module, "ReferenceFile", Counted)
    for name in ("a.wav", "b.wav", "c.wav"):
        write(tmp_path / name, noisy(), subtype="FLOAT")
    files = [tmp_path / name for name in ("b.wav", "c.wav")]
    pairs = [*pair_up(tmp_path / "a.wav", files), *pair_up(tmp_path / "b.wav", files)]
    assert not any(found.error for found in compare_pairs(pairs, comparer))
    assert read == ["a.wav", "b.wav"]


class Odd:
    """A network with a fault."""

    label = "odd"

    def __init__(self, error):
        self.error = error

    def quality(self, image):
        raise self.error


def test_a_fault_of_ours_costs_a_pair_and_one_of_the_model_all(tmp_path):
    path = write(tmp_path / "a.wav", noisy(), subtype="FLOAT")
    pairs = pair_up(path, [write(tmp_path / "b.wav", 0.5 * noisy(), subtype="FLOAT")])
    (found,) = compare_pairs(pairs, Comparer(Odd(ZeroDivisionError("x"))))
    assert found.error == "ZeroDivisionError: x; please report it"
    with pytest.raises(ModelError, match="gone"):
        list(compare_pairs(pairs, Comparer(Odd(ModelError("gone")))))


def test_the_worst_pair_comes_first_and_those_without_a_score_last(comparer, tmp_path):
    levels = {"fair.wav": 0.01, "bad.wav": 0.3, "good.wav": 0.001}
    for name, level in {"a.wav": 0.0, **levels}.items():
        write(tmp_path / name, noisy(level), subtype="FLOAT")
    files = [tmp_path / name for name in ("gone.wav", *levels)]
    found = worst_first(compare_pairs(pair_up(tmp_path / "a.wav", files), comparer))
    names = [pair.degraded.rpartition("/")[2] for pair in found]
    assert names == ["bad.wav", "fair.wav", "good.wav", "gone.wav"]

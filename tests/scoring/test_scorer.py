"""The scorer: what it answers, what cannot move a score, and when it abstains."""

import re

import numpy as np
import pytest
import soundfile

from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.scoring import Scorer, speech
from musqa_pipeline.scoring import scorer as scorer_module
from musqa_pipeline.scoring.model_file import ModelFile
from musqa_pipeline.scoring.verdict import to_image
from musqa_pipeline.scoring.words import word_of
from tests.audio.coded import write_m4a
from tests.scoring.small_model import CALIBRATION, expected_quality, write_model

RATE_HZ = 48_000


def test_a_score_is_the_mean_of_its_windows(scorer, stereo):
    score = scorer.score(stereo[: 10 * RATE_HZ], RATE_HZ)
    mono = stereo[: 10 * RATE_HZ].mean(axis=1)
    assert score.mos == pytest.approx(1 + 4 * expected_quality(to_image(mono)), abs=0.005)
    two = scorer.score(stereo, RATE_HZ)
    assert [w.start_s for w in two.windows] == pytest.approx([0, 2], abs=0.01)
    assert two.mos == pytest.approx(np.mean([w.mos for w in two.windows]), abs=1e-3)


def test_a_score_says_what_was_measured(scorer, stereo):
    score = scorer.score(stereo, RATE_HZ)
    assert score.mos_low < score.mos < score.mos_high
    assert score.word == word_of(score.mos).name
    assert (score.duration_s, score.sample_rate_hz, score.channels) == (12.0, RATE_HZ, 2)
    assert score.bandwidth_hz > 20_000
    assert -30 < score.loudness_lufs < -15
    peak_db = 20 * np.log10(np.abs(stereo).max())
    assert peak_db - 0.01 <= score.true_peak_dbtp < peak_db + 3
    assert (score.abstained, score.reason, score.flags, score.model) == ("", "", (), "small 1")


def test_a_low_pass_lowers_the_score(scorer, stereo):
    from scipy.signal import butter, sosfilt

    scores = []
    for cut_hz in (3_500, 7_000, 15_000, 20_000):
        sos = butter(8, cut_hz, fs=RATE_HZ, output="sos")
        scores.append(scorer.score(sosfilt(sos, stereo, axis=0).astype(np.float32), RATE_HZ).mos)
    assert scores == sorted(scores)
    assert scores[-1] - scores[0] > 0.5


def test_neither_gain_nor_swapped_channels_nor_silence_in_front_moves_it(scorer, stereo):
    plain = scorer.score(stereo, RATE_HZ)
    for gain in (0.5, 2.0, 1.37):
        louder = scorer.score(stereo * np.float32(gain), RATE_HZ)
        assert louder.mos == pytest.approx(plain.mos, abs=1e-3)
    assert scorer.score(stereo[:, ::-1], RATE_HZ).mos == plain.mos
    quiet = np.zeros((2 * RATE_HZ, 2), np.float32)
    assert scorer.score(np.concatenate([quiet, stereo]), RATE_HZ).mos == plain.mos
    assert scorer.score(np.concatenate([stereo, quiet]), RATE_HZ).mos == plain.mos


def test_another_rate_moves_it_little(scorer, stereo):
    import soxr

    resampled = soxr.resample(stereo, RATE_HZ, 44_100, quality="VHQ")
    plain = scorer.score(stereo, RATE_HZ)
    assert scorer.score(resampled, 44_100).mos == pytest.approx(plain.mos, abs=0.1)


@pytest.mark.parametrize("ending", ["wav", "flac", "aiff"])
def test_the_container_changes_nothing(ending, scorer, stereo, tmp_path):
    pcm = np.rint(stereo * 32_768).astype(np.int16)
    path = tmp_path / f"x.{ending}"
    soundfile.write(path, pcm, RATE_HZ, subtype="PCM_16")
    assert scorer.score_file(path) == scorer.score(pcm, RATE_HZ)


def test_batch_and_order_change_nothing(scorer, stereo):
    first, second = stereo[: 10 * RATE_HZ], stereo[:1:-1]
    one, other = scorer.score(first, RATE_HZ), scorer.score(second, RATE_HZ)
    assert one != other
    batch = scorer.score_batch([(second, RATE_HZ), (first, RATE_HZ), (second, RATE_HZ)])
    assert batch == [other, one, other]


def test_four_seconds_are_looped_and_flagged(scorer, stereo):
    score = scorer.score(stereo[: 4 * RATE_HZ], RATE_HZ)
    assert score.flags == ("looped",)
    assert score.mos is not None
    assert scorer.score(stereo[: 10 * RATE_HZ], RATE_HZ).flags == ()


@pytest.mark.parametrize("n_silent", [0, 2, 2_000])
def test_a_file_of_three_seconds_is_scored_with_a_little_silence_in_front(scorer, stereo, n_silent):
    samples = stereo[: 3 * RATE_HZ].copy()
    samples[:n_silent] = 0
    score = scorer.score(samples, RATE_HZ)
    assert (score.mos is not None, score.flags) == (True, ("looped",))


def test_a_reason_for_too_little_sound_never_says_that_it_is_enough(scorer, stereo):
    for n in range(2_930, 3_000, 3):
        score = scorer.score(stereo[: n * RATE_HZ // 1_000], RATE_HZ)
        assert score.mos is not None or score.reason.startswith("only 2.9 s of sound")


def test_sparse_music_is_short_and_not_silent(scorer, stereo):
    beats = [stereo[: 5 * RATE_HZ], *[np.zeros((8 * RATE_HZ, 2), np.float32)] * 7]
    beats[2::2] = [stereo[: 2 * RATE_HZ]] * 3
    score = scorer.score(np.concatenate(beats), RATE_HZ)
    assert (score.abstained, "of sound; the scorer needs 3 s" in score.reason) == ("short", True)


@pytest.mark.parametrize(
    ("samples", "word", "reason"),
    [
        (np.zeros((10 * RATE_HZ, 2), np.float32), "silence", "nothing to hear"),
        (np.full((10 * RATE_HZ, 2), np.nan, np.float32), "silence", "nothing to hear"),
        (np.ones((RATE_HZ, 1), np.float32), "short", r"only 1\.0 s of sound; .* needs 3 s"),
        (np.ones((RATE_HZ * 3 // 10, 1), np.float32), "short", r"only 0\.3 s of sound; .* needs 3"),
        (np.zeros((RATE_HZ * 3 // 10, 1), np.float32), "silence", "nothing to hear"),
    ],
    ids=["zeros", "NaN", "1 s", "0.3 s", "0.3 s of zeros"],
)
def test_it_abstains_with_a_reason(samples, word, reason, scorer):
    score = scorer.score(samples, RATE_HZ)
    assert (score.mos, score.mos_low, score.word, score.abstained) == (None, None, "", word)
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(score.reason)


def test_channels_that_cancel_are_told(scorer, stereo):
    mono = stereo[:, :1]
    score = scorer.score(np.concatenate([mono, -mono], axis=1), RATE_HZ)
    assert score.abstained == "silence"
    assert "channels cancel each other" in score.reason
    assert score.loudness_lufs > -40


def test_what_is_far_from_the_training_data_gets_no_number(stereo, tmp_path):
    far = Scorer(write_model(tmp_path / "far.onnx", distance=1.7), detect=False)
    score = far.score(stereo, RATE_HZ)
    assert (score.mos, score.abstained) == (None, "unfamiliar")
    assert "(distance 1.70, limit 1)" in score.reason
    assert {w.abstained for w in score.windows} == {"unfamiliar"}


def test_what_was_found_is_told_without_a_score_too(stereo, tmp_path, monkeypatch):
    model = write_model(tmp_path / "far.onnx", distance=1.7)
    clipped = np.clip(8.0 * stereo, -0.999, 0.999)
    score = Scorer(model, origin=False).score(clipped, RATE_HZ)
    assert score.abstained == "unfamiliar"
    (tops,) = [event.text for event in score.events if event.kind == "clipping"]
    assert re.fullmatch(r"clipping: \d,\d{3} flat tops at full scale", tops)
    bare = Scorer(model, detect=False).score(clipped, RATE_HZ).reason
    assert "Found" not in bare
    assert score.reason.startswith(f"{bare}. Found: ")
    assert tops.replace(": ", ", ") in score.reason
    cancelled = np.concatenate([clipped[:, :1], -clipped[:, :1]], axis=1)
    silent = Scorer(model, origin=False).score(cancelled, RATE_HZ)
    assert (silent.abstained, "clipped_input" in silent.flags) == ("silence", True)
    assert "Found" not in silent.reason  # the reason is what was found


def test_speech_gets_no_number(scorer, stereo, monkeypatch):
    monkeypatch.setattr(speech, "speech_probability", lambda excerpt, rate_hz: 0.8)
    score = scorer.score(stereo, RATE_HZ)
    assert (score.mos, score.abstained) == (None, "speech")
    assert "sounds like speech (probability 0.80)" in score.reason


def test_a_part_without_score_is_flagged_and_left_out(scorer, stereo, monkeypatch):
    answers = iter([0.9, 0.0, 0.0])
    monkeypatch.setattr(speech, "speech_probability", lambda excerpt, rate_hz: next(answers))
    score = scorer.score(np.concatenate([stereo, stereo, stereo])[: 30 * RATE_HZ], RATE_HZ)
    assert [w.abstained for w in score.windows] == ["speech", "", ""]
    assert "partly_scored" in score.flags
    assert score.mos == pytest.approx(np.mean([w.mos for w in score.windows[1:]]), abs=1e-3)


def test_samples_of_a_window_that_was_judged_are_let_go(scorer, stereo, monkeypatch):
    seen = []
    monkeypatch.setattr(scorer_module, "combine", lambda judged, *rest: seen.extend(judged))
    scorer.score(stereo, RATE_HZ)
    assert [(window.mono.size, window.mono.base) for window, _ in seen] == [(0, None)] * 2


def test_samples_that_are_no_numbers_are_flagged(scorer, stereo):
    broken = stereo.copy()
    broken[1_000:1_010, 0] = [np.nan, np.inf] * 5
    score = scorer.score(broken, RATE_HZ)
    assert "not_finite" in score.flags
    assert score.mos == pytest.approx(scorer.score(stereo, RATE_HZ).mos, abs=0.2)


def test_parts_that_differ_are_flagged(scorer, stereo):
    from scipy.signal import butter, sosfilt

    dull = sosfilt(butter(10, 3_000, fs=RATE_HZ, output="sos"), stereo, axis=0)
    both = np.concatenate([stereo[: 10 * RATE_HZ], dull[: 10 * RATE_HZ]])
    assert "mixed_windows" in scorer.score(both, RATE_HZ).flags


def test_windows_can_be_chosen(scorer, stereo):
    score = scorer.score(stereo, RATE_HZ, window_s=5, hop_s=2)
    assert [w.start_s for w in score.windows] == pytest.approx([0, 2, 4, 6, 7], abs=0.01)
    with pytest.raises(SettingsError, match="window=11 s"):
        scorer.score(stereo, RATE_HZ, window_s=11)


def test_six_channels_and_8_khz_are_scored(scorer, stereo):
    import soxr

    surround = np.repeat(stereo[:, :1], 6, axis=1)
    assert scorer.score(surround, RATE_HZ).channels == 6
    telephone = soxr.resample(stereo[:, 0], RATE_HZ, 8_000, quality="VHQ")
    score = scorer.score(telephone, 8_000)
    assert score.mos < scorer.score(stereo, RATE_HZ).mos - 1
    assert score.bandwidth_hz <= 4_000


@pytest.mark.parametrize(
    ("samples", "rate_hz", "message"),
    [
        (np.zeros((0, 2), np.float32), RATE_HZ, "empty: 0 samples"),
        (np.zeros((5, 5, 5), np.float32), RATE_HZ, r"shape=\(5, 5, 5\)"),
        (np.zeros(480_000, np.uint8), RATE_HZ, "dtype=uint8; give it floats"),
        (np.zeros(480_000, np.float32), 100, "100 Hz; resample it to 4000 to 768000"),
        (np.zeros((480_000, 65), np.float32), RATE_HZ, "65 channels; give it 1 to 64"),
    ],
)
def test_what_is_no_recording_is_refused(samples, rate_hz, message, scorer):
    with pytest.raises(UnfitInputError, match=message):
        scorer.score(samples, rate_hz)


def test_a_scorer_is_called_and_says_what_it_is(scorer, stereo):
    assert scorer(stereo, RATE_HZ) == scorer.score(stereo, RATE_HZ)
    short = scorer(stereo, RATE_HZ, window_s=5, hop_s=5)
    assert short == scorer.score(stereo, RATE_HZ, window_s=5, hop_s=5)
    said = f"Scorer(model={scorer.model.label!r}, detect="
    assert repr(scorer) == f"{said}False, origin=False)"
    assert repr(Scorer(scorer.model)) == f"{said}True, origin=True)"


def test_a_list_of_arrays_is_several_recordings_and_one_of_numbers_is_one(scorer, stereo):
    torch = pytest.importorskip("torch")
    whole, part = stereo, stereo[: 5 * RATE_HZ, 0]
    expected = [scorer.score(whole, RATE_HZ), scorer.score(part, RATE_HZ)]
    for several in ([whole, part], (whole, torch.from_numpy(part.copy()))):
        assert scorer(several, RATE_HZ) == expected
    assert scorer([part, part], RATE_HZ) == [expected[1]] * 2  # and no two channels
    short = scorer([whole], RATE_HZ, window_s=5, hop_s=5)
    assert short == [scorer.score(whole, RATE_HZ, window_s=5, hop_s=5)]
    for one in (part.tolist(), list(part), part[:, None].tolist()):  # floats, numpy's, rows
        assert scorer(one, RATE_HZ) == expected[1]
    with pytest.raises(UnfitInputError, match="inhomogeneous"):
        scorer([[0.1], [0.1, 0.2]], RATE_HZ)
    with pytest.raises(UnfitInputError, match="empty: 0 samples"):
        scorer([], RATE_HZ)


def test_channels_may_come_first_and_arrays_may_share_a_rate(scorer, stereo):
    torch = pytest.importorskip("torch")
    expected = scorer.score(stereo, RATE_HZ)
    turned = [stereo.T, torch.from_numpy(stereo.T.copy()).requires_grad_()]
    assert scorer.score_batch(turned, RATE_HZ) == [expected, expected]


def test_integers_are_the_same_as_floats(scorer, stereo):
    pcm = np.rint(stereo * 32_768).astype(np.int16)
    as_float = pcm.astype(np.float32) / 32_768
    assert scorer.score(pcm, RATE_HZ) == scorer.score(as_float, RATE_HZ)
    wide = pcm.astype(np.int32) << 16
    assert scorer.score(wide, RATE_HZ) == scorer.score(as_float, RATE_HZ)


def test_a_model_without_calibration_gives_no_interval(stereo, tmp_path):
    bare = Scorer(write_model(tmp_path / "bare.onnx", calibration=None), detect=False)
    score = bare.score(stereo, RATE_HZ)
    assert score.mos is not None
    assert (score.mos_low, score.mos_high) == (None, None)


def test_the_interval_of_a_track_is_the_mean_of_its_windows(scorer, stereo):
    score = scorer.score(stereo, RATE_HZ)
    assert score.mos_low == pytest.approx(np.mean([w.mos_low for w in score.windows]), abs=1e-3)
    assert score.mos_high == pytest.approx(np.mean([w.mos_high for w in score.windows]), abs=1e-3)
    assert CALIBRATION["level"] == 0.9


def test_a_loaded_model_can_be_given(model_path, stereo, scorer):
    model = ModelFile(model_path)
    assert Scorer(model, detect=False).score(stereo, RATE_HZ) == scorer.score(stereo, RATE_HZ)


def test_alac_scores_as_the_same_samples(scorer, stereo, tmp_path):
    expected = write_m4a(tmp_path / "x.m4a", stereo[: 10 * RATE_HZ])
    assert scorer.score_file(tmp_path / "x.m4a") == scorer.score(expected, RATE_HZ)

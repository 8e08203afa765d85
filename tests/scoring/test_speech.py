"""Speech and music are told apart; the whole test is in `benchmarks/fit_speech.py`."""

import numpy as np
import pytest
import soundfile

from musqa_pipeline.scoring.speech import FEATURES, speech_features, speech_probability
from musqa_pipeline.scoring.speech_model import MODEL
from tests import SHARED
from tests.scoring.detectors.music import RATE_HZ, castanets, chords
from tests.scoring.voices import FITTED, TESTED, TEXTS

MUSIC = SHARED / "music"


def test_the_voices_of_fitting_and_testing_are_others():
    fitted, tested = ({(v.program, v.name) for v in part} for part in (FITTED, TESTED))
    assert not fitted & tested
    assert {voice.language for voice in (*FITTED, *TESTED)} <= set(TEXTS)


@pytest.mark.parametrize("voice", TESTED[:4], ids=lambda voice: voice.name)
def test_a_voice_that_it_never_heard_is_speech(voice):
    if not voice.available:
        pytest.skip(f"{voice.program} is not installed; run `make speech`")
    samples, rate_hz = voice.speak()
    windows = [samples[s * rate_hz : (s + 10) * rate_hz] for s in (0, 12)]
    assert [speech_probability(w, rate_hz) > 0.5 for w in windows] == [True, True]
    louder = speech_probability(0.05 * windows[0], rate_hz)
    assert louder == pytest.approx(speech_probability(windows[0], rate_hz), abs=1e-3)


@pytest.mark.long
@pytest.mark.parametrize("voice", TESTED, ids=lambda voice: f"{voice.program} {voice.name}")
def test_most_windows_of_every_other_voice_are_speech(voice):
    if not voice.available:
        pytest.skip(f"{voice.program} is not installed; run `make speech`")
    samples, rate_hz = voice.speak()
    starts = range(0, len(samples) - 10 * rate_hz, 10 * rate_hz)
    said = [speech_probability(samples[s : s + 10 * rate_hz], rate_hz) > 0.5 for s in starts]
    assert np.mean(said) >= 0.5


@pytest.mark.parametrize(
    "samples",
    [castanets(1), chords(1).mean(axis=1), np.random.default_rng(0).standard_normal(480_000)],
    ids=["castanets", "chords", "noise"],
)
def test_made_up_music_and_noise_are_not_speech(samples):
    assert speech_probability(samples, RATE_HZ) < 0.3


@pytest.mark.parametrize("name", ["030_vocal_vocadito-14", "031_vocal_vocadito-1"])
def test_singing_alone_is_music(name):
    if not MUSIC.is_dir():
        pytest.skip("needs the open music beside the checkout")
    samples, rate_hz = soundfile.read(MUSIC / f"{name}.flac", dtype="float32", always_2d=True)
    assert speech_probability(samples.mean(axis=1)[: 10 * rate_hz], rate_hz) < 0.5


def test_silence_is_no_speech_and_all_features_are_finite():
    for quiet in (np.zeros(16_000), np.full(16_000, 0.3)):
        features = speech_features(quiet, 8_000)
        assert features.shape == (len(FEATURES),)
        assert np.isfinite(features).all()
        assert speech_probability(quiet, 8_000) < 0.5
    assert list(MODEL) == list(FEATURES)


def test_the_rate_hardly_matters():
    samples = castanets(3)[::3]
    other = np.repeat(samples, 3)
    assert speech_probability(other, 48_000) == pytest.approx(
        speech_probability(samples, 16_000), abs=0.1
    )


def test_too_short_a_sound_is_refused():
    with pytest.raises(ValueError, match=r"0\.50 s: expected at least one second of sound"):
        speech_probability(np.zeros(4_000), 8_000)

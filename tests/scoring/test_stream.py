"""Monitoring a stream: scores come as the audio does, and equal those of the same samples."""

import io

import numpy as np
import pytest

from musqa_pipeline.core.errors import SettingsError, UnfitInputError
from musqa_pipeline.scoring.stream import SampleFormat, monitor, raw_blocks

RATE_HZ = 48_000


def listen(scorer, data, **how):
    how = {"sample_rate_hz": RATE_HZ, "channels": 2, "window_s": 4, "hop_s": 2} | how
    return list(monitor(io.BytesIO(data), scorer, **how))


def test_each_score_is_that_of_the_last_seconds(scorer, stereo):
    found = listen(scorer, stereo[: 9 * RATE_HZ].tobytes())
    assert [(w.start_s, w.stop_s) for w in found] == [(0, 4), (2, 6), (4, 8)]
    mono = stereo.mean(axis=1, dtype=np.float32)
    alone = scorer.judge(mono[2 * RATE_HZ : 6 * RATE_HZ], RATE_HZ)
    assert found[1].mos == pytest.approx(1 + 4 * alone.bounds.quality, abs=1e-3)
    assert found[1].mos_low < found[1].mos < found[1].mos_high


def test_a_score_comes_before_the_stream_goes_on(scorer, stereo):
    class Live(io.BytesIO):
        def read(self, n=-1):
            assert self.tell() <= 4.3 * RATE_HZ * 8, "read on before it said the first score"
            return super().read(n)

    found = monitor(
        Live(stereo.tobytes()), scorer, sample_rate_hz=RATE_HZ, channels=2, window_s=4, hop_s=2
    )
    assert next(found).stop_s == 4


def test_16_bit_integers_are_read(scorer, stereo):
    pcm = np.rint(stereo[: 5 * RATE_HZ] * 32_768).astype("<i2")
    (one,) = listen(scorer, pcm.tobytes(), sample_format=SampleFormat.s16le)
    (other,) = listen(scorer, (pcm / np.float32(32_768)).astype("<f4").tobytes())
    assert one == other


def test_dead_air_is_told(scorer, stereo):
    silence = np.zeros((6 * RATE_HZ, 2), np.float32)
    found = listen(scorer, np.concatenate([stereo[: 4 * RATE_HZ], silence]).tobytes())
    assert [w.abstained for w in found] == ["", "", "silence", "silence"]


def test_odd_samples_and_a_torn_frame_do_no_harm():
    samples = np.array([[0.5, np.nan], [np.inf, -0.5]], "<f4")
    (block,) = raw_blocks(io.BytesIO(samples.tobytes() + b"abc"), 8_000, 2, SampleFormat.f32le)
    np.testing.assert_array_equal(block, [[0.5, 0.0], [0.0, -0.5]])


def test_memory_is_flat(scorer, monkeypatch):
    judged = []
    monkeypatch.setattr(type(scorer), "judge", lambda self, mono, rate: judged.append(mono.base))
    monkeypatch.setattr("musqa_pipeline.scoring.stream.window_score", lambda *a: None)
    listen(scorer, bytes(8 * 8_000 * 300), sample_rate_hz=8_000)
    assert len(judged) == 149
    assert max(len(base) for base in judged if base is not None) < 5 * 8_000


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"window_s": 11}, SettingsError, "window=11 s: expected 3 to 10 s"),
        ({"hop_s": 0.1}, SettingsError, "hop=0.1 s: expected at least 0.5 s"),
        ({"sample_rate_hz": 10}, UnfitInputError, "10 Hz; resample"),
        ({"channels": 0}, UnfitInputError, "there is no audio in it, 0 channels; check"),
    ],
)
def test_odd_settings_are_refused(how, error, message, scorer):
    with pytest.raises(error, match=message):
        listen(scorer, b"", **how)

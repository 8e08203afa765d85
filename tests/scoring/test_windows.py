"""Windows: where they lie, what silence does to them, and that memory stays flat."""

import numpy as np
import pytest

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.scoring.windows import WindowCutter, margin_frames, shares_s

RATE_HZ = 8_000


def sound(seconds, seed=0):
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE_HZ)).astype(np.float32)


def silence(seconds):
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def cut(samples, block_s=0.7, **lengths):
    cutter = WindowCutter(RATE_HZ, **lengths)
    windows = []
    step = round(block_s * RATE_HZ)
    for start in range(0, len(samples), step):
        windows += cutter.push(samples[start : start + step])
    return windows + cutter.finish(), cutter


def spans(windows):
    return [(w.start_frame / RATE_HZ, w.stop_frame / RATE_HZ) for w in windows]


def approx(expected):
    return [pytest.approx(pair, abs=0.01) for pair in expected]


def test_windows_follow_each_other_and_the_last_ends_with_the_sound():
    windows, _ = cut(sound(34.3))
    assert spans(windows) == approx([(0, 10), (10, 20), (20, 30), (24.3, 34.3)])


def test_a_rest_too_short_gets_no_window():
    windows, _ = cut(sound(20.4))
    assert spans(windows) == approx([(0, 10), (10, 20)])


def test_windows_may_overlap_and_be_shorter():
    windows, _ = cut(sound(20), hop_s=5)
    assert spans(windows) == approx([(0, 10), (5, 15), (10, 20)])
    windows, _ = cut(sound(10), window_s=4)
    assert spans(windows) == approx([(0, 4), (4, 8), (6, 10)])


@pytest.mark.parametrize("lead_s", [2.0, 0.01234, 47.0])
def test_silence_around_the_sound_changes_no_sample_of_a_window(lead_s):
    music = sound(23.7)
    plain, _ = cut(music)
    moved, _ = cut(np.concatenate([silence(lead_s), music, silence(3.3)]))
    assert len(plain) == len(moved) == 3
    for one, two in zip(plain, moved, strict=True):
        np.testing.assert_array_equal(one.mono, two.mono)
        assert two.start_frame - one.start_frame == round(lead_s * RATE_HZ)
        assert two.sound_s == one.sound_s


def test_a_window_comes_with_what_is_around_it():
    music = sound(30)
    windows, _ = cut(music)
    margin = margin_frames(RATE_HZ)
    second = windows[1]
    np.testing.assert_array_equal(
        second.mono, music[second.start_frame - margin : second.stop_frame + margin]
    )
    assert not windows[0].mono[: margin - windows[0].start_frame].any()
    assert not windows[-1].mono[len(windows[-1].mono) - margin + 10 :].any()


def test_blocks_of_any_size_give_the_same_windows():
    music = np.concatenate([silence(1), sound(12), silence(4), sound(13, 1), silence(11), sound(9)])
    one, _ = cut(music, block_s=0.013)
    other, _ = cut(music, block_s=31.0)
    assert spans(one) == spans(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.mono, b.mono)


def test_a_long_silence_parts_sections_and_gets_no_window():
    music = np.concatenate([sound(12), silence(60), sound(15, 1)])
    windows, cutter = cut(music)
    assert spans(windows) == approx([(0, 10), (2, 12), (72, 82), (77, 87)])
    assert [w.section for w in windows] == [0, 0, 1, 1]
    assert len(cutter.sections) == 2


def test_a_short_silence_does_not():
    music = np.concatenate([sound(12), silence(9), sound(9, 1)])
    windows, cutter = cut(music)
    assert len(cutter.sections) == 1
    assert spans(windows) == approx([(0, 10), (10, 20), (20, 30)])
    assert [w.sound_s for w in windows] == pytest.approx([10, 2, 9], abs=0.2)


@pytest.mark.parametrize(
    ("seconds", "n"), [(2.9, 0), (2.94, 0), (2.96, 1), (3.0, 1), (3.1, 1), (9.0, 1)]
)
def test_three_seconds_are_needed(seconds, n):
    windows, cutter = cut(np.concatenate([silence(1), sound(seconds), silence(1)]))
    assert spans(windows) == approx([(1, 1 + seconds)] * n)
    assert len(cutter.sections) == 1


def test_noise_far_below_the_music_is_silence_at_any_gain():
    quiet = 1e-5 * sound(2, 1)
    music = np.concatenate([quiet, sound(12)])
    for gain in (0.01, 1.0, 4.0):
        windows, _ = cut(music * np.float32(gain))
        assert spans(windows) == approx([(2, 12), (4, 14)])


def test_silence_alone_has_no_section():
    windows, cutter = cut(silence(100))
    assert (windows, cutter.sections) == ([], [])


def test_memory_does_not_grow_with_sound_or_silence():
    cutter = WindowCutter(RATE_HZ)
    longest = 0
    minute = sound(60)
    for _ in range(10):
        cutter.push(minute)
        longest = max(longest, len(cutter._data))
    for _ in range(10):
        cutter.push(silence(60))
        longest = max(longest, len(cutter._data) + cutter._n_pending)
    assert longest <= 2 * 60 * RATE_HZ
    assert len(cutter._data) <= RATE_HZ


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ({"window_s": 12.0}, r"window=12 s: expected 3 to 10 s"),
        ({"window_s": 2.0}, r"window=2 s: expected 3 to 10 s"),
        ({"hop_s": 0.1}, r"hop=0.1 s: expected at least 0.5 s"),
        ({"hop_s": float("nan")}, r"hop=nan s"),
    ],
)
def test_odd_lengths_are_refused(lengths, message):
    with pytest.raises(SettingsError, match=message):
        WindowCutter(RATE_HZ, **lengths)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 48_000, 44_101, 96_000])
def test_a_margin_is_whole_at_both_rates(rate_hz):
    margin = margin_frames(rate_hz)
    assert margin * 48_000 % rate_hz == 0
    assert 0.1 * rate_hz <= margin <= 1.1 * rate_hz


def test_each_second_of_sound_counts_once():
    windows, cutter = cut(np.concatenate([sound(12), silence(9), sound(4, 1)]), hop_s=5)
    spans = [(w.section, w.start_frame, w.stop_frame) for w in windows]
    shares = shares_s(cutter.sections, spans, cutter.cell_frames)
    assert shares.sum() == pytest.approx(16, abs=0.2)


def test_overlapping_windows_share_what_they_cover():
    windows, cutter = cut(sound(34.3))
    spans = [(w.section, w.start_frame, w.stop_frame) for w in windows]
    shares = shares_s(cutter.sections, spans, cutter.cell_frames)
    assert shares == pytest.approx([10, 10, 4.3 + 5.7 / 2, 4.3 + 5.7 / 2], abs=0.11)
    alone = shares_s(cutter.sections, spans[-1:], cutter.cell_frames)
    assert alone == pytest.approx([10], abs=0.11)

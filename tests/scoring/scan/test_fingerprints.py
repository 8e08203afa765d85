"""Copies are found by ear, and strangers are not."""

import io
import itertools

import numpy as np
import pytest
import soundfile
import soxr

from musqa_pipeline.scoring.scan import fingerprints
from musqa_pipeline.scoring.scan.fingerprints import (
    Heard,
    find_copies,
    fingerprint_words,
    pack,
    unpack,
)
from tests.audio.music import music

RATE_HZ = 48_000
SECONDS = 14


def song(seed):
    return music(RATE_HZ * SECONDS, seed)


def heard(name, mono, rate_hz=RATE_HZ, duration_s=240.0):
    return Heard(name, duration_s, (fingerprint_words(mono[: 10 * rate_hz], rate_hz),))


def as_mp3(x, level):
    data = io.BytesIO()
    soundfile.write(data, x, RATE_HZ, format="MP3", compression_level=level)
    data.seek(0)
    return soundfile.read(data, dtype="float32")[0]


COPIES = {
    "gain": lambda x: (0.1 * x, RATE_HZ),
    "MP3": lambda x: (as_mp3(x, 0.9), RATE_HZ),
    "another rate": lambda x: (soxr.resample(x, RATE_HZ, 22_050), 22_050),
    "a later start": lambda x: (x[round(1.51 * RATE_HZ) :], RATE_HZ),
    "16 kHz MP3, quieter, later": lambda x: (
        soxr.resample(0.3 * as_mp3(x, 0.8)[RATE_HZ // 3 :], RATE_HZ, 16_000),
        16_000,
    ),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_found_among_strangers(name):
    songs = [song(seed) for seed in range(4)]
    copy = COPIES[name](songs[2])
    library = [heard(i, x) for i, x in enumerate(songs)] + [heard(9, *copy)]
    found = list(find_copies(library))
    assert [(c.first, c.second) for c in found] == [(2, 9)]
    assert found[0].error_rate < 0.25


def test_strangers_differ_in_about_half_of_their_bits():
    words = [fingerprint_words(song(seed)[: 10 * RATE_HZ], RATE_HZ) for seed in range(3)]
    for a, b in itertools.combinations(words, 2):
        assert fingerprints.error_rate((a,), (b,), {0}) > 0.42


def test_lengths_that_differ_make_no_copies():
    x = song(1)
    tolerance_s = fingerprints.LENGTH_TOLERANCE_S
    near = [heard(1, x), heard(2, x, duration_s=240 + tolerance_s)]
    far = [heard(1, x), heard(2, x, duration_s=240 + tolerance_s + 0.1)]
    assert len(list(find_copies(near))) == 1
    assert list(find_copies(far)) == []
    # Over the border of two bins of lengths, and each pair once.
    bins = [heard(i, x, duration_s=239.0 + i) for i in range(3)]
    assert sorted((c.first, c.second) for c in find_copies(bins)) == [(0, 1), (0, 2), (1, 2)]


def test_silence_is_a_copy_of_nothing():
    silent = np.zeros(10 * RATE_HZ, np.float32)
    assert list(find_copies([heard(i, silent) for i in range(3)])) == []


def test_what_cannot_have_a_fingerprint_has_none():
    assert len(fingerprint_words(np.ones(100, np.float32), RATE_HZ)) == 0
    assert len(fingerprint_words(np.ones(40_000, np.float32), 4_000)) == 0


def test_fingerprints_are_kept_as_bytes():
    words = [np.array([1, 2**32 - 1], np.uint32), np.zeros(0, np.uint32), np.array([7], np.uint32)]
    back = unpack(pack(words))
    assert [w.tolist() for w in back] == [[1, 2**32 - 1], [], [7]]
    assert unpack(pack([])) == ()


def test_memory_holds_a_few_seconds_of_lengths_alone(monkeypatch):
    held = []
    compare = fingerprints._copies_within

    def spy(earlier, current):
        held.append(len(earlier) + len(current))
        return compare(earlier, current)

    monkeypatch.setattr(fingerprints, "_copies_within", spy)
    word = np.arange(5, dtype=np.uint32)
    many = (Heard(i, i / 2, (word + np.uint32(i * 1000),)) for i in range(400))
    assert list(find_copies(many)) == []
    assert max(held) <= 2 * fingerprints.LENGTH_TOLERANCE_S * 2


def test_bars_that_come_back_later_make_no_copies():
    x = song(1)
    later = np.concatenate([song(2)[: 5 * RATE_HZ], x])  # the same sound, 5 s later
    assert list(find_copies([heard(1, x), heard(2, later)])) == []
    sooner = np.concatenate([song(2)[: 3 * RATE_HZ], x])
    assert len(list(find_copies([heard(1, x), heard(2, sooner)]))) == 1

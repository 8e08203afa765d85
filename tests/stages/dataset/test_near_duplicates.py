import csv
import io
import itertools

import numpy as np
import pytest
import scipy.signal
import soundfile
import soxr

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.measures.fingerprint import best_matches, fingerprint
from musqa_pipeline.stages.dataset.near_duplicates import Reference, find_near_duplicates
from tests import SHARED

MUSIC = SHARED / "music"
SHIFT_S = 3.0


SCALE = (0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 19, 24)
SECOND = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
NOTES = [
    sum(np.sin(2 * np.pi * 110 * 2 ** (s / 12) * h * SECOND) / h**1.2 for h in range(1, 12))
    * np.exp(-4 * SECOND)
    for s in SCALE
]
DRUM = 4 * np.sin(2 * np.pi * 70 * SECOND) * np.exp(-12 * SECOND)


def song(seed, duration_s=14.0, step=SAMPLE_RATE_HZ // 4):
    """Plucked notes of a scale over a drum on every beat; all songs share scale, tempo and drum."""
    rng = np.random.default_rng(seed)
    n = int(duration_s * SAMPLE_RATE_HZ)
    x = 1e-3 * rng.standard_normal(n)
    for k, start in enumerate(range(0, n - SAMPLE_RATE_HZ, step)):
        for note in rng.choice(len(NOTES), 2, replace=False):
            x[start : start + SAMPLE_RATE_HZ] += rng.uniform(0.3, 1) * NOTES[note]
        if k % 2 == 0:
            x[start : start + SAMPLE_RATE_HZ] += DRUM
    return (0.3 * x / np.abs(x).max()).astype(np.float32)


def cut(x, start_s=0.0):
    start = int(start_s * SAMPLE_RATE_HZ)
    return x[start : start + EXCERPT_SAMPLES]


def coded(x, container, subtype):
    stored = io.BytesIO()
    soundfile.write(stored, x, SAMPLE_RATE_HZ, format=container, subtype=subtype)
    stored.seek(0)
    return soundfile.read(stored, dtype="float32")[0]


def filtered(x, kind, cutoff_hz, order=4):
    sos = scipy.signal.butter(order, cutoff_hz, kind, fs=SAMPLE_RATE_HZ, output="sos")
    return scipy.signal.sosfilt(sos, x).astype(np.float32)


CHANGES = {
    "shifted": lambda x: x,
    "quieter": lambda x: 0.1 * x,
    "mp3": lambda x: coded(x, "MP3", "MPEG_LAYER_III"),
    "ogg": lambda x: coded(x, "OGG", "VORBIS"),
    "low-passed": lambda x: filtered(x, "low", 3_500),
    "high-passed": lambda x: filtered(x, "high", 400, order=2),
    "at 32 kHz and back": lambda x: soxr.resample(soxr.resample(x, 48_000, 32_000), 32_000, 48_000),
    "with noise at -20 dB": lambda x: (
        x + 0.1 * x.std() * np.random.default_rng(9).standard_normal(len(x))
    ).astype(np.float32),
    "clipped": lambda x: np.clip(x, -0.4 * np.abs(x).max(), 0.4 * np.abs(x).max()),
    "by a fraction of a frame more": lambda x: np.roll(x, 500),
}  # fmt: skip


@pytest.fixture(scope="module")
def songs():
    return [song(seed) for seed in range(9)]


def reference(name, part, x):
    return Reference("music", name, part, fingerprint(x, SAMPLE_RATE_HZ))


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_that_starts_three_seconds_later_is_found(songs, change):
    others = [reference(f"other {i}", "train", cut(x)) for i, x in enumerate(songs[1:5])]
    copy = reference("copy", "test", CHANGES[change](cut(songs[0], SHIFT_S)))
    found = find_near_duplicates([*others, reference("original", "train", cut(songs[0])), copy])
    assert found.n_compared == 5
    assert found.pairs.select("excerpt_a", "excerpt_b").rows() == [("original", "copy")]
    assert found.pairs["similarity"][0] > 0.6
    assert found.pairs["offset_s"][0] == pytest.approx(-SHIFT_S, abs=0.03)


def test_different_songs_of_one_scale_tempo_and_drum_raise_no_alarm(songs):
    parts = itertools.cycle(["train", "validation", "test"])
    found = find_near_duplicates(
        [reference(str(i), next(parts), cut(x)) for i, x in enumerate(songs)]
    )
    assert found.n_compared == 3 * 3 * 3
    assert found.pairs.is_empty()


def test_a_copy_within_one_part_is_no_concern(songs):
    pair = [reference(name, "train", cut(songs[0])) for name in "ab"]
    found = find_near_duplicates([*pair, reference("c", "test", cut(songs[1]))])
    assert found.pairs.is_empty()


def test_a_copy_that_shares_less_than_three_seconds_is_not_looked_at(songs):
    x = song(0, duration_s=20.0)
    pair = [reference("a", "train", cut(x)), reference("b", "test", cut(x, 8.0))]
    assert find_near_duplicates(pair).pairs.is_empty()


def test_the_same_signal_is_wholly_similar_and_silence_is_like_nothing(songs):
    signs = fingerprint(cut(songs[0]), SAMPLE_RATE_HZ)
    silence = fingerprint(np.zeros(EXCERPT_SAMPLES, np.float32), SAMPLE_RATE_HZ)
    options = {"least_similarity": -1.0, "least_overlap_s": 3.0}
    same = next(best_matches([signs], [signs], **options))
    assert (same.similarity, same.offset_s) == (pytest.approx(1.0, abs=1e-4), 0.0)
    assert not silence.any()
    assert next(best_matches([signs], [silence], **options)).similarity == pytest.approx(
        0, abs=1e-6
    )


def test_the_fast_correlation_equals_the_sum_over_every_shift():
    rng = np.random.default_rng(2)
    first = [rng.integers(-1, 2, (n, 32)).astype(np.int8) for n in (40, 55)]
    second = [rng.integers(-1, 2, (n, 32)).astype(np.int8) for n in (50, 35, 64)]
    found = list(best_matches(first, second, least_similarity=-1.0, least_overlap_s=0.3))
    assert [(m.first, m.second) for m in found] == list(itertools.product(range(2), range(3)))
    for match in found:
        a, b = first[match.first].astype(int), second[match.second].astype(int)
        by_shift = {}
        for shift in range(-len(a) + 1, len(b)):
            t = np.arange(max(0, -shift), min(len(a), len(b) - shift))
            if len(t) >= 14:
                by_shift[shift] = (a[t] * b[t + shift]).sum() / (32 * len(t))
        best = max(by_shift, key=by_shift.get)
        assert match.similarity == pytest.approx(by_shift[best], abs=1e-5)
        assert match.offset_s == pytest.approx(best * 128 / 6_000)


@pytest.mark.parametrize(("samples", "rate_hz"), [(20_000, 48_000), (480_000, 4_000)])
def test_what_is_too_short_or_too_slow_is_refused(samples, rate_hz):
    with pytest.raises(ValueError, match=rf"samples={samples}, sample_rate_hz={rate_hz}: expected"):
        fingerprint(np.zeros(samples, np.float32), rate_hz)


@pytest.mark.skipif(not MUSIC.is_dir(), reason="the shared music is not on this machine")
def test_different_recordings_of_real_music_raise_no_alarm():
    with (MUSIC / "tracks.csv").open(newline="") as table:
        first_of = {row["recording"]: row["file"] for row in csv.DictReader(table)}
    references = []
    for i, file in enumerate(sorted(first_of.values())[:45]):
        x, rate_hz = soundfile.read(MUSIC / file, dtype="float32", always_2d=True)
        part = ("train", "test")[i % 2]
        signs = fingerprint(np.ascontiguousarray(x.mean(axis=1)), rate_hz)
        references.append(Reference("music", file, part, signs))
    found = find_near_duplicates(references)
    assert found.n_compared > 400
    assert found.pairs.rows() == []

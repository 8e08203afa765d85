"""The pairs on which musqa's ViSQOL is compared with others: every process, and what else happens.

Pairs that are ties by construction are left out: where two lags or two patches are equally good,
rounding decides, in any implementation.
"""

from __future__ import annotations

from musqa_pipeline.audio.degradations.processes import PROCESSES
from musqa_pipeline.core.seeds import derive_generator
from tests.audio.metrics.visqol.pairs import REFERENCES, Pair

_LONG = ("notes", "folk", "jazz", "percussion", "quartet")
"""References of 10 s without peculiarities."""
N_CASCADES = 50


def _identities() -> list[Pair]:
    return [Pair(name) for name in REFERENCES]


def _singles() -> list[Pair]:
    """Every process on two references, so that all five meet every codec."""
    pairs = []
    for i in PROCESSES:
        for shift in (0, 2):
            pairs.append(Pair(_LONG[(i + shift) % len(_LONG)], (i,)))
    return pairs


def _cascades() -> list[Pair]:
    rng = derive_generator("visqol-pairs", "cascades")
    drawn = rng.integers(1, len(PROCESSES) + 1, (N_CASCADES, 2)).tolist()
    return [Pair(_LONG[i % len(_LONG)], tuple(ids)) for i, ids in enumerate(drawn)]


def _lengths() -> list[Pair]:
    """Odd durations, codecs on them, and lengths that differ by up to a second."""
    pairs = [
        Pair(name, (i,))
        for name in ("jazz_3s", "percussion_5s", "folk_odd", "folk_20s", "pauses")
        for i in (2, 10, 18, 29, 35, 42)
    ]
    for samples in (1, 100, 479, 960, 4_801, 24_000, 47_999):
        pairs += [
            Pair("quartet", (20,), (("shorter", samples),)),
            Pair("jazz", (4,), (("longer", samples),)),
            Pair("folk", (13,), (("front_cut", samples),)),
            Pair("notes", (37,), (("front_added", samples),)),
        ]
    pairs += [
        Pair("percussion_5s", (12,), (("shorter", 30_001),)),
        Pair("jazz_3s", (34,), (("longer", 48_000),)),
        Pair("folk_odd", (3,), (("front_cut", 12_345),)),
        Pair("folk_20s", (19,), (("front_added", 45_678),)),
    ]
    return pairs


def _delays() -> list[Pair]:
    """Delays that codecs leave in, single samples, frames, and more than half the length."""
    pairs = [
        Pair("folk", (2,), (("late", 481),)),
        Pair("quartet", (10,), (("late", 1_105),)),
        Pair("jazz", (18,), (("late", 1_024),)),
    ]
    delays = (1, 7, 479, 480, 959, 960, 2_113, 9_600, 28_800, 96_123, 200_000, 245_000)
    for i, samples in enumerate(delays):
        name = _LONG[i % len(_LONG)]
        pairs += [Pair(name, edits=(("late", samples),)), Pair(name, edits=(("early", samples),))]
        pairs.append(Pair(_LONG[(i + 1) % len(_LONG)], (i * 3 + 1,), (("late", samples),)))
    pairs += [Pair("notes", (30,), (("rolled", n),)) for n in (333, -3_333, 33_333)]
    pairs += [Pair("percussion", (17,), (("jitter", n),)) for n in (3, 50, 700)]
    pairs += [Pair("jazz", (), (("jitter", n),)) for n in (20, 2_000)]
    return pairs


def _levels() -> list[Pair]:
    pairs = [Pair("folk", (19,), (("gain", db),)) for db in (-80, -40, -12, 6, 40)]
    pairs += [Pair(name, (11,), (("inverted", 0),)) for name in ("quartet", "notes")]
    pairs += [
        Pair(name, (), (("offset", level),)) for name, level in (("jazz", 0.1), ("folk", -0.02))
    ]
    pairs += [Pair("jazz", (33,), (("gain", -30), ("late", 1_234), ("shorter", 10_000)))]
    return pairs


def _interruptions() -> list[Pair]:
    pairs = []
    for i, ms in enumerate((5, 20, 60, 150, 600, 900)):
        pairs += [
            Pair(_LONG[i % 5], (), (("dropouts", ms),)),
            Pair(_LONG[(i + 1) % 5], (21,), (("dropouts", ms),)),
            Pair(_LONG[(i + 2) % 5], (), (("skipped", ms),)),
            Pair(_LONG[(i + 3) % 5], (3,), (("paused", ms),)),
            Pair(_LONG[(i + 4) % 5], (), (("stuck", ms),)),
        ]
    pairs += [Pair("folk", (), (("silent_between", share),)) for share in (0.1, 0.5, 0.9)]
    pairs += [Pair("jazz", (20,), (("silent_until", s),)) for s in (0.5, 3.0, 9.5)]
    pairs += [Pair("quartet", (34,), (("silent_from", s),)) for s in (0.5, 5.0, 9.9)]
    pairs += [Pair("pauses", (), (("silent_from", 4.0),)), Pair("folk_20s", (), (("paused", 700),))]
    return pairs


def _noise() -> list[Pair]:
    pairs = [
        Pair(_LONG[i % 5], (), (("noise", snr_db),))
        for i, snr_db in enumerate((70, 50, 40, 30, 20, 10, 0, -20))
    ]
    pairs += [Pair(name, (), (("noise_alone", 1e-4),)) for name in ("folk", "notes", "pauses")]
    pairs += [Pair("jazz", (23,), (("noise", 25), ("late", 4_800)))]
    return pairs


def _distortions() -> list[Pair]:
    pairs = [Pair(_LONG[i % 5], (), (("clipped", s),)) for i, s in enumerate((0.9, 0.5, 0.2, 0.05))]
    pairs += [Pair("folk", (12,), (("clipped", 0.3),))]
    names = ("limiter", "clipping", "distortion", "reverb", "echo", "pink_noise", "bit_crush")
    for i, name in enumerate((*names, "resample")):
        pairs += [Pair(_LONG[(i + k) % 5], (), (("effect", name),)) for k in (0, 2)]
    pairs += [Pair("notes", (), (("wow", ppm),)) for ppm in (100, 2_000)]
    pairs += [Pair("jazz", (), (("faster", ppm),)) for ppm in (20, 1_000, -1_000, 20_000)]
    pairs += [Pair("folk", (), (("clicks", n),)) for n in (3, 300)]
    pairs += [Pair("quartet", (), (("hum", db),)) for db in (-50, -20)]
    pairs += [Pair("jazz", (), (("holes", n),)) for n in (1, 12)]
    pairs += [Pair("notes", (), (("bands", b),)) for b in ("300-3400", "0-200", "8000-24000")]
    pairs += [Pair("percussion", (), (("bits", n),)) for n in (8, 4)]
    pairs += [Pair("quartet", (), (("echo", ms),)) for ms in (1, 150)]
    return pairs


def _others() -> list[Pair]:
    pairs = [Pair("folk", (), (("other", "jazz"),)), Pair("notes", (), (("other", "quartet"),))]
    pairs += [Pair("jazz_3s", (), (("other", "percussion_5s"),))]
    pairs += [Pair(name, (), (("reversed", 0),)) for name in ("percussion", "quartet")]
    return pairs


PAIRS: list[Pair] = [
    *_identities(),
    *_singles(),
    *_cascades(),
    *_lengths(),
    *_delays(),
    *_levels(),
    *_interruptions(),
    *_noise(),
    *_distortions(),
    *_others(),
]
"""All pairs, in an order that mixes references and kinds little: take every n-th for a sample."""

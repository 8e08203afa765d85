"""Line-ups that are dark by nature: nothing took their treble away, they have little of it.

Solo piano, guitars, strings, choir, pads, organ, winds and chamber groups. A line-up draws its
players and writes their notes; levels are relative to the others.
"""

from __future__ import annotations

import numpy as np

from musqa_pipeline.catalogs.demo_music import lines
from musqa_pipeline.catalogs.demo_music import patterns as play
from musqa_pipeline.catalogs.demo_music.harmony import Song
from musqa_pipeline.catalogs.demo_music.patterns import one_of
from musqa_pipeline.catalogs.sampled_music.players import Seat

Chance = np.random.Generator
_BROKEN = ("7...6...", "7.......6...5...", "7..5..6.")


def solo_piano(song: Song, rng: Chance) -> list[Seat]:
    """Play a left hand of chords or broken chords, and a right hand that sings."""
    left = (
        play.arpeggio(song, rng, octave=1, per_beat=2, span=2, duration_beats=1.5, velocity=0.4)
        if rng.uniform() < 0.6
        else play.chords(song, rng, "5.......4...", octave=1, duration_beats=1.9, spread_s=0.02)
    )
    bass = lines.bass(song, rng, "5.......4.......", octave=0, duration_beats=2.0)
    tune = lines.melody(
        *(song, rng), octave=int(rng.choice([2, 3])), density=rng.uniform(0.35, 0.7),
        legato=1.1, velocity=rng.uniform(0.35, 0.6),
    )  # fmt: skip
    return [Seat("piano", [*left, *bass, *tune], send=rng.uniform(0.1, 0.5))]


def solo_guitar(song: Song, rng: Chance) -> list[Seat]:
    """Pick a nylon guitar: bass, broken chords and a tune by one hand."""
    picking = play.arpeggio(
        song, rng, octave=1, per_beat=2, span=2, duration_beats=1.8, velocity=0.4
    )
    bass = lines.bass(song, rng, "6...5...", octave=0, duration_beats=1.8)
    tune = lines.melody(song, rng, octave=2, density=0.35, velocity=0.55)
    return [Seat("nylon guitar", [*picking, *bass, *tune], send=rng.uniform(0.1, 0.4))]


def guitar_duo(song: Song, rng: Chance) -> list[Seat]:
    """Let a clean electric guitar play chords and a tune, with a bass if there is one."""
    guitar = one_of(rng, "jazz guitar", "clean guitar")
    comping = play.chords(
        song, rng, one_of(rng, "6...5...", "..5...5.", "6.....5."), octave=1,
        duration_beats=0.9, spread_s=0.015,
    )  # fmt: skip
    tune = lines.melody(song, rng, octave=2, density=0.5, velocity=0.6)
    seats = [Seat(guitar, [*comping, *tune], send=rng.uniform(0.1, 0.35))]
    if rng.uniform() < 0.6:
        walking = lines.walking_bass(song, rng)
        seats.append(Seat("double bass", walking, -4, pan=0.1, send=0.15))
    return seats


def slow_strings(song: Song, rng: Chance) -> list[Seat]:
    """Bow long chords under a slow tune."""
    ensemble = one_of(rng, "strings", "slow strings")
    long = play.chords(song, rng, "6.......", octave=1, duration_beats=song.beats_per_bar)
    tune = lines.melody(song, rng, octave=2, density=0.35, per_beat=1, legato=1.05, velocity=0.5)
    bass = lines.bass(song, rng, "6.......", octave=0, duration_beats=song.beats_per_bar)
    return [
        Seat(ensemble, long, -3, pan=-0.15, send=0.6),
        Seat(one_of(rng, "cello", "viola"), tune, 0, pan=0.2, send=0.5),
        Seat("bowed bass", bass, -5, pan=0.35, send=0.5),
    ]


def choir(song: Song, rng: Chance) -> list[Seat]:
    """Sing long vowels in three voices."""
    rhythm = one_of(rng, "7.......6.......", "7...6...7...5...", "7.......")
    length = 0.98 * song.beats_per_bar / max(sum(c.isdigit() for c in rhythm), 1)
    vowel, other = rng.permutation(["choir aahs", "voice oohs"])
    chords = play.chords(song, rng, rhythm, octave=1, duration_beats=length)
    low = play.chords(song, rng, rhythm, octave=1, duration_beats=length, pitches=(0, 7))
    tune = lines.melody(song, rng, octave=2, density=0.4, per_beat=1, legato=1.02)
    seats = [
        Seat(str(vowel), chords, -2, pan=-0.25, send=0.7),
        Seat(str(other), low, -4, pan=0.3, send=0.7),
        Seat(str(vowel), tune, 0, pan=0.05, send=0.7),
    ]
    if rng.uniform() < 0.4:
        bass = lines.bass(song, rng, "5", octave=0, duration_beats=song.beats_per_bar)
        seats.append(Seat("church organ", bass, -9, send=0.6))
    return seats


def pads(song: Song, rng: Chance) -> list[Seat]:
    """Hold soft chords of synthesisers, with single notes above."""
    names = ("new age pad", "warm pad", "choir pad", "bowed pad", "sweep pad", "slow strings")
    first, second = (str(name) for name in rng.choice(names, 2, replace=False))
    long = play.chords(song, rng, "6", octave=1, duration_beats=song.beats_per_bar)
    high = play.chords(song, rng, "5", octave=2, duration_beats=0.9 * song.beats_per_bar)
    drops = lines.melody(song, rng, octave=3, density=0.2, per_beat=1, velocity=0.4)
    return [
        Seat(first, long, 0, pan=-0.3, send=0.6),
        Seat(second, high, -5, pan=0.35, send=0.6),
        Seat(
            one_of(rng, "electric piano", "vibraphone", "piano", "kalimba"),
            *(drops, -6), pan=0.1, send=0.7, echo=0.3,
        ),
    ]  # fmt: skip


def organ(song: Song, rng: Chance) -> list[Seat]:
    """Play a pipe organ, a reed organ or an electric one, with pedal."""
    name = one_of(rng, "church organ", "reed organ", "drawbar organ")
    chords = play.chords(song, rng, "6...6...", octave=1, duration_beats=1.9)
    tune = lines.melody(song, rng, octave=2, density=0.5, legato=1.0)
    pedal = lines.bass(song, rng, "6.......", octave=0, duration_beats=song.beats_per_bar)
    return [Seat(name, [*chords, *tune, *pedal], send=rng.uniform(0.3, 0.8))]


def winds(song: Song, rng: Chance) -> list[Seat]:
    """Blow in four parts: a tune, two inner voices and a bass."""
    lead = one_of(rng, "clarinet", "flute", "oboe", "ocarina", "recorder")
    inner = play.chords(song, rng, one_of(rng, *_BROKEN), octave=1, duration_beats=1.4)
    broken = play.arpeggio(
        song, rng, octave=1, per_beat=1, span=2, duration_beats=0.95, velocity=0.45
    )
    bass = lines.bass(song, rng, "6...5...", octave=0, duration_beats=1.6)
    tune = lines.melody(song, rng, octave=3, density=0.5, legato=1.0, velocity=0.55)
    return [
        Seat(lead, tune, 0, pan=-0.25, send=0.45),
        Seat("french horn", inner, -6, pan=0.2, send=0.5),
        Seat("clarinet", broken, -5, pan=0.05, send=0.4),
        Seat("bassoon", bass, -3, pan=0.35, send=0.4),
    ]


def chamber(song: Song, rng: Chance) -> list[Seat]:
    """Sit one singing instrument beside a piano or a harp, perhaps with a cello."""
    below = one_of(rng, "piano", "harp")
    lead = one_of(rng, "cello", "violin", "viola", "clarinet", "english horn", "flute")
    broken = play.arpeggio(
        song, rng, octave=1, per_beat=2, span=2, duration_beats=1.2, velocity=0.4
    )
    tune = lines.melody(song, rng, octave=2, density=0.45, legato=1.05, velocity=0.55)
    seats = [
        Seat(below, broken, -4, pan=-0.2, send=0.35),
        Seat(lead, tune, 0, pan=0.15, send=0.4),
    ]
    if rng.uniform() < 0.5:
        bass = lines.bass(song, rng, "6.......5...", octave=0, duration_beats=1.9)
        seats.append(Seat("cello", bass, -4, pan=0.35, send=0.35))
    return seats

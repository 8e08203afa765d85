"""Line-ups of a few friends in a room: folk song, jazz, percussion.

A line-up draws its instruments and writes their notes; levels are relative to the other parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from musqa_pipeline.catalogs.demo_music import lines, plucked
from musqa_pipeline.catalogs.demo_music import patterns as play
from musqa_pipeline.catalogs.demo_music.harmony import Song
from musqa_pipeline.catalogs.demo_music.mix import Part
from musqa_pipeline.catalogs.demo_music.percussion import (
    Block,
    Brush,
    Cymbal,
    Kick,
    Membrane,
    Shaker,
)
from musqa_pipeline.catalogs.demo_music.struck import KALIMBA, MARIMBA, VIBRAPHONE, Piano
from musqa_pipeline.catalogs.demo_music.voice import Voice
from musqa_pipeline.catalogs.demo_music.winds import Brass

Chance = np.random.Generator
_SOLO = 0.4
"""How often a folk song has no singer."""


def _solo_guitar(song: Song, rng: Chance) -> list[Part]:
    guitar = replace(
        plucked.nylon_guitar(rng),
        brightness=rng.uniform(0, 0.3),
        noise=0.02,
        n_harmonics=24,
        damping_step=rng.uniform(0.8, 1.6),
        attack_s=0.004,
    )
    picking = play.arpeggio(
        song, rng, octave=1, per_beat=2, span=2, duration_beats=1.8, velocity=0.5
    )
    return [
        Part(guitar, picking, -3, send=0.25),
        Part(guitar, lines.bass(song, rng, "7...6...", octave=0, duration_beats=1.8), -2, send=0.2),
        Part(guitar, lines.melody(song, rng, octave=3, density=0.35), 0, send=0.3),
    ]


def _folk(song: Song, rng: Chance) -> list[Part]:
    if rng.uniform() < _SOLO:
        return _solo_guitar(song, rng)
    guitar = plucked.steel_guitar(rng) if rng.uniform() < 0.5 else plucked.nylon_guitar(rng)
    picking = play.arpeggio(song, rng, octave=1, per_beat=2, span=2, duration_beats=1.6)
    strums = play.chords(song, rng, "7...5.6.7.5.6.5.", octave=2, duration_beats=0.8, spread_s=0.03)
    voice = Voice(tract=rng.uniform(0.98, 1.2), vowels="aeoi", consonants=0.8)
    tune = lines.melody(song, rng, octave=int(rng.choice([2, 3])), density=0.5)
    return [
        Part(guitar, picking, -2, pan=-0.25, send=0.2),
        Part(plucked.steel_guitar(rng), strums, -8, pan=0.4, send=0.2),
        Part(voice, tune, 0, send=0.35),
        Part(
            plucked.double_bass(rng),
            lines.bass(song, rng, "7.......6.......", duration_beats=1.6),
            -5,
        ),
        Part(
            Shaker(jingle=rng.uniform(0, 0.8)),
            play.hits(song, rng, "3.5.6.5.3.5.6.5."),
            -17,
            pan=0.3,
        ),
    ]


def _jazz(song: Song, rng: Chance) -> list[Part]:
    ride = Cymbal(decay_s=0.7, low_hz=500, ping_hz=rng.uniform(2_200, 3_200), n_modes=26)
    comp = str(rng.choice(["...6....5.......", "6.....5....5....", "..5......6......"]))
    if rng.uniform() < 0.5:
        lead = Part(VIBRAPHONE, lines.melody(song, rng, octave=3), -4, pan=0.2, send=0.4)
    else:
        horn = Brass(brightness=2.2, n_players=1, mute_hz=5_500)
        lead = Part(horn, lines.melody(song, rng, octave=3), -4, pan=0.15, send=0.4)
    return [
        Part(ride, play.hits(song, rng, "7...7.5.7...7.5.".replace(" ", "")), -11, pan=-0.3),
        Part(Brush(), play.hits(song, rng, "3...7...3...7...", duration_beats=0.8), -13, pan=0.2),
        Part(Kick(click=0.15), play.hits(song, rng, "4.......4......."), -11),
        Part(plucked.double_bass(rng), lines.walking_bass(song, rng), -1, send=0.15),
        Part(
            Piano(hardness=rng.uniform(0.3, 0.6)),
            play.chords(song, rng, comp, octave=2, duration_beats=0.8),
            -5,
            pan=-0.3,
            width=0.3,
        ),
        lead,
    ]


def _percussion(song: Song, rng: Chance) -> list[Part]:
    low, middle, high = rng.uniform(43, 48), rng.uniform(52, 57), rng.uniform(60, 67)
    shake = str(rng.choice(["7465746574657465", "7...6...7...6...", "..6...6...6...6."]))
    bars = KALIMBA if rng.uniform() < 0.5 else MARIMBA
    return [
        Part(
            Membrane(decay_s=rng.uniform(0.12, 0.25)),
            play.hits(song, rng, "9.....7...8.....", pitch=low, vary=0.1),
            -1,
            pan=-0.2,
        ),
        Part(
            Membrane(decay_s=rng.uniform(0.06, 0.12), slap=0.8),
            play.hits(song, rng, "..5.7...6...7.4.", pitch=middle, vary=0.15),
            -2,
            pan=0.3,
        ),
        Part(
            Membrane(decay_s=rng.uniform(0.03, 0.07), slap=1.1, bend=0.3),
            play.hits(song, rng, "6..6..4.....7.45", pitch=high, vary=0.2),
            -4,
            pan=-0.5,
        ),
        Part(Shaker(), play.hits(song, rng, shake), -13, pan=0.6),
        Part(Shaker(jingle=1.0), play.hits(song, rng, "....6.......6.4."), -12, pan=-0.6),
        Part(Block(), play.hits(song, rng, "7..7..7...7.7...", pitch=79), -10, pan=0.1),
        Part(
            bars,
            play.arpeggio(song, rng, octave=2, per_beat=int(rng.choice([1, 2, 4])), span=2),
            -9,
            width=0.5,
            send=0.35,
        ),
    ]


LINE_UPS: dict[str, Callable[[Song, Chance], list[Part]]] = {
    "folk song": _folk,
    "jazz": _jazz,
    "percussion": _percussion,
}
"""By the name of the style."""

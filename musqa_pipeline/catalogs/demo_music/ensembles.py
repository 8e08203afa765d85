"""Line-ups that read from parts: string quartet, choir, brass band, orchestra.

A line-up draws its instruments and writes their notes; levels are relative to the other parts.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from musqa_pipeline.catalogs.demo_music import lines, plucked
from musqa_pipeline.catalogs.demo_music import patterns as play
from musqa_pipeline.catalogs.demo_music.bowed import BowedString, section
from musqa_pipeline.catalogs.demo_music.harmony import Song
from musqa_pipeline.catalogs.demo_music.mix import Part
from musqa_pipeline.catalogs.demo_music.percussion import Cymbal, Kick, Membrane, Snare
from musqa_pipeline.catalogs.demo_music.struck import Organ
from musqa_pipeline.catalogs.demo_music.voice import Voice
from musqa_pipeline.catalogs.demo_music.winds import Brass, Flute

Chance = np.random.Generator


def _chamber(song: Song, rng: Chance) -> list[Part]:
    first, second = BowedString(), BowedString(bow_noise=0.14)
    viola, cello = BowedString(size=1.15), BowedString(size=2.2, vibrato_cents=11)
    inner = str(rng.choice(["6.5.6.5.6.5.6.5.", "7...5...6...5...", "7..5..6."]))
    return [
        Part(
            first,
            lines.melody(song, rng, octave=3, density=0.55, legato=1.0),
            0,
            pan=-0.45,
            send=0.4,
        ),
        Part(
            second,
            play.arpeggio(song, rng, octave=2, per_beat=1, span=2, duration_beats=0.95),
            -4,
            pan=-0.15,
            send=0.4,
        ),
        Part(
            viola,
            play.chords(song, rng, inner, octave=2, duration_beats=0.42, pitches=(3, 7)),
            -6,
            pan=0.2,
            send=0.4,
        ),
        Part(
            cello,
            lines.bass(song, rng, "8.......7...6...", octave=0, duration_beats=1.9),
            -3,
            pan=0.45,
            send=0.4,
        ),
    ]


def _choir(song: Song, rng: Chance) -> list[Part]:
    def group(tract: float, octave: int, pan: float) -> Part:
        rhythm = str(rng.choice(["7.......6.......", "7...6...7...5...", "7.....5.6......."]))
        length = 16 / max(sum(c.isdigit() for c in rhythm), 1) / 4 * 0.98
        notes = play.chords(song, rng, rhythm, octave=octave, duration_beats=length, pitches=(0, 7))
        choir = Voice(tract=tract, n_singers=2, vowels="aou", breath=0.07)
        return Part(choir, notes, -3, pan=pan, width=0.35, send=0.7)

    soprano = Voice(tract=1.17, n_singers=3, vowels="aeo", consonants=0.7, breath=0.08)
    return [
        group(0.9, 1, 0.4),
        group(1.0, 2, 0.1),
        group(1.1, 2, -0.2),
        Part(
            soprano,
            lines.melody(song, rng, octave=3, density=0.4, per_beat=1, legato=1.0),
            0,
            pan=-0.4,
            width=0.2,
            send=0.7,
        ),
        Part(Organ(), lines.bass(song, rng, "6", octave=0, duration_beats=3.9), -9, send=0.5),
    ]


def _brass_band(song: Song, rng: Chance) -> list[Part]:
    lead = Brass(brightness=rng.uniform(4, 6), n_players=2)
    return [
        Part(
            lead, lines.melody(song, rng, octave=3, density=0.6), 0, pan=-0.3, width=0.2, send=0.35
        ),
        Part(
            Brass(brightness=3.5, n_players=3),
            play.chords(song, rng, "..7...7...7...76", octave=2, duration_beats=0.4),
            -5,
            pan=0.3,
            width=0.3,
            send=0.35,
        ),
        Part(
            Brass(brightness=2.2, n_players=2, attack_s=0.04, mute_hz=4_000),
            lines.bass(song, rng, "8...7...8...7...", octave=0, duration_beats=0.8),
            -3,
            pan=0.5,
            send=0.3,
        ),
        Part(
            Flute(),
            play.arpeggio(song, rng, octave=4, per_beat=4, span=1, duration_beats=0.22),
            -11,
            pan=-0.5,
            send=0.35,
        ),
        Part(
            Snare(tone_hz=230, wires_s=0.1, brightness_hz=12_000),
            play.hits(song, rng, "7.447.447.447474", vary=0.1),
            -8,
            send=0.35,
        ),
        Part(
            Kick(low_hz=58, decay_s=0.25), play.hits(song, rng, "8.......8......."), -4, send=0.35
        ),
        Part(
            Cymbal(decay_s=0.45, low_hz=420, n_modes=28),
            play.hits(song, rng, "....5.......6..."),
            -13,
            send=0.35,
        ),
    ]


def _orchestra(song: Song, rng: Chance) -> list[Part]:
    return [
        Part(
            section(1.0, 4),
            lines.melody(song, rng, octave=3, density=0.5, legato=1.05),
            -1,
            pan=-0.4,
            width=0.3,
            send=0.6,
        ),
        Part(
            section(1.15, 3),
            play.chords(song, rng, "6.......5.......", octave=2, duration_beats=2.0),
            -5,
            width=0.4,
            send=0.6,
        ),
        Part(
            section(2.2, 3),
            lines.bass(song, rng, "7.......6...6...", duration_beats=1.9),
            -4,
            pan=0.4,
            send=0.5,
        ),
        Part(
            Brass(brightness=rng.uniform(2, 4), n_players=3, attack_s=0.08),
            play.chords(song, rng, "7.........5.6...", octave=2, duration_beats=1.2),
            -5,
            pan=0.25,
            width=0.2,
            send=0.6,
        ),
        Part(
            Flute(breath=0.3),
            play.arpeggio(song, rng, octave=4, per_beat=2, span=1, duration_beats=0.45),
            -10,
            pan=-0.1,
            send=0.6,
        ),
        Part(
            plucked.harp(rng),
            play.arpeggio(song, rng, octave=2, per_beat=2, span=3),
            -9,
            pan=-0.6,
            send=0.5,
        ),
        Part(
            Membrane(decay_s=0.6, slap=0.15, bend=0.03),
            play.hits(song, rng, "8.........3.4.6.", pitch=song.root + 7),
            -5,
            send=0.6,
        ),
        Part(
            Cymbal(decay_s=0.9, low_hz=350, n_modes=30),
            play.hits(song, rng, "6.......", vary=0)[::2],
            -12,
            send=0.5,
        ),
        Part(Snare(wires_s=0.14), play.hits(song, rng, "5..35.35"), -14, pan=0.1, send=0.6),
    ]


LINE_UPS: dict[str, Callable[[Song, Chance], list[Part]]] = {
    "string quartet": _chamber,
    "choir": _choir,
    "brass band": _brass_band,
    "orchestra": _orchestra,
}
"""By the name of the style."""

"""Line-ups that plug in: techno, breakbeat, rock, funk, ambient.

A line-up draws its instruments and writes their notes; levels are relative to the other parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from musqa_pipeline.catalogs.demo_music import lines, plucked
from musqa_pipeline.catalogs.demo_music import patterns as play
from musqa_pipeline.catalogs.demo_music.electronic import Drone, Pad, Synth
from musqa_pipeline.catalogs.demo_music.harmony import Song
from musqa_pipeline.catalogs.demo_music.kit import amplifier, drum_kit
from musqa_pipeline.catalogs.demo_music.mix import Part
from musqa_pipeline.catalogs.demo_music.percussion import Block, Clap, Shaker
from musqa_pipeline.catalogs.demo_music.struck import BELL, GLOCKENSPIEL, ElectricPiano, Organ
from musqa_pipeline.catalogs.demo_music.texture import Grains, Rain, Wind
from musqa_pipeline.catalogs.demo_music.winds import Brass

Chance = np.random.Generator


def _techno(song: Song, rng: Chance) -> list[Part]:
    acid = Synth(
        n_oscillators=1,
        cutoff_hz=rng.uniform(180, 400),
        envelope_octaves=rng.uniform(2.5, 4.5),
        filter_decay_s=rng.uniform(0.08, 0.2),
        quality=rng.uniform(2, 5),
        sub=0.4,
        drive=2.0,
    )
    line = "7.65.67.7.56.7.6" if rng.uniform() < 0.5 else "..76..75..76..67"
    stab = Synth(n_oscillators=4, detune_cents=14, cutoff_hz=700, filter_decay_s=0.25)
    return [
        *drum_kit(
            song,
            rng,
            kick="9...9...9...9...",
            snare="................",
            hat="2.7.2.7.2.7.2.7.",
            dry=True,
            hat_db=-9,
        ),
        Part(Clap(), play.hits(song, rng, "....8.......8..."), -5, send=0.5),
        Part(Shaker(jingle=0.3), play.hits(song, rng, "3545354535453546"), -15, pan=0.4),
        Part(acid, lines.bass(song, rng, line, octave=0, duration_beats=0.22), -2, send=0.05),
        Part(
            stab,
            play.chords(song, rng, "...7..6...7.....", octave=2, duration_beats=0.3),
            -8,
            width=0.5,
            send=0.5,
            echo=0.5,
        ),
        Part(Pad(), play.chords(song, rng, "6", octave=2), -13, width=0.8, send=0.6),
    ]


def _breakbeat(song: Song, rng: Chance) -> list[Part]:
    kick = str(rng.choice(["9.9.......9.....", "9....9....9..9..", "9.9....9..9....."]))
    snare = str(rng.choice(["....9..3.3..9..3", "....9..4....9.5.", "....9.....3.8..4"]))
    keys = ElectricPiano(bark=rng.uniform(0.8, 2))
    return [
        *drum_kit(
            song, rng, kick=kick, snare=snare, hat="7.5.7.5.7.5.7.56", crash="8..............."
        ),
        Part(Drone(), lines.bass(song, rng, "8.....7...6.....", duration_beats=1.2), -2, send=0.0),
        Part(
            keys,
            play.chords(song, rng, "6.....5.........", octave=2, duration_beats=1.5),
            -8,
            width=0.3,
            send=0.5,
            echo=0.4,
        ),
        Part(
            Synth(n_oscillators=3, pulse=0.5, cutoff_hz=1_200, release_s=0.15),
            lines.melody(song, rng, octave=3, density=0.3),
            -10,
            pan=0.2,
            send=0.5,
            echo=0.6,
        ),
        Part(Rain(drops_per_s=60), play.bed(song), -24, width=0.3, send=0.1),
    ]


def _rock(song: Song, rng: Chance) -> list[Part]:
    chug = str(rng.choice(["9.77..79.77..77.", "9...7.8.9...77..", "9777977797779777"]))
    guitar = plucked.electric_guitar(rng)
    amp = amplifier(rng.uniform(6, 22), rng.uniform(4_200, 6_000))
    both = play.chords(song, rng, chug, octave=1, duration_beats=0.45, pitches=(0, 7, 12))
    other = play.chords(song, rng, chug, octave=1, duration_beats=0.45, pitches=(0, 7, 12))
    return [
        *drum_kit(
            song,
            rng,
            kick="9.....9.9.9.....",
            snare="....9.......9...",
            hat="8.6.8.6.8.6.8.6.",
            crash="9...............",
            hat_db=-8,
        ),
        Part(
            plucked.SlapBass(slap=0.6),
            lines.bass(song, rng, chug, duration_beats=0.4),
            -3,
            send=0.05,
        ),
        Part(guitar, both, -4, pan=-0.75, send=0.15, effect=amp),
        Part(guitar, other, -4, pan=0.75, send=0.15, effect=amp),
        Part(
            guitar,
            lines.melody(song, rng, octave=3, density=0.5),
            -6,
            pan=0.1,
            send=0.4,
            echo=0.3,
            effect=amplifier(12, 5_500),
        ),
    ]


def _funk(song: Song, rng: Chance) -> list[Part]:
    chops = str(rng.choice(["..7.47...7.47..6", ".47..4.7.47..4.7"]))
    return [
        *drum_kit(
            song,
            rng,
            kick="9..6..9...6..9..",
            snare="..2.9.2..2.29..2",
            hat="7575757575757575",
            dry=True,
        ),
        Part(
            plucked.SlapBass(slap=1.0),
            lines.bass(song, rng, "9..79.6..79..7.8", duration_beats=0.3),
            0,
            send=0.05,
        ),
        Part(
            plucked.steel_guitar(rng),
            play.chords(song, rng, chops, octave=2, duration_beats=0.12, spread_s=0.012),
            -8,
            pan=-0.5,
            send=0.15,
        ),
        Part(
            Organ(),
            play.chords(song, rng, "5.......5..5....", octave=2, duration_beats=1.4),
            -10,
            pan=0.4,
        ),
        Part(
            Brass(brightness=rng.uniform(3.5, 5.5), n_players=3),
            play.chords(song, rng, "9......7........", octave=3, duration_beats=0.5),
            -5,
            width=0.4,
            send=0.35,
        ),
        Part(Block(), play.hits(song, rng, "6..6..6...6.6...", pitch=83), -14, pan=0.6),
    ]


def _still_ambient(song: Song, rng: Chance) -> list[Part]:
    glass = replace(BELL, ratios=(0.5, 1.0, 2.0, 2.51, 3.01), strengths=(0.4, 1.0, 0.4, 0.2, 0.1))
    soft = replace(glass, mallet_hz=rng.uniform(4_000, 9_000), mallet=0.15)
    pad = Pad(cutoff_hz=rng.uniform(250, 700), sway_hz=rng.uniform(0.1, 0.3), air=0.0)
    return [
        Part(pad, play.chords(song, rng, "7", octave=2), -2, width=0.9, send=0.5),
        Part(Drone(), lines.bass(song, rng, "7", duration_beats=3.8), -3, send=0.1),
        Part(
            soft, lines.melody(song, rng, octave=2, density=0.4), -4, width=0.8, send=0.4, echo=0.4
        ),
        Part(Rain(drops_per_s=1.5, bed=0.0), play.bed(song), rng.uniform(-30, -22), send=0.2),
    ]


def _ambient(song: Song, rng: Chance) -> list[Part]:
    if rng.uniform() < 0.5:
        return _still_ambient(song, rng)
    bed = Rain(drops_per_s=rng.uniform(40, 200)) if rng.uniform() < 0.5 else Wind()
    bells = BELL if rng.uniform() < 0.5 else GLOCKENSPIEL
    return [
        Part(
            Pad(sway_hz=rng.uniform(0.1, 0.4)),
            play.chords(song, rng, "7", octave=2),
            -2,
            width=0.9,
            send=0.6,
        ),
        Part(Drone(), lines.bass(song, rng, "7", duration_beats=3.8), -4, send=0.1),
        Part(bed, play.bed(song), -13, pan=-0.3, send=0.2),
        Part(Wind(low_hz=600, high_hz=9_000), play.bed(song), -16, pan=0.4, send=0.2),
        Part(
            bells,
            lines.melody(song, rng, octave=4, density=0.25),
            -9,
            width=0.8,
            send=0.8,
            echo=0.5,
        ),
        Part(Grains(), play.bed(song, pitch=song.root + 24), -12, pan=0.2, send=0.6),
    ]


LINE_UPS: dict[str, Callable[[Song, Chance], list[Part]]] = {
    "techno": _techno,
    "breakbeat": _breakbeat,
    "rock": _rock,
    "funk": _funk,
    "ambient": _ambient,
}
"""By the name of the style."""

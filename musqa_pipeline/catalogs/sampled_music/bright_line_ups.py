"""Line-ups with all the treble of records: bands with drums, brass, steel strings, synthesisers.

A line-up draws its players and writes their notes; levels are relative to the others.
"""

from __future__ import annotations

import numpy as np

from musqa_pipeline.catalogs.demo_music import lines
from musqa_pipeline.catalogs.demo_music import patterns as play
from musqa_pipeline.catalogs.demo_music.harmony import Song
from musqa_pipeline.catalogs.demo_music.kit import amplifier
from musqa_pipeline.catalogs.demo_music.notes import Note
from musqa_pipeline.catalogs.demo_music.patterns import one_of
from musqa_pipeline.catalogs.sampled_music.players import DRUM_KEYS, Seat

Chance = np.random.Generator
METAL = {"closed hat", "open hat", "crash", "ride", "tambourine", "cowbell", "shaker", "triangle"}
METAL_DB = (-13.0, -6.0)
"""What shines, relative to the skins."""


def _drums(
    song: Song, rng: Chance, kit: str, level_db: float = 0.0, **steps: str
) -> tuple[Seat, Seat]:
    """Seat a drummer, skins and metal apart as a desk has them; `steps` names keys, "_" a space."""
    skins: list[Note] = []
    metal: list[Note] = []
    for name, pattern in steps.items():
        key = name.replace("_", " ")
        notes = play.hits(
            song, rng, pattern, pitch=DRUM_KEYS[key], vary=0 if key == "crash" else 0.06
        )
        (metal if key in METAL else skins).extend(notes)
    send = rng.uniform(0.05, 0.25)
    return (
        Seat(kit, skins, level_db, send=send),
        Seat(kit, metal, level_db + rng.uniform(*METAL_DB), pan=rng.uniform(-0.4, 0.4), send=send),
    )


def rock(song: Song, rng: Chance) -> list[Seat]:
    """Play power chords over drums and bass."""
    riff = one_of(rng, "8.8.8.8.8.8.8.8.", "8..8..8.8..8..8.", "8...8.8.8...8.8.")
    power = play.chords(song, rng, riff, octave=1, duration_beats=0.45, pitches=(0, 7, 12))
    lead = lines.melody(song, rng, octave=3, density=0.5)
    tone_hz = rng.uniform(4_500, 7_500)
    amp = amplifier(rng.uniform(4, 12), tone_hz)
    return [
        *_drums(
            song, rng, one_of(rng, "standard kit", "power kit", "room kit"),
            kick="9.....9.9.......", snare="....9.......9...", closed_hat="7.6.7.6.7.6.7.6.",
            crash="8..............." if rng.uniform() < 0.6 else ".",
        ),
        Seat("bass guitar", lines.bass(song, rng, "8.7.8.7.8.7.8.7."), -3, send=0.05),
        Seat(
            one_of(rng, "clean guitar", "overdriven guitar"),
            *(power, -4), pan=-0.6, send=0.1, effect=amp,
        ),
        Seat("distorted guitar", power[1:], -6, pan=0.6, send=0.1),
        Seat(one_of(rng, "overdriven guitar", "drawbar organ"), lead, -3, pan=0.1, echo=0.2),
    ]  # fmt: skip


def pop(song: Song, rng: Chance) -> list[Seat]:
    """Play a song: drums, bass, steel guitar, keys, pad and a lead."""
    return [
        *_drums(
            song, rng, one_of(rng, "standard kit", "room kit", "electronic kit"),
            kick="9.......9..9....", snare="....8.......8...", closed_hat="6.5.6.5.6.5.6.56",
            tambourine="..4...4...4...4." if rng.uniform() < 0.5 else ".",
        ),
        Seat("bass guitar", lines.bass(song, rng, "8..7..8.7...7..."), -3, send=0.05),
        Seat(
            "steel guitar",
            play.chords(song, rng, "7.4.6.4.7.4.6.46", octave=2, duration_beats=0.4, spread_s=0.02),
            -8, pan=-0.5, send=0.15,
        ),
        Seat(
            one_of(rng, "bright piano", "electric piano", "piano"),
            play.chords(song, rng, "7.....6...6.....", octave=2, duration_beats=0.9),
            -5, pan=0.4, send=0.25,
        ),
        Seat("polysynth", play.chords(song, rng, "5", octave=2, duration_beats=4), -12, send=0.5),
        Seat(
            one_of(rng, "saw lead", "alto saxophone", "violin", "trumpet", "flute"),
            lines.melody(song, rng, octave=3, density=0.5), -2, send=0.35, echo=0.15,
        ),
    ]  # fmt: skip


def funk(song: Song, rng: Chance) -> list[Seat]:
    """Play sixteenths: kit, slapped figures, clipped guitar and brass."""
    return [
        *_drums(
            song, rng, one_of(rng, "standard kit", "room kit"),
            kick="9..9...7..9.....", snare="....9..4.4..9..4", closed_hat="7575757575757575",
            cowbell="6...6...6...6..." if rng.uniform() < 0.3 else ".",
        ),
        Seat("bass guitar", lines.bass(song, rng, "9..7.6..8..6.7.6", duration_beats=0.25), -2),
        Seat(
            "clean guitar",
            play.chords(song, rng, "..65..65.56...65", octave=2, duration_beats=0.15),
            -6, pan=0.5, send=0.1,
        ),
        Seat(
            "brass section",
            play.chords(song, rng, "8.....7.........", octave=2, duration_beats=0.3),
            -4, pan=-0.3, send=0.25,
        ),
        Seat(
            "drawbar organ", play.chords(song, rng, "....5.....5.5...", octave=2,
            duration_beats=0.3), -9, pan=-0.5,
        ),
    ]  # fmt: skip


def jazz(song: Song, rng: Chance) -> list[Seat]:
    """Swing: ride or brushes, walking bass, piano and a horn."""
    ride = rng.uniform() < 0.6
    swing = {"ride": "7...7.5.7...7.5."} if ride else {"snare": "4.3.5.3.4.3.5.3."}
    return [
        *_drums(
            song, rng, "standard kit" if ride else "brush kit", -6,
            kick="4.......4.......", closed_hat="....5.......5...", **swing,
        ),
        Seat("double bass", lines.walking_bass(song, rng), -2, send=0.15),
        Seat(
            one_of(rng, "piano", "vibraphone", "jazz guitar"),
            play.chords(song, rng, one_of(rng, "...6....5.......", "6.....5....5...."),
                        octave=2, duration_beats=0.8),
            -5, pan=-0.35, send=0.25,
        ),
        Seat(
            one_of(rng, "tenor saxophone", "trumpet", "muted trumpet", "alto saxophone"),
            lines.melody(song, rng, octave=3, density=0.6), 0, pan=0.2, send=0.3,
        ),
    ]  # fmt: skip


def latin(song: Song, rng: Chance) -> list[Seat]:
    """Play a clave with hand drums, montuno piano, bass and brass."""
    return [
        *_drums(
            song, rng, "standard kit", -1,
            claves="7..7..7...7.7...", high_bongo="6.546.546.546.54", low_conga="..7...77..7...77",
            low_timbale="......5.......54", shaker="5454545454545454", cowbell="6...5...6...5...",
        ),
        Seat("double bass", lines.bass(song, rng, "...7..7....7..7.", duration_beats=0.7), -3),
        Seat(
            one_of(rng, "bright piano", "piano"),
            play.arpeggio(song, rng, octave=2, per_beat=4, span=2, duration_beats=0.25),
            -4, pan=-0.3, send=0.2,
        ),
        Seat(
            one_of(rng, "trumpet", "brass section", "flute"),
            lines.melody(song, rng, octave=3, density=0.5), -1, pan=0.25, send=0.3,
        ),
        Seat(
            one_of(rng, "steel drums", "marimba", "nylon guitar"),
            play.chords(song, rng, "..6...6...6..66.", octave=2, duration_beats=0.3),
            -7, pan=0.5, send=0.2,
        ),
    ]  # fmt: skip


def electronic(song: Song, rng: Chance) -> list[Seat]:
    """Build a track of machines: kit, bass, arpeggio, stabs and pad."""
    return [
        *_drums(
            song, rng, "electronic kit",
            kick="9...9...9...9...", clap="....8.......8...", closed_hat="5.7.5.7.5.7.5.75",
            open_hat="..6...6...6...6.",
        ),
        Seat("synth bass", lines.bass(song, rng, "..8...8...8...8.", duration_beats=0.4), -2),
        Seat(
            one_of(rng, "saw lead", "square lead"),
            play.arpeggio(song, rng, octave=2, per_beat=4, span=2, duration_beats=0.2),
            -7, pan=0.3, send=0.3, echo=0.35,
        ),
        Seat(
            "polysynth", play.chords(song, rng, "..7..7....7..7..", octave=2, duration_beats=0.3),
            -5, pan=-0.3, send=0.3,
        ),
        Seat(
            one_of(rng, "sweep pad", "new age pad", "choir pad"),
            play.chords(song, rng, "6", octave=2, duration_beats=4), -10, send=0.5,
        ),
    ]  # fmt: skip


def orchestra(song: Song, rng: Chance) -> list[Seat]:
    """Seat an orchestra with brass, timpani and cymbals."""
    return [
        Seat(
            "violin", lines.melody(song, rng, octave=3, density=0.5, legato=1.05),
            -1, pan=-0.45, send=0.6,
        ),
        Seat(
            "strings", play.chords(song, rng, "7.......6.......", octave=2, duration_beats=2.0),
            -3, pan=-0.1, send=0.6,
        ),
        Seat("cello", lines.bass(song, rng, "7.......6...6..."), -4, pan=0.4, send=0.5),
        Seat(
            one_of(rng, "brass section", "french horn", "trombone"),
            play.chords(song, rng, "8.........6.7...", octave=2, duration_beats=1.2),
            -4, pan=0.25, send=0.6,
        ),
        Seat(
            one_of(rng, "flute", "oboe", "clarinet"),
            play.arpeggio(song, rng, octave=3, per_beat=2, span=1, duration_beats=0.45),
            -8, pan=-0.1, send=0.6,
        ),
        Seat("harp", play.arpeggio(song, rng, octave=2, per_beat=2, span=3), -10, pan=-0.6),
        Seat("timpani", play.hits(song, rng, "8.........3.4.6.", pitch=song.root), -6, send=0.6),
        *_drums(song, rng, "orchestra kit", -8, crash="7...............",
               snare="5..35.35....5.5.", triangle="....4.......4..."),
    ]  # fmt: skip


def folk(song: Song, rng: Chance) -> list[Seat]:
    """Strum and fiddle: steel guitar, banjo, violin or recorder, bass, tambourine."""
    return [
        Seat(
            "steel guitar",
            play.chords(song, rng, "7...5.6.7.5.6.5.", octave=2, duration_beats=0.8,
                        spread_s=0.025),
            -3, pan=-0.35, send=0.15,
        ),
        Seat(
            one_of(rng, "banjo", "steel guitar", "sitar"),
            play.arpeggio(song, rng, octave=2, per_beat=4, span=2, duration_beats=0.5),
            -6, pan=0.45, send=0.15,
        ),
        Seat(
            one_of(rng, "violin", "recorder", "accordion", "pan flute"),
            lines.melody(song, rng, octave=3, density=0.6), 0, pan=0.1, send=0.3,
        ),
        Seat("double bass", lines.bass(song, rng, "7.......6.......", duration_beats=1.6), -5),
        *_drums(
            song, rng, "standard kit", -6, tambourine="3.5.6.5.3.5.6.5.", kick="6.......5.......",
        ),
    ]  # fmt: skip


def brass_band(song: Song, rng: Chance) -> list[Seat]:
    """March: trumpets, trombones, tuba, snare and cymbals."""
    return [
        Seat("trumpet", lines.melody(song, rng, octave=3, density=0.6), 0, pan=-0.3, send=0.35),
        Seat(
            "trombone", play.chords(song, rng, "..7...7...7...76", octave=1, duration_beats=0.4),
            -4, pan=0.3, send=0.35,
        ),
        Seat(
            "brass section", play.chords(song, rng, "7.......6...6...", octave=2,
            duration_beats=0.8), -6, send=0.35,
        ),
        Seat("tuba", lines.bass(song, rng, "8...7...8...7...", duration_beats=0.8), -3, pan=0.4),
        *_drums(
            song, rng, "orchestra kit", -5,
            snare="7.447.447.447474", kick="8.......8.......", crash="....5.......6...",
        ),
    ]  # fmt: skip

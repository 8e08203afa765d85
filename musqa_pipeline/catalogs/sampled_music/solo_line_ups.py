"""Line-ups of one sort of sound: percussion alone, one voice or instrument, and sound design.

Music it is, but far from what most recordings hold: a model that never met its kind abstains.
"""

from __future__ import annotations

import numpy as np

from musqa_pipeline.catalogs.demo_music import lines
from musqa_pipeline.catalogs.demo_music import patterns as play
from musqa_pipeline.catalogs.demo_music.harmony import Song
from musqa_pipeline.catalogs.demo_music.patterns import one_of
from musqa_pipeline.catalogs.sampled_music.players import DRUM_KEYS, Seat

Chance = np.random.Generator
_STRUCK = (
    "castanets", "claves", "high wood block", "low wood block", "tambourine", "shaker", "triangle",
    "clap", "snare", "low tom", "high tom", "high bongo", "low bongo", "high conga", "low conga",
    "high timbale", "cowbell", "guiro",
)  # fmt: skip
_CELLS = 16
_ROLLED = {"castanets", "snare", "shaker"}
"""Played twice as fast."""


def percussion(song: Song, rng: Chance) -> list[Seat]:
    """Strike one to four instruments without pitch; one in three pieces is castanets alone."""
    if rng.uniform() < 1 / 3:
        return castanets(song, rng)
    names = rng.choice(_STRUCK, rng.integers(1, 5), replace=False)
    return [_struck(song, rng, str(name)) for name in names]


def castanets(song: Song, rng: Chance) -> list[Seat]:
    """Strike castanets and nothing else."""
    return [_struck(song, rng, "castanets")]


def _struck(song: Song, rng: Chance, name: str) -> Seat:
    n, density = _CELLS * (1 + (name in _ROLLED)), rng.uniform(0.35, 0.8)
    strength = rng.integers(4, 9, n)
    struck = (rng.uniform(size=n) < density) | (np.arange(n) == 0)
    rhythm = "".join(
        str(hard) if heard else "." for hard, heard in zip(strength, struck, strict=True)
    )
    notes = play.hits(song, rng, rhythm, pitch=DRUM_KEYS[name], vary=0.12)
    return Seat("standard kit", notes, pan=rng.uniform(-0.5, 0.5), send=rng.uniform(0.05, 0.4))


def solo(song: Song, rng: Chance) -> list[Seat]:
    """Sing or play one line, with nobody beside it."""
    alone = one_of(
        rng, "choir aahs", "voice oohs", "violin", "flute", "trumpet", "alto saxophone", "banjo",
        "steel guitar", "vibraphone", "marimba", "kalimba", "accordion", "saw lead", "bright piano",
    )  # fmt: skip
    return _alone(song, rng, alone)


def solo_voice(song: Song, rng: Chance) -> list[Seat]:
    """Sing one line, with nobody beside it."""
    return _alone(song, rng, one_of(rng, "choir aahs", "voice oohs"))


def _alone(song: Song, rng: Chance, player: str) -> list[Seat]:
    tune = lines.melody(
        *(song, rng), octave=int(rng.choice([2, 3])), density=rng.uniform(0.5, 0.8),
        legato=rng.uniform(0.6, 1.1), velocity=rng.uniform(0.5, 0.8),
    )  # fmt: skip
    return [Seat(player, tune, send=rng.uniform(0.1, 0.5))]


def sound_design(song: Song, rng: Chance) -> list[Seat]:
    """Lay a recorded scene under synthesised textures and a few struck sounds."""
    scene = one_of(rng, "breath", "seashore", "birds", "helicopter", "applause")
    texture = one_of(rng, "ice rain", "crystal", "atmosphere", "goblin", "echo drops")
    long = play.chords(song, rng, "6.......", octave=2, duration_beats=song.beats_per_bar)
    return [
        Seat(scene, play.bed(song, pitch=float(rng.integers(48, 73))), -3, send=0.3),
        Seat(texture, long, -2, pan=rng.uniform(-0.4, 0.4), send=0.5, echo=0.3),
        _struck(song, rng, str(rng.choice(_STRUCK))),
    ]

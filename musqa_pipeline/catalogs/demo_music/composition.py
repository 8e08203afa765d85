"""One track from a style and a generator: draw the piece, seat the players, mix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from musqa_pipeline.catalogs.demo_music.harmony import SCALES, Song
from musqa_pipeline.catalogs.demo_music.mix import Master, Stereo, mix
from musqa_pipeline.catalogs.demo_music.room import Room
from musqa_pipeline.catalogs.demo_music.styles import Idiom, Style

PREROLL_S = 1.5
"""What is played and cut away, so that a track begins in the midst of its reverberation."""
_SITS_OUT = 0.2
_FEWEST_PARTS = 3
PlayedT = TypeVar("PlayedT", bound=Any)
"""A frozen dataclass with `level_db` and `send`."""


def compose(style: Style, duration_s: float, rng: np.random.Generator) -> Stereo:
    """Write and play one piece."""
    song = draw_song(style, duration_s + PREROLL_S, rng)
    return mix(
        arranged(style.line_up(song, rng), rng, sits_out=_SITS_OUT),
        room=draw_room(style, rng),
        echo_s=0.75 * song.beat_s,
        master=draw_master(style, rng),
        duration_s=duration_s,
        preroll_s=PREROLL_S,
        rng=rng,
    )


def draw_song(idiom: Idiom, duration_s: float, rng: np.random.Generator) -> Song:
    """Draw the frame of a piece."""
    progression = idiom.progressions[rng.integers(len(idiom.progressions))]
    return Song(
        duration_s=duration_s,
        tempo_bpm=rng.uniform(*idiom.tempo_bpm),
        root=int(rng.integers(36, 48)),
        scale=SCALES[idiom.scales[rng.integers(len(idiom.scales))]],
        progression=progression,
        beats_per_bar=idiom.beats_per_bar,
        swing=rng.uniform(*idiom.swing),
        looseness_s=idiom.looseness_s,
        thirds=idiom.thirds,
    )


def draw_room(idiom: Idiom, rng: np.random.Generator) -> Room:
    """Draw a room of the idiom's kind."""
    return Room(reverberation_s=rng.uniform(*idiom.reverberation_s), damping=rng.uniform(0.3, 0.8))


def draw_master(idiom: Idiom, rng: np.random.Generator) -> Master:
    """Draw a finish of the idiom's kind."""
    low_hz, high_hz = idiom.treble_hz
    return Master(
        loudness_lufs=rng.uniform(*idiom.loudness_lufs),
        compression=rng.uniform(*idiom.compression),
        noise_floor_db=rng.uniform(*idiom.noise_floor_db),
        treble_hz=low_hz * (high_hz / low_hz) ** rng.uniform(),
    )


def arranged(
    parts: Sequence[PlayedT], rng: np.random.Generator, *, sits_out: float
) -> list[PlayedT]:
    """Leave out a player now and then, with a chance, and balance the others by ear."""
    staying: Sequence[PlayedT] = [part for part in parts if rng.uniform() > sits_out]
    if len(staying) < min(_FEWEST_PARTS, len(parts)):
        staying = parts
    return [
        replace(
            part, level_db=part.level_db + rng.normal(0, 2), send=part.send * rng.uniform(0.5, 1.2)
        )
        for part in staying
    ]

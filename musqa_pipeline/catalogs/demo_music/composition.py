"""One track from a style and a generator: draw the piece, seat the players, mix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from musqa_pipeline.catalogs.demo_music.harmony import SCALES, Song
from musqa_pipeline.catalogs.demo_music.mix import Master, Part, Stereo, mix
from musqa_pipeline.catalogs.demo_music.room import Room
from musqa_pipeline.catalogs.demo_music.styles import Style

_PREROLL_S = 1.5
_SITS_OUT = 0.2
_FEWEST_PARTS = 3


def compose(style: Style, duration_s: float, rng: np.random.Generator) -> Stereo:
    """Write and play one piece."""
    progression = style.progressions[rng.integers(len(style.progressions))]
    song = Song(
        duration_s=duration_s + _PREROLL_S,
        tempo_bpm=rng.uniform(*style.tempo_bpm),
        root=int(rng.integers(36, 48)),
        scale=SCALES[style.scales[rng.integers(len(style.scales))]],
        progression=progression,
        beats_per_bar=style.beats_per_bar,
        swing=rng.uniform(*style.swing),
        looseness_s=style.looseness_s,
        thirds=style.thirds,
    )
    low_hz, high_hz = style.treble_hz
    return mix(
        _arranged(style.line_up(song, rng), rng),
        room=Room(
            reverberation_s=rng.uniform(*style.reverberation_s), damping=rng.uniform(0.3, 0.8)
        ),
        echo_s=0.75 * song.beat_s,
        master=Master(
            loudness_lufs=rng.uniform(*style.loudness_lufs),
            compression=rng.uniform(*style.compression),
            noise_floor_db=rng.uniform(*style.noise_floor_db),
            treble_hz=low_hz * (high_hz / low_hz) ** rng.uniform(),
        ),
        duration_s=duration_s,
        preroll_s=_PREROLL_S,
        rng=rng,
    )


def _arranged(parts: list[Part], rng: np.random.Generator) -> list[Part]:
    """Leave out a player now and then, and balance the others by ear."""
    staying = [part for part in parts if rng.uniform() > _SITS_OUT]
    if len(staying) < _FEWEST_PARTS:
        staying = parts
    return [
        replace(
            part, level_db=part.level_db + rng.normal(0, 2), send=part.send * rng.uniform(0.5, 1.2)
        )
        for part in staying
    ]

"""The twelve styles of the demo catalog: their keys, tempi, rooms and loudness.

A style is a set of ranges; who plays what is in `bands`, `combos` and `ensembles`. All chance comes
from the generator of the track, so that two tracks of a style share an idiom and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from musqa_pipeline.catalogs.demo_music import bands, combos, ensembles
from musqa_pipeline.catalogs.demo_music.harmony import Song
from musqa_pipeline.catalogs.demo_music.mix import Part

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Idiom:
    """Ranges to draw a piece from: key, tempo, room and finish."""

    name: str
    tempo_bpm: Range
    scales: tuple[str, ...]
    progressions: tuple[tuple[int, ...], ...]
    reverberation_s: Range
    loudness_lufs: Range
    compression: Range = (0.2, 0.5)
    noise_floor_db: Range = (-72.0, -58.0)
    treble_hz: Range = (2_500.0, 12_000.0)
    """Drawn on a logarithmic scale: old tape to a bright close microphone."""
    beats_per_bar: int = 4
    swing: Range = (0.0, 0.0)
    looseness_s: float = 0.006
    thirds: int = 3


@dataclass(frozen=True, kw_only=True)
class Style(Idiom):
    """An idiom with its line-up."""

    @property
    def line_up(self) -> Callable[[Song, np.random.Generator], list[Part]]:
        """Draws instruments and writes their notes."""
        return {**bands.LINE_UPS, **combos.LINE_UPS, **ensembles.LINE_UPS}[self.name]


POP = ((0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (0, 3, 4, 3))
MINOR = ((0, 5, 2, 6), (0, 0, 5, 6), (0, 3, 5, 4), (0, 6, 5, 6))
SLOW = ((0, 3), (0, 5), (0, 4, 3), (0, 2, 3))

STYLES: tuple[Style, ...] = (
    Style(
        name="techno",
        tempo_bpm=(122, 140),
        scales=("minor", "phrygian", "dorian"),
        progressions=((0, 0, 5, 5), (0, 0, 0, 6), *MINOR),
        reverberation_s=(0.8, 2.0),
        loudness_lufs=(-12, -9),
        compression=(0.3, 0.6),
        noise_floor_db=(-98, -80),
        looseness_s=0.001,
    ),
    Style(
        name="string quartet",
        tempo_bpm=(72, 126),
        scales=("major", "minor", "harmonic minor"),
        progressions=((0, 3, 4, 0), (0, 5, 1, 4), *POP),
        reverberation_s=(0.9, 1.8),
        loudness_lufs=(-23, -18),
        compression=(0.0, 0.15),
        looseness_s=0.014,
    ),
    Style(
        name="folk song",
        tempo_bpm=(84, 124),
        scales=("major", "mixolydian", "minor"),
        progressions=POP,
        reverberation_s=(0.4, 1.0),
        loudness_lufs=(-20, -15),
        noise_floor_db=(-64, -54),
        looseness_s=0.012,
    ),
    Style(
        name="breakbeat",
        tempo_bpm=(136, 174),
        scales=("minor", "dorian"),
        progressions=MINOR,
        reverberation_s=(0.6, 1.6),
        loudness_lufs=(-13, -9),
        compression=(0.3, 0.6),
        noise_floor_db=(-95, -75),
        looseness_s=0.004,
        thirds=4,
    ),
    Style(
        name="jazz",
        tempo_bpm=(108, 190),
        scales=("major", "dorian"),
        progressions=((1, 4, 0, 5), (0, 5, 1, 4), (1, 4, 0, 0)),
        reverberation_s=(0.5, 1.1),
        loudness_lufs=(-21, -16),
        compression=(0.05, 0.25),
        swing=(0.1, 0.18),
        looseness_s=0.012,
        thirds=4,
    ),
    Style(
        name="choir",
        tempo_bpm=(66, 96),
        scales=("major", "minor", "dorian"),
        progressions=((0, 3, 4, 0), *SLOW),
        reverberation_s=(2.0, 3.2),
        loudness_lufs=(-23, -18),
        compression=(0.0, 0.15),
        looseness_s=0.02,
    ),
    Style(
        name="rock",
        tempo_bpm=(104, 168),
        scales=("minor", "mixolydian", "phrygian"),
        progressions=(*POP, *MINOR),
        reverberation_s=(0.4, 1.0),
        loudness_lufs=(-12, -8),
        compression=(0.3, 0.6),
        looseness_s=0.007,
    ),
    Style(
        name="ambient",
        tempo_bpm=(56, 84),
        scales=("lydian", "dorian", "major"),
        progressions=SLOW,
        reverberation_s=(2.2, 3.5),
        loudness_lufs=(-24, -17),
        compression=(0.0, 0.3),
        noise_floor_db=(-62, -54),
        treble_hz=(2_500, 9_000),
        looseness_s=0.03,
        thirds=4,
    ),
    Style(
        name="percussion",
        tempo_bpm=(92, 132),
        scales=("dorian", "major", "minor"),
        progressions=SLOW,
        reverberation_s=(0.4, 1.2),
        loudness_lufs=(-20, -14),
        swing=(0.0, 0.06),
        looseness_s=0.009,
    ),
    Style(
        name="brass band",
        tempo_bpm=(96, 128),
        scales=("major", "mixolydian"),
        progressions=((0, 3, 4, 0), (0, 0, 4, 0), *POP),
        reverberation_s=(0.7, 1.6),
        loudness_lufs=(-18, -13),
        looseness_s=0.011,
    ),
    Style(
        name="funk",
        tempo_bpm=(92, 118),
        scales=("dorian", "mixolydian"),
        progressions=((0, 0, 3, 3), (0, 3, 0, 4)),
        reverberation_s=(0.3, 0.8),
        loudness_lufs=(-15, -10),
        compression=(0.3, 0.5),
        swing=(0.0, 0.08),
        thirds=4,
    ),
    Style(
        name="orchestra",
        tempo_bpm=(76, 132),
        scales=("minor", "major", "lydian"),
        progressions=(*MINOR, *POP),
        reverberation_s=(1.6, 2.6),
        loudness_lufs=(-22, -15),
        compression=(0.0, 0.2),
        looseness_s=0.014,
    ),
)

"""The styles of sampled music: their keys, tempi, rooms and finish, and who is dark by nature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from musqa_pipeline.catalogs.demo_music.harmony import Song
from musqa_pipeline.catalogs.demo_music.styles import MINOR, POP, SLOW, Idiom, Range
from musqa_pipeline.catalogs.sampled_music import bright_line_ups as bright
from musqa_pipeline.catalogs.sampled_music import dark_line_ups as dark
from musqa_pipeline.catalogs.sampled_music import solo_line_ups as alone
from musqa_pipeline.catalogs.sampled_music.players import Seat

_CLASSICAL = ((0, 3, 4, 0), (0, 5, 1, 4), (0, 4, 0, 4), *POP)


@dataclass(frozen=True, kw_only=True)
class SampledStyle(Idiom):
    """An idiom with its line-up, and how its records are finished."""

    line_up: Callable[[Song, np.random.Generator], list[Seat]]
    is_dark: bool = False
    """Whether its instruments have little treble by themselves."""
    treble_hz: Range = (9_000.0, 20_000.0)
    drive: Range = (0.0, 0.0)
    width: Range = (0.8, 1.2)


def _dark(
    name: str,
    line_up: Callable[[Song, np.random.Generator], list[Seat]],
    tempo_bpm: Range,
    reverberation_s: Range,
    **more: object,
) -> SampledStyle:
    ranges = {
        "scales": ("major", "minor", "dorian"),
        "progressions": (*_CLASSICAL, *SLOW),
        "loudness_lufs": (-25.0, -17.0),
        "compression": (0.0, 0.2),
        "noise_floor_db": (-64.0, -50.0),
        "looseness_s": 0.014,
    }
    return SampledStyle(
        name=name, line_up=line_up, is_dark=True, tempo_bpm=tempo_bpm,
        reverberation_s=reverberation_s, **(ranges | more),  # type: ignore[arg-type]
    )  # fmt: skip


DARK_STYLES = (
    _dark("solo piano", dark.solo_piano, (60, 112), (0.4, 1.8)),
    _dark("slow strings", dark.slow_strings, (56, 92), (1.0, 2.4)),
    _dark("nylon guitar", dark.solo_guitar, (66, 116), (0.3, 1.2)),
    _dark("choir", dark.choir, (60, 92), (1.6, 3.2)),
    _dark("guitar duo", dark.guitar_duo, (72, 150), (0.3, 0.9), thirds=4, swing=(0.0, 0.16)),
    _dark("organ", dark.organ, (60, 104), (0.8, 3.2)),
    _dark("chamber", dark.chamber, (60, 112), (0.6, 1.8)),
    _dark("pads", dark.pads, (56, 90), (1.4, 3.4), thirds=4, compression=(0.1, 0.4)),
    _dark("winds", dark.winds, (64, 116), (0.7, 1.8)),
)


def _alone(name: str, line_up: Callable[[Song, np.random.Generator], list[Seat]]) -> SampledStyle:
    return SampledStyle(
        name=name, line_up=line_up, tempo_bpm=(70, 140), scales=("major", "minor", "dorian"),
        progressions=(*_CLASSICAL, *SLOW), reverberation_s=(0.2, 1.8), loudness_lufs=(-26, -16),
        compression=(0.0, 0.3), noise_floor_db=(-80, -56), looseness_s=0.01,
    )  # fmt: skip


BRIGHT_STYLES = (
    SampledStyle(
        name="rock", line_up=bright.rock, tempo_bpm=(96, 168),
        scales=("minor", "mixolydian", "phrygian"), progressions=(*POP, *MINOR),
        reverberation_s=(0.3, 0.9), loudness_lufs=(-13, -8), compression=(0.3, 0.6),
        noise_floor_db=(-80, -60), drive=(0.0, 1.5),
    ),
    SampledStyle(
        name="pop", line_up=bright.pop, tempo_bpm=(84, 132), scales=("major", "minor"),
        progressions=POP, reverberation_s=(0.4, 1.4), loudness_lufs=(-14, -8),
        compression=(0.25, 0.55), noise_floor_db=(-95, -70), drive=(0.0, 1.0), width=(0.9, 1.5),
    ),
    SampledStyle(
        name="jazz", line_up=bright.jazz, tempo_bpm=(100, 190), scales=("major", "dorian"),
        progressions=((1, 4, 0, 5), (0, 5, 1, 4), (1, 4, 0, 0)), reverberation_s=(0.4, 1.1),
        loudness_lufs=(-21, -15), compression=(0.05, 0.25), swing=(0.1, 0.18),
        noise_floor_db=(-72, -55), looseness_s=0.012, thirds=4,
    ),
    SampledStyle(
        name="electronic", line_up=bright.electronic, tempo_bpm=(112, 140),
        scales=("minor", "dorian", "phrygian"), progressions=(*MINOR, (0, 0, 5, 5)),
        reverberation_s=(0.6, 2.0), loudness_lufs=(-12, -8), compression=(0.3, 0.6),
        noise_floor_db=(-98, -85), looseness_s=0.001, drive=(0.0, 1.5), width=(0.9, 1.6),
    ),
    SampledStyle(
        name="orchestra", line_up=bright.orchestra, tempo_bpm=(76, 132),
        scales=("minor", "major", "lydian"), progressions=(*MINOR, *_CLASSICAL),
        reverberation_s=(1.2, 2.6), loudness_lufs=(-22, -14), compression=(0.0, 0.25),
        noise_floor_db=(-75, -58), looseness_s=0.014,
    ),
    SampledStyle(
        name="funk", line_up=bright.funk, tempo_bpm=(90, 120), scales=("dorian", "mixolydian"),
        progressions=((0, 0, 3, 3), (0, 3, 0, 4)), reverberation_s=(0.3, 0.8),
        loudness_lufs=(-15, -9), compression=(0.3, 0.5), swing=(0.0, 0.08),
        noise_floor_db=(-80, -60), thirds=4, drive=(0.0, 1.0),
    ),
    SampledStyle(
        name="folk", line_up=bright.folk, tempo_bpm=(84, 128),
        scales=("major", "mixolydian", "minor"), progressions=POP, reverberation_s=(0.3, 1.0),
        loudness_lufs=(-20, -14), noise_floor_db=(-68, -54), looseness_s=0.012,
    ),
    SampledStyle(
        name="latin", line_up=bright.latin, tempo_bpm=(92, 124),
        scales=("major", "minor", "dorian"), progressions=(*POP, (0, 3, 4, 4)),
        reverberation_s=(0.3, 1.0), loudness_lufs=(-16, -10),
        compression=(0.2, 0.45), noise_floor_db=(-78, -60), looseness_s=0.009,
    ),
    SampledStyle(
        name="brass band", line_up=bright.brass_band, tempo_bpm=(96, 128),
        scales=("major", "mixolydian"), progressions=((0, 0, 4, 0), *_CLASSICAL),
        reverberation_s=(0.6, 1.6), loudness_lufs=(-18, -12), noise_floor_db=(-72, -56),
        looseness_s=0.011,
    ),
    _alone("percussion", alone.percussion),
    _alone("solo", alone.solo),
)  # fmt: skip

UNUSUAL_STYLES = (
    _alone("castanets", alone.castanets),
    _alone("percussion", alone.percussion),
    _alone("solo voice", alone.solo_voice),
    _alone("sound design", alone.sound_design),
)
"""Music of few sounds, of which a release tells whether it has a score for it."""

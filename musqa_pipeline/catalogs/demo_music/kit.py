"""What bands bring along: a drum kit with its drummer, and guitar amplifiers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from musqa_pipeline.catalogs.demo_music.filters import high_pass, low_pass, resonances, saturate
from musqa_pipeline.catalogs.demo_music.harmony import Song
from musqa_pipeline.catalogs.demo_music.mix import Part, Stereo
from musqa_pipeline.catalogs.demo_music.patterns import hits
from musqa_pipeline.catalogs.demo_music.percussion import Cymbal, Kick, Snare


def drum_kit(
    song: Song,
    rng: np.random.Generator,
    *,
    kick: str,
    snare: str,
    hat: str,
    crash: str = "",
    dry: bool = False,
    hat_db: float = -11.0,
) -> list[Part]:
    """Seat a drummer: kick, snare, hi-hat or ride, and a crash now and then."""
    send = 0.12 if dry else 0.3
    drum = Kick(
        low_hz=rng.uniform(43, 60),
        sweep_hz=rng.uniform(110, 230),
        decay_s=rng.uniform(0.11, 0.2),
        click=rng.uniform(0.25, 0.6),
    )
    side = Snare(
        tone_hz=rng.uniform(165, 235),
        wires_s=rng.uniform(0.07, 0.15),
        brightness_hz=rng.uniform(7_500, 13_000),
    )
    closed = Cymbal(decay_s=rng.uniform(0.03, 0.08), low_hz=rng.uniform(4_200, 6_500), n_modes=24)
    parts = [
        Part(drum, hits(song, rng, kick), level_db=0.0, send=0.4 * send),
        Part(side, hits(song, rng, snare), level_db=-2.0, pan=rng.uniform(-0.15, 0.15), send=send),
        Part(
            closed,
            hits(song, rng, hat),
            level_db=hat_db + rng.uniform(-2, 2),
            pan=rng.uniform(-0.5, 0.5),
            send=0.5 * send,
        ),
    ]
    if crash:
        bronze = Cymbal(decay_s=rng.uniform(0.5, 0.9), low_hz=rng.uniform(380, 700), n_modes=30)
        notes = hits(song, rng, crash, vary=0.0)[::2]
        parts.append(Part(bronze, notes, level_db=-9.0, width=0.6, send=send))
    return parts


def amplifier(drive: float, tone_hz: float) -> Callable[[Stereo], Stereo]:
    """Build a distorting guitar amplifier with a closed cabinet."""

    def amplify(x: Stereo) -> Stereo:
        tight = low_pass(high_pass(x, 110), 6_500, 1)
        bent = saturate(tight + 0.1 * np.abs(tight), drive)
        bent = high_pass(bent, 75)
        cabinet = low_pass(bent, tone_hz, 3)
        colour = np.stack([resonances(c, (120.0, 2_400.0), (0.5, 0.6), 1.5) for c in bent])
        return cabinet + 0.5 * low_pass(colour, 1.6 * tone_hz, 2) + 0.02 * bent

    return amplify

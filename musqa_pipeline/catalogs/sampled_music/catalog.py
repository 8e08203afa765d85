"""A catalog of sampled music as a folder: FLAC files and the `tracks.csv` that stage 1 reads.

As of the demo catalog, a track is a function of its plan alone, the plan is kept in the file's
comment, and a second call writes only what is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from musqa_pipeline.catalogs.demo_music.catalog import MARK, TIER, check_size, write_tracks
from musqa_pipeline.catalogs.demo_music.composition import (
    PREROLL_S,
    arranged,
    draw_master,
    draw_room,
    draw_song,
)
from musqa_pipeline.catalogs.demo_music.mix import Bus, Stereo, finish, levelled, mix_buses
from musqa_pipeline.catalogs.demo_music.oscillators import n_samples
from musqa_pipeline.catalogs.sampled_music.font import SoundFont, open_font
from musqa_pipeline.catalogs.sampled_music.players import record, voice
from musqa_pipeline.catalogs.sampled_music.styles import BRIGHT_STYLES, DARK_STYLES, SampledStyle
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.seeds import derive_generator

VERSION = 2
"""Raised when the same plan begins to sound different."""
DARK_SHARE = 1 / 6
"""A natural share: of real catalogs 10 to 20 % are dark."""
_SITS_OUT = 0.15


@dataclass(frozen=True)
class SampledPlan:
    """What track `index` of a catalog of sampled music is."""

    index: int
    seed: int
    duration_s: float
    style: SampledStyle
    font: SoundFont

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.index:03d}-{self.style.name.replace(' ', '-')}.flac"

    @property
    def comment(self) -> str:
        """Mark of the file's plan, kept in its metadata."""
        plan = [VERSION, self.style.name, self.index, self.seed, self.duration_s, self.font.digest]
        return f"{MARK}sampled {digest(plan)}"

    def row(self) -> dict[str, str]:
        """Return the track's row of `tracks.csv`; all train, as tests ask real music."""
        return {
            "file": self.file,
            "title": f"{self.style.name} {self.index + 1}",
            "artist": "",
            "recording": f"sampled-{self.style.name}-{self.seed}-{self.index:03d}",
            "genre": self.style.name,
            "licence": self.font.licence,
            "role": "train",
            "tier": TIER,
        }

    def samples(self) -> Stereo:
        """Compose, play and record the track."""
        with threadpool_limits(limits=1):  # sums would depend on the number of threads
            rng = derive_generator("sampled", self.style.name, self.seed, self.index)
            return _record_piece(self.style, self.font, self.duration_s, rng)


def _record_piece(
    style: SampledStyle, font: SoundFont, duration_s: float, rng: np.random.Generator
) -> Stereo:
    whole_s = duration_s + PREROLL_S
    song = draw_song(style, whole_s, rng)
    seats = arranged(style.line_up(song, rng), rng, sits_out=_SITS_OUT)
    sounds = font.play([voice(seat, whole_s, rng) for seat in seats], whole_s)
    buses = (
        Bus(levelled(record(sound, seat, rng), seat.level_db), seat.send, seat.echo)
        for sound, seat in zip(sounds, seats, strict=True)
    )
    room = draw_room(style, rng)
    n = n_samples(whole_s)
    whole = mix_buses(buses, n, room=room, echo_s=0.75 * song.beat_s, rng=rng)
    master = replace(
        draw_master(style, rng), drive=rng.uniform(*style.drive), width=rng.uniform(*style.width)
    )
    return finish(whole[:, n_samples(PREROLL_S) :], master, rng)


def write_sampled_catalog(
    folder: Path,
    *,
    n_tracks: int = 400,
    duration_s: float = 12.0,
    dark_share: float = DARK_SHARE,
    seed: int = 0,
    sound_font: Path | None = None,
    log: Callable[[str], object] | None = None,
) -> list[Path]:
    """Write a catalog of sampled music, or what is missing of it.

    Raises CatalogError if an argument is out of range, or FluidSynth or its font is not there.
    """
    check_size(n_tracks, duration_s)
    if not 0 <= dark_share <= 1:
        raise CatalogError(f"dark_share={dark_share}: expected 0 to 1; change it")
    font = open_font(sound_font)
    plans = [
        SampledPlan(index, seed, float(duration_s), style, font)
        for index, style in enumerate(_styles(n_tracks, dark_share))
    ]
    return write_tracks(folder, plans, log=log)


def _styles(n_tracks: int, dark_share: float) -> list[SampledStyle]:
    """Spread dark styles evenly among bright ones, each kind in turn."""
    styles, n_dark = [], 0
    for index in range(n_tracks):
        if int((index + 1) * dark_share + 1e-9) > n_dark:
            styles.append(DARK_STYLES[n_dark % len(DARK_STYLES)])
            n_dark += 1
        else:
            styles.append(BRIGHT_STYLES[(index - n_dark) % len(BRIGHT_STYLES)])
    return styles

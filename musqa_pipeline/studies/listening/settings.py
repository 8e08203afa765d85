"""Settings of a listening test: how stimuli are made, and when a listener is not believed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from musqa_pipeline.core.errors import SettingsError

ANCHORS_HZ = (3_500.0, 7_000.0)
"""Cut-offs of the low and the mid anchor (ITU-R BS.1534-3, clause 5.1)."""


@dataclass(frozen=True, kw_only=True)
class StimuliSettings:
    """How stimuli are chosen and made."""

    test_id: str = "musqa"
    """Name of the test in files and results: letters, digits, - and _."""
    title: str = "Audio quality of music"
    """What listeners see on top."""
    process_ids: tuple[int, ...] = ()
    """Numbers of `PROCESSES` to draw from, from the worst to the best; empty: all codecs by
    bitrate. The list is cut into `n_processes` equal parts and one of each is drawn for each
    recording."""
    n_processes: int = 3
    """Degraded versions of a recording beside the anchors, 1-9 (a page holds 12 conditions)."""
    duration_s: float = 7.0
    """Length of an excerpt where the plan gives none, 5-9 s."""
    n_repeated_pages: int = 1
    """Recordings that are presented twice. One makes five repeats: three processes, two anchors."""
    target_lufs: float = -23.0
    """Integrated loudness of every stimulus (BS.1770)."""
    fade_s: float = 0.02
    """Length of the fades at both ends, 0-0.5 s."""
    seed: int = 0
    """Decides places, processes, blind names and which recordings are repeated."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", self.test_id):
            raise SettingsError(
                f"test_id={self.test_id!r}: expected letters, digits, - and _ only, for file names"
            )
        if not 1 <= self.n_processes <= 9:
            raise SettingsError(f"n_processes={self.n_processes}: expected 1 to 9")
        if self.process_ids and len(self.process_ids) < self.n_processes:
            raise SettingsError(
                f"process_ids names {len(self.process_ids)} processes: expected "
                f"{self.n_processes} or more, so many as a page shows"
            )
        require_duration(self.duration_s, "duration_s")
        if self.n_repeated_pages < 0:
            raise SettingsError(f"n_repeated_pages={self.n_repeated_pages}: expected 0 or more")
        if not -60.0 <= self.target_lufs <= -10.0:
            raise SettingsError(f"target_lufs={self.target_lufs}: expected -60 to -10")
        if not 0.0 <= self.fade_s <= 0.5:
            raise SettingsError(f"fade_s={self.fade_s}: expected 0 to 0.5")


@dataclass(frozen=True, kw_only=True)
class ScreeningSettings:
    """When a listener's ratings are not used (paper 001, section III.G.3 and 4).

    Fractions are of the scale, except `tolerated_frac`.
    """

    scale_low: float = 0.0
    scale_high: float = 100.0
    """Ends of the scale of the ratings."""
    headphones: bool = True
    """Whether who reports no headphones is left out; who reports nothing stays."""
    top_frac: float = 1.0
    """A score from here on is a top score."""
    mid_scale_frac: float = 0.6
    """A hidden reference at or below this was rated mid-scale."""
    above_reference_frac: float = 0.0
    """The 3.5 kHz anchor is above the hidden reference by more than this."""
    above_mid_anchor_frac: float = 0.2
    """The 3.5 kHz anchor is much above the 7 kHz anchor by more than this."""
    repeat_frac: float = 0.5
    """Two ratings of the same excerpt are too far apart by more than this; the paper's second test
    has 0.4."""
    tolerated_frac: float = 0.15
    """Share of a listener's pages on which the reference or an anchor may be rated so: a slip. The
    same share as in BS.1534-3, clause 4.1.2; 0 tolerates none."""

    def __post_init__(self) -> None:
        if not -math.inf < self.scale_low < self.scale_high < math.inf:
            raise SettingsError(
                f"scale {self.scale_low} to {self.scale_high}: expected the low end first"
            )
        for name, value in vars(self).items():
            if name.endswith("_frac") and not 0.0 <= value <= 1.0:
                raise SettingsError(f"{name}={value}: expected 0 to 1")

    def score(self, fraction: float) -> float:
        """Return the score at a fraction of the scale, from 0 at its low end to 1."""
        return self.scale_low + fraction * (self.scale_high - self.scale_low)


def require_duration(duration_s: float, name: str) -> None:
    """Raise `SettingsError` unless an excerpt lasts 5 to 9 s, as in paper 001.

    webMUSHRA refuses more than 12 s.
    """
    if not 5.0 <= duration_s <= 9.0:
        raise SettingsError(f"{name}={duration_s}: expected 5 to 9 seconds")

"""Settings of stage 3."""

from __future__ import annotations

from dataclasses import dataclass, field

from musqa_pipeline.core.settings.ranges import SILENT_AT_DEFAULT, require

PAPER_POOL_EXCLUDED = (6, 7, 8, 14, 15, 16, 23, 24, 25, 26, 27, 32, 39, 40, 41)
"""Singles that paper 001, III.B step 2 leaves out as redundant in quality."""
RANDOM_NAMES = ("lowpass", "resample", "mp3", "adts", "opus", "ogg", "mp2")
"""What random rows draw from; `random_rows.NAME_WEIGHTS` says how often."""
LOWPASS_HZ = (2_500.0, 20_000.0)
"""Between which frequencies random low-passes are down by 3 dB."""
HIGHEST_LOWPASS_HZ = 22_000.0
"""A filter needs some room below 24 kHz to fall in."""


@dataclass(frozen=True, kw_only=True)
class DegradationsSettings:
    """What is done to each reference; the preset section ``[degradations]``."""

    seed: int = 0
    """Seed of the plan."""
    singles: tuple[int, ...] = tuple(range(1, 46))
    """Process ids (paper 001, tables I and II) applied alone to every reference."""
    pool_excluded: tuple[int, ...] = PAPER_POOL_EXCLUDED
    """Singles that are made and labelled but that `dataset` may not draw."""
    n_cascades: int = 230
    """Ordered pairs of two different or equal processes per reference, none twice."""
    pool_rows: int = 0
    """If above 0: total rows of the pool wanted per catalog; where the plan exceeds it by fewer
    than one row a reference, that many references get one cascade less (the paper's 64,960)."""
    include_reference: bool = False
    """Whether the untouched reference is a row of the pool."""
    n_random: int = field(default=0, metadata=SILENT_AT_DEFAULT)
    """Rows per reference whose processes are drawn at random: low-passes of any kind, codecs at any
    rate, resampling. Fewer are the first of more. The adaptive mode leaves them as they are."""
    random_cascade_fraction: float = field(default=0.25, metadata=SILENT_AT_DEFAULT)
    """Share of the random rows that are two random processes, one after the other."""
    random_first: int = field(default=1, metadata=SILENT_AT_DEFAULT)
    """Number of the first random row, 1 or more. A preset that makes further rows of the same
    references begins where the other one ends, so that no two rows have one name."""
    random_names: tuple[str, ...] = field(default=RANDOM_NAMES, metadata=SILENT_AT_DEFAULT)
    """What random rows are made with, each as often among them as among all."""
    random_lowpass_hz: tuple[float, ...] = field(default=LOWPASS_HZ, metadata=SILENT_AT_DEFAULT)
    """Lowest and highest cut-off (-3 dB) of the low-passes among them, in hertz."""

    def __post_init__(self) -> None:
        ids_ok = all(1 <= i <= 45 for i in self.singles) and len(set(self.singles)) == len(
            self.singles
        )
        require(ids_ok, "degradations", self, "singles", "different process ids in 1-45")
        require(
            all(1 <= i <= 45 for i in self.pool_excluded),
            "degradations",
            self,
            "pool_excluded",
            "process ids in 1-45",
        )
        require(0 <= self.n_cascades <= 45 * 45, "degradations", self, "n_cascades", "in [0, 2025]")
        require(self.pool_rows >= 0, "degradations", self, "pool_rows", "0 or more")
        require(self.n_random >= 0, "degradations", self, "n_random", "0 or more")
        require(
            0 <= self.random_cascade_fraction <= 1,
            "degradations",
            self,
            "random_cascade_fraction",
            "in [0, 1]",
        )
        require(self.random_first >= 1, "degradations", self, "random_first", "1 or more")
        names = self.random_names
        require(
            len(names) > 0 and len(set(names)) == len(names) and set(names) <= set(RANDOM_NAMES),
            "degradations",
            self,
            "random_names",
            f"different names, one or more of {', '.join(RANDOM_NAMES)}",
        )
        ends_hz = self.random_lowpass_hz
        require(
            len(ends_hz) == 2 and 1_000 <= ends_hz[0] < ends_hz[1] <= HIGHEST_LOWPASS_HZ,
            "degradations",
            self,
            "random_lowpass_hz",
            f"a lower and a higher frequency in [1000, {HIGHEST_LOWPASS_HZ:g}]",
        )

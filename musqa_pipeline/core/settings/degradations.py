"""Settings of stage 3."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import Section, Several, ZeroOrMore, silent

PAPER_POOL_EXCLUDED = (6, 7, 8, 14, 15, 16, 23, 24, 25, 26, 27, 32, 39, 40, 41)
"""Singles that paper 001, III.B step 2 leaves out as redundant in quality."""
RANDOM_NAMES = ("lowpass", "resample", "mp3", "adts", "opus", "ogg", "mp2")
"""What random rows draw from; `random_rows.NAME_WEIGHTS` says how often."""
LOWPASS_HZ = (2_500.0, 20_000.0)
"""Between which frequencies random low-passes are down by 3 dB."""
HIGHEST_LOWPASS_HZ = 22_000.0
"""A filter needs some room below 24 kHz to fall in."""

_ProcessIds = Annotated[
    Several[Annotated[int, Field(ge=1, le=45)]], Field(description="process ids in 1-45")
]


@dataclass(frozen=True, kw_only=True)
class DegradationsSettings(Section):
    """What is done to each reference; the preset section ``[degradations]``."""

    seed: int = 0
    """Seed of the plan."""
    singles: Several[int] = tuple(range(1, 46))
    """Process ids (paper 001, tables I and II) applied alone to every reference."""
    pool_excluded: _ProcessIds = PAPER_POOL_EXCLUDED
    """Singles that are made and labelled but that `dataset` may not draw."""
    n_cascades: Annotated[int, Field(ge=0, le=45 * 45)] = 230
    """Ordered pairs of two different or equal processes per reference, none twice."""
    pool_rows: ZeroOrMore = 0
    """If above 0: total rows of the pool wanted per catalog; where the plan exceeds it by fewer
    than one row a reference, that many references get one cascade less (the paper's 64,960)."""
    include_reference: bool = False
    """Whether the untouched reference is a row of the pool."""
    n_random: ZeroOrMore = silent(0)
    """Rows per reference whose processes are drawn at random: low-passes of any kind, codecs at any
    rate, resampling. Fewer are the first of more. The adaptive mode leaves them as they are."""
    random_cascade_fraction: Annotated[float, Field(ge=0, le=1)] = silent(0.25)
    """Share of the random rows that are two random processes, one after the other."""
    random_first: Annotated[int, Field(ge=1, description="1 or more")] = silent(1)
    """Number of the first random row, 1 or more. A preset that makes further rows of the same
    references begins where the other one ends, so that no two rows have one name."""
    random_names: Several[str] = silent(RANDOM_NAMES)
    """What random rows are made with, each as often among them as among all."""
    random_lowpass_hz: Several[float] = silent(LOWPASS_HZ)
    """Lowest and highest cut-off (-3 dB) of the low-passes among them, in hertz."""

    def __post_init__(self) -> None:
        ids, names, ends_hz = self.singles, self.random_names, self.random_lowpass_hz
        different = all(1 <= i <= 45 for i in ids) and len(set(ids)) == len(ids)
        self.require(different, "singles", "different process ids in 1-45")
        known = 0 < len(names) == len(set(names) & set(RANDOM_NAMES))
        allowed = f"different names, one or more of {', '.join(RANDOM_NAMES)}"
        self.require(known, "random_names", allowed)
        rising = len(ends_hz) == 2 and 1_000 <= ends_hz[0] < ends_hz[1] <= HIGHEST_LOWPASS_HZ
        expected = f"a lower and a higher frequency in [1000, {HIGHEST_LOWPASS_HZ:g}]"
        self.require(rising, "random_lowpass_hz", expected)

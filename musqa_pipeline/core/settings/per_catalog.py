"""Settings of the stages that each catalog goes through: tracks to labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import OneOrMore, Section, Several, ZeroOrMore, silent


@dataclass(frozen=True, kw_only=True)
class TracksSettings(Section):
    """How source recordings are judged; the preset section ``[tracks]``."""

    min_duration_s: Annotated[float, Field(ge=10.0)] = 10.0
    """Shorter files go to quarantine: an excerpt is 10 s long (paper 001, III.A)."""
    silence_lufs: Annotated[float, Field(ge=-70, lt=0)] = -60.0
    """Files whose integrated loudness (BS.1770) is below this go to quarantine as silent."""
    min_upper_edge_hz: Annotated[float, Field(ge=0, le=22_050)] = 18_000.0
    """Files whose spectrum ends below this are flagged: they may be decoded lossy files."""
    max_out_of_phase: Annotated[float, Field(ge=-1, le=1)] = -0.5
    """Files whose channels correlate below this are flagged: a mono mix would cancel them."""


@dataclass(frozen=True, kw_only=True)
class ExcerptsSettings(Section):
    """How references are cut; the preset section ``[excerpts]``."""

    seed: int = 0
    """Seed of the cut plan."""
    n_per_track: Annotated[int, Field(ge=1, le=100)] = 1
    """Excerpts per track; they do not overlap. Short tracks give fewer (paper: 1)."""
    target_lufs: Annotated[float, Field(ge=-40, le=-10)] = -23.0
    """Integrated loudness of a reference and of what is made from it (paper 001, III.B step 5)."""
    place: Literal["drawn", "middle"] = silent("drawn")
    """Where a track is cut: anywhere, drawn, or in the middle of it (or of its parts, where there
    are several excerpts), as what listeners rated."""
    max_below_track_lu: Annotated[float, Field(gt=0, le=60)] = 15.0
    """An excerpt quieter than its track by more than this is not cut (not in silence)."""
    flagged_tracks: Literal["exclude", "include", "below"] = "exclude"
    """What tracks that are no clean reference may do: give no excerpts; serve like any other;
    or give rows only well below their own quality (`dataset` applies that limit)."""


LISTENERS = "listeners"
"""In place of a metric: the ratings that catalogs bring along."""
PAPER_POOL_EXCLUDED = (6, 7, 8, 14, 15, 16, 23, 24, 25, 26, 27, 32, 39, 40, 41)
"""Singles that paper 001, III.B step 2 leaves out as redundant in quality."""
RANDOM_NAMES = ("lowpass", "resample", "mp3", "adts", "opus", "ogg", "mp2")
"""What random rows draw from; `random_rows.NAME_WEIGHTS` says how often."""
EFFECT_NAMES = (
    *("limiter", "clipping", "distortion", "reverb", "echo"),
    *("white_noise", "pink_noise", "bit_crush"),
)
"""What they draw from too where a preset names it; `random_rows.EFFECT_WEIGHTS` says how often."""
CARRIER_NAMES = ("cylinder", "shellac", "lp", "tape")
"""Carriers of which chains of faults are drawn."""
N_FAULTS = 12
"""Faults that carriers have."""
LOWPASS_HZ = (2_500.0, 20_000.0)
"""Between which frequencies random low-passes are down by 3 dB."""
HIGHEST_LOWPASS_HZ = 22_000.0
"""A filter needs some room below 24 kHz to fall in."""

_ProcessIds = Annotated[
    Several[Annotated[int, Field(ge=1, le=45)]], Field(description="process ids in 1-45")
]

_MostRows = Annotated[Mapping[str, OneOrMore], Field(description="1 or more")]


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
    """What random rows are made with, each as often among them as among all: low-passes, resampling
    and codecs unless effects (`EFFECT_NAMES`) are named too."""
    random_lowpass_hz: Several[float] = silent(LOWPASS_HZ)
    """Lowest and highest cut-off (-3 dB) of the low-passes among them, in hertz."""
    most_rows: _MostRows = silent(factory=dict)
    """Most rows per reference of a catalog, drawn from its plan; the untouched reference, if it is
    a row, is among them. So much music is heard without each piece being degraded in all ways."""
    n_carrier: ZeroOrMore = silent(0)
    """Chains of carriers' faults per reference (paper 004), each with its counterfactuals: without
    one fault, and without all that could be removed. Fewer are the first of more."""
    carrier_names: Several[str] = silent(CARRIER_NAMES)
    """Carriers that chains are drawn of, each as often."""
    n_carrier_ladders: Annotated[int, Field(ge=0, le=N_FAULTS)] = silent(1)
    """Where there are chains: of how many faults, drawn for each reference, it has a ladder, by
    which it is found out whether the metric of the labels hears that fault."""

    def __post_init__(self) -> None:
        ids, names, ends_hz = self.singles, self.random_names, self.random_lowpass_hz
        different = all(1 <= i <= 45 for i in ids) and len(set(ids)) == len(ids)
        self.require(different, "singles", "different process ids in 1-45")
        may_be = (*RANDOM_NAMES, *EFFECT_NAMES)
        known = 0 < len(names) == len(set(names) & set(may_be))
        allowed = f"different names, one or more of {', '.join(may_be)}"
        self.require(known, "random_names", allowed)
        carriers = self.carrier_names
        known = 0 < len(carriers) == len(set(carriers) & set(CARRIER_NAMES))
        allowed = f"different names, one or more of {', '.join(CARRIER_NAMES)}"
        self.require(known, "carrier_names", allowed)
        compared = self.include_reference or not self.n_carrier
        self.require(compared, "include_reference", "true, as n_carrier compares with it")
        whole = not (self.most_rows and self.n_carrier)
        self.require(whole, "most_rows", "{}, as n_carrier needs each chain's counterfactuals")
        rising = len(ends_hz) == 2 and 1_000 <= ends_hz[0] < ends_hz[1] <= HIGHEST_LOWPASS_HZ
        expected = f"a lower and a higher frequency in [1000, {HIGHEST_LOWPASS_HZ:g}]"
        self.require(rising, "random_lowpass_hz", expected)


@dataclass(frozen=True, kw_only=True)
class AdaptiveSettings(Section):
    """Which cascades are made after the first ones; the preset section ``[adaptive]``."""

    rounds: Annotated[int, Field(ge=0, le=99)] = 0
    """Most rounds after the first one, which makes what ``[degradations]`` says; 0 is off."""
    cascades_per_round: Annotated[int, Field(ge=1, le=45 * 45)] = 20
    """Most cascades that a reference gets in one of these rounds."""
    rows_wanted: Annotated[int, Field(ge=10)] = 13_000
    """Rows that the pool of each catalog should give evenly over quality; then no more rounds."""
    evenness: Annotated[float, Field(gt=0, lt=1, description="above 0 and below 1")] = 0.999
    """Entropy ratio that the best draw of `rows_wanted` rows should reach, 0-1. `dataset` wants
    0.98 of each part, and a part is never as even as the whole. A goal of 0.98 for the whole
    leaves poor bins half empty; 0.999 costs some percent more labels."""
    n_bins: Annotated[int, Field(ge=2, le=200)] = 20
    """Equal bins over the quality observed in earlier rounds."""
    seed: int = 0
    """Seed of the order of references and of the choice among equally useful cascades."""


@dataclass(frozen=True, kw_only=True)
class LabelsSettings(Section):
    """How degraded excerpts are scored; the preset section ``[labels]``."""

    metric: Literal["visqol", "listeners"] = "visqol"
    """Full-reference metric, a name of the metric registry; its MOS-LQO is the label. Or
    listeners: the ratings that catalogs bring along, of tracks as they are."""
    scale: Several[float] = silent((1.0, 5.0))
    """Lowest and highest rating that listeners could give; labels are brought to 1 to 5."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where scores are computed: on the CPU, or in batches on a CUDA device, which gives the same
    to 1e-9 but not to the last digit."""

    def __post_init__(self) -> None:
        rising = len(self.scale) == 2 and self.scale[0] < self.scale[1]
        self.require(rising, "scale", "the lowest and the highest rating")

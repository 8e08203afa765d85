"""Settings of the training set: its rows, second opinions, images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import OneOrMore, Section, Several, ZeroOrMore, silent


@dataclass(frozen=True, kw_only=True)
class DatasetSettings(Section):
    """How the training set is drawn and split; the preset section ``[dataset]``."""

    seed: int = 0
    """Seed of the draw."""
    size: Annotated[int, Field(ge=10)] = 13_000
    """Rows drawn uniformly over quality, all parts together (paper 001, III.B step 7)."""
    test_size: ZeroOrMore = silent(0)
    """Above 0, so many rows are drawn of the test recordings, and `size` is of the others alone
    (750 and 13,000 in paper 001, III.B and IV); at 0 all parts share `size`."""
    n_bins: Annotated[int, Field(ge=2, le=200)] = 20
    """Equal bins over the observed range of quality."""
    max_process_fraction: Annotated[float, Field(gt=0, le=1)] = 0.25
    """No process may fill more than this fraction of a bin while others have rows left."""
    max_reference_fraction: Annotated[float, Field(gt=0, le=1)] = 0.1
    """No reference may fill more than this fraction of a bin while others have rows left."""
    protocol: Literal["three_way", "paper_two_way"] = "three_way"
    """`three_way`: train, validation, test by group. `paper_two_way`: 76 % of recordings train,
    24 % validate (190 and 60 of 250, paper 001, III.E)."""
    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    """Fraction of the groups that are not test which stop the training and calibrate."""
    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    """Fraction of groups held out in catalogs whose `tracks.csv` names no role."""
    below_margin_mos: Annotated[float, Field(ge=0, le=4)] = 0.5
    """Flagged tracks under `below` give rows only this far below their own estimated MOS."""
    natural_rows: ZeroOrMore = 2_000
    """At most this many rows are kept besides as the pool has them, for the report."""
    natural_mix_of: Literal["test", "all"] = "test"
    """Whose rows those are: of the test recordings, or of all, as protocols with folds need."""


@dataclass(frozen=True, kw_only=True)
class OpinionsSettings(Section):
    """Whether the chosen rows are judged once more; the preset section ``[opinions]``."""

    metric: Literal["none", "zimtohrli", "nlpd", "ms_ssim", "log_mel_mse"] = "none"
    """A second full-reference metric, as it was written when there could be only one."""
    metrics: Several[Literal["zimtohrli", "nlpd", "ms_ssim", "log_mel_mse"]] = silent(())
    """Second full-reference metrics, names of the registry of second opinions; each judges each
    chosen row. They change no other table: they may be switched on after a run, and the next run
    makes the opinions alone."""


@dataclass(frozen=True, kw_only=True)
class SpectrogramsSettings(Section):
    """How mel images are made and stored; the preset section ``[spectrograms]``."""

    n_mels: Annotated[int, Field(ge=1, le=512)] = 256
    """Mel bands (paper 001, III.C)."""
    n_fft: Annotated[int, Field(ge=256, le=16_384)] = 2048
    """Window and FFT length in samples at 48 kHz."""
    hop_length_samples: Annotated[int, Field(ge=64, le=4_096)] = 256
    """Hop between frames; 1876 frames for 10 s."""
    top_db: Annotated[float, Field(ge=10, le=200)] = 80.0
    """Range below the loudest cell that is kept before the image is scaled to 0-1."""
    storage: Literal["uint8", "float16"] = "uint8"
    """Type of a stored cell; the rounding error is at most 1/510 or 1/4096."""
    rows_per_group: OneOrMore = 16
    """Rows of a Parquet row group, the unit of a shuffled read."""
    rows_per_shard: int = 256
    """Rows of a shard, the unit of work."""

    def __post_init__(self) -> None:
        holds_a_group = self.rows_per_shard >= self.rows_per_group
        self.require(holds_a_group, "rows_per_shard", "at least rows_per_group")

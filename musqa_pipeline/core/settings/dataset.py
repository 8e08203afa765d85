"""Settings of stage 5."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import Section, ZeroOrMore


@dataclass(frozen=True, kw_only=True)
class DatasetSettings(Section):
    """How the training set is drawn and split; the preset section ``[dataset]``."""

    seed: int = 0
    """Seed of the draw."""
    size: Annotated[int, Field(ge=10)] = 13_000
    """Rows drawn uniformly over quality, all parts together (paper 001, III.B step 7)."""
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

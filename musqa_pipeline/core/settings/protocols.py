"""Settings of the protocols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from musqa_pipeline.core.settings.section import Section, Several

_Repetitions = Annotated[
    Mapping[str, Annotated[int, Field(ge=1, le=100)]], Field(description="1-100 repetitions")
]
_Shares = Annotated[
    Several[Annotated[float, Field(gt=0, le=1)]], Field(description="shares in (0, 1]")
]


@dataclass(frozen=True, kw_only=True)
class ProtocolsSettings(Section):
    """Which trials are made beside the training of stage 7; the preset section ``[protocols]``.

    Each protocol is a table from model to a number of repetitions: a network of ``[models]`` or a
    baseline, for example ``folds = {boosted = 3, musqa_net = 3}``. None is made by default.
    """

    repetitions: _Repetitions = field(default_factory=dict)
    """The paper's (001, III.E, IV): each repetition is a new split of the recordings that are not
    test into training and validation; the untouched test recordings are predicted."""
    folds: _Repetitions = field(default_factory=dict)
    """For few recordings: each recording is predicted by models that never met it. Repetitions are
    seeds."""
    leave_codec_out: _Repetitions = field(default_factory=dict)
    """Each codec is predicted by models that never met it, in either half of a cascade."""
    singles_to_cascades: _Repetitions = field(default_factory=dict)
    """Cascades are predicted by models that never met one."""
    synthesised_to_real: _Repetitions = field(default_factory=dict)
    """Recordings are predicted by models that met synthesised music alone."""
    real_to_synthesised: _Repetitions = field(default_factory=dict)
    """The other way round."""
    learning_curve: _Repetitions = field(default_factory=dict)
    """Training on a part of the references, see `curve_fractions`."""
    ablations: _Repetitions = field(default_factory=dict)
    """Models on the rows of `learning_curve` with all references, for variants of one network."""
    n_folds: Annotated[int, Field(ge=2, le=50)] = 5
    """Groups of recordings that `folds` leaves out in turn, beside the test recordings."""
    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    """Share of the training groups that stop a training; nothing is reported on them."""
    curve_fractions: _Shares = (0.125, 0.25, 0.5, 1.0)
    """_Shares of the training groups that `learning_curve` trains on."""

    def wanted(self) -> dict[str, Mapping[str, int]]:
        """Return the repetitions of each model, by protocol, in the order of the fields."""
        return {name: getattr(self, name) for name in PROTOCOLS}

    def models(self) -> set[str]:
        """Return the networks and baselines that any protocol names."""
        return {model for counts in self.wanted().values() for model in counts}


PROTOCOLS = (
    "repetitions", "folds", "leave_codec_out", "singles_to_cascades", "synthesised_to_real",
    "real_to_synthesised", "learning_curve", "ablations",
)  # fmt: skip
"""Fields that are protocols."""

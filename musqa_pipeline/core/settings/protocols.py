"""Settings of the protocols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.settings.ranges import require


@dataclass(frozen=True, kw_only=True)
class ProtocolsSettings:
    """Which trials are made beside the training of stage 7; the preset section ``[protocols]``.

    Each protocol is a table from model to a number of repetitions: a network of ``[models]`` or a
    baseline, for example ``folds = {boosted = 3, musqa_net = 3}``. None is made by default.
    """

    repetitions: Mapping[str, int] = field(default_factory=dict)
    """The paper's (001, III.E, IV): each repetition is a new split of the recordings that are not
    test into training and validation; the untouched test recordings are predicted."""
    folds: Mapping[str, int] = field(default_factory=dict)
    """For few recordings: each recording is predicted by models that never met it. Repetitions are
    seeds."""
    leave_codec_out: Mapping[str, int] = field(default_factory=dict)
    """Each codec is predicted by models that never met it, in either half of a cascade."""
    singles_to_cascades: Mapping[str, int] = field(default_factory=dict)
    """Cascades are predicted by models that never met one."""
    synthesised_to_real: Mapping[str, int] = field(default_factory=dict)
    """Recordings are predicted by models that met synthesised music alone."""
    real_to_synthesised: Mapping[str, int] = field(default_factory=dict)
    """The other way round."""
    learning_curve: Mapping[str, int] = field(default_factory=dict)
    """Training on a part of the references, see `curve_fractions`."""
    ablations: Mapping[str, int] = field(default_factory=dict)
    """Models on the rows of `learning_curve` with all references, for variants of one network."""
    n_folds: int = 5
    """Groups of recordings that `folds` leaves out in turn, beside the test recordings."""
    validation_fraction: float = 0.15
    """Share of the training groups that stop a training; nothing is reported on them."""
    curve_fractions: tuple[float, ...] = (0.125, 0.25, 0.5, 1.0)
    """Shares of the training groups that `learning_curve` trains on."""

    def __post_init__(self) -> None:
        require(2 <= self.n_folds <= 50, "protocols", self, "n_folds", "in [2, 50]")
        require(
            0 < self.validation_fraction < 0.5,
            "protocols",
            self,
            "validation_fraction",
            "in (0, 0.5)",
        )
        require(
            all(0 < share <= 1 for share in self.curve_fractions),
            "protocols",
            self,
            "curve_fractions",
            "shares in (0, 1]",
        )
        for protocol, counts in self.wanted().items():
            for model, n in counts.items():
                if not 1 <= n <= 100:
                    raise SettingsError(
                        f"[protocols.{protocol}] {model}={n!r}: expected 1-100 repetitions; edit "
                        "the preset"
                    )

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

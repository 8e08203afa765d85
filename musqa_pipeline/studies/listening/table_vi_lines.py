"""What stands beside table VI of paper 001: its numbers, and the lines of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from musqa_pipeline.studies.statistics.comparisons import Comparison
from musqa_pipeline.studies.statistics.repetitions import Repeated, RepetitionTest

PAPER_N = 15
"""Repetitions of the paper."""
TABLE_VI: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "cnn1d": {"pearson": (0.814, 0.056), "rmse": (20.69, 2.00)},
    "inception_v3": {"pearson": (0.857, 0.098), "rmse": (18.60, 4.26)},
    "vgg19": {"pearson": (0.893, 0.036), "rmse": (16.96, 1.83)},
}
"""Mean and deviation over the repetitions, by registry name."""
RANDOM_MARK = "-random-backbone"
"""End of the name of a network whose backbone was never trained."""
PAPER_NETWORK = {
    **{name: name for name in TABLE_VI},
    "inception_v3_frozen_stem": "inception_v3",
    "vgg19_frozen_stem": "vgg19",
}
"""Which network of the paper's tables each of ours is, or is a variant of."""
LITERATURE_R = 0.834
"""Correlation with listeners of the method of Mumtaz et al. 2022, doi:10.1109/TII.2021.3139010,
on their own stimuli. Paper 001 quotes it in section II and tests its own against it in IV.C."""
COLUMNS = (
    "row", "model", "other", "metric", "n", "value", "sd", "low", "high", "statistic", "df",
    "p_value", "unpaired_p_value", "paper_value", "paper_sd", "paper_p_value",
)  # fmt: skip
"""Keys of a plain row. `row` is mean, paired_t or one_sample_t; `value` a mean or a difference."""


@dataclass(frozen=True)
class MeanLine:
    """One metric of one network, here and in the paper."""

    model: str
    metric: str
    ours: Repeated | None
    """None where the network was not run, or a repetition has no such metric."""
    low: float | None
    high: float | None
    """Ends of the 95 % interval of the mean, over recordings; None where these are not known."""
    paper: tuple[float, float] | None
    """Mean and deviation."""


@dataclass(frozen=True)
class PairLine:
    """The difference of two networks, here and in the paper."""

    first: str
    second: str
    metric: str
    ours: RepetitionTest | None
    paper: Comparison | None
    """Unpaired, from means and deviations: the paper's own test."""


@dataclass(frozen=True)
class LiteratureLine:
    """One network's r against `LITERATURE_R`, here and in the paper."""

    model: str
    ours: Comparison | None
    paper: Comparison | None


@dataclass(frozen=True)
class BesideTableVI:
    """All that stands beside the paper's table VI."""

    n_files: int
    n_recordings: int | None
    """None where recordings are not known."""
    repetitions: Mapping[str, int]
    """How many repetitions of each network there are."""
    means: tuple[MeanLine, ...]
    pairs: tuple[PairLine, ...]
    literature: tuple[LiteratureLine, ...]

    @property
    def remarks(self) -> list[str]:
        """What there is no number for, in words."""
        said = []
        single = [model for model, n in self.repetitions.items() if n == 1]
        if single:
            said.append(
                f"{', '.join(single)}: one repetition, so no deviation and no t test; train it "
                "again under [protocols] repetitions"
            )
        lacking: dict[str, list[str]] = {}
        for line in self.means:
            if line.ours is None and line.model in self.repetitions:
                lacking.setdefault(line.model, []).append(line.metric)
        for model, metrics in lacking.items():
            said.append(
                f"{model}: no {' and no '.join(metrics)}, because to a repetition, or to the "
                "listeners, all stimuli are alike"
            )
        return said

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield all lines as plain values, with the keys `COLUMNS`.

        Yields
        ------
        dict of str to str, int, float or None
        """
        for mean in self.means:
            yield _row(
                ("mean", mean.model, None, mean.metric),
                n=self.repetitions.get(mean.model, 0),
                value=mean.ours.mean if mean.ours else None,
                sd=mean.ours.sd if mean.ours else None,
                low=mean.low,
                high=mean.high,
                paper_value=mean.paper[0] if mean.paper else None,
                paper_sd=mean.paper[1] if mean.paper else None,
            )
        for pair in self.pairs:
            unpaired = pair.ours.unpaired if pair.ours else None
            yield _row(
                ("paired_t", pair.first, pair.second, pair.metric),
                **_tested(pair.ours.paired if pair.ours else None, pair.paper),
                unpaired_p_value=unpaired.p_value if unpaired else None,
            )
        for line in self.literature:
            yield _row(
                ("one_sample_t", line.model, str(LITERATURE_R), "pearson"),
                **_tested(line.ours, line.paper),
            )


def paper_network(model: str) -> str | None:
    """Return which network of the paper's tables this one is, or is a variant of."""
    return PAPER_NETWORK.get(model.removesuffix(RANDOM_MARK))


def _tested(ours: Comparison | None, paper: Comparison | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if ours:
        (df,) = ours.degrees_of_freedom
        found = {
            "n": df + 1,
            "value": ours.difference,
            "statistic": ours.statistic,
            "df": df,
            "p_value": ours.p_value,
        }
    if paper:
        found |= {"paper_value": paper.difference, "paper_p_value": paper.p_value}
    return found


def _row(names: tuple[str, str, str | None, str], **values: Any) -> dict[str, Any]:
    return {**dict.fromkeys(COLUMNS), **dict(zip(COLUMNS, names, strict=False)), **values}

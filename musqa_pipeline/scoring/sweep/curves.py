"""From points to curves: means over recordings with intervals, and BD-rates between codecs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.scoring.sweep.measure import Point
from musqa_pipeline.studies.statistics.bjontegaard import BdRate, CurveError, bd_rate
from musqa_pipeline.studies.statistics.bootstrap import MIN_RECORDINGS, interval, recording_counts

CONFIDENCE = 0.95
N_DRAWS = 1000
METRICS = ("visqol", "model")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mean:
    """A mean over recordings, each with the same weight."""

    value: float
    low: float | None
    high: float | None
    """Ends of the 95 % bootstrap interval over recordings; None with fewer than three."""


@dataclass(frozen=True)
class Step:
    """A codec at one bitrate."""

    codec: str
    """Empty for the reference itself."""
    asked_kbps: int | None
    bitrate_kbps: float | None
    """Mean of what was coded."""
    visqol: Mean | None
    model: Mean | None
    """Over the recordings that the model scores at every bitrate of the codec; None if there is
    none."""
    n_recordings: int
    n_model_recordings: int


@dataclass(frozen=True)
class Comparison:
    """The BD-rate of a codec against the first one, by one metric."""

    anchor: str
    codec: str
    metric: str
    """`visqol` or `model`."""
    result: BdRate | None
    low_percent: float | None
    high_percent: float | None
    """Ends of the 95 % bootstrap interval over recordings; None with fewer than three, or where
    the curves of too many draws cannot be compared."""
    problem: str = ""
    """Why there is no result."""


class Curve:
    """The points of a codec, or of the references: a mean for each of all `recordings` of a sweep.

    `asked_kbps` are its bitrates, ascending, None for the references; a draw counts the recordings.
    """

    def __init__(self, points: Sequence[Point], recordings: Sequence[str]) -> None:
        self.asked_kbps = sorted({point.asked_kbps for point in points}, key=lambda k: k or 0)
        # (recordings, steps): NaN where a recording has no score.
        self._kbps = self._table(points, recordings, lambda p: p.bitrate_kbps)
        self._mos = {
            "visqol": self._table(points, recordings, lambda p: p.visqol_mos),
            "model": self._table(points, recordings, lambda p: p.model_mos),
        }

    def n_recordings(self, metric: str) -> int:
        """Return how many recordings have a score at every bitrate."""
        return int(self._whole(metric).sum())

    def means(self, metric: str, counts: Floats | None = None) -> tuple[Floats, Floats]:
        """Return the curve of mean rates in kbit/s and scores, float64 (steps,).

        Each recording counts as often as `counts`, float64 (recordings,), says, once when left out;
        where none counts, it is NaN.
        """
        weights = self._whole(metric) * (1.0 if counts is None else counts)
        total = weights.sum()
        if not total:
            return (np.full(len(self.asked_kbps), np.nan),) * 2
        used = weights > 0
        share = weights[used] / total
        return share @ self._kbps[used], share @ self._mos[metric][used]

    def mean_at(self, metric: str, step: int, draws: Floats) -> Mean | None:
        """Return the mean score at a step with its interval; None if no recording has one."""
        if not self.n_recordings(metric):
            return None
        value = float(self.means(metric)[1][step])
        ends = None
        if self.n_recordings(metric) >= MIN_RECORDINGS:
            whole = self._whole(metric)
            weights = draws[:, whole]
            with np.errstate(invalid="ignore"):  # a draw of none of them has no mean
                resampled = weights @ self._mos[metric][whole, step] / weights.sum(axis=1)
            ends = interval(resampled, CONFIDENCE)
        low, high = ends or (None, None)
        return Mean(value, low, high)

    def _whole(self, metric: str) -> NDArray[np.bool_]:
        whole: NDArray[np.bool_] = np.all(np.isfinite(self._mos[metric]), axis=1)
        return whole

    def _table(
        self,
        points: Sequence[Point],
        recordings: Sequence[str],
        of: Callable[[Point], float | None],
    ) -> Floats:
        """Average the excerpts of each recording; one without a score leaves NaN."""
        table = np.full((len(recordings), len(self.asked_kbps)), np.nan)
        values: dict[tuple[str, int | None], list[float]] = {}
        for point in points:
            value = of(point)
            values.setdefault((point.recording, point.asked_kbps), []).append(
                np.nan if value is None else value
            )
        for row, recording in enumerate(recordings):
            for column, kbps in enumerate(self.asked_kbps):
                if (recording, kbps) in values:
                    table[row, column] = np.mean(values[recording, kbps])
        return table


def steps_of(points: Sequence[Point]) -> list[Step]:
    """Average all points of a sweep over recordings.

    The references come first, then the codecs in the order of the points, by rising bitrate.
    """
    recordings, draws = _draws(points)
    steps = []
    for codec, curve in _curves(points, recordings).items():
        kbps, _ = curve.means("visqol" if codec else "model")
        for index, asked_kbps in enumerate(curve.asked_kbps):
            steps.append(
                Step(
                    codec,
                    asked_kbps,
                    float(kbps[index]) if codec else None,
                    curve.mean_at("visqol", index, draws),
                    curve.mean_at("model", index, draws),
                    curve.n_recordings("visqol") if codec else len(recordings),
                    curve.n_recordings("model"),
                )
            )
    return steps


def comparisons(points: Sequence[Point]) -> list[Comparison]:
    """Compare every codec of a sweep with the first one, by both metrics."""
    recordings, draws = _draws(points)
    curves = {codec: c for codec, c in _curves(points, recordings).items() if codec}
    anchor, *others = curves
    return [
        _compare(anchor, curves[anchor], other, curves[other], metric, draws)
        for other in others
        for metric in METRICS
    ]


def _compare(
    anchor: str, first: Curve, codec: str, second: Curve, metric: str, draws: Floats
) -> Comparison:
    n = min(first.n_recordings(metric), second.n_recordings(metric))
    if not n:
        problem = "the model abstains on every recording" if metric == "model" else "no recording"
        return Comparison(anchor, codec, metric, None, None, None, problem)
    try:
        result = bd_rate(*first.means(metric), *second.means(metric))
    except CurveError as error:
        return Comparison(anchor, codec, metric, None, None, None, str(error))
    ends = None
    if n >= MIN_RECORDINGS:
        found = np.full(len(draws), np.nan)
        for index, counts in enumerate(draws):
            try:
                means = *first.means(metric, counts), *second.means(metric, counts)
                found[index] = bd_rate(*means).percent
            except CurveError:
                continue  # this draw's curves do not overlap; `interval` counts such draws
        ends = interval(found, CONFIDENCE)
    low, high = ends or (None, None)
    return Comparison(anchor, codec, metric, result, low, high)


def _draws(points: Sequence[Point]) -> tuple[list[str], Floats]:
    recordings = sorted({point.recording for point in points})
    return recordings, recording_counts(len(recordings), N_DRAWS, "sweep")


def _curves(points: Sequence[Point], recordings: Sequence[str]) -> dict[str, Curve]:
    codecs = sorted(dict.fromkeys(p.codec for p in points), key=lambda name: name != "")
    return {
        codec: Curve([point for point in points if point.codec == codec], recordings)
        for codec in codecs
    }

"""Table V of paper 001 beside ours: the same statistics of the same networks, on other data.

Under the protocol ``repetitions`` each repetition is a new split of the recordings into training
and validation, and all predict the same untouched test recordings, as in the paper (sections III.E
and IV.A). Its tests are unpaired; ours could be paired, as repetition i of two networks shares its
split; a baseline is fitted on both parts, so that its repetitions differ by chance alone. Neither
knows that all repetitions share the test recordings; the bootstrap over these does.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from musqa_pipeline.learning.baselines.registry import BASELINES
from musqa_pipeline.stages.evaluation.repetitions import estimates_of, repetitions_of
from musqa_pipeline.stages.evaluation.slices import HOLDOUT
from musqa_pipeline.studies.listening.table_vi_lines import PAPER_N, PAPER_NETWORK
from musqa_pipeline.studies.statistics.comparisons import steiger, unpaired_t
from musqa_pipeline.studies.statistics.metrics import pearson
from musqa_pipeline.studies.statistics.repetitions import (
    Repeated,
    RepetitionTest,
    repetition_tests,
)

REPETITIONS = "repetitions"
"""The paper's protocol."""
TABLE_V: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "cnn1d": {"pearson": (0.701, 0.075), "rmse": (18.80, 2.29)},
    "inception_v3": {"pearson": (0.847, 0.076), "rmse": (12.97, 3.09)},
    "vgg19": {"pearson": (0.875, 0.038), "rmse": (11.75, 1.66)},
}
"""Mean and deviation over the repetitions, by registry name."""
METRIC_WORDS = {"pearson": "r", "rmse": "RMSE"}
SINGLE = ", single training"
"""What follows the name of a network that was not repeated."""


def paper_draw(predictions: pl.DataFrame) -> str:
    """Name the draw that stands beside the paper's: the uniform one, if there is one.

    The paper made its test as it made the rest (section III.F), drawn so that quality is uniform.
    """
    rows = predictions.filter(pl.col("protocol").is_in([REPETITIONS, HOLDOUT]))
    return "uniform_draw" if rows["uniform_draw"].any() else "natural_mix"


def single_trainings(predictions: pl.DataFrame) -> list[str]:
    """Name the networks of the paper that were trained once and not repeated."""
    models = {
        protocol: predictions.filter(protocol=protocol)["model"].unique(maintain_order=True)
        for protocol in (HOLDOUT, REPETITIONS)
    }
    repeated = set(models[REPETITIONS])
    return [m for m in models[HOLDOUT] if m in PAPER_NETWORK and m not in repeated]


def paper_metrics(predictions: pl.DataFrame, draw: str) -> tuple[list[Repeated], list[Repeated]]:
    """Compute r and RMSE of what was repeated, and of single trainings of the paper's networks."""
    alone = set(single_trainings(predictions))
    return (
        repeated_metrics(predictions, REPETITIONS, draw),
        [e for e in repeated_metrics(predictions, HOLDOUT, draw) if e.model in alone],
    )


def repeated_metrics(predictions: pl.DataFrame, protocol: str, draw: str) -> list[Repeated]:
    """Compute r and RMSE of every model in every repetition."""
    rows = predictions.filter(draw, protocol=protocol)
    found = []
    for (model,), part in rows.group_by("model", maintain_order=True):
        ordered = repetitions_of(part.sort("repetition", maintain_order=True))
        numbers = tuple(int(each["repetition"][0]) for each in ordered)
        for metric in METRIC_WORDS:
            values = estimates_of(ordered, metric)
            known = tuple(value for value in values if value is not None)
            if len(known) == len(values):
                found.append(Repeated(str(model), metric, known, numbers))
    return found


def table_order(models: Iterable[str]) -> list[str]:
    """Order models as table V: the paper's networks, each with its variants; baselines last."""
    present, ordered = list(dict.fromkeys(models)), []
    for name in TABLE_V:
        mine = [m for m, network in PAPER_NETWORK.items() if network == name and m in present]
        ordered += mine or [name]
    others = [model for model in present if model not in PAPER_NETWORK]
    return ordered + sorted(others, key=lambda model: model in BASELINES)


def table_v(found: Sequence[Repeated], single: Sequence[Repeated] = ()) -> list[dict[str, Any]]:
    """Lay ours beside the paper's; a network of the paper that was not run has a row too.

    `single` are metrics of single trainings.
    """
    alone = {each.model for each in single}
    ours: dict[str, dict[str, Repeated]] = {}
    for each in (*found, *single):
        ours.setdefault(each.model, {})[each.metric] = each
    return [
        {
            "model": model,
            "paper": TABLE_V.get(PAPER_NETWORK.get(model, "")),
            "ours": ours.get(model, {}),
            "single": model in alone,
        }
        for model in table_order(ours)
    ]


def paper_tests() -> list[dict[str, Any]]:
    """Test the differences of the paper's own table V, from its means and deviations."""
    return [
        {
            "first": a,
            "second": b,
            "metric": metric,
            "unpaired": unpaired_t(*TABLE_V[a][metric], PAPER_N, *TABLE_V[b][metric], PAPER_N),
        }
        for a, b in itertools.combinations(TABLE_V, 2)
        for metric in METRIC_WORDS
    ]


def beside_the_paper(found: Sequence[Repeated]) -> list[dict[str, Any]]:
    """Lay our tests beside the paper's of the same networks; what only one has comes after."""
    key = operator.attrgetter("first", "second", "metric")
    models = table_order(each.model for each in found)
    left = {key(test): test for test in map(_paired, repetition_tests(found, models, METRIC_WORDS))}
    tests = []
    for test in paper_tests():
        wanted = test["first"], test["second"], test["metric"]
        same = [
            k for k in left if (PAPER_NETWORK.get(k[0]), PAPER_NETWORK.get(k[1]), k[2]) == wanted
        ]
        tests += [_row(left.pop(k), test["unpaired"]) for k in same] or [{**test, "ours": None}]
    return [*tests, *(_row(test, None) for test in left.values())]


def _paired(test: RepetitionTest) -> RepetitionTest:
    """Drop a paired test with a baseline."""
    return replace(test, paired=None) if {test.first, test.second} & BASELINES.keys() else test


def _row(ours: RepetitionTest, papers: Any) -> dict[str, Any]:
    names = {"first": ours.first, "second": ours.second, "metric": ours.metric}
    return {**names, "unpaired": papers, "ours": ours}


def row_tests(
    predictions: pl.DataFrame, protocol: str, draw: str, lead: str, models: Sequence[str]
) -> dict[str, float]:
    """Test the correlations of two models on the same rows with Steiger's Z."""
    rows = predictions.filter(draw, protocol=protocol)
    means = rows.group_by("catalog", "degraded_id", "model").agg(
        pl.col("label").first(), pl.col("predicted").mean()
    )
    by_model = {
        str(model): part.sort("catalog", "degraded_id")
        for (model,), part in means.group_by("model")
    }
    found: dict[str, float] = {}
    first = by_model.get(lead)
    for model in models:
        second = by_model.get(model)
        if first is None or second is None or model == lead or first.height != second.height:
            continue
        r_1, r_2 = (pearson(side["label"], side["predicted"]) for side in (first, second))
        between = pearson(first["predicted"], second["predicted"])
        if r_1 is None or r_2 is None or between is None or first.height < 4:
            continue
        found[model] = steiger(r_1, r_2, between, first.height).p_value
    return found

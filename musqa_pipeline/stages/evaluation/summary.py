"""What the numbers say, in sentences; and the names that the report gives to things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from musqa_pipeline.learning.baselines.registry import BASELINES
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.studies.listening.table_vi_lines import RANDOM_MARK

SHOWN_NAMES = {
    "cnn1d": "1-D CNN",
    "cnn1d_reversed": "1-D CNN, time reversed",
    "inception_v3": "Inception v3",
    "vgg19": "VGG19",
    "inception_v3_keras": "Inception v3 of Keras",
    "vgg19_keras": "VGG19 of Keras",
    "musqa_net": "musqa-net",
    "nisqa": "NISQA",
    "nisqa_l1": "NISQA (L1)",
    "convmaxpool": "ConvMaxPool",
    "insenet": "intrusive network (after InSE-NET)",
    **{name: entry.title for name, entry in BASELINES.items()},
}
"""Names of models for people; of ablations the registry's title, of others their own."""
ABLATION_MARK = " (ablation)"
"""End of the titles of networks that are variants of another, each without one thing."""
FEW_RECORDINGS = 10
"""With fewer test recordings than this the report says that its numbers are weak."""


def shown_name(model: str) -> str:
    """Return the name of a model for people."""
    if model.endswith(RANDOM_MARK):
        return f"{shown_name(model.removesuffix(RANDOM_MARK))} (random backbone)"
    title = MODELS[model].title if model in MODELS else ""
    if title.endswith(ABLATION_MARK):
        return title.removesuffix(ABLATION_MARK)
    return SHOWN_NAMES.get(model, model)


def error_of(model: str) -> str:
    """Tell whether the losses of a network are of ``"square"`` or ``"absolute"`` errors."""
    name = model.removesuffix(RANDOM_MARK)
    return MODELS[name].error if name in MODELS else "square"


def has_own_loss(model: str) -> bool:
    """Tell whether training makes another number small than the error that validation looks at."""
    entry = MODELS.get(model.removesuffix(RANDOM_MARK))
    return entry is not None and (entry.loss is not None or entry.learner is not None)


def draw_words(draw: str) -> str:
    """Return the name of a draw for people."""
    return draw.replace("_", " ")


def headline_model(runs: Sequence[Mapping[str, Any]]) -> str | None:
    """Name the network that the page puts first: the lowest validation loss, never a test score.

    Losses of absolute errors do not compare with those of squares, and count where there are no
    others.
    """
    finished = [run for run in runs if run["finished"]]
    if not finished:
        return None
    return str(min(finished, key=_rank)["model"])


def _rank(run: Mapping[str, Any]) -> tuple[bool, float]:
    return error_of(run["model"]) != "square", run["best_validation_loss"]


def number(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """Write a number, or a dash where there is none; the minus is a real one."""
    if value is None:
        return "–"
    rounded = round(value, digits) + 0.0  # never minus zero
    text = f"{rounded:+.{digits}f}" if sign else f"{rounded:.{digits}f}"
    return text.replace("-", "−")


def with_interval(row: Mapping[str, Any] | None, digits: int = 2) -> str:
    """Write an estimate with its interval."""
    if row is None or row["estimate"] is None:
        return "not defined"
    text = number(row["estimate"], digits)
    if row["low"] is None:
        return text
    return f"{text} [{number(row['low'], digits)}, {number(row['high'], digits)}]"


def sentences(
    model: str,
    evaluations: pl.DataFrame,
    differences: Sequence[Mapping[str, Any]],
    *,
    protocol: str = "holdout",
    labeller: str = "ViSQOL",
) -> list[str]:
    """Say in plain words how a network did."""
    told = evaluations.filter(protocol=protocol, variant="", model=model)

    def cell(
        draw: str, metric: str, name: str = "all", value: str = "all"
    ) -> dict[str, Any] | None:
        found = told.filter(draw=draw, metric=metric, slice=name, value=value)
        return found.row(0, named=True) if found.height else None

    said = []
    for draw, opening in (
        ("uniform_draw", f"On the uniform draw {shown_name(model)}"),
        ("natural_mix", "On the natural mix of degradations it"),
    ):
        r, rmse = cell(draw, "pearson"), cell(draw, "rmse")
        if r and rmse:
            n = rmse["n_repetitions"]
            said.append(
                f"{opening} reaches r = {with_interval(r)} against {labeller} and RMSE = "
                f"{with_interval(rmse, 1)} points of 100, on {rmse['n_rows']:,} excerpts of "
                f"{rmse['n_recordings']} recordings that it had never met"
                f"{f' (means of {n} repetitions)' if n > 1 else ''}."
            )
    of_protocol = [
        row
        for row in differences
        if (row["protocol"], row["variant"], row["metric"]) == (protocol, "", "rmse")
    ]
    for other in BASELINES:
        said += _against(model, other, of_protocol)
    dark, full = (cell("uniform_draw", "rmse", "reference", v) for v in ("dark", "full band"))
    if dark and full:
        said.append(
            f"Where the music itself ends low (dark references, {dark['n_recordings']} recordings)"
            f" the RMSE is {number(dark['estimate'], 1)}, elsewhere ({full['n_recordings']} "
            f"recordings) {number(full['estimate'], 1)} points: the mixture of a test set moves "
            "its score."
        )
    whole = cell("uniform_draw", "rmse") or cell("natural_mix", "rmse")
    if whole and whole["n_recordings"] < FEW_RECORDINGS:
        said.append(
            f"{whole['n_recordings']} test recordings are few: read these numbers as a sign that "
            "the graph works, not as a measurement of the model."
        )
    return said


def _against(model: str, other: str, differences: Sequence[Mapping[str, Any]]) -> list[str]:
    for row in differences:
        if row["draw"] == "uniform_draw" and {row["first"], row["second"]} == {model, other}:
            turn = 1.0 if row["first"] == model else -1.0
            more = turn * row["difference"]
            text = f"{number(abs(more), 1)} points {'above' if more > 0 else 'below'}"
            if row["low"] is None:
                trust = "too few recordings for an interval"
            else:
                ends = sorted((turn * row["low"], turn * row["high"]))
                trust = (
                    f"interval {number(ends[0], 1, sign=True)} to {number(ends[1], 1, sign=True)}"
                )
                if ends[0] <= 0 <= ends[1]:
                    trust += ", which holds 0: no difference shown"
            return [f"Its RMSE is {text} that of {_BASELINE_WORDS[other]} ({trust})."]
    return []


_BASELINE_WORDS = {
    "mean": "the mean predictor",
    "upper_edge": "the regression on the upper band edge alone",
    "boosted": "gradient boosting on descriptive features",
    "oracle": "the oracle, which is told the process and never hears the song",
}

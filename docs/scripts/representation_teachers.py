"""What a divisive front end and further teachers bring a network, against ViSQOL and listeners.

Networks are those of the preset's protocol `folds`: each recording is predicted by trainings that
never met it, several seeds of each network; both sides of a difference have the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
import torch
from gan_tables import RATINGS, number, table
from kept_answers import Arrays, tell
from representation_cells import SEED, cells_of, excerpts_of, segment_of, versions_of
from representation_evidence import Evidence
from torch import nn

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.gammatone_bands import pair_image
from musqa_pipeline.core.errors import StageError, UnfitInputError
from musqa_pipeline.learning.predict import load_model
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.scoring.verdict import to_excerpt, to_image
from musqa_pipeline.stages.evaluation.trials import read_trials
from musqa_pipeline.stages.models.trials.stage import list_units
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, read_rows
from musqa_pipeline.studies.listening.cells import (
    cells_correlation,
    cells_difference,
    read_cells,
)
from musqa_pipeline.studies.statistics.bootstrap import Estimate, paired_difference
from musqa_pipeline.studies.statistics.metrics import pearson, rmse

PROTOCOL = "folds"
PLAIN = {
    "musqa_net_taught": "musqa_net",
    "musqa_net_divisive": "musqa_net",
    "musqa_net_divisive_learnt": "musqa_net",
    "insenet_taught": "insenet",
}
"""What each stands beside."""
PAIRS = "pairs"


def predictions(evidence: Evidence) -> pl.DataFrame:
    """Read the rows that networks predict, references and all, of finished repetitions."""
    rows = read_trials(evidence.context, read_rows(evidence.context)).filter(protocol=PROTOCOL)
    if rows.is_empty():
        raise StageError(f"nothing is predicted yet: run the preset with [protocols] {PROTOCOL}")
    return rows.with_columns(whose=pl.concat_str("catalog", "recording", separator="/"))


def difference(
    rows: pl.DataFrame, changed: str, statistic: Callable[..., float | None] = rmse
) -> Estimate:
    """Compare a changed network with the plain one on the same rows and seeds, by recording."""
    key = ["repetition", *KEYS]
    plain = rows.filter(model=PLAIN[changed]).select(*key, other="predicted")
    both = rows.filter(model=changed).join(plain, on=key, how="inner").sort(key)
    if both.is_empty():
        raise StageError(f"{changed} or {PLAIN[changed]} has no whole repetition yet")
    columns = (both[name].to_numpy() for name in ("label", "predicted", "other", "whose"))
    return paired_difference(statistic, *columns, "representations")


def figure_of(changed: str) -> Callable[[Evidence], float]:
    """Return what prints a difference of RMSE in points."""

    def figure(evidence: Evidence) -> float:
        apart = difference(predictions(evidence), changed)
        print(f"RMSE, points: {number(apart.value, apart.low, apart.high)}")
        assert apart.value is not None
        return apart.value

    return figure


def networks_of(evidence: Evidence, model: str) -> dict[str, list[nn.Module]]:
    """Open the trainings of a network by the part that each left out, in the order of seeds."""
    context, found = evidence.context, {}
    partition = context.joint_partition("trials")
    done = set(context.lake.done(partition))
    for unit in sorted(list_units(context), key=lambda unit: unit.plan["repetition"]):
        plan = unit.plan
        if (plan["protocol"], plan["model"]) == (PROTOCOL, model) and unit.unit_id in done:
            network = load_model(context.lake.local_folder(partition, unit.unit_id)).eval()
            found.setdefault(plan["fold"], []).append(network)
    return found


def heard(evidence: Evidence, model: str) -> Arrays:
    """Let a network score listeners' cells: ``whose``, ``kind``, ``intensity``, ``score``.

    Scores are of shape (versions, seeds), of trainings that never met the recording.
    """
    context, rows = evidence.context, predictions(evidence).filter(model=model)
    fold_of = dict(rows.select("whose", "fold").unique().rows())
    networks, parts = networks_of(evidence, model), []
    units = sorted(u.unit_id for u in list_units(context) if u.plan["model"] == model)
    every = [row for row in excerpts_of(context).to_dicts() if row["whose"] in fold_of]
    for done, row in enumerate(every):

        def make(row: dict = row, done: int = done) -> Arrays:
            tell(f"{model}: excerpt {done + 1} of {len(every)}")
            return _scored(row, networks[fold_of[row["whose"]]], MODELS[model].input.stage == PAIRS)

        what = [row["excerpt_id"], row["start_frame"], row["whose"], SEED, units]
        parts.append(evidence.kept("taught", what, make))
    some = [part for part in parts if part]
    return {name: np.concatenate([part[name] for part in some]) for name in some[0]}


def _scored(row: Mapping, networks: list[nn.Module], of_pairs: bool) -> Arrays:
    try:
        samples = segment_of(row)
    except UnfitInputError as error:
        tell(f"{row['file']} is left out: {error}")
        return {}
    original, lines, images = samples.mean(axis=1), [], []
    for about, made in versions_of(row, samples):
        lines.append(about)
        if of_pairs:
            images.append(pair_image(original, made))
        else:
            cells = to_image(to_excerpt(made, SAMPLE_RATE_HZ)[0])
            images.append(cells.astype(np.float32) / 255)
    with torch.inference_mode():
        shown = torch.from_numpy(np.stack(images))
        score = np.stack([network(shown).numpy() for network in networks], axis=1)
    return {name: np.array([line[name] for line in lines]) for name in lines[0]} | {"score": score}


def labels_table(evidence: Evidence) -> str:
    """Lay out error and correlation of each network, and of each change, against ViSQOL."""
    rows, lines = predictions(evidence), []
    for changed, plain in PLAIN.items():
        errors, correlations = (difference(rows, changed, one) for one in (rmse, pearson))
        lines.append(
            {
                "network": changed,
                "RMSE": _mean_of(rows, changed, rmse, 1),
                "without": _mean_of(rows, plain, rmse, 1),
                "difference": number(errors.value, errors.low, errors.high),
                "r": _mean_of(rows, changed, pearson, 3),
                "difference of r": number(
                    correlations.value, correlations.low, correlations.high, 3
                ),
            }
        )
    n_seeds = rows.filter(model="musqa_net")["repetition"].n_unique()
    n = rows.select(KEYS).n_unique()
    return table(lines) + f"\n\n{n} rows of {rows['whose'].n_unique()} recordings, {n_seeds} seeds."


def _mean_of(rows: pl.DataFrame, model: str, statistic: Callable, digits: int) -> str:
    """Average a statistic over seeds."""
    found = [
        statistic(part["label"].to_numpy(), part["predicted"].to_numpy())
        for _, part in rows.filter(model=model).group_by("repetition")
    ]
    return f"{np.mean(found):.{digits}f}"


def cells_table(evidence: Evidence) -> str:
    """Hold each network, and each change, against listeners' cells."""
    ratings, lines = read_cells(RATINGS), []
    for changed, plain in PLAIN.items():
        first, second = heard(evidence, changed), heard(evidence, plain)
        about = (cells_of(first), first["whose"], ratings, "cells")
        own = cells_correlation(first["score"].T, *about)
        other = cells_correlation(second["score"].T, *about)
        apart = cells_difference(first["score"].T, second["score"].T, *about)
        lines.append(
            {
                "network": changed,
                "Spearman with the 21 cells": number(own.spearman, own.low, own.high),
                "without": number(other.spearman, other.low, other.high),
                "difference": number(apart.value, apart.low, apart.high),
            }
        )
    return table(lines)


FIGURES = {
    "musqa_net_teachers": figure_of("musqa_net_taught"),
    "musqa_net_divisive": figure_of("musqa_net_divisive"),
    "musqa_net_divisive_learnt": figure_of("musqa_net_divisive_learnt"),
    "insenet_teachers": figure_of("insenet_taught"),
}
TABLES = {
    "Changed networks beside ViSQOL": labels_table,
    "Changed networks beside listeners": cells_table,
}

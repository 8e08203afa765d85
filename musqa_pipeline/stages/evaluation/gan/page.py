"""The page ``gan.html``: what the GANs of a preset say of degraded segments; none, no page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.gan import plots
from musqa_pipeline.stages.evaluation.gan.correlations import OTHERS, correlate_scores
from musqa_pipeline.stages.evaluation.gan.falls import KIND_WORDS, falls_of
from musqa_pipeline.stages.evaluation.pages import page_figure, render_page
from musqa_pipeline.stages.evaluation.publish import place_page
from musqa_pipeline.stages.gan_scores.read import Training, read_trainings, read_versions
from musqa_pipeline.stages.gan_scores.stage import finished_runs
from musqa_pipeline.stages.segments.tracks import gan_settings, wants_segments
from musqa_pipeline.stages.segments.versions import ORIGINAL
from musqa_pipeline.studies.listening.pmqd_paper import PAPER, RATINGS, D
from musqa_pipeline.studies.statistics.metrics import spearman

PAGE = "gan.html"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Network:
    """What the page shows of one GAN."""

    name: str
    recipe: GanRecipe
    trainings: Sequence[Training]
    images: dict[str, tuple[list[NDArray], list[NDArray]]]
    """Generated and real ones by genre, of the first training."""


def publish_gan_page(context: Context) -> str | None:
    """Write the page of a preset; nothing if it asks for no GAN or none is finished."""
    if not wants_segments(context.preset) or not finished_runs(context):
        return None
    from musqa_pipeline.stages.evaluation.gan.pictures import images_by_genre

    versions = read_versions(context)
    every = read_trainings(context, versions)
    networks = []
    for name in dict.fromkeys(one.row["network"] for one in every):
        trainings = [one for one in every if one.row["network"] == name]
        recipe = gan_settings(context.preset).recipe(name, len(trainings[0].row["classes"]))
        images = images_by_genre(context, trainings[0], recipe, versions)
        networks.append(Network(name, recipe, trainings, images))
    return place_page(context, PAGE, render_gan(context.preset.name, versions, networks).encode())


def render_gan(preset_name: str, versions: pl.DataFrame, networks: Sequence[Network]) -> str:
    """Make the page."""
    originals = versions.filter(kind=ORIGINAL)
    return render_page(
        "musqa_pipeline.stages.evaluation.gan",
        "gan.html.jinja",
        preset=preset_name,
        networks=[_shown(versions, network) for network in networks],
        n_segments=originals.height,
        n_recordings=originals["whose"].n_unique(),
        n_versions=versions.height,
        kinds=KIND_WORDS,
        others=OTHERS,
        paper=PAPER[D],
        ratings=RATINGS,
    )


def standardised(versions: pl.DataFrame, scores: Floats) -> Floats:
    """Average trainings, each in deviations of its scores of originals; (trainings, versions)."""
    original = (versions["kind"] == ORIGINAL).to_numpy()
    mean = scores[:, original].mean(axis=1, keepdims=True)
    deviation = scores[:, original].std(axis=1, keepdims=True)
    found: Floats = ((scores - mean) / np.where(deviation > 0, deviation, 1.0)).mean(axis=0)
    return found


def correlations(rows: pl.DataFrame, names: Sequence[str]) -> list[list[float | None]]:
    """Correlate columns of rows with each other by Spearman's coefficient."""
    columns = [rows[name].fill_null(0.0).to_numpy() for name in names]
    return [[spearman(one, other) for other in columns] for one in columns]


def with_intensity(parts: Sequence[pl.DataFrame], names: Sequence[str]) -> list[list[float | None]]:
    """Correlate columns with the intensity, a line a column and a value for each part of rows."""
    sides = [part.with_columns(pl.col("intensity").fill_null(0.0)) for part in parts]
    return [[spearman(part["intensity"], part[name]) for part in sides] for name in names]


def _shown(versions: pl.DataFrame, network: Network) -> dict[str, Any]:
    trainings, name = network.trainings, network.name
    scores = np.stack([one.score for one in trainings])
    rows = versions.with_columns(score=pl.Series(standardised(versions, scores)))
    measured = [column for column in plots.MEASURES if not _lacks(rows, column)]
    curves = {one.name: json.loads(one.row["curves_json"]) for one in trainings}
    table = [(one.name, falls_of(versions, [one.score]), one.row) for one in trainings]
    ratios = [one.row["frechet_untrained"] / one.row["frechet_last"] for one in trainings]
    figures = [
        _figure(name, "violins", "Scores by fifth of the intensity", plots.violins, rows),
        _figure(name, "falls", "Mean score over intensity, band: 95 % over recordings",
                plots.falls_over_intensity, rows),
        *_matrices(name, rows, measured),
        _figure(name, "steps", "Over steps, seed by seed", plots.curves_over_steps, curves,
                network.recipe.checkpoint_steps),
    ]  # fmt: skip
    if network.images:
        side = plots.shown_side(network.recipe.size, len(network.images))
        words = "Images by genre: frequency upward, 4.2 s each"
        figures.append(_figure(name, "images", words, plots.image_grid, network.images, side))
    return {
        "name": name,
        "recipe": network.recipe,
        "classes": trainings[0].row["classes"],
        "table": table,
        "mean": falls_of(versions, list(scores)),
        "correlations": correlate_scores(
            plots.paper_rows(rows), [column for column in OTHERS if column in measured]
        ),
        "frechet_ratio": float(np.mean(ratios)),
        "figures": figures,
    }


def _matrices(name: str, rows: pl.DataFrame, measured: Sequence[str]) -> list[tuple[str, Any]]:
    words = [plots.MEASURES[column] for column in measured]
    drawn = plots.paper_rows(rows)
    made = [
        _figure(name, "pairs", "Rank correlations, original and drawn versions", plots.matrix,
                correlations(drawn, measured), words, words)
    ]  # fmt: skip
    others = [column for column in measured if column != "intensity"]
    lines = [plots.MEASURES[column] for column in others]
    by_kind = [drawn.filter(kind=kind) for kind in KIND_WORDS]
    made.append(
        _figure(name, "kinds", "With I, by degradation", plots.matrix,
                with_intensity(by_kind, others), lines, list(KIND_WORDS.values()))
    )  # fmt: skip
    genres = rows["genre"].unique().sort().to_list()
    if len(genres) > 1:
        by_genre = np.array(with_intensity([drawn.filter(genre=g) for g in genres], others), object)
        values = by_genre.T.tolist()  # genres are many, measures few
        made.append(
            _figure(name, "genres", "With I, by genre", plots.matrix, values, genres, lines)
        )
    return made


def _lacks(rows: pl.DataFrame, column: str) -> bool:
    """Whether a column says nothing of degraded versions."""
    return bool(rows.filter(pl.col("kind") != ORIGINAL)[column].null_count())


def _figure(network: str, kind: str, words: str, *drawn: Any) -> tuple[str, Any]:
    make, *arguments = drawn
    return words, page_figure(make, f"gan-{network}-{kind}", words, *arguments)

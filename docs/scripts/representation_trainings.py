"""What autoencoders of noise make of music: the figures and tables of a finished run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from gan_tables import number, table
from representation_evidence import Evidence
from representation_resume import difference as resumed_difference

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.autoencoders.recipe import AutoencoderRecipe
from musqa_pipeline.operations.costs.summary import read_runs
from musqa_pipeline.stages.autoencoders.music import wants_representations
from musqa_pipeline.stages.evaluation.representations import plots
from musqa_pipeline.stages.evaluation.representations.page import (
    CURVES,
    MEASURES,
    by_measure,
    by_stop,
    curves_of,
    differences,
    reconstructed_images,
)
from musqa_pipeline.stages.reconstructions.compare import (
    STOPS,
    UNTRAINED,
    Side,
    difference,
    of_side,
    read_reconstructions,
    read_trainings,
    unmet,
)
from musqa_pipeline.studies.figures import house_style, to_png
from musqa_pipeline.studies.statistics.bootstrap import Estimate

MSE, NLPD = Side("mse", "white", "equal"), Side("nlpd", "white", "equal")
STARTED_DB = 1.0
"""What a training has to gain over its untrained network, at its best, to have started."""


def unmet_rows(evidence: Evidence) -> pl.DataFrame:
    """Read reconstructions of excerpts that no training met."""
    if not wants_representations(evidence.context.preset):
        raise StageError("the preset names no loss in [representations] losses")
    rows = read_reconstructions(evidence.context)
    if rows.is_empty():
        raise StageError("nothing is reconstructed yet; run the preset first")
    return unmet(rows)


def said(name: str, found: Estimate | None) -> float:
    """Print a difference with its interval, and return it."""
    if found is None or found.value is None:
        raise StageError(f"{name}: a side has no row; it had not settled, or was not trained")
    print(f"{name}: {number(found.value, found.low, found.high)}, {found.n_recordings} recordings")
    return found.value


def psnr_difference(first: Side, second: Side) -> Callable[[Evidence], float]:
    """Return what prints a difference in dB and each seed's own beside it."""

    def figure(evidence: Evidence) -> float:
        rows = unmet_rows(evidence)
        for seed in sorted(of_side(rows, first)["seed"].unique()):
            own = difference(rows.filter(seed=seed), first, second, "psnr_db")
            print(
                f"seed {seed}: {number(own.value, own.low, own.high)}" if own else f"seed {seed}: –"
            )
        return said("PSNR, dB", difference(rows, first, second, "psnr_db"))

    return figure


def steps_to_best_ratio(evidence: Evidence) -> float:
    """Divide the steps that MSE takes to its best on music by those of NLPD, on white noise."""
    best = {
        loss: [t["best_step"] for t in read_trainings(evidence.context)
               if (t["loss"], t["inputs"]) == (loss, "white")]
        for loss in ("mse", "nlpd")
    }  # fmt: skip
    print(f"best steps of MSE {best['mse']}, of NLPD {best['nlpd']}")
    return float(np.mean(best["mse"]) / np.mean(best["nlpd"]))


def never_started(evidence: Evidence) -> float:
    """Count trainings that at their best are not 1 dB above the network that they began with."""
    rows, n = unmet_rows(evidence), 0
    for training in read_trainings(evidence.context):
        own = rows.filter(seed=training["seed"])
        side = Side(training["loss"], training["inputs"], "best")
        gain = difference(own, side, UNTRAINED, "psnr_db")
        n += gain is None or gain.value is None or gain.value < STARTED_DB
    return n


def cpu_minutes(evidence: Evidence) -> float:
    """Add up the CPU of the preset's runs of both stages; a run that was killed is in none."""
    runs = read_runs(evidence.context)
    stages = runs.filter(pl.col("stage").is_in(["autoencoders", "reconstructions"]))
    for stage, cpu_s in stages.group_by("stage").agg(pl.col("cpu_s").sum()).sort("stage").rows():
        print(f"{stage}: {cpu_s / 60:.1f}")
    return float(stages["cpu_s"].sum()) / 60


def resume_difference(evidence: Evidence) -> float:
    """Train shortly, killed and undisturbed, by each loss."""
    recipe = AutoencoderRecipe.of(json.loads(read_trainings(evidence.context)[0]["settings_json"]))
    with tempfile.TemporaryDirectory() as folder:
        return resumed_difference(recipe, Path(folder))


def words_of(found: Estimate | None, digits: int = 1) -> str:
    """Write a mean with its interval."""
    return "–" if found is None else number(found.value, found.low, found.high, digits)


def stops_table(evidence: Evidence) -> str:
    """PSNR of each loss and input in each way to stop."""
    lines = by_stop(unmet_rows(evidence), read_trainings(evidence.context))
    return table([
        {"loss and inputs": line["title"],
         **{stop: words_of(found) + (f", {words}" if words else "")
            for stop, (found, words) in zip(STOPS, line["cells"], strict=True)}}
        for line in lines
    ])  # fmt: skip


def measures_table(evidence: Evidence) -> str:
    """Every measure after equal steps."""
    words = [words for words, _ in MEASURES.values()]
    return table([
        {"loss and inputs": line["title"],
         **{name: words_of(found, digits)
            for name, (found, digits) in zip(words, line["cells"], strict=True)}}
        for line in by_measure(unmet_rows(evidence))
    ])  # fmt: skip


def differences_table(evidence: Evidence) -> str:
    """Differences in PSNR on the same excerpts and seeds."""
    return table([
        {"difference": line["title"],
         **{stop: words_of(found) for stop, found in zip(STOPS, line["cells"], strict=True)}}
        for line in differences(unmet_rows(evidence))
    ])  # fmt: skip


def pictures(evidence: Evidence) -> dict[str, bytes]:
    """Draw curves over steps, and music beside what was made of it, by name."""
    rows, trainings = unmet_rows(evidence), read_trainings(evidence.context)
    drawn = {}
    for name, words in CURVES.items():
        with house_style(name):
            figure = plots.curves_over_steps(curves_of(trainings, name), words)
            drawn[f"autoencoders_{name}"] = to_png(figure)
    for place, images in enumerate(reconstructed_images(evidence.context, rows).values()):
        name = f"autoencoders_music_{place}"
        with house_style(name):
            drawn[name] = to_png(plots.image_grid(images, 2), n_colours=256)
    return drawn


def if_run(make: Callable[[Evidence], str]) -> Callable[[Evidence], str]:
    """Return a table that says what was not run."""

    def made(evidence: Evidence) -> str:
        try:
            return make(evidence)
        except StageError as error:
            return f"not run: {error}"

    return made


def _stopped(stop: str) -> tuple[Side, Side]:
    return NLPD._replace(stop=stop), MSE._replace(stop=stop)


FIGURES: dict[str, Callable[[Evidence], float]] = {
    **{f"psnr_nlpd_minus_mse_{stop}": psnr_difference(*_stopped(stop))
       for stop in ("equal", "settled", "best")},
    "psnr_pink_mse_minus_white_nlpd": psnr_difference(MSE._replace(inputs="pink"), NLPD),
    "steps_to_best_ratio": steps_to_best_ratio,
    "trainings_that_never_started": never_started,
    "cpu_minutes": cpu_minutes,
    "resume_difference": resume_difference,
}  # fmt: skip
TABLES: dict[str, Callable[[Evidence], str]] = {
    title: if_run(make)
    for title, make in {
        "PSNR by way to stop, dB": stops_table,
        "Differences in PSNR, dB": differences_table,
        "Every measure after equal steps": measures_table,
    }.items()
}

PICTURES = pictures

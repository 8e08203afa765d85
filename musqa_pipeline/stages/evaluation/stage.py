"""Stage 8: one unit, the evaluation of everything that is trained.

The page, its numbers as JSON and the predictions row by row lie in ``report/`` beside the table;
they are written before it, so that a table that is there has its report.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.core.files import whole_file
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.stages.autoencoders.music import wants_representations
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.evaluation.slices import evaluate
from musqa_pipeline.stages.models.stage import unit_id_of
from musqa_pipeline.stages.segments.tracks import gan_settings, wants_segments
from musqa_pipeline.stages.spectrograms.features.rows import silent_limits
from musqa_pipeline.stages.spectrograms.in_use import networks_in_use

EVALUATION_UNIT = "evaluation"
REPORT = "report"
HTML_FILE = "report.html"
JSON_FILE = "report.json"
PREDICTIONS_FILE = "predictions.parquet"


def further_pages(preset: Preset) -> list[str]:
    """Name the pages of further learning that a preset asks for, which lie beside its report."""
    asked = {
        "gan.html": wants_segments(preset),
        "representations.html": wants_representations(preset),
    }
    return [page for page, is_asked in asked.items() if is_asked]


def report_folder(context: Context) -> Path:
    """Return where the report lies on this machine; a folder that no view looks into."""
    return context.lake.local_folder(context.joint_partition("evaluation"), REPORT)


def report_key(context: Context) -> str:
    """Return the key of the folder where the report lies."""
    return f"{context.joint_partition('evaluation').folder_key}/{REPORT}"


def list_units(context: Context) -> list[Unit]:
    """List the one unit."""
    return [Unit(EVALUATION_UNIT, f"evaluation of preset {context.preset.name}")]


def make_unit(context: Context, unit: Unit) -> pa.Table:
    """Predict the test rows, evaluate, and write the report."""
    # What follows needs torch and matplotlib; listing units, as `musqa status` does, does not.
    from musqa_pipeline.stages.evaluation.gather import gather_content
    from musqa_pipeline.stages.evaluation.predictions import read_predictions, read_runs
    from musqa_pipeline.stages.evaluation.report import render_report, report_json
    from musqa_pipeline.stages.evaluation.trials import read_trials
    from musqa_pipeline.stages.spectrograms.features.rows import read_rows

    runs, rows = read_runs(context), read_rows(context)
    holdout = read_predictions(context, runs, rows)
    trials = read_trials(context, rows.filter(pl.col("tier") != COPY_TIER))
    predictions = pl.concat([holdout, trials])
    table = evaluate(predictions, context.preset.evaluation)
    with context.lake.work_folder(context.joint_partition("evaluation"), REPORT) as work:
        content = gather_content(context, predictions, pl.DataFrame(table), runs, rows, work.path)
        with whole_file(work.path / PREDICTIONS_FILE) as temporary:
            predictions.write_parquet(temporary)
        for name, text in ((JSON_FILE, report_json(content)), (HTML_FILE, render_report(content))):
            with whole_file(work.path / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
    return table


def evaluated_runs(context: Context) -> dict[str, Any]:
    """Return what the fingerprint of `models` does not say: which trainings are evaluated."""
    about: dict[str, Any] = {
        "runs": sorted(unit_id_of(context, name) for name in networks_in_use(context.preset)),
        "names": list(context.preset.models.names),
        "train_rows": context.preset.models.train_rows,
        "protocols": context.preset.section("protocols"),
        "features": context.fingerprints["features"],
    }
    if limits := silent_limits(context.preset.models):
        about["limits"] = limits
    if pages := further_pages(context.preset):
        about["pages"] = pages
    if wants_segments(context.preset):
        about["gan"] = dataclasses.asdict(gan_settings(context.preset))
        about["gan_scores"] = [context.fingerprints[name] for name in ("gans", "gan_scores")]
    if context.preset.evaluation.listening_tests:
        from musqa_pipeline.stages.evaluation.listeners import digest_of_tests

        about["listening_tests"] = digest_of_tests(context.preset.evaluation)
    return about


EVALUATION_MAKER = Maker(
    version=3,
    tools=("numpy", "scipy", "scikit-learn", "torch"),
    units=list_units,
    make=make_unit,
    also=evaluated_runs,
    inline=True,
)

"""From the lake to `ReportContent`: what the page shows beside the predictions."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from musqa_pipeline.audio.features.descriptors import DESCRIPTORS
from musqa_pipeline.catalogs.demo_music.catalog import TIER as SYNTHESISED_TIER
from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.core.fingerprints import tool_version
from musqa_pipeline.core.settings.models import RANDOM
from musqa_pipeline.core.settings.per_catalog import LISTENERS
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.dataset.inputs import READ_STAGES, read_seen_tracks
from musqa_pipeline.stages.dataset.near_duplicates import search_near_duplicates
from musqa_pipeline.stages.dataset.report import describe_dataset, read_dataset
from musqa_pipeline.stages.dataset.splits import PARTS
from musqa_pipeline.stages.engine.catalog_choice import drawn_catalogs
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.ceiling import estimate_ceilings
from musqa_pipeline.stages.evaluation.content import ReportContent
from musqa_pipeline.stages.evaluation.costs import gather_costs, measured_costs, summarise_trials
from musqa_pipeline.stages.evaluation.differences import paired_differences
from musqa_pipeline.stages.evaluation.gan.falls import gather_falls
from musqa_pipeline.stages.evaluation.gather_examples import twin_examples, worst_examples
from musqa_pipeline.stages.evaluation.generalisation import generalisation_rows
from musqa_pipeline.stages.evaluation.leaderboard import main_protocol, shown_first
from musqa_pipeline.stages.evaluation.listener_repetitions import hear_repetitions
from musqa_pipeline.stages.evaluation.listeners import hear_tests
from musqa_pipeline.stages.evaluation.lowpass_steps import list_steps
from musqa_pipeline.stages.evaluation.stage import further_pages
from musqa_pipeline.stages.evaluation.summary import ABLATION_MARK, headline_model
from musqa_pipeline.stages.evaluation.twins import find_twins
from musqa_pipeline.stages.models.recipes import random_backbones
from musqa_pipeline.stages.models.runs import backbone_weights_of
from musqa_pipeline.stages.spectrograms.features.rows import POINTS

TOOLS = (
    "musqa-pipeline", "numpy", "scipy", "soundfile", "soxr", "pyloudnorm", "imageio-ffmpeg",
    "visqol-python", "polars", "pyarrow", "torch", "lightning", "scikit-learn", "matplotlib",
)  # fmt: skip
"""Distributions whose versions the page names."""
MAX_PAIRS = 50
"""Most near-duplicate pairs that are listed."""
N_TWINS = 3
"""Pairs shown that sound alike and have two labels."""


def gather_content(
    context: Context,
    predictions: pl.DataFrame,
    evaluations: pl.DataFrame,
    runs: Sequence[Mapping[str, Any]],
    rows: pl.DataFrame,
    folder: Path,
) -> ReportContent:
    """Gather what the page shows."""
    settings = context.preset.evaluation
    dataset, draw = read_dataset(context), describe_dataset(context)
    total = draw.parts[-1]
    protocol = main_protocol(predictions)
    lead = shown_first(predictions, protocol, headline_model(runs))
    asked = asked_rows(rows)
    trials = summarise_trials(context)
    trained = {run["model"] for run in runs}
    networks = [
        name
        for name, e in MODELS.items()
        if not e.title.endswith(ABLATION_MARK) and (name in trained or not e.on_request)
    ]
    return ReportContent(
        preset=context.preset.name,
        catalogs=sorted(dataset["catalog"].unique()),
        confidence=settings.confidence,
        by_listeners=context.preset.labels.metric == LISTENERS,
        predictions=predictions,
        evaluations=evaluations,
        differences=paired_differences(predictions, settings, "rmse", "pearson"),
        runs=runs,
        parts=count_parts(dataset),
        edges=[POINTS * edge for edge in total.edges],
        before=total.before,
        after=total.after,
        uniformity={
            "draw": draw.sentence(),
            "effective number of codecs": f"{total.effective_codecs:.1f}",
            "effective number of genres": f"{total.effective_genres:.1f}",
            "empty bins of quality": ", ".join(total.empty_bins) or "none",
        },
        near_duplicates=near_duplicates(context),
        quarantined=count_quarantined(context),
        examples=worst_examples(context, predictions, protocol),
        networks=networks,
        intrusive=[name for name, entry in MODELS.items() if entry.input.stage == "pairs"],
        random_weights=random_weights(context, runs),
        trials=trials,
        listening=hear_tests(context, runs),
        table_vi=hear_repetitions(context),
        generalisation=generalisation_rows(predictions, settings),
        steps=list_steps(rows),
        ceilings=estimate_ceilings(asked, list(DESCRIPTORS), confidence=settings.confidence),
        twins=twin_examples(
            context, find_twins(asked, list(DESCRIPTORS), N_TWINS), predictions, lead
        ),
        pages=further_pages(context.preset),
        gan=gather_falls(context, settings.confidence),
        costs=gather_costs(networks, runs, trials, measured_costs(context, runs, trials, folder)),
        provenance=provenance(context, runs),
    )


def asked_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Choose the rows that the unavoidable error is estimated from."""
    known = rows.filter(pl.col("reference") != "")
    real = known.filter(~pl.col("tier").is_in([SYNTHESISED_TIER, COPY_TIER]))
    chosen = real if real.height else known
    mixed = chosen.filter("natural_mix")
    # Neighbours are asked of other recordings, so test recordings alone would be few.
    return mixed if mixed["recording"].n_unique() > chosen["recording"].n_unique() // 2 else chosen


def random_weights(context: Context, runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name the networks whose backbones have random weights, in a run or in trials."""
    found = {run["model"] for run in runs if backbone_weights_of(run) == RANDOM}
    found |= random_backbones(context.preset.models)
    return [name for name in MODELS if name in found]


def count_parts(dataset: pl.DataFrame) -> list[dict[str, Any]]:
    """Count recordings, references and rows of each part."""
    counts = []
    for part in PARTS:
        rows = dataset.filter(part=part)
        if rows.height:
            counts.append(
                {
                    "part": part,
                    "recordings": rows["recording"].n_unique(),
                    "excerpts": rows.select("catalog", "excerpt_id").n_unique(),
                    "uniform_draw": int(rows["uniform_draw"].sum()),
                    "natural_mix": int(rows["natural_mix"].sum()),
                }
            )
    return counts


def near_duplicates(context: Context) -> list[dict[str, Any]]:
    """List music that is in two parts under two names, by file."""
    tracks = read_seen_tracks(context).select("catalog", "track_id", "file")
    files = {(c, t): f for c, t, f in tracks.iter_rows()}

    def name(pair: Mapping[str, Any], side: str) -> str:
        catalog, excerpt_id = pair[f"catalog_{side}"], pair[f"excerpt_{side}"]
        file = files.get((catalog, excerpt_id.rpartition("-")[0]), excerpt_id)
        return f"{catalog}/{file} ({pair[f'part_{side}']})"

    pairs = search_near_duplicates(context).pairs.head(MAX_PAIRS)
    return [
        {"first": name(p, "a"), "second": name(p, "b"), "similarity": round(p["similarity"], 2)}
        for p in pairs.iter_rows(named=True)
    ]


def count_quarantined(context: Context) -> int:
    """Count the inputs of the chosen catalogs that could not serve."""
    partitions = [context.partition(s, c) for c in drawn_catalogs(context) for s in READ_STAGES]
    return sum(len(context.lake.done(s.quarantine)) for s in partitions)


def provenance(context: Context, runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Name what the results depend on."""
    trained = {f"data of {run['model']}": run["data_fingerprint"] for run in runs}
    settings = {
        f"[{stage}] {name}": json.dumps(value, ensure_ascii=False)
        for stage, section in dataclasses.asdict(context.preset).items()
        if isinstance(section, dict)
        for name, value in section.items()
    }
    return {
        "Fingerprints": {**context.fingerprints, **trained},
        "Settings": {"catalogs": json.dumps(list(context.preset.catalogs)), **settings},
        "Versions": {
            "python": platform.python_version(),
            **{name: tool_version(name) for name in TOOLS},
        },
    }

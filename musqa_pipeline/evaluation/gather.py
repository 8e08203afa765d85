"""From the lake to `ReportContent`: what the page shows beside the predictions."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from musqa_pipeline.audio import EXCERPT_SAMPLES
from musqa_pipeline.context import Context
from musqa_pipeline.dataset.inputs import READ_STAGES, read_seen_tracks
from musqa_pipeline.dataset.near_duplicates import search_near_duplicates
from musqa_pipeline.dataset.report import describe_dataset, read_dataset
from musqa_pipeline.dataset.splits import PARTS
from musqa_pipeline.degradations.audio import degraded_audio
from musqa_pipeline.evaluation.content import ReportContent
from musqa_pipeline.evaluation.differences import paired_differences
from musqa_pipeline.evaluation.examples import Example, choose_worst, picture_png, player_mp3
from musqa_pipeline.evaluation.rows import POINTS
from musqa_pipeline.evaluation.summary import headline_model
from musqa_pipeline.excerpts.audio import reference_audio
from musqa_pipeline.fingerprints import tool_version
from musqa_pipeline.graph import chosen_catalogs
from musqa_pipeline.spectrograms.mel import mel_image
from musqa_pipeline.spectrograms.sources import read_bitstreams, units_by_excerpt

TOOLS = (
    "musqa-pipeline", "numpy", "scipy", "soundfile", "soxr", "pyloudnorm", "imageio-ffmpeg",
    "visqol-python", "polars", "pyarrow", "torch", "lightning", "scikit-learn", "matplotlib",
)  # fmt: skip
"""Distributions whose versions the page names."""
MAX_PAIRS = 50
"""Most near-duplicate pairs that are listed."""


def gather_content(
    context: Context,
    predictions: pl.DataFrame,
    evaluations: pl.DataFrame,
    runs: Sequence[Mapping[str, Any]],
) -> ReportContent:
    """Gather what the page shows.

    Parameters
    ----------
    context : Context
        Of the joint stages.
    predictions : polars.DataFrame
        From `predictions.read_predictions`.
    evaluations : polars.DataFrame
        The table `evaluations`.
    runs : sequence of mapping
        Rows of `runs`.

    Returns
    -------
    ReportContent
        For `report.render_report`.
    """
    settings = context.preset.evaluation
    dataset, draw = read_dataset(context), describe_dataset(context)
    total = draw.parts[-1]
    return ReportContent(
        preset=context.preset.name,
        catalogs=sorted(dataset["catalog"].unique()),
        confidence=settings.confidence,
        predictions=predictions,
        evaluations=evaluations,
        differences=paired_differences(predictions, settings),
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
        examples=worst_examples(context, predictions, headline_model(runs)),
        provenance=provenance(context, runs),
    )


def count_parts(dataset: pl.DataFrame) -> list[dict[str, Any]]:
    """Count recordings, references and rows of each part.

    Parameters
    ----------
    dataset : polars.DataFrame
        The table `dataset`.

    Returns
    -------
    list of dict
        part, recordings, excerpts, uniform_draw and natural_mix, for parts that have rows.
    """
    counts = []
    for part in PARTS:
        rows = dataset.filter(pl.col("part") == part)
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
    """List music that is in two parts under two names, by file.

    Parameters
    ----------
    context : Context
        Of the joint stages.

    Returns
    -------
    list of dict
        first, second (catalog, file and part) and similarity; the most alike first.
    """
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
    """Count the inputs of the chosen catalogs that could not serve.

    Parameters
    ----------
    context : Context
        Of the joint stages.

    Returns
    -------
    int
        Over the stages 1-4.
    """
    shelves = [
        context.shelf(s, c)
        for c in chosen_catalogs(context.home, context.preset)
        for s in READ_STAGES
    ]
    return sum(len(context.lake.done(s.quarantine)) for s in shelves)


def worst_examples(context: Context, predictions: pl.DataFrame, model: str | None) -> list[Example]:
    """Make pictures and players of a network's worst predictions.

    Parameters
    ----------
    context : Context
        Of the joint stages.
    predictions : polars.DataFrame
        Of all models.
    model : str or None
        The network; without one there are no examples.

    Returns
    -------
    list of Example
        At most ``[evaluation] n_worst``, the largest error first; of the uniform draw if it has
        test rows.
    """
    rows = predictions.filter(pl.col("model") == (model or ""))
    drawn = rows.filter("uniform_draw") if rows["uniform_draw"].any() else rows
    worst = choose_worst(drawn, context.preset.evaluation.n_worst).to_dicts()
    for catalog in {row["catalog"] for row in worst}:
        units = units_by_excerpt(context, catalog)
        for row in worst:
            if row["catalog"] == catalog:
                row["units"] = units.get(row["excerpt_id"], ())
    bitstreams = dict(read_bitstreams(context, worst))
    return [_example(context, row, bitstreams) for row in worst]


def provenance(context: Context, runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Name what the results depend on.

    Parameters
    ----------
    context : Context
        Of the joint stages.
    runs : sequence of mapping
        Rows of `runs`.

    Returns
    -------
    dict of str to dict of str to str
        Sections Fingerprints, Settings and Versions.
    """
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


def _example(
    context: Context,
    row: Mapping[str, Any],
    bitstreams: Mapping[tuple[str, str], Mapping[str, Any]],
) -> Example:
    degraded = degraded_audio([bitstreams[row["catalog"], row["degraded_id"]]])[0]
    shelf = context.shelf("excerpts", row["catalog"])
    flac = context.lake.read(shelf, row["excerpt_id"], ["flac"])["flac"][0].as_py()
    reference = reference_audio(flac)[:EXCERPT_SAMPLES]
    images = context.preset.spectrograms
    return Example(
        recording=row["recording"],
        what=row["what"],
        label=row["label"],
        predicted=row["predicted"],
        dark=row["reference"] == "dark",
        degraded_picture=picture_png(mel_image(degraded, images).image),
        reference_picture=picture_png(mel_image(reference, images).image),
        degraded_player=player_mp3(degraded),
        reference_player=player_mp3(reference),
    )

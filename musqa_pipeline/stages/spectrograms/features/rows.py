"""All rows of the dataset with what is known of each: what was done, whose music, which features.

This is what baselines are fitted on and what slices divide; the images stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.baselines.oracle import PROCESS_COLUMNS
from musqa_pipeline.stages.dataset.inputs import read_labelled_rows
from musqa_pipeline.stages.dataset.report import read_dataset
from musqa_pipeline.stages.degradations.table import RANDOM
from musqa_pipeline.stages.degradations.words import process_words
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.spectrograms.features.darkness import reference_brightness
from musqa_pipeline.stages.spectrograms.features.table import FEATURE_COLUMNS, FEATURES

POINTS = 100.0
"""Points of the scale that the paper prints, per unit of quality."""
KEYS = ["catalog", "degraded_id"]


_LAST_READ: dict[tuple[str, ...], tuple[list[str], pl.DataFrame]] = {}
"""By the stages that were read: what it was read from, and the rows."""


def read_described(context: Context) -> pl.DataFrame:
    """Read what is known of every row of the dataset but its features, once in a process."""
    return _once(context, ("dataset",), _describe)


def read_rows(context: Context) -> pl.DataFrame:
    """Read every row of the dataset with its features, once in a process.

    A worker makes many trials of the same rows, and reading them takes half a minute for 16,000.
    """
    return _once(context, ("dataset", "features"), _read)


def _once(
    context: Context, stages: tuple[str, ...], read: Callable[[Context], pl.DataFrame]
) -> pl.DataFrame:
    """Read rows, or give those that were read last of these stages."""
    source = [str(context.home), *(context.fingerprints[stage] for stage in stages)]
    known, rows = _LAST_READ.get(stages, (None, None))
    if rows is None or known != source:
        rows = read(context)
        _LAST_READ[stages] = source, rows
    return rows


def allowed_rows(settings: ModelsSettings) -> pl.Expr:
    """Mark the rows that a section ``[models]`` or a network's recipe lets train.

    Darker copies never do: they teach that the trace of a filter is no damage.
    """
    drawn = pl.lit(True) if settings.train_rows == "every" else pl.col(settings.train_rows)
    return drawn & of_fit_originals(settings) & (pl.col("tier") != COPY_TIER)


def silent_limits(settings: ModelsSettings) -> list[str | float]:
    """List what besides `train_rows` narrows `allowed_rows`, for fingerprints; often nothing."""
    narrowest_hz = settings.narrowest_original_hz
    return [*settings.left_out_catalogs, *([narrowest_hz] if narrowest_hz else [])]


def of_fit_originals(settings: ModelsSettings) -> pl.Expr:
    """Mark the rows that catalog and original let train, whatever the draw."""
    of_catalogs = ~pl.col("catalog").is_in(settings.left_out_catalogs)
    if not settings.narrowest_original_hz:
        return of_catalogs
    wide = pl.col("original_edge_hz") >= settings.narrowest_original_hz
    return of_catalogs & (pl.col("trusted") | wide)


def _describe(context: Context) -> pl.DataFrame:
    return describe_rows(read_labelled_rows(context), read_dataset(context)).sort(KEYS)


def _read(context: Context) -> pl.DataFrame:
    columns = [*KEYS, *FEATURE_COLUMNS]
    features = pl.DataFrame(
        context.lake.scan(context.joint_partition("features"), FEATURES.schema, columns=columns)
    )
    described = _describe(context)
    rows = described.join(features, on=KEYS, how="inner").sort(KEYS)
    if rows.height != described.height:
        raise StageError(
            f"{described.height - rows.height} of {described.height} rows of the dataset have no "
            "features; run the stages dataset, spectrograms and features again"
        )
    return rows


def describe_rows(labelled: pl.DataFrame, dataset: pl.DataFrame) -> pl.DataFrame:
    """Gather what slices and baselines need to know of each row of the dataset."""
    rows = labelled.with_columns(
        codec=pl.when(pl.col("depth") == 0)
        .then(pl.lit("reference"))
        .otherwise(pl.col("last_name")),
        bitrate_kbps=pl.col("last_bitrate_kbps"),
        cutoff_hz=pl.col("last_cutoff_hz"),
        label=pl.col("quality") * POINTS,
        original_edge_hz=pl.col("track_upper_edge_hz"),
    )
    # Of all rows, as the draw may lack the low-passes; and of those that all references have.
    brightness = reference_brightness(rows.filter(pl.col("kind") != RANDOM))
    rows = (
        rows.join(dataset, on=KEYS, how="semi")
        .join(brightness, on=["catalog", "excerpt_id"], how="left")
        .with_columns(
            pl.col("reference").fill_null(""),
            what=pl.struct(pl.all()).map_elements(_what, return_dtype=pl.String),
        )
    )
    columns = (
        *KEYS, "label", "codec", "bitrate_kbps", "cutoff_hz", "process", "what", "kind", "depth",
        *PROCESS_COLUMNS, "genre", "tier", "reference", "original_edge_hz",
    )  # fmt: skip
    return dataset.drop("quality", "bin").join(rows.select(columns), on=KEYS, how="inner")


def _what(row: Mapping[str, Any]) -> str:
    if row["depth"] == 0:
        return "untouched reference"
    ends = ("first", "last") if row["depth"] > 1 else ("last",)
    return " → ".join(
        process_words(row[f"{e}_name"], row[f"{e}_bitrate_kbps"], row[f"{e}_cutoff_hz"])
        for e in ends
    )

"""From the lake to the predictions frame: test images through every finished network.

Only columns of labels are read of the training and validation parts, for the two baselines; their
images are never looked at here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from musqa_pipeline.context import Context
from musqa_pipeline.dataset.inputs import read_labelled_rows
from musqa_pipeline.dataset.report import read_dataset
from musqa_pipeline.errors import StageError
from musqa_pipeline.evaluation.baselines import fit_mean, fit_upper_edge
from musqa_pipeline.evaluation.darkness import reference_brightness
from musqa_pipeline.evaluation.slices import DRAWS, PREDICTIONS_SCHEMA
from musqa_pipeline.evaluation.summary import process_words
from musqa_pipeline.models.runs import read_preset_runs
from musqa_pipeline.spectrograms.table import SPECTROGRAMS

POINTS = 100.0
"""Points of the scale that the paper prints, per unit of quality."""
KEYS = ["catalog", "degraded_id"]
_BATCH_ROWS = 32
_LABELS = [*KEYS, "part", "uniform_draw", "natural_mix", "trusted", "quality", "upper_edge_hz"]


def read_runs(context: Context) -> list[dict[str, Any]]:
    """Read the table `runs` in the order in which the preset names its networks.

    Parameters
    ----------
    context : Context
        Of the joint stages.

    Returns
    -------
    list of dict
        Rows, unfinished runs included.

    Raises
    ------
    StageError
        If there is none.
    """
    rows = read_preset_runs(context)
    if not rows:
        raise StageError("evaluation: there is no training run yet; run the stage models first")
    return rows


def read_predictions(context: Context, runs: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Predict the test rows with every finished network and with the baselines.

    Parameters
    ----------
    context : Context
        Of the joint stages.
    runs : sequence of mapping
        Rows of `runs`; unfinished ones are passed over.

    Returns
    -------
    polars.DataFrame
        With the columns of `slices.PREDICTIONS_SCHEMA`: networks first, in their order, then
        `mean` and `upper_edge`; rows sorted by catalog and id.

    Raises
    ------
    StageError
        If there are no test rows, no training rows, or a prediction is no number.
    LakeError
        If a shard or the weights of a run cannot be read.
    """
    labels = pl.DataFrame(
        context.lake.scan(context.joint_shelf("spectrograms"), SPECTROGRAMS.schema, columns=_LABELS)
    ).with_columns(label=pl.col("quality") * POINTS)
    test = labels.filter(
        (pl.col("part") == "test") & (pl.col("uniform_draw") | pl.col("natural_mix"))
    )
    if test.is_empty():
        raise StageError(
            "evaluation: the dataset has no test rows; give some recordings role=test in "
            'tracks.csv, add recordings, or use [dataset] protocol = "three_way"'
        )
    described = test.join(
        describe_rows(read_labelled_rows(context), read_dataset(context)), on=KEYS, how="left"
    ).sort(KEYS)
    lost = described.filter(pl.col("recording").is_null())
    if not lost.is_empty():
        raise StageError(
            f"evaluation: {lost.height} test rows have an image but no label any more, first "
            f"{lost['degraded_id'][0]}; run the stages dataset and spectrograms again"
        )
    predicted = {
        **predict_networks(context, runs, described),
        **predict_baselines(labels, described),
    }
    frames = [
        described.with_columns(model=pl.lit(name), predicted=pl.Series(values, dtype=pl.Float64))
        for name, values in predicted.items()
    ]
    return pl.concat(frames).select(pl.col(n).cast(t) for n, t in PREDICTIONS_SCHEMA.items())


def describe_rows(labelled: pl.DataFrame, dataset: pl.DataFrame) -> pl.DataFrame:
    """Gather what slices need to know of each row of the dataset.

    Parameters
    ----------
    labelled : polars.DataFrame
        From `dataset.inputs.read_labelled_rows`.
    dataset : polars.DataFrame
        The table `dataset`, which says whose recording a row is.

    Returns
    -------
    polars.DataFrame
        One row per row of `dataset`: catalog, degraded_id, excerpt_id, recording, codec,
        bitrate_kbps, cutoff_hz, process, what, kind, depth, genre, tier and reference.
    """
    rows = labelled.with_columns(
        codec=pl.when(pl.col("depth") == 0)
        .then(pl.lit("reference"))
        .otherwise(pl.col("last_name")),
        bitrate_kbps=pl.col("last_bitrate_kbps"),
        cutoff_hz=pl.col("last_cutoff_hz"),
        label=pl.col("quality") * POINTS,
    )
    brightness = reference_brightness(rows)  # of all rows: the draw may lack the low-passes
    rows = (
        rows.join(dataset, on=KEYS, how="semi")
        .join(brightness, on=["catalog", "excerpt_id"], how="left")
        .with_columns(
            pl.col("reference").fill_null(""),
            what=pl.struct(pl.all()).map_elements(_what, return_dtype=pl.String),
        )
    )
    columns = (
        *KEYS, "excerpt_id", "codec", "bitrate_kbps", "cutoff_hz", "process", "what", "kind",
        "depth", "genre", "tier", "reference",
    )  # fmt: skip
    return dataset.select(*KEYS, "recording").join(rows.select(columns), on=KEYS, how="inner")


def predict_baselines(labels: pl.DataFrame, test: pl.DataFrame) -> dict[str, np.ndarray]:
    """Fit the baselines on what networks may see, and predict the test rows.

    Parameters
    ----------
    labels : polars.DataFrame
        All parts: part, uniform, label, upper_edge_hz.
    test : polars.DataFrame
        Rows to predict, with upper_edge_hz.

    Returns
    -------
    dict of str to ndarray of float64, shape (test rows,)
        Points, by name of the baseline.
    """
    drawn = labels.filter(pl.col("uniform_draw"))
    train = drawn.filter(pl.col("part") == "train")
    seen = drawn.filter(pl.col("part").is_in(["train", "validation"]))
    edge = test["upper_edge_hz"].to_numpy()
    return {
        "mean": fit_mean(train["label"]).predict(edge),
        "upper_edge": fit_upper_edge(seen["upper_edge_hz"], seen["label"]).predict(edge),
    }


def predict_networks(
    context: Context, runs: Sequence[Mapping[str, Any]], test: pl.DataFrame
) -> dict[str, np.ndarray]:
    """Let each finished network predict the test rows, reading every image once per draw.

    Parameters
    ----------
    context : Context
        Of the joint stages.
    runs : sequence of mapping
        Rows of `runs`.
    test : polars.DataFrame
        Rows to predict: catalog, degraded_id, uniform_draw and natural_mix.

    Returns
    -------
    dict of str to ndarray of float64, shape (test rows,)
        Points, by name of the network.
    """
    from musqa_pipeline.models.predict import load_model, predict
    from musqa_pipeline.spectrograms.loader import iter_rows
    from musqa_pipeline.spectrograms.row_shards import shard_files
    from musqa_pipeline.spectrograms.shards import ImageShards

    networks = {
        run["model"]: load_model(context.lake.root / run["folder"])
        for run in runs
        if run["finished"]
    }
    if not networks:
        return {}
    found: dict[str, dict[tuple[str, str], float]] = {name: {} for name in networks}
    seen: set[tuple[str, str]] = set()
    for draw in DRAWS:
        if not test[draw].any():
            continue
        shards = ImageShards(shard_files(context), "test", draw, memory_limit_bytes=0)
        for batch in iter_rows(shards, _BATCH_ROWS):
            keys = list(zip(batch.catalogs, batch.degraded_ids, strict=True))
            new = [i for i, key in enumerate(keys) if key not in seen]
            if not new:
                continue
            for name, network in networks.items():
                quality = predict(network, [batch.images[new]])
                values = (quality.astype(np.float64) * POINTS).tolist()
                found[name].update(zip((keys[i] for i in new), values, strict=True))
            seen.update(keys)
    return {
        name: np.array([values[key] for key in test.select(KEYS).rows()])
        for name, values in found.items()
    }


def _what(row: Mapping[str, Any]) -> str:
    if row["depth"] == 0:
        return "untouched reference"
    ends = ("first", "last") if row["depth"] > 1 else ("last",)
    return " → ".join(
        process_words(row[f"{e}_name"], row[f"{e}_bitrate_kbps"], row[f"{e}_cutoff_hz"])
        for e in ends
    )

"""From the lake to what can be looked at and listened to: worst predictions, and twins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.audio.features.mel import mel_image
from musqa_pipeline.learning.baselines.registry import BASELINES
from musqa_pipeline.stages.degradations.sources import read_bitstreams, units_by_excerpt
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.examples import (
    Example,
    Twin,
    TwinSide,
    picture_png,
    player_mp3,
    worst_of_each,
)
from musqa_pipeline.stages.excerpts.references import read_reference

LISTENING_BASELINE = "boosted"
"""The baseline whose worst predictions are shown beside those of networks."""


def worst_examples(context: Context, predictions: pl.DataFrame, protocol: str) -> list[Example]:
    """Make pictures and players of the worst predictions of each network and of boosting."""
    told = predictions.filter(protocol=protocol, variant="")
    first = told.filter(pl.col("repetition") == pl.col("repetition").min().over("model"))
    drawn = first.filter("uniform_draw") if first["uniform_draw"].any() else first
    models = drawn["model"].unique(maintain_order=True).to_list()
    networks = [model for model in models if model not in BASELINES]
    if not networks:
        return []
    shown = [*networks, *(m for m in models if m == LISTENING_BASELINE)]
    return made_examples(context, worst_of_each(drawn, shown, context.preset.evaluation.n_worst))


def made_examples(context: Context, rows: list[dict[str, Any]]) -> list[Example]:
    """Make pictures and players of some rows and of their references."""
    streams = _bitstreams(context, rows)
    examples = []
    for row in rows:
        degraded = degraded_audio([streams[row["catalog"], row["degraded_id"]]])[0]
        reference = read_reference(context, row["excerpt_id"], row["catalog"])
        pictures = [
            picture_png(mel_image(samples, context.preset.spectrograms).image)
            for samples in (degraded, reference)
        ]
        examples.append(
            Example(
                recording=row["recording"],
                what=row["what"],
                label=row["label"],
                said=row["said"],
                worst_of=row["worst_of"],
                dark=row["reference"] == "dark",
                degraded_picture=pictures[0],
                reference_picture=pictures[1],
                degraded_player=player_mp3(degraded),
                reference_player=player_mp3(reference),
            )
        )
    return examples


def twin_examples(
    context: Context, pairs: Sequence[Mapping[str, Any]], predictions: pl.DataFrame, model: str
) -> list[Twin]:
    """Make pictures and players of pairs that sound alike."""
    sides = [dict(pair[side]) for pair in pairs for side in ("dark", "lowpassed")]
    streams = _bitstreams(context, sides)
    said = {
        (row["catalog"], row["degraded_id"]): row["predicted"]
        for row in predictions.filter(model=model)
        .unique(["catalog", "degraded_id"], keep="first", maintain_order=True)
        .select("catalog", "degraded_id", "predicted")
        .iter_rows(named=True)
    }
    made = []
    for side in sides:
        key = side["catalog"], side["degraded_id"]
        samples = degraded_audio([streams[key]])[0]
        made.append(
            TwinSide(
                recording=side["recording"],
                what=side["what"],
                label=side["label"],
                said=said.get(key),
                picture=picture_png(mel_image(samples, context.preset.spectrograms).image),
                player=player_mp3(samples),
            )
        )
    return [
        Twin(dark=made[2 * i], lowpassed=made[2 * i + 1], nearer_share=pair["nearer_share"])
        for i, pair in enumerate(pairs)
    ]


def _bitstreams(
    context: Context, rows: Sequence[dict[str, Any]]
) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Read the bitstreams of some rows, by catalog and id."""
    for catalog in {row["catalog"] for row in rows}:
        units = units_by_excerpt(context, catalog)
        for row in rows:
            if row["catalog"] == catalog:
                row["units"] = units.get(row["excerpt_id"], ())
    return dict(read_bitstreams(context, rows))

"""Whether scores of unmet recordings make sense: steps in cut-off and bitrate, copies, originals.

Listeners stand beside the low-passes: mean MUSHRA points of four music items in ODAQ [1]_, whose
anchors are low-passed at 3.5 to 15 kHz.

References
----------
.. [1] M. Torcoli et al., "ODAQ: Open Dataset of Audio Quality", ICASSP 2024, arXiv:2401.00197.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import polars as pl

from musqa_pipeline.release.model.accuracy import (
    FULL_BAND_TIERS,
    UNMET,
    mean_interval,
    voted_share,
)
from musqa_pipeline.release.model.singles import (
    SHORT_S,
    Predict,
    curve,
    largest_fall,
    score_lowpasses,
    score_singles,
)
from musqa_pipeline.stages.degradations.words import CODEC_NAMES
from musqa_pipeline.stages.engine.context import Context

ODAQ_MUSHRA = {
    3_500.0: 18.0, 5_000.0: 25.0, 7_000.0: 36.0, 9_000.0: 47.0, 10_500.0: 59.0, 12_000.0: 80.0,
    15_000.0: 97.0, 24_000.0: 98.0,
}  # fmt: skip
"""Mean points by cut-off in hertz; the last is the hidden reference."""
MOST = 0.95
"""Share of the excerpts that move by no more than is said."""
MARGIN_MOS = 0.1
"""A copy that scores so far above its original is an error that one can see."""


def make_sense(
    context: Context, predict: Predict, said: pl.DataFrame, labelled: pl.DataFrame
) -> dict[str, Any]:
    """Score ladders of recordings that the model never met."""
    unmet = said.filter(pl.col("asked").is_in(UNMET)).select(
        "catalog", "excerpt_id", "split_group", "tier"
    )
    # One of each group: more of the same recording would say little more.
    excerpts = unmet.sort("catalog", "excerpt_id").unique("split_group", maintain_order=True)
    full = excerpts.filter(pl.col("tier").is_in(FULL_BAND_TIERS))
    singles = score_singles(context, predict, labelled, excerpts.drop("tier"))
    lowpasses = score_lowpasses(
        context, predict, labelled, (full if full.height else excerpts).drop("tier")
    )
    points = [
        {**point, "mushra": ODAQ_MUSHRA.get(point["cutoff_hz"])}
        for point in curve(lowpasses, "cutoff_hz")
    ]
    return {
        "lowpass": points,
        "lowpass_fall_mos": largest_fall(points, "predicted_mos"),
        "steepest_mos_per_khz": {
            key: steepest(points, key) for key in ("predicted_mos", "label_mos")
        },
        "excess_mos": largest_excess(points),
        "excess": excess_steps(lowpasses),
        "codecs": (codecs := codec_curves(singles)),
        "codec_fall_mos": {
            codec: largest_fall(found, "predicted_mos") for codec, found in codecs.items()
        },
        "above_original": above_original(singles),
        "short": shortened(singles),
    }


def codec_curves(singles: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Return scores and labels by bitrate, for each codec; from `score_singles`."""
    coded = singles.filter(pl.col("bitrate_kbps").is_not_null())
    return {
        CODEC_NAMES.get(codec, codec): curve(coded.filter(codec=codec), "bitrate_kbps")
        for codec in sorted(coded["codec"].unique())
    }


def steepest(points: list[dict[str, Any]], key: str) -> float:
    """Return the steepest rise of a curve over cut-off, in MOS per kHz; 0 of fewer than two."""
    slopes = (
        (b[key] - a[key]) / (b["cutoff_hz"] - a["cutoff_hz"]) * 1_000
        for a, b in itertools.pairwise(points)
    )
    return max(slopes, default=0.0)


def largest_excess(points: list[dict[str, Any]]) -> float:
    """Return by how much more than the label the score falls from a point to the one before it."""
    found = (
        (b["predicted_mos"] - a["predicted_mos"]) - (b["label_mos"] - a["label_mos"])
        for a, b in itertools.pairwise(points)
    )
    return max(0.0, max(found, default=0.0))


def excess_steps(lowpasses: pl.DataFrame) -> list[dict[str, Any]]:
    """Measure by how much more than the label the score falls from each cut-off to the next."""
    gap = pl.col("predicted_mos") - pl.col("label_mos")
    each = lowpasses.group_by("split_group", "cutoff_hz").agg(gap=gap.mean())
    table = each.pivot("cutoff_hz", index="split_group", values="gap").sort("split_group")
    edges_hz = sorted(each["cutoff_hz"].unique())
    gaps = table.select(str(edge_hz) for edge_hz in edges_hz).to_numpy()
    steps = np.diff(gaps, axis=1)
    rows = []
    for number, (low_hz, high_hz) in enumerate(itertools.pairwise(edges_hz)):
        low, high = mean_interval(steps[:, number], "excess")
        excess = float(steps[:, number].mean())
        rows.append(
            {"from_hz": high_hz, "to_hz": low_hz, "excess_mos": excess, "low": low, "high": high}
        )
    return rows


def above_original(singles: pl.DataFrame) -> dict[str, Any]:
    """Count copies whose score is more than `MARGIN_MOS` above that of their original."""
    key = ["catalog", "excerpt_id"]
    originals = singles.filter("is_reference").select(*key, original="predicted_mos")
    copies = singles.filter(~pl.col("is_reference")).join(originals, on=key)
    if copies.is_empty():
        return {"share": None, "low": None, "high": None, "n_recordings": 0, "n_rows": 0}
    above = (copies["predicted_mos"] - copies["original"]).to_numpy() > MARGIN_MOS
    return voted_share(above, copies["split_group"].to_numpy().astype(str), "above original")


def shortened(singles: pl.DataFrame) -> list[dict[str, Any]]:
    """Say by how many points scores move when an excerpt is cut short, for each length."""
    moved = 25 * np.abs(
        singles["short_mos"].to_numpy() - singles["predicted_mos"].to_numpy()[:, None]
    )
    return [
        {
            "length_s": length_s,
            "mean_points": float(points.mean()),
            "most_points": float(np.quantile(points, MOST)),
            "n_rows": len(points),
        }
        for length_s, points in zip(SHORT_S, moved.T, strict=True)
        if len(points)
    ]

"""Dark references: music that ends so low that a low-pass takes nothing from it.

Without the reference such music looks low-passed, so its predictions err most, and how many of
it a test set holds moves every score. It is therefore reported apart. ViSQOL itself says which
they are: a reference is dark if its version under a low-pass keeps a high label.
"""

from __future__ import annotations

from typing import Any

import polars as pl

DARK_CUTOFF_HZ = 5_000.0
"""Low-passes up to this cut-off tell: they cost full-band music more than half of the scale."""
DARK_LABEL = 75.0
"""Points (MOS-LQO 4.0) that a dark reference keeps under them."""
TIE_POINTS = 2.0
"""Two labels that differ by less are a tie: nothing that can be heard orders them."""


def reference_brightness(singles: pl.DataFrame) -> pl.DataFrame:
    """Tell dark references from full-band ones."""
    return (
        singles.filter((pl.col("kind") == "single") & (pl.col("cutoff_hz") <= DARK_CUTOFF_HZ))
        .sort("catalog", "excerpt_id", "cutoff_hz")
        .unique(["catalog", "excerpt_id"], keep="first", maintain_order=True)
        .select(
            "catalog",
            "excerpt_id",
            reference=pl.when(pl.col("label") >= DARK_LABEL)
            .then(pl.lit("dark"))
            .otherwise(pl.lit("full band")),
        )
    )


def lowpass_order(rows: pl.DataFrame) -> dict[str, Any]:
    """Count whether a model orders the low-passes of each reference as their labels do."""
    keys = ["catalog", "excerpt_id"]
    lowpassed = rows.filter((pl.col("depth") == 1) & pl.col("cutoff_hz").is_not_null()).unique(
        [*keys, "degraded_id"], maintain_order=True
    )
    pairs = lowpassed.join(lowpassed, on=keys, suffix="_wider").filter(
        pl.col("cutoff_hz_wider") > pl.col("cutoff_hz")
    )
    by_label = pairs["label_wider"] - pairs["label"]
    agrees = (pairs["predicted_wider"] - pairs["predicted"]) * by_label > 0
    tie = by_label.abs() < TIE_POINTS
    return {
        "right": int((~tie & agrees).sum()),
        "wrong": int((~tie & ~agrees).sum()),
        "ties": int(tie.sum()),
        "dark_ties": int((tie & (pairs["reference"] == "dark")).sum()),
    }

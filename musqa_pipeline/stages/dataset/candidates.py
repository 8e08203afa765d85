"""Which labelled rows may be drawn, and why the others may not.

The rules are applied one after the other, and each counts what it takes out:

1. in the pool (`in_pool` of the plan);
2. one catalog a song: of tracks with equal samples in several catalogs the first catalog's rows
   stay;
3. under ``flagged_tracks = "below"``, rows of flagged tracks only where the label lies clearly
   below what the track itself would get: whatever a lossy original lacks, the label does not know;
4. rows of carriers with no fault that the metric does not hear (`labels.heard`);
5. one of identical rows: of rows of a reference with equal samples the least processed stays
   (AAC clamps its rate, so that 320, 512 and 700 kbit/s give the same bytes).
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import polars as pl

from musqa_pipeline.audio.metrics.ceiling import own_mos
from musqa_pipeline.stages.degradations.table import OF_CARRIERS
from musqa_pipeline.stages.labels.heard import faults_of, judge_ladders


@dataclass(frozen=True)
class Candidates:
    """Rows that may be drawn, and those whose labels are not trusted."""

    rows: pl.DataFrame
    untrusted: pl.DataFrame
    """Rows that rules 3 and 4 take out; the natural mix holds them too, marked, and none trains."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Rows taken out, by rule: ``not in the pool``, ``same song in another catalog``,
    ``flagged track near its own quality``, ``a fault that the metric does not hear``, ``identical
    to another row``."""


def find_candidates(rows: pl.DataFrame, *, below_margin_mos: float | None = None) -> Candidates:
    """Apply the rules to labelled rows."""
    left_out: dict[str, int] = {}
    unheard = {name for name, one in judge_ladders(rows).items() if not one.heard}

    def keep(frame: pl.DataFrame, condition: pl.Expr, otherwise: str) -> pl.DataFrame:
        kept = frame.filter(condition)
        left_out[otherwise] = frame.height - kept.height
        return kept

    rows = keep(rows, pl.col("in_pool"), "not in the pool")
    first_catalog = pl.col("catalog").min().over("pcm_hash")
    rows = keep(rows, pl.col("catalog") == first_catalog, "same song in another catalog")
    if below_margin_mos is not None:
        rows = rows.join(_own_mos_of_flagged(rows), on=["catalog", "track_id"], how="left",
                         maintain_order="left")  # fmt: skip
        clearly_below = pl.col("own_mos").is_null() | (
            pl.col("mos") <= pl.col("own_mos") - below_margin_mos
        )
        untrusted = rows.filter(~clearly_below).drop("own_mos")
        rows = keep(rows, clearly_below, "flagged track near its own quality").drop("own_mos")
    else:
        untrusted = rows.clear()
        left_out["flagged track near its own quality"] = 0
    heard = ~pl.col("degraded_id").is_in(_with_unheard_faults(rows, unheard).implode())
    untrusted = pl.concat([untrusted, rows.filter(~heard)])
    rows = keep(rows, heard, "a fault that the metric does not hear")
    same_samples = ["catalog", "excerpt_id", pl.coalesce("identical_to", "degraded_id")]
    by_process = pl.struct("depth", "first_id", "last_id", "degraded_id").rank("ordinal")
    least_processed = by_process.over(same_samples) == 1
    rows = keep(rows, least_processed, "identical to another row")
    return Candidates(rows, untrusted.filter(least_processed), left_out)


def _with_unheard_faults(rows: pl.DataFrame, unheard: Set[str]) -> pl.Series:
    of_carriers = rows.filter(pl.col("kind").is_in(OF_CARRIERS))
    names = of_carriers.select("degraded_id", "first_params").iter_rows()
    found = [name for name, params in names if unheard & faults_of(params).keys()]
    return pl.Series(found, dtype=pl.String)


def _own_mos_of_flagged(rows: pl.DataFrame) -> pl.DataFrame:
    flagged = rows.filter(pl.col("verdict") == "flagged").unique(["catalog", "track_id"])
    estimates = [
        own_mos(
            row["track_upper_edge_hz"],
            row["flags"],
            bitrate_kbps=row["track_bitrate_kbps"],
            tier=row["tier"],
        )
        for row in flagged.iter_rows(named=True)
    ]
    return flagged.select("catalog", "track_id").with_columns(
        own_mos=pl.Series(estimates, dtype=pl.Float64)
    )

"""What a release must keep: a dull copy is not called good music, and a file scores as its sound.

The error that a user cannot forgive is a plainly damaged song with a high score, and a mean over
all rows hides it: dark music that is called damaged has the opposite error. So gates look at each
by itself, out of fold, and a release that breaks one is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from musqa_pipeline.studies.statistics.metrics import rmse

EDGE_HZ = 5_500.0
"""Low-passes up to here cost full-band music more than half of the scale."""
GOOD_POINTS = 60.0
BIAS_POINTS = 20.0
LOW_POINTS, MIDDLE_POINTS = 30.0, 60.0
"""Darker copies are judged by their own label: at most the first, or up to the second."""
ANCHORS_HZ = (3_500.0, 7_000.0)
"""MUSHRA's (ITU-R BS.1534)."""
ANCHOR_POINTS = 10.0
"""What ViSQOL must see between two anchors for a model to be asked for their order."""
DULL_GOOD = "low-passes up to 5.5 kHz labelled 0 to 60, predicted above 60 points"
DULL_ABOVE = "low-passes up to 5.5 kHz of any label, predicted above 60 points"
DULL_RMSE = "low-passes up to 5.5 kHz, RMSE"
DULL_BIAS = "low-passes up to 5.5 kHz, recordings with a mean bias above +20"
COPIES_GOOD = "darker copies labelled 0 to 30, predicted above 60 points"
COPIES_RMSE = "darker copies labelled 0 to 30, RMSE"
COPIES_MIDDLE_RMSE = "darker copies labelled 30 to 60, RMSE"
ANCHORS = "anchors out of order: 3.5 kHz, 7 kHz, original"
CERTIFICATE = "lines of the certificate that do not hold"
NOT_MUSIC = "sounds that are no music, scored all the same"
SIZE = "size of the model file, MB"
LARGEST = {
    DULL_GOOD: 0.02,
    DULL_ABOVE: None,
    DULL_RMSE: 12.0,
    DULL_BIAS: 0.08,
    COPIES_GOOD: 0.02,
    COPIES_RMSE: None,
    COPIES_MIDDLE_RMSE: None,
    ANCHORS: 0.0,
    CERTIFICATE: 0.0,
    NOT_MUSIC: 0.0,
    SIZE: 20.0,
}
"""Each gate and its limit; those without one are shown.

`DULL_ABOVE` has none because an electric guitar without its amplifier keeps 70 points under a
low-pass of 3.5 kHz: who predicts just that calls no damaged song good.
"""
_SHARES = (DULL_GOOD, DULL_ABOVE, DULL_BIAS, COPIES_GOOD)
_COUNTS = (ANCHORS, CERTIFICATE, NOT_MUSIC)


@dataclass(frozen=True)
class Gate:
    """One thing that is asked of a release."""

    what: str
    """A key of `LARGEST`."""
    found: float | None
    """None where no row could be asked."""
    n_rows: int
    n_recordings: int

    @property
    def limit(self) -> float | None:
        """The largest value that is let through, if the gate has one."""
        return LARGEST[self.what]

    @property
    def holds(self) -> bool:
        """Whether the gate is kept; one that nothing could be asked of is not."""
        return self.limit is None or (self.found is not None and self.found <= self.limit)

    def said(self, value: float | None) -> str:
        """Write a value of this gate."""
        if value is None:
            return "–"
        if self.what in _SHARES:
            return f"{value:.1%}"
        return f"{value:.0f}" if self.what in _COUNTS else f"{value:.1f}"

    def as_row(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {**asdict(self), "limit": self.limit, "holds": self.holds}


def judge(
    said: pl.DataFrame,
    anchors: pl.DataFrame,
    certificate: Iterable[Mapping[str, Any]],
    not_music: Iterable[Mapping[str, Any]],
    size_bytes: int,
) -> list[Gate]:
    """Judge a release.

    `said` is what `judge_rows` takes, `anchors` has a row for each excerpt and cut-off of
    `ANCHORS_HZ` and the original (`singles.score_lowpasses`), `certificate` its lines,
    `not_music` how many sounds of a kind were tried and how many of them the scorer abstains on;
    `size_bytes` is that of the model file.
    """
    lines, sounds = list(certificate), list(not_music)
    n_tried = sum(of["n"] for of in sounds)
    n_scored = float(n_tried - sum(of["n_abstained"] for of in sounds))
    broken = sum(not line["holds"] for line in lines)
    return [
        *judge_rows(said),
        Gate(ANCHORS, *_out_of_order(anchors)),
        Gate(CERTIFICATE, float(broken) if lines else None, len(lines), 0),
        Gate(NOT_MUSIC, n_scored if n_tried else None, n_tried, 0),
        Gate(SIZE, size_bytes / 1e6, 1, 0),
    ]


def judge_rows(said: pl.DataFrame) -> list[Gate]:
    """Judge what was said of degraded excerpts, a row for each (`out_of_fold.calibrate`)."""
    drawn = said.filter(pl.col("trusted").fill_null(value=False))
    cut = (pl.col("depth") == 1) & (pl.col("codec") == "lowpass") & (pl.col("cutoff_hz") <= EDGE_HZ)
    dull = drawn.filter(cut, asked="out_of_fold", reference="full band")
    copies = drawn.filter(asked="copies")
    low = copies.filter(pl.col("label") <= LOW_POINTS)
    middle = copies.filter(pl.col("label").is_between(LOW_POINTS, MIDDLE_POINTS, closed="right"))
    return [
        Gate(DULL_GOOD, *_of(dull.filter(pl.col("label") <= GOOD_POINTS), share_good)),
        Gate(DULL_ABOVE, *_of(dull, share_good)),
        Gate(DULL_RMSE, *_of(dull, rmse_points)),
        Gate(DULL_BIAS, *_of(dull, share_flattered)),
        Gate(COPIES_GOOD, *_of(low, share_good)),
        Gate(COPIES_RMSE, *_of(low, rmse_points)),
        Gate(COPIES_MIDDLE_RMSE, *_of(middle, rmse_points)),
    ]


def share_good(rows: pl.DataFrame) -> float:
    """Return the share of rows predicted above `GOOD_POINTS`."""
    return float((rows["predicted"].to_numpy() > GOOD_POINTS).mean())


def rmse_points(rows: pl.DataFrame) -> float:
    """Return the root mean square error, in points of 100."""
    return float(rmse(rows["label"].to_numpy(), rows["predicted"].to_numpy()) or 0)


def share_flattered(rows: pl.DataFrame) -> float:
    """Return the share of groups of recordings with a mean bias above `BIAS_POINTS`."""
    bias = rows.group_by("split_group").agg(mean=(pl.col("predicted") - pl.col("label")).mean())
    return float((bias["mean"].to_numpy() > BIAS_POINTS).mean())


def broken_gates(gates: Iterable[Gate]) -> str:
    """Say in one line which gates are not kept; nothing if all are."""
    return "; ".join(
        f"{gate.what}: {gate.said(gate.found)}, at most {gate.said(gate.limit)}"
        if gate.found is not None
        else f"{gate.what}: no row to ask"
        for gate in gates
        if not gate.holds
    )


def _of(
    rows: pl.DataFrame, measure: Callable[[pl.DataFrame], float]
) -> tuple[float | None, int, int]:
    n = rows.height
    return (measure(rows) if n else None), n, rows["split_group"].n_unique()


def _out_of_order(anchors: pl.DataFrame) -> tuple[float | None, int, int]:
    """Count excerpts whose anchors are not in order though ViSQOL sees a difference."""
    steps = ["label_mos", "predicted_mos"]
    rises = (
        anchors.sort("cutoff_hz")
        .group_by("catalog", "excerpt_id", "split_group")
        .agg(pl.len(), *(pl.col(name).diff().drop_nulls() for name in steps))
    )
    heard = rises.filter(
        pl.col("len") == len(ANCHORS_HZ) + 1,
        pl.col("label_mos").list.min() * 25 >= ANCHOR_POINTS,
    )
    wrong = (heard["predicted_mos"].list.min() <= 0).sum()
    n = heard.height
    return (float(wrong) if n else None), n, heard["split_group"].n_unique()

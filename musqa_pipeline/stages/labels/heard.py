"""Which faults of carriers the metric of the labels hears, found out by ladders of one fault.

A label may only say what its metric hears: one per cent of flutter ruins a piano, and ViSQOL's MOS
does not move. Of such faults there are severities, as they were made, and no MOS to trust.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from musqa_pipeline.audio.degradations.carriers.chains import FAULTS
from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.stages.degradations.table import DEGRADATIONS, LADDER
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.labels.table import LABELS
from musqa_pipeline.studies.statistics.metrics import spearman

HIGHEST_SPEARMAN = -0.8
LEAST_FALL_MOS = 0.5
FEWEST_LADDERS = 3
"""Fewer decide nothing, and the fault counts as not heard."""


@dataclass(frozen=True)
class Hearing:
    """What a metric says of one fault."""

    n_ladders: int
    """References of which there is a ladder."""
    spearman: float
    """Median over them of the rank correlation of MOS with intensity; 0 where MOS never moves."""
    fall_mos: float
    """Median over them of MOS at the lowest intensity less that at the highest."""

    @property
    def heard(self) -> bool:
        """Whether it falls surely, and by more than a hair."""
        return (
            self.n_ladders >= FEWEST_LADDERS
            and self.spearman <= HIGHEST_SPEARMAN
            and self.fall_mos >= LEAST_FALL_MOS
        )


def faults_of(params: str | None) -> dict[str, float]:
    """Return the faults of a row with their intensities, from its stored parameters."""
    data = json.loads(params) if params else {}
    return {one["fault"]: float(one["intensity"]) for one in data.get("faults", ())}


def judge_ladders(rows: pl.DataFrame) -> dict[str, Hearing]:
    """Judge each fault by the ladders in rows with `excerpt_id, kind, first_params, mos`."""
    ladders: dict[str, dict[str, list[tuple[float, float]]]] = {name: {} for name in FAULTS}
    found = rows.filter(pl.col("kind") == LADDER)
    for excerpt_id, params, mos in found.select("excerpt_id", "first_params", "mos").iter_rows():
        ((fault, intensity),) = faults_of(params).items()
        ladders[fault].setdefault(excerpt_id, []).append((intensity, mos))
    return {name: _judge(of.values()) for name, of in ladders.items()}


def _judge(ladders: Iterable[list[tuple[float, float]]]) -> Hearing:
    steps = [np.array(sorted(ladder)).T for ladder in ladders]
    if not steps:
        return Hearing(0, 0.0, 0.0)
    ranks = [spearman(intensity, mos) or 0.0 for intensity, mos in steps]
    falls = [mos[0] - mos[-1] for _, mos in steps]
    return Hearing(len(steps), float(np.median(ranks)), float(np.median(falls)))


def check_heard(context: Context) -> CheckResult:
    """Check that ladders decide of every fault whether the metric of the labels hears it."""
    if not context.preset.degradations.n_carrier:
        return CheckResult(True, "no fault of a carrier is asked for", {"n_faults": 0})
    found = judge_ladders(_read_rows(context))
    numbers: dict[str, float | int | str] = {
        "n_undecided": sum(one.n_ladders < FEWEST_LADDERS for one in found.values()),
        "n_heard": sum(one.heard for one in found.values()),
    }
    for name, one in found.items():
        numbers[name] = (
            f"{'heard' if one.heard else 'not heard'}: rho {one.spearman:.2f}, "
            f"falls by {one.fall_mos:.2f} MOS, {one.n_ladders} ladders"
        )
    return CheckResult(
        passed=numbers["n_undecided"] == 0,
        claim=f"{FEWEST_LADDERS} references or more say of every fault whether it is heard",
        numbers=numbers,
    )


def _read_rows(context: Context) -> pl.DataFrame:
    lake = context.lake
    labels = lake.scan(context.partition("labels"), LABELS.schema, columns=["degraded_id", "mos"])
    columns = ["degraded_id", "excerpt_id", "kind", "first_params"]
    plan = lake.scan(context.partition("degradations"), DEGRADATIONS.schema, columns=columns)
    return pl.DataFrame(plan).join(pl.DataFrame(labels), on="degraded_id", how="inner")

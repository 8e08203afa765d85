"""The stage `gains`: one unit, a row for each fault of each chain of a carrier, and one for all.

Chains and what they would be without a fault are rows of `degradations`, labelled like all others;
here they meet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from musqa_pipeline.audio.degradations.carriers.chains import LASTING, Chain
from musqa_pipeline.stages.dataset.inputs import read_labelled_rows
from musqa_pipeline.stages.dataset.report import read_splits, require_splits
from musqa_pipeline.stages.degradations.carrier_rows import (
    RESTORED,
    counterfactual_of,
    counterfactuals,
)
from musqa_pipeline.stages.degradations.plan import REFERENCE_PROCESS
from musqa_pipeline.stages.degradations.table import CARRIER, COUNTERFACTUAL
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.gains.table import GAINS
from musqa_pipeline.stages.labels.heard import Hearing, judge_ladders

EVERY_FAULT = "all"
GAINS_UNIT = "gains"


def list_units(context: Context) -> list[Unit]:
    """List the one unit, while the preset asks for chains.

    Raises StageError if there are no splits yet.
    """
    if not context.preset.degradations.n_carrier:
        return []
    require_splits(context, "gains")
    return [Unit(GAINS_UNIT, "gains of restorations")]


def make_unit(context: Context, unit: Unit) -> pa.Table:
    """Compare each chain with what it would be without each fault."""
    rows = read_labelled_rows(context)
    splits = read_splits(context).select("catalog", "track_id", "part")
    rows = rows.join(splits, on=["catalog", "track_id"], how="inner", maintain_order="left")
    return GAINS.from_rows(compare_chains(rows, judge_ladders(rows)))


def compare_chains(rows: pl.DataFrame, hearing: Mapping[str, Hearing]) -> list[dict[str, Any]]:
    """Compare the chains among labelled rows with their counterfactuals, and with the reference."""
    kept = rows.filter(
        pl.col("kind").is_in([CARRIER, COUNTERFACTUAL]) | (pl.col("process") == REFERENCE_PROCESS)
    )
    mos_of = {
        (catalog, degraded_id): mos
        for catalog, degraded_id, mos in kept.select("catalog", "degraded_id", "mos").iter_rows()
    }
    found = []
    for row in kept.filter(pl.col("kind") == CARRIER).iter_rows(named=True):
        chain = Chain.of(json.loads(row["first_params"]))
        made = counterfactuals(chain)
        about = {name: row[name] for name in ("catalog", "degraded_id", "excerpt_id", "part")}
        about |= {"carrier": chain.carrier, "n_removable": len(chain.removable), "mos": row["mos"]}
        for fault, intensity, left_out, meant in _left_out(chain):
            heard = all(hearing[name].heard for name in meant)
            without_id = (
                counterfactual_of(row["degraded_id"], left_out)
                if left_out in made
                else f"{row['excerpt_id']}-{REFERENCE_PROCESS}"
            )
            without_mos = mos_of[row["catalog"], without_id]
            found.append(
                about
                | {
                    "fault": fault,
                    "intensity": intensity,
                    "removable": fault not in LASTING,
                    "heard": heard,
                    "without_id": without_id,
                    "without_mos": without_mos,
                    "gain_mos": without_mos - row["mos"] if heard else None,
                }
            )
    return found


def _left_out(chain: Chain) -> Iterator[tuple[str, float | None, str, tuple[str, ...]]]:
    """Name each fault, its intensity, key in `counterfactuals`, and the faults that are meant."""
    for name, params in chain.faults:
        yield name, params.intensity, name, (name,)
    several = chain.removable
    if several:
        yield EVERY_FAULT, None, RESTORED if len(several) > 1 else several[0], several


GAINS_MAKER = Maker(
    version=1,
    tools=(),
    units=list_units,
    make=make_unit,
    inline=True,
)

"""The stage `gains`: one unit, a row for each fault of each chain of a carrier, and one for all.

Chains and what they would be without a fault are rows of `degradations`, labelled like all others;
here they meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from musqa_pipeline.audio.degradations.carriers.chains import LASTING
from musqa_pipeline.stages.dataset.inputs import read_labelled_rows
from musqa_pipeline.stages.dataset.report import read_splits, require_splits
from musqa_pipeline.stages.degradations.carrier_rows import RESTORED
from musqa_pipeline.stages.degradations.plan import REFERENCE_PROCESS
from musqa_pipeline.stages.degradations.table import CARRIER, COUNTERFACTUAL
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.gains.table import GAINS
from musqa_pipeline.stages.labels.heard import Hearing, faults_of, judge_ladders

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
    """Compare the chains among labelled rows; those without a labelled reference are left out."""
    kept = rows.filter(
        pl.col("kind").is_in([CARRIER, COUNTERFACTUAL]) | (pl.col("process") == REFERENCE_PROCESS)
    )
    mos_of = {
        (catalog, degraded_id): mos
        for catalog, degraded_id, mos in kept.select("catalog", "degraded_id", "mos").iter_rows()
    }
    found = []
    for chain in kept.filter(pl.col("kind") == CARRIER).iter_rows(named=True):
        for fault, intensity, without_id in _left_out(chain):
            faults = faults_of(chain["first_params"])
            meant = [fault] if fault != EVERY_FAULT else _removable(faults)
            heard = all(hearing[name].heard for name in meant)
            without_mos = mos_of[chain["catalog"], without_id]
            found.append(
                {name: chain[name] for name in ("catalog", "degraded_id", "excerpt_id", "part")}
                | {
                    "carrier": chain["first_name"],
                    "fault": fault,
                    "intensity": intensity,
                    "n_removable": len(_removable(faults)),
                    "removable": fault not in LASTING,
                    "heard": heard,
                    "mos": chain["mos"],
                    "without_id": without_id,
                    "without_mos": without_mos,
                    "gain_mos": without_mos - chain["mos"] if heard else None,
                }
            )
    return found


def _left_out(chain: Mapping[str, Any]) -> Iterator[tuple[str, float | None, str]]:
    """Name what is left out, its intensity, and the row without it."""
    faults = faults_of(chain["first_params"])
    reference = f"{chain['excerpt_id']}-{REFERENCE_PROCESS}"

    def row(left_out: str, n_left: int) -> str:
        return f"{chain['degraded_id']}-{left_out}" if n_left else reference

    for name, intensity in faults.items():
        yield name, intensity, row(name, len(faults) - 1)
    removable = _removable(faults)
    if removable:
        restored = RESTORED if len(removable) > 1 else removable[0]
        yield EVERY_FAULT, None, row(restored, len(faults) - len(removable))


def _removable(faults: Mapping[str, float]) -> list[str]:
    return [name for name in faults if name not in LASTING]


GAINS_MAKER = Maker(
    version=1,
    tools=(),
    units=list_units,
    make=make_unit,
    inline=True,
)

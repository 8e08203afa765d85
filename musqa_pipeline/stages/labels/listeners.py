"""What listeners said, as labels: the ratings that catalogs bring along (paper 004, section 2).

A label is of a track as it is: the row of its excerpt on which nothing was done.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.fingerprints import SHORT, digest
from musqa_pipeline.core.settings.per_catalog import LISTENERS
from musqa_pipeline.stages.degradations.plan import REFERENCE_PROCESS
from musqa_pipeline.stages.degradations.unit_names import excerpt_id_of
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Unit
from musqa_pipeline.stages.excerpts.table import EXCERPTS
from musqa_pipeline.stages.labels.table import LABELS, quality_of
from musqa_pipeline.stages.tracks.duplicates import read_tracks

LEAST_MOS, LARGEST_MOS = 1.0, 5.0
"""The scale of labels."""


def list_rated(context: Context, degraded_units: Sequence[str]) -> list[Unit]:
    """List one unit for each rated excerpt; its name says the rating, so that a new one counts.

    Raises StageError if no track of the catalog is rated, unless bodies are to learn from it
    without ratings, or if a rating is off the scale.
    """
    low, high = context.preset.labels.scale
    rated = {}
    for track in read_tracks(context).select(["track_id", "file", "mos"]).to_pylist():
        mos = track["mos"]
        if mos is not None and not low <= mos <= high:
            raise StageError(
                f"labels: mos={mos:g} of {track['file']} in catalog {context.catalog}: expected "
                f"{low:g} to {high:g}; correct it, or [labels] scale"
            )
        if mos is not None:
            rated[track["track_id"]] = LEAST_MOS + (LARGEST_MOS - LEAST_MOS) * (mos - low) / (
                high - low
            )
    only_heard = getattr(context.preset.further.get("pretraining"), "catalogs", ())
    if degraded_units and not rated and context.catalog not in only_heard:
        raise StageError(
            f"labels: no track of catalog {context.catalog} is rated; give its tracks.csv the "
            'column mos, take it out of the preset, or set [labels] metric = "visqol"'
        )
    cut = context.lake.scan(
        context.partition("excerpts"), EXCERPTS.schema, columns=["excerpt_id", "track_id"]
    )
    track_of = dict(zip(*(cut[name].to_pylist() for name in cut.column_names), strict=True))
    units = []
    for unit_id in degraded_units:
        excerpt_id = excerpt_id_of(unit_id)
        mos = rated.get(track_of.get(excerpt_id))
        if mos is not None:
            name = f"{unit_id}m{digest(mos)[:SHORT]}"
            units.append(Unit(name, excerpt_id, {"excerpt_id": excerpt_id, "mos": mos}))
    return units


def rated_row(unit: Unit) -> pa.Table:
    """Make the label of one excerpt."""
    excerpt_id, mos = unit.plan["excerpt_id"], unit.plan["mos"]
    row = {
        "degraded_id": f"{excerpt_id}-{REFERENCE_PROCESS}",
        "excerpt_id": excerpt_id,
        "metric": LISTENERS,
        "mos": mos,
        "quality": quality_of(mos),
        "vnsim": None,
        "fvnsim": None,
        "lag_samples": None,
    }
    return LABELS.from_rows([row])

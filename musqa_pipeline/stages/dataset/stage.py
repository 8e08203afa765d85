"""The stages `splits` and `dataset`: one unit each, over all catalogs that the preset sees."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.stages.dataset.balance import draw_dataset
from musqa_pipeline.stages.dataset.groups import SplitTrack
from musqa_pipeline.stages.dataset.inputs import read_seen_tracks
from musqa_pipeline.stages.dataset.report import read_candidates, read_splits
from musqa_pipeline.stages.dataset.splits import split_tracks
from musqa_pipeline.stages.dataset.table import DATASET, SPLITS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit

REPETITION = 0
DATASET_UNIT = "dataset"


def list_splits(context: Context) -> list[Unit]:
    """List the one unit of `splits`, named after the protocol."""
    protocol = context.preset.dataset.protocol
    return [Unit(protocol, f"split {protocol}")]


def make_splits(context: Context, unit: Unit) -> pa.Table:
    """Give each track of the chosen catalogs its group and part."""
    settings = context.preset.dataset
    tracks = split_tracks_of(read_seen_tracks(context))
    assignments = split_tracks(
        tracks,
        protocol=settings.protocol,
        test_fraction=settings.test_fraction,
        validation_fraction=settings.validation_fraction,
        repetition=REPETITION,
    )
    return SPLITS.from_rows(
        {
            "protocol": unit.unit_id,
            "repetition": REPETITION,
            "catalog": a.track.catalog,
            "track_id": a.track.track_id,
            "recording": a.track.recording,
            "split_group": a.group,
            "part": a.part,
        }
        for a in assignments
    )


def split_tracks_of(tracks: pl.DataFrame) -> list[SplitTrack]:
    """Take from the tracks what the split has to know."""
    names = list(SplitTrack.__dataclass_fields__)
    return [SplitTrack(**row) for row in tracks.select(names).iter_rows(named=True)]


def list_dataset(context: Context) -> list[Unit]:
    """List the one unit of `dataset`."""
    return [Unit(DATASET_UNIT, "the draw")]


def make_dataset(context: Context, unit: Unit) -> pa.Table:
    """Draw the dataset."""
    candidates = read_candidates(context)
    rows = candidates.rows
    # A catalog without candidates is there to be heard without labels.
    drawn_from = rows["catalog"].unique().to_list()
    splits = read_splits(context).filter(pl.col("catalog").is_in(drawn_from))
    without = sorted(set(splits["part"]) - set(rows["part"]))
    if without:
        raise StageError(
            f"dataset: no row may be drawn for {' and '.join(without)}; add music, or let more "
            "rows into the pool (pool_excluded, flagged_tracks, roles in tracks.csv)"
        )
    draw = draw_dataset(rows, context.preset.dataset, untrusted=candidates.untrusted)
    return draw.rows.select(DATASET.schema.names).to_arrow().cast(DATASET.schema)


SPLITS_MAKER = Maker(
    version=1,
    tools=(),
    units=list_splits,
    make=make_splits,
    inline=True,
)

DATASET_MAKER = Maker(
    version=2,
    tools=(),
    units=list_dataset,
    make=make_dataset,
    inline=True,
)

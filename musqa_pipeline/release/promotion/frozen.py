"""The frozen test rows: kept with their bitstreams, whatever becomes of their catalogs.

They lie in sets; a set is written once and further ones join it by an explicit act. A row holds its
label, what names its track, and what rebuilds its samples.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl
import pyarrow as pa

from musqa_pipeline.audio.degradations.rebuild import AUDIO_COLUMNS
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.release.promotion.candidate import keys_of_tracks
from musqa_pipeline.stages.dataset.inputs import read_seen_tracks
from musqa_pipeline.stages.dataset.report import read_dataset
from musqa_pipeline.stages.degradations.sources import (
    add_units,
    in_chunks,
    read_bitstreams,
    units_by_excerpt,
)
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.records import record_partition
from musqa_pipeline.stages.evaluation.predictions import choose_test_rows
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, read_rows
from musqa_pipeline.stages.views.promotions_table import FROZEN

ROWS_PER_FILE = 256
"""Rows of a file of a set: 40 MB of bitstreams."""
DESCRIBED = [c.name for c in FROZEN.columns if c.name not in AUDIO_COLUMNS]
"""All but the audio; a few hundred bytes a row."""


def current_test_rows(context: Context) -> pl.DataFrame:
    """Read the test rows that a preset has now."""
    test = choose_test_rows(read_rows(context))
    if test.is_empty():
        raise StageError(
            "promotion: the dataset has no test rows; give some recordings role=test in "
            'tracks.csv, add recordings, or use [dataset] protocol = "three_way"'
        )
    quality = read_dataset(context).select(*KEYS, "quality")
    keys = keys_of_tracks(context, read_seen_tracks(context))
    test = test.join(quality, on=KEYS, how="inner")
    rows = test.select("catalog", "track_id").iter_rows()
    named = test.with_columns(
        track_keys=pl.Series([keys[row] for row in rows], dtype=pl.List(pl.String))
    )
    hashes = pl.concat(_hashes(context, part) for part in test.partition_by("catalog"))
    found = named.join(hashes, on=KEYS, how="inner").sort(KEYS)
    return found.select([name for name in DESCRIBED if name != "frozen_set"])


def freeze(context: Context, number: int, rows: pl.DataFrame) -> None:
    """Write a set; it counts once a decision names its number."""
    _discard_set(context, number)
    plan = rows.to_dicts()
    add_units(context, plan)
    by_key = {(row["catalog"], row["degraded_id"]): row for row in plan}
    parts = in_chunks(read_bitstreams(context, plan), ROWS_PER_FILE)
    for index, part in enumerate(parts):
        whole = [
            {name: by_key[key][name] for name in DESCRIBED if name != "frozen_set"}
            | {"frozen_set": number}
            | {name: audio[name] for name in AUDIO_COLUMNS}
            for key, audio in part
        ]
        write_rows(context, "frozen", f"{set_name(number)}-{index:04d}", FROZEN.from_rows(whole))


def read_frozen(context: Context, numbers: Iterable[int]) -> pl.DataFrame:
    """Read what is known of the frozen rows, without their audio."""
    units = [unit for number in numbers for unit in units_of_set(context, "frozen", number)]
    partition = record_partition("frozen", context.preset.name)
    table = context.lake.scan(partition, FROZEN.schema, columns=DESCRIBED, units=units)
    return pl.DataFrame(table).with_columns(label=pl.col("quality") * 100.0).sort(KEYS)


def judged_draw(rows: pl.DataFrame) -> str:
    """Name the draw that decides: the uniform one, where it has rows."""
    return "uniform_draw" if rows["uniform_draw"].any() else "natural_mix"


def met_in_training(rows: pl.DataFrame, training_keys: frozenset[str]) -> pl.DataFrame:
    """Choose the frozen rows whose tracks a model has met."""
    met = [not training_keys.isdisjoint(keys) for keys in rows["track_keys"].to_list()]
    return rows.filter(pl.Series(met, dtype=pl.Boolean))


def new_recordings(rows: pl.DataFrame, frozen: pl.DataFrame) -> pl.DataFrame:
    """Choose the rows of recordings that are not frozen, neither by name nor by samples."""
    samples = pl.col("track_keys").list.first()  # the narrowest key is that of the samples
    known = frozen.select(samples)["track_keys"].unique()
    return rows.filter(
        ~samples.is_in(known.implode())
        & ~pl.col("recording").is_in(frozen["recording"].unique().implode())
    )


def set_name(number: int) -> str:
    """Return how a set's units begin."""
    return f"set{number:04d}"


def units_of_set(context: Context, kind: str, number: int, *, of: str = "") -> list[str]:
    """List the files of a set."""
    begins = f"{of}-{set_name(number)}-" if of else f"{set_name(number)}-"
    done = context.lake.done(record_partition(kind, context.preset.name))
    return [unit for unit in done if unit.startswith(begins)]


def _discard_set(context: Context, number: int) -> None:
    """Delete what a kill left of a set that no decision names, with all that was made of it."""
    for kind in ("frozen_scores", "frozen_images", "frozen"):
        partition = record_partition(kind, context.preset.name)
        for unit in context.lake.done(partition):
            if set_name(number) in unit.split("-"):
                context.lake.discard(partition, unit)


def write_rows(context: Context, kind: str, unit: str, table: pa.Table) -> None:
    """Write a file of a set."""
    partition = record_partition(kind, context.preset.name)
    # A row group of a few rows, so that images are read a few at a time.
    context.lake.write(partition, unit, table, row_group_rows=16, compression="none")


def _hashes(context: Context, rows: pl.DataFrame) -> pl.DataFrame:
    """Read which samples the degraded excerpts of a catalog's references are."""
    catalog = rows["catalog"][0]
    units_of = units_by_excerpt(context, catalog)
    units = {unit for excerpt_id in rows["excerpt_id"] for unit in units_of.get(excerpt_id, ())}
    partition, columns = context.partition("degradations", catalog), ["degraded_id", "pcm_hash"]
    table = context.lake.scan(partition, DEGRADATIONS.schema, columns=columns, units=units)
    return pl.DataFrame(table).with_columns(catalog=pl.lit(catalog))

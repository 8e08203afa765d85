"""The columns that every export has, whatever its format."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table
from musqa_pipeline.stages.dataset.table import DATASET
from musqa_pipeline.stages.degradations.table import DEGRADATIONS
from musqa_pipeline.stages.labels.table import LABELS


def _of(table: Table, *names: str) -> tuple[Column, ...]:
    return tuple(column for name in names for column in table.columns if column.name == name)


EXPORTED = Table(
    "metadata",
    "a degraded excerpt with its label",
    (
        Column("key", pa.string(), "<catalog>--<degraded_id>; unique in the export"),
        Column("split", pa.string(), "train, validation or test; no recording is in two of them"),
        Column("mos", pa.float64(), "label: MOS-LQO of the metric, 1 to about 4.73"),
        Column("quality", pa.float64(), "the same label as (mos - 1) / 4"),
        *_of(LABELS, "metric", "vnsim"),
        *_of(DATASET, "catalog", "degraded_id", "excerpt_id", "recording", "split_group"),
        *_of(DATASET, "uniform_draw", "natural_mix", "trusted", "bin"),
        *_of(DEGRADATIONS, "kind", "process", "depth", "first_name", "first_bitrate_kbps"),
        *_of(DEGRADATIONS, "first_cutoff_hz", "last_name", "last_bitrate_kbps", "last_cutoff_hz"),
        *_of(DEGRADATIONS, "first_params", "last_params", "identical_to", "encoder"),
        Column("loudness_lufs", pa.float64(), "loudness of the excerpt, in LUFS"),
        Column("n_over_full_scale", pa.int32(), "samples over full scale; none was cut"),
        *_of(DEGRADATIONS, "pcm_hash"),
        Column(
            "file_gain_db",
            pa.float64(),
            "gain to apply to the samples in the file to have those that were labelled; above 0 "
            "only in integer formats, for rows that pass full scale",
        ),
        Column("reference_key", pa.string(), "<catalog>--<excerpt_id> of the untouched reference"),
        Column("title", pa.string(), "of the recording, or empty"),
        Column("artist", pa.string(), "of the recording, or empty"),
        Column("genre", pa.string(), "of the recording, or empty"),
        Column("terms", pa.string(), "terms of the recording, as its catalog states them"),
    ),
)

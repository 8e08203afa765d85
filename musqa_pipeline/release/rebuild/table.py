"""The table in a recipe: what was done to which reference, and what came out, without audio."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table
from musqa_pipeline.stages.dataset.table import DATASET
from musqa_pipeline.stages.degradations.table import PLAN_COLUMNS

RECIPE = Table(
    "recipe",
    "a degraded excerpt of a published set, as it can be made again",
    (
        *DATASET.columns,
        *(c for c in PLAN_COLUMNS if c.name not in DATASET.schema.names),
        Column("encoder", pa.string(), "program and version that made the bitstream"),
        Column("bitstream_hash", pa.string(), "blake2b of the bitstream"),
        Column("pcm_hash", pa.string(), "blake2b of the final float32 samples"),
        Column("metric", pa.string(), "name and version of the metric that labelled it"),
        Column(
            "reference_hash",
            pa.string(),
            "blake2b of the reference's 16-bit samples, 10 s and tail",
        ),
        Column("reference_start_s", pa.float64(), "where it starts in the track, in seconds"),
        Column("track_file", pa.string(), "the track's path relative to its catalog's folder"),
        Column("track_pcm_hash", pa.string(), "blake2b of the track's samples, rate and channels"),
        Column("track_duration_s", pa.float64(), "decoded length of the track in seconds"),
        Column("track_sample_rate_hz", pa.int32(), "sample rate of the track in hertz"),
        Column("track_channels", pa.int16(), "number of channels of the track"),
        Column("title", pa.string(), "of the track, or empty"),
        Column("artist", pa.string(), "of the track, or empty"),
        Column("licence", pa.string(), "of the track, or empty"),
    ),
)

"""The tables `splits` and `dataset`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

SPLITS = Table(
    "splits",
    "a track with its part under a protocol",
    (
        Column("protocol", pa.string(), "three_way or paper_two_way"),
        Column("repetition", pa.int16(), "number of the repetition, from 0"),
        Column("catalog", pa.string(), "catalog of the track"),
        Column("track_id", pa.string(), "the track"),
        Column("recording", pa.string(), "its recording"),
        Column(
            "split_group",
            pa.string(),
            "connected component over recording, artist and PCM hash; never divided",
        ),
        Column("part", pa.string(), "train, validation or test"),
    ),
)

DATASET = Table(
    "dataset",
    "a chosen excerpt",
    (
        Column("degraded_id", pa.string(), "the degraded excerpt"),
        Column("excerpt_id", pa.string(), "its reference"),
        Column("track_id", pa.string(), "its track"),
        Column("catalog", pa.string(), "its catalog"),
        Column("recording", pa.string(), "its recording"),
        Column("split_group", pa.string(), "its split group"),
        Column("part", pa.string(), "train, validation or test"),
        Column("uniform_draw", pa.bool_(), "drawn so that quality is uniform"),
        Column(
            "natural_mix",
            pa.bool_(),
            "kept as in the pool, for the report (natural_mix_of says whose)",
        ),
        Column(
            "trusted",
            pa.bool_(),
            "false for a flagged track near its own quality, whose label does not know what the "
            "track itself lacks, and for a fault of a carrier that the metric does not hear; only "
            "in the natural mix, never trained on",
        ),
        Column("bin", pa.int16(), "quality bin of the uniform draw, from 0"),
        Column("mos", pa.float64(), "label, MOS-LQO"),
        Column("quality", pa.float64(), "label, (mos - 1) / 4"),
    ),
)

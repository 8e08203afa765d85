"""The table `degradations`: plan and result of each degraded excerpt."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

RANDOM = "random"
"""Kind of the rows whose processes were drawn at random, one or two of them."""

CARRIER, COUNTERFACTUAL, LADDER = "carrier", "counterfactual", "ladder"
"""Kinds of the rows with faults of carriers: a chain, the same without a fault or without all that
could be removed, and one fault alone at an intensity of a ladder."""
OF_CARRIERS = (CARRIER, COUNTERFACTUAL, LADDER)

PLAN_COLUMNS = (
    Column("degraded_id", pa.string(), "<excerpt_id>-<process>; unique within a catalog"),
    Column("excerpt_id", pa.string(), "reference that it was made from"),
    Column(
        "process",
        pa.string(),
        "process ids: 12, a cascade 12_42, 0 for the reference; r7 for the seventh random row, c2 "
        "for the second chain of a carrier, c2-hiss without its hiss, hiss-50 in a ladder",
    ),
    Column(
        "kind",
        pa.string(),
        "reference, single, cascade, random (depth 1 or 2), carrier, counterfactual, or ladder",
    ),
    Column("depth", pa.int8(), "number of processes: 0, 1 or 2"),
    Column(
        "first_id",
        pa.int16(),
        "id of the first process, 0 for the reference; from 100 the class of one drawn at random",
    ),
    Column("first_name", pa.string(), "its name, for example mp3, lowpass, or the carrier"),
    Column(
        "first_bitrate_kbps",
        pa.float64(),
        "its bitrate, null for a filter and for VBR by quality",
        nullable=True,
    ),
    Column(
        "first_cutoff_hz",
        pa.float64(),
        "its cut-off at -3 dB, null for all but a low-pass",
        nullable=True,
    ),
    Column("last_id", pa.int16(), "id of the last process (the first, for a single)"),
    Column("last_name", pa.string(), "its name"),
    Column(
        "last_bitrate_kbps",
        pa.float64(),
        "its bitrate, null for a filter and for VBR by quality",
        nullable=True,
    ),
    Column(
        "last_cutoff_hz",
        pa.float64(),
        "its cut-off at -3 dB, null for all but a low-pass",
        nullable=True,
    ),
    Column("in_pool", pa.bool_(), "whether dataset may draw the row"),
    Column(
        "first_params",
        pa.string(),
        "all parameters of the first process as JSON, null unless it was drawn at random; of a "
        "carrier its faults",
        nullable=True,
    ),
    Column("last_params", pa.string(), "the same of the last process", nullable=True),
)

DEGRADATIONS = Table(
    "degradations",
    "a degraded excerpt: what was done, and the bitstream that did it",
    (
        *PLAN_COLUMNS,
        Column("container", pa.string(), "demuxer of the bitstream: mp3, aac, ogg, or flac"),
        Column("bitstream", pa.binary(), "the last process's output"),
        Column("bitstream_bytes", pa.int32(), "its size in bytes"),
        Column("delay_samples", pa.int32(), "leading samples of the decoded stream to drop"),
        Column(
            "gain_db",
            pa.float64(),
            "gain on the decoded, aligned, cut signal that brings it to the target loudness",
        ),
        Column("loudness_lufs", pa.float64(), "loudness after that gain, in LUFS"),
        Column("n_over_full_scale", pa.int32(), "samples over full scale after the gain; kept"),
        Column("pcm_hash", pa.string(), "blake2b of the final float32 samples"),
        Column(
            "identical_to",
            pa.string(),
            "degraded_id of the first row of this reference with the same samples, else null",
            nullable=True,
        ),
        Column("encoder", pa.string(), "program and version that made the bitstream"),
    ),
)

"""The tables of the promotion of models; `promotions` is a view as well."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table
from musqa_pipeline.stages.spectrograms.table import LABELLED_ROW, image_of_row

PROMOTIONS = Table(
    "promotions",
    "a decision on a trained model, or on the frozen test rows",
    (
        Column("number", pa.int32(), "number of the decision, from 1"),
        Column("decided_utc", pa.timestamp("ms"), "when, in UTC"),
        Column(
            "decision",
            pa.string(),
            "first, promoted, kept (the champion stays), disqualified, or refrozen (test rows)",
        ),
        Column("reason", pa.string(), "why, in a sentence"),
        Column("network", pa.string(), "the network that was judged"),
        Column("weights", pa.string(), "blake2b of its weights"),
        Column(
            "champion",
            pa.int32(),
            "number of the decision that made the champion it was held against; null for the first",
            nullable=True,
        ),
        Column("champion_weights", pa.string(), "its weights, likewise", nullable=True),
        Column("frozen_set", pa.int32(), "number of the frozen set, from 1; sets only grow"),
        Column("draw", pa.string(), "uniform_draw or natural_mix: which frozen rows were judged"),
        Column("n_rows", pa.int32(), "frozen rows that were judged"),
        Column("n_recordings", pa.int32(), "their recordings"),
        Column("rmse_points", pa.float64(), "RMSE of the model on them", nullable=True),
        Column("champion_rmse_points", pa.float64(), "RMSE of the champion", nullable=True),
        Column("difference_points", pa.float64(), "the first less the second", nullable=True),
        Column(
            "upper_points",
            pa.float64(),
            "upper end of the one-sided interval of the difference, over recordings",
            nullable=True,
        ),
        Column("margin_points", pa.float64(), "what it has to lie below"),
        Column("confidence", pa.float64(), "coverage of that interval"),
        Column("n_new_rows", pa.int32(), "test rows of recordings that are not frozen"),
        Column("n_new_recordings", pa.int32(), "their recordings"),
        Column("new_rmse_points", pa.float64(), "RMSE of the model on them", nullable=True),
        Column(
            "new_champion_rmse_points",
            pa.float64(),
            "RMSE of the champion on them; null if it eats other images than are made now",
            nullable=True,
        ),
        Column("n_train_rows", pa.int32(), "rows that the model was trained on"),
        Column("n_train_recordings", pa.int32(), "recordings of its training and validation"),
        Column("catalogs", pa.list_(pa.string()), "catalogs that they came from"),
        Column("dataset", pa.string(), "fingerprint of its dataset"),
        Column("evaluation", pa.string(), "fingerprint of its evaluation"),
        Column("settings", pa.string(), "digest of what else the decision depends on"),
        Column(
            "report", pa.string(), "its report, relative to MUSQA_HOME; empty for a new frozen set"
        ),
        Column("champion_report", pa.string(), "report of the champion it met", nullable=True),
    ),
)

CHAMPIONS = Table(
    "champions",
    "a model that was promoted, whole",
    (
        Column("weights", pa.string(), "blake2b of the weights"),
        Column("network", pa.string(), "the network"),
        Column("file_names", pa.list_(pa.string()), "files of the training's folder"),
        Column("file_bytes", pa.list_(pa.binary()), "what they hold"),
        Column("images_json", pa.string(), "which images the network eats"),
        Column("training_keys", pa.list_(pa.string()), "digests of what names a training track"),
    ),
)

AUDIO_OF_ROW = (
    Column("container", pa.string(), "demuxer of the bitstream"),
    Column("bitstream", pa.binary(), "what rebuilds the degraded excerpt"),
    Column("delay_samples", pa.int32(), "leading samples of the decoded stream to drop"),
    Column("gain_db", pa.float64(), "gain on the decoded signal, in dB"),
)

FROZEN = Table(
    "frozen",
    "a test row that models are held against, whatever becomes of its catalog",
    (
        Column("frozen_set", pa.int32(), "number of the set in which it came"),
        Column("catalog", pa.string(), "its catalog then"),
        Column("degraded_id", pa.string(), "the degraded excerpt"),
        Column("excerpt_id", pa.string(), "its reference"),
        Column("recording", pa.string(), "its recording"),
        Column("what", pa.string(), "what was done to it, in words"),
        Column("track_keys", pa.list_(pa.string()), "digests of what names its track"),
        Column("uniform_draw", pa.bool_(), "part of the uniform draw"),
        Column("natural_mix", pa.bool_(), "part of the natural mix"),
        Column("trusted", pa.bool_(), "false where the label may not count"),
        Column("mos", pa.float64(), "label, MOS-LQO"),
        Column("quality", pa.float64(), "label, (mos - 1) / 4"),
        Column("pcm_hash", pa.string(), "blake2b of the degraded excerpt's float32 samples"),
        *AUDIO_OF_ROW,
    ),
)

FROZEN_IMAGES = Table(
    "frozen_images",
    "a frozen row as a network eats it",
    (
        *LABELLED_ROW,
        *image_of_row(
            has_error=False,
            n_bands="columns of the image",
            image="cells in C order",
            max_db="level of the loudest cell in dB",
            min_db="level of the quietest kept cell in dB",
        ),
    ),
)

FROZEN_SCORES = Table(
    "frozen_scores",
    "what a model says of a frozen row",
    (
        Column("catalog", pa.string(), "catalog of the row"),
        Column("degraded_id", pa.string(), "the degraded excerpt"),
        Column("predicted", pa.float64(), "points of 100"),
    ),
)

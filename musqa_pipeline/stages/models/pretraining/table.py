"""The table `pretraining`, whose view is `pretrainings`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

PRETRAININGS = Table(
    "pretrainings",
    "a pre-training of a body (none unless a network of the preset begins with one)",
    (
        Column("method", pa.string(), "wav2vec2, autoencoder, dcec or degradation_classifier"),
        Column("seed", pa.int64(), "seed of weights, crops and masks, from 0"),
        Column("finished", pa.bool_(), "true: one that max_minutes ended has no row"),
        Column("transductive", pa.bool_(), "whether it may have heard recordings of a test"),
        Column("checkpoints", pa.int64(), "points of its curves"),
        Column("n_tracks", pa.int32(), "tracks that it learned from: as long as a window or crop"),
        Column("n_recordings", pa.int32(), "recordings among them"),
        Column("hours", pa.float64(), "their duration"),
        Column(
            "heard", pa.list_(pa.string()), "catalog/track_id of each track it had, however short"
        ),
        Column("refused", pa.list_(pa.string()), "tracks that it cannot learn from, and why"),
        Column("parameters", pa.int64(), "of what was trained, its head included"),
        Column("settings_json", pa.string(), "the recipe that made it"),
        Column("curves_json", pa.string(), "losses and more, one a checkpoint"),
        Column("device", pa.string(), "cpu, or the name of the GPU"),
        Column("minutes", pa.float64(), "training time, all attempts together"),
        Column("environment_json", pa.string(), "versions of Python and libraries"),
        Column("folder", pa.string(), "where checkpoints and weights lie, below MUSQA_HOME"),
    ),
)

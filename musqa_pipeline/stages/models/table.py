"""The table `runs`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

RUNS = Table(
    "runs",
    "a training run",
    (
        Column("model", pa.string(), "name in the model registry"),
        Column("seed", pa.int64(), "seed of weights, order and dropout"),
        Column("finished", pa.bool_(), "true; false in an older lake, if max_minutes ended it"),
        Column("epochs", pa.int32(), "epochs trained"),
        Column("best_epoch", pa.int32(), "epoch whose weights were kept, from 0"),
        Column(
            "best_validation_loss",
            pa.float64(),
            "its mean square error on quality, or absolute error where that is the loss",
        ),
        Column("parameters", pa.int64(), "trainable parameters"),
        Column("n_train", pa.int32(), "images trained on"),
        Column("n_validation", pa.int32(), "images that stopped it"),
        Column("data_fingerprint", pa.string(), "fingerprint of the spectrograms"),
        Column("settings_json", pa.string(), "the settings of the stage"),
        Column("curves_json", pa.string(), "loss, validation loss and learning rate per epoch"),
        Column("device", pa.string(), "cpu, or the name of the GPU"),
        Column("minutes", pa.float64(), "training time, all attempts together"),
        Column("environment_json", pa.string(), "versions of Python and libraries"),
        Column("folder", pa.string(), "where checkpoint and weights lie, below MUSQA_HOME"),
    ),
)

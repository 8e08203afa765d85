"""The table `gans`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

GANS = Table(
    "gans",
    "a training of a GAN (none unless `[gan] networks` names one)",
    (
        Column("network", pa.string(), "its name in `[gan] networks`"),
        Column("seed", pa.int64(), "seed of weights, segments and noise, from 0"),
        Column("finished", pa.bool_(), "true; false in an older lake, if max_minutes ended it"),
        Column("steps", pa.int64(), "steps of the generator"),
        Column("n_train", pa.int32(), "tracks that it learned from"),
        Column("n_validation", pa.int32(), "tracks whose scores it showed as unmet"),
        Column("refused", pa.list_(pa.string()), "tracks that cannot train, each with its reason"),
        Column("classes", pa.list_(pa.string()), "classes of genres, in the order of its numbers"),
        Column(
            "frechet_untrained",
            pa.float64(),
            "Fréchet distance of real images and those of the generator it began with",
        ),
        Column("frechet_last", pa.float64(), "the same at the last checkpoint"),
        Column("settings_json", pa.string(), "what made it"),
        Column("curves_json", pa.string(), "losses, scores and distances, one a checkpoint"),
        Column("device", pa.string(), "cpu, or the name of the GPU"),
        Column("minutes", pa.float64(), "training time, all attempts together"),
        Column("environment_json", pa.string(), "versions of Python and libraries"),
        Column("folder", pa.string(), "where checkpoints and weights lie, below MUSQA_HOME"),
    ),
)

"""The table `gan_scores`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

GAN_SCORES = Table(
    "gan_scores",
    "what one training of a GAN says of one version of a segment; D of paper 000",
    (
        Column("version_id", pa.string(), "the version, in `segments`"),
        Column("segment_id", pa.string(), "the segment"),
        Column("catalog", pa.string(), "catalog of its track"),
        Column("recording", pa.string(), "its recording"),
        Column("genre", pa.string(), "class of its genre"),
        Column("kind", pa.string(), "original, or the degradation"),
        Column("draw", pa.string(), "original, drawn or ladder"),
        Column("intensity", pa.float64(), "I, 0 to 100; none of an original", nullable=True),
        Column("network", pa.string(), "the GAN, in `[gan] networks`"),
        Column("seed", pa.int64(), "seed of its training"),
        Column("training", pa.string(), "the training, a unit of `gans`"),
        Column("critic", pa.string(), "which discriminators answered: last, average, checkpoints"),
        Column(
            "score", pa.float64(), "score as its own genre, or the mean genre where that is new"
        ),
        Column("mean_genre_score", pa.float64(), "score as the mean genre"),
    ),
)

"""The table `autoencoders`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

AUTOENCODERS = Table(
    "autoencoders",
    "a training of an autoencoder (none unless `[representations] losses` names one)",
    (
        Column("loss", pa.string(), "what it made small: mse, ms_ssim or nlpd"),
        Column("inputs", pa.string(), "what it saw: white or pink noise, or music"),
        Column("seed", pa.int64(), "seed of weights and inputs, from 0"),
        Column("finished", pa.bool_(), "true; false in an older lake, if max_minutes ended it"),
        Column("steps", pa.int64(), "steps of the training"),
        Column("n_music", pa.int32(), "excerpts that it learned from; 0 of noise"),
        Column("n_unmet", pa.int32(), "excerpts of which curves show reconstructions"),
        Column("fixed_bits_a_cell", pa.float64(), "what latents can hold, M log2(L) / 64"),
        Column(
            "settled_step",
            pa.int64(),
            "step after which the loss fell by less than 1 % in 200 steps; none if it did not",
            nullable=True,
        ),
        Column(
            "best_step",
            pa.int64(),
            "step of the highest PSNR on the unmet excerpts, an oracle; none without them",
            nullable=True,
        ),
        Column("settings_json", pa.string(), "what made it"),
        Column("curves_json", pa.string(), "loss and measures of unmet music, one a checkpoint"),
        Column("device", pa.string(), "cpu, or the name of the GPU"),
        Column("minutes", pa.float64(), "training time, all attempts together"),
        Column("environment_json", pa.string(), "versions of Python and libraries"),
        Column("folder", pa.string(), "where checkpoints and weights lie, below MUSQA_HOME"),
    ),
)

"""The table `reconstructions`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

RECONSTRUCTIONS = Table(
    "reconstructions",
    "what an autoencoder made of an excerpt, where its training was stopped in one of these ways",
    (
        Column("excerpt_id", pa.string(), "the excerpt"),
        Column("catalog", pa.string(), "its catalog"),
        Column("recording", pa.string(), "its recording"),
        Column("part", pa.string(), "train, validation or test"),
        Column("training", pa.string(), "the training, a unit of `autoencoders`; none: untrained"),
        Column("loss", pa.string(), "what it made small; untrained: none"),
        Column("inputs", pa.string(), "what it saw; untrained: nothing"),
        Column("seed", pa.int64(), "its seed"),
        Column(
            "stop",
            pa.string(),
            "untrained; equal: after as many steps as the shortest training; last: at its own end; "
            "settled: where its loss had settled; best: where PSNR on unmet music was highest, an "
            "oracle",
        ),
        Column("step", pa.int64(), "after how many steps that was"),
        Column("psnr_db", pa.float64(), "10 log10(1 / MSE) of cells, 1 being 80 dB"),
        Column("ms_ssim", pa.float64(), "MS-SSIM with its usual floor"),
        Column("nlpd", pa.float64(), "NLPD, Laparra's"),
        Column("log_mel_mse", pa.float64(), "mean squared error of cells"),
        Column("used_bits_a_cell", pa.float64(), "first-order entropy of the excerpt's latents"),
        Column(
            "visqol_mos",
            pa.float64(),
            "ViSQOL of the reconstruction's sound; none where it is not asked",
            nullable=True,
        ),
        Column(
            "visqol_untouched_mos",
            pa.float64(),
            "the same of the sound of the excerpt's own image",
            nullable=True,
        ),
    ),
)

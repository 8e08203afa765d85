"""The table `genres`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

GENRES = Table(
    "genres",
    "a classifier of genres on clips of a kind (none unless `[representations] genres` asks)",
    (
        Column("clips", pa.string(), "gtzan, synthesised, or catalogs: excerpts of the preset's"),
        Column("classifier", pa.string(), "neighbours, logistic, or dummy: stratified guesses"),
        Column(
            "of",
            pa.string(),
            "what it knows of clips: distances by mse, ms_ssim or nlpd; latents; components of "
            "squares of 8 x 8 cells; bands, their mean and deviation; nothing",
        ),
        Column("pooling", pa.string(), "flat, pooled over time, or none"),
        Column("training", pa.string(), "a unit of `autoencoders`; none: untrained, or no latents"),
        Column("loss", pa.string(), "what that made small; untrained, or none: no latents"),
        Column("inputs", pa.string(), "what it saw; nothing"),
        Column("seed", pa.int64(), "its seed, 0 where there is none"),
        Column("rounded", pa.bool_(), "whether latents have L values; false: before rounding"),
        Column("n_train", pa.int32(), "clips that train, in the first of several folds"),
        Column("n_validation", pa.int32(), "clips on which k or C is chosen, likewise"),
        Column("n_tested", pa.int32(), "clips that are tested, in all folds"),
        Column("n_rounds", pa.int32(), "1, or folds by recording"),
        Column("f1", pa.float64(), "weighted F1 of all that is tested"),
        Column("low", pa.float64(), "end of its 95 % interval over recordings", nullable=True),
        Column("high", pa.float64(), "the other end", nullable=True),
        Column("chosen", pa.list_(pa.float64()), "k or C of each round"),
        Column("curve", pa.list_(pa.float64()), "weighted F1 on validation for each k or C"),
        Column(
            "hub_skewness",
            pa.float64(),
            "skewness of 10-occurrences of a distance; above 1 there are hubs",
            nullable=True,
        ),
        Column(
            "tied_share",
            pa.float64(),
            "share of pairs whose distance another pair has",
            nullable=True,
        ),
        Column(
            "quantiles_json",
            pa.string(),
            "of a distance, 101 quantiles over all pairs and over those within each genre",
        ),
        Column("genres", pa.list_(pa.string()), "names of the classes"),
        Column("names", pa.list_(pa.string()), "the clips that are tested"),
        Column("recordings", pa.list_(pa.string()), "whose recording each of them is"),
        Column("labels", pa.list_(pa.int32()), "the class of each, from 0"),
        Column("predicted", pa.list_(pa.int32()), "what it was taken for"),
        Column("left_out", pa.list_(pa.string()), "clips that could not be read"),
    ),
)

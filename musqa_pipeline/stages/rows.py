"""The rows of the graph, one a stage.

Whatever lists stages derives from `ROWS`: assets and jobs, views and `docs/tables.md`, the sections
of a preset, `musqa run` and `musqa status`.
"""

from __future__ import annotations

from musqa_pipeline.stages.engine.row import Row

_SHARDS = ("spectrograms", "features", "pairs", "nisqa_mels", "waveforms")
"""What networks eat."""

ROWS = (
    Row(
        name="tracks",
        maker="stages.tracks.stage:TRACKS_MAKER",
        table="stages.tracks.table:TRACKS",
        section="tracks",
    ),
    Row(
        name="excerpts",
        maker="stages.excerpts.stage:EXCERPTS_MAKER",
        table="stages.excerpts.table:EXCERPTS",
        upstream=("tracks",),
        section="excerpts",
    ),
    Row(
        name="degradations",
        maker="stages.degradations.stage:DEGRADATIONS_MAKER",
        table="stages.degradations.table:DEGRADATIONS",
        upstream=("excerpts",),
        section="degradations",
    ),
    Row(
        name="labels",
        maker="stages.labels.stage:LABELS_MAKER",
        table="stages.labels.table:LABELS",
        upstream=("degradations", "excerpts"),
        section="labels",
    ),
    Row(
        name="splits",
        maker="stages.dataset.stage:SPLITS_MAKER",
        table="stages.dataset.table:SPLITS",
        joint=True,
        beside="dataset",
        upstream=("tracks", "excerpts"),
        reads=("labels",),
        section="dataset",
    ),
    Row(
        name="segments",
        maker="stages.segments.stage:SEGMENTS_MAKER",
        table="stages.segments.table:SEGMENTS",
        joint=True,
        beside="dataset",
        upstream=("splits",),
        section="gan",
        settings="stages.segments.settings:GanSettings",
    ),
    Row(
        name="dataset",
        maker="stages.dataset.stage:DATASET_MAKER",
        table="stages.dataset.table:DATASET",
        joint=True,
        upstream=("splits", "labels"),
        section="dataset",
    ),
    Row(
        name="gains",
        maker="stages.gains.stage:GAINS_MAKER",
        table="stages.gains.table:GAINS",
        joint=True,
        beside="dataset",
        upstream=("splits", "labels"),
    ),
    Row(
        name="opinions",
        maker="stages.dataset.second_metric.stage:OPINIONS_MAKER",
        table="stages.dataset.second_metric.table:OPINIONS",
        joint=True,
        beside="dataset",
        upstream=("dataset",),
        reads=("excerpts", "degradations"),
        section="opinions",
    ),
    Row(
        name="spectrograms",
        maker="stages.spectrograms.stage:SPECTROGRAMS_MAKER",
        table="stages.spectrograms.table:SPECTROGRAMS",
        joint=True,
        upstream=("dataset",),
        reads=("degradations",),
        section="spectrograms",
    ),
    Row(
        name="features",
        maker="stages.spectrograms.features.stage:FEATURES_MAKER",
        table="stages.spectrograms.features.table:FEATURES",
        joint=True,
        beside="spectrograms",
        upstream=("dataset",),
        reads=("degradations",),
    ),
    Row(
        name="pairs",
        maker="stages.spectrograms.pairs.pairs:PAIRS_MAKER",
        table="stages.spectrograms.pairs.table:PAIRS",
        joint=True,
        beside="spectrograms",
        upstream=("dataset",),
        reads=("excerpts", "degradations"),
    ),
    Row(
        name="nisqa_mels",
        maker="stages.spectrograms.nisqa.stage:NISQA_MELS_MAKER",
        table="stages.spectrograms.nisqa.table:NISQA_MELS",
        joint=True,
        beside="spectrograms",
        upstream=("dataset",),
        reads=("degradations",),
    ),
    Row(
        name="waveforms",
        maker="stages.spectrograms.waveforms.stage:WAVEFORMS_MAKER",
        table="stages.spectrograms.waveforms.table:WAVEFORMS",
        joint=True,
        beside="spectrograms",
        upstream=("dataset",),
        reads=("degradations",),
    ),
    Row(
        name="pretraining",
        maker="stages.models.pretraining.stage:PRETRAINING_MAKER",
        table="stages.models.pretraining.table:PRETRAININGS",
        joint=True,
        beside="models",
        upstream=("tracks",),  # ids say which tracks: new labels alone train nothing again
        reads=("splits", "features"),
        section="pretraining",
        settings="stages.models.pretraining.settings:PretrainingSettings",
    ),
    Row(
        name="models",
        maker="stages.models.stage:MODELS_MAKER",
        table="stages.models.table:RUNS",
        joint=True,
        upstream=("dataset",),
        reads=(*_SHARDS, "pretraining", "opinions"),
    ),
    Row(
        name="trials",
        maker="stages.models.trials.stage:TRIALS_MAKER",
        table="stages.models.trials.table:TRIALS",
        joint=True,
        beside="models",
        upstream=("dataset",),
        reads=(*_SHARDS, "pretraining", "opinions"),
    ),
    Row(
        name="gans",
        maker="stages.gans.stage:GANS_MAKER",
        table="stages.gans.table:GANS",
        joint=True,
        beside="models",
        upstream=("tracks",),  # likewise
        reads=("splits", "segments"),
    ),
    Row(
        name="gan_scores",
        maker="stages.gan_scores.stage:GAN_SCORES_MAKER",
        table="stages.gan_scores.table:GAN_SCORES",
        joint=True,
        beside="models",
        upstream=("segments",),
        reads=("gans",),
    ),
    Row(
        name="autoencoders",
        maker="stages.autoencoders.stage:AUTOENCODERS_MAKER",
        table="stages.autoencoders.table:AUTOENCODERS",
        joint=True,
        beside="models",
        upstream=("excerpts",),  # likewise
        reads=("splits",),
        section="representations",
        settings="stages.autoencoders.settings:RepresentationsSettings",
    ),
    Row(
        name="reconstructions",
        maker="stages.reconstructions.stage:RECONSTRUCTIONS_MAKER",
        table="stages.reconstructions.table:RECONSTRUCTIONS",
        joint=True,
        beside="models",
        upstream=("splits",),
        reads=("autoencoders",),
    ),
    Row(
        name="genres",
        maker="stages.genres.stage:GENRES_MAKER",
        table="stages.genres.table:GENRES",
        joint=True,
        beside="models",
        upstream=("splits",),
        reads=("autoencoders",),
    ),
    Row(
        name="evaluation",
        maker="stages.evaluation.stage:EVALUATION_MAKER",
        table="stages.evaluation.table:EVALUATIONS",
        joint=True,
        upstream=("models",),
        reads=("opinions", "features", "spectrograms", "trials", "gan_scores"),
        section="evaluation",
    ),
    Row(
        name="release",
        maker="release.model.stage:RELEASE_MAKER",
        table="stages.views.release_table:RELEASE",
        joint=True,
        beside="evaluation",
        upstream=("features",),
        reads=("spectrograms", "trials"),
    ),
)  # each after all that it names
"""The stages, in the order in which they are made."""

CATALOG_STAGES = tuple(row.name for row in ROWS if not row.joint)
"""Made per catalog."""
JOINT_STAGES = tuple(row.name for row in ROWS if row.joint)
"""Made over all catalogs that the preset sees."""
STAGE_NAMES = (*CATALOG_STAGES, *JOINT_STAGES)
MAIN_STAGES = tuple(row.name for row in ROWS if not row.beside)
"""Those that `--until` names; the others are made beside one of them."""


def find_row(name: str) -> Row:
    """Return the row of a stage."""
    return next(row for row in ROWS if row.name == name)

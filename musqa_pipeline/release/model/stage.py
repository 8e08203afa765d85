"""The stage `release`: trainings whose mean becomes the model, and what they say of unmet rows.

Units are trainings: each fold of the recordings held out in turn, and `FINAL` on all rows that may
train. Their ids say on what they depend, so that a second seed or another version trains nothing
again; a training that a kill ended goes on. `assemble.py` makes the model file of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.learning.registry import MODELS, find_model
from musqa_pipeline.release.model.attribution import with_permission
from musqa_pipeline.release.model.divisions import FINAL, divide
from musqa_pipeline.release.model.further import further_contexts, further_rows
from musqa_pipeline.stages.dataset.inputs import read_seen_tracks
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.models.recipes import recipe_of
from musqa_pipeline.stages.models.stage import unit_id_of as training_id_of
from musqa_pipeline.stages.models.training import folder_alone, is_training
from musqa_pipeline.stages.models.trials.networks import images_of, train_network
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, of_fit_originals, read_rows
from musqa_pipeline.stages.views.release_table import RELEASE

DOMAIN_FILE = "domain.npz"
TREES_FILE = "trees.pt"
RELEASABLE = tuple(
    name for name in MODELS if name.startswith("musqa_net") and name != "musqa_net_point"
)
"""Networks that say a distribution, and how far an image is from musqa-net's training data."""


def wants_release(context: Context) -> bool:
    """Tell whether a preset releases a network."""
    return bool(context.preset.release.network)


def list_units(context: Context) -> list[Unit]:
    """List the trainings of the release.

    Raises SettingsError if the scorer cannot ask the network.
    """
    settings = context.preset.release
    if not wants_release(context):
        return []
    if settings.network not in RELEASABLE:
        raise SettingsError(
            f"[release] network={settings.network!r}: expected one of {', '.join(RELEASABLE)}, "
            "which say a distribution; edit the preset"
        )
    images = find_model(settings.network).input.stage
    further = [other.fingerprints[images] for other in further_contexts(context)]
    about: list[Any] = [sorted(settings.licences), settings.n_folds]
    if further:
        about.append(further)
    if settings.boosted_weight:
        about.append("boosted")
    training = f"{training_id_of(context, settings.network)}-{digest(about)[:4]}"
    folds = [FINAL, *map(str, range(settings.n_folds))]
    return [
        Unit(
            f"{fold}-{repetition}-{training}",
            f"{settings.network}, fold {fold}, seed {repetition}",
            {"fold": fold, "repetition": repetition},
        )
        for repetition in range(settings.n_seeds)
        for fold in folds
    ]


def read_release_rows(context: Context) -> pl.DataFrame:
    """Read the rows of the dataset with whose they are and whether they may train."""
    rows = with_permission(
        read_rows(context), read_seen_tracks(context), context.preset.release.licences
    )
    recipe = recipe_of(context.preset.release.network, context.preset.models)
    rows = rows.with_columns(pl.col("allowed") & of_fit_originals(recipe))
    if not context.preset.release.further:
        return rows
    return pl.concat([rows, further_rows(context, rows)], how="diagonal")


def training_folder(context: Context, unit: Unit) -> Path:
    """Return where a training's weights and its `DOMAIN_FILE` lie."""
    return context.lake.local_folder(context.joint_partition("release"), unit.unit_id)


def make_unit(context: Context, unit: Unit) -> pa.Table:
    """Train once, and let the network and the domain say what they think of unmet rows."""
    from musqa_pipeline.learning.networks.musqa_net import MusqaNet
    from musqa_pipeline.learning.training.checkpoint import write_weights
    from musqa_pipeline.release.model.domain import (
        IS_NOISY,
        fit_domain,
        summed_up_rows,
        what_it_says,
        write_domain,
    )
    from musqa_pipeline.release.model.trees import (
        boosted_trees,
        predict_boosted,
        with_heard_features,
    )

    settings, fold = context.preset.release, unit.plan["fold"]
    parts = divide(read_release_rows(context), fold, settings.n_folds)
    further = further_contexts(context)
    with folder_alone(context, "release", unit.unit_id) as work:
        network, about = train_network(
            *(context, settings.network, unit.plan["repetition"], work),
            training=parts.train,
            validation=parts.watched,
            further=further,
        )
        assert isinstance(network, MusqaNet)
        network = network.cpu()  # where the images are
        seen = images_of(context, settings.network, parts.train.filter(~IS_NOISY), further)
        domain = fit_domain(summed_up_rows(seen))
        write_domain(domain, work.path / DOMAIN_FILE)
        trees = None
        if settings.boosted_weight:
            heard = images_of(context, settings.network, parts.train, further)
            taught = with_heard_features(parts.train, heard)
            trees = boosted_trees(taught, unit.plan["repetition"])
            write_weights(work.path / TREES_FILE, trees.state_dict())
    asked = parts.predicted.sort(KEYS)
    if asked.is_empty():
        return RELEASE.schema.empty_table()
    images = images_of(context, settings.network, asked)
    probability, cloud, swing = what_it_says(network, domain, images, asked.select(KEYS).rows())
    boosted = predict_boosted(trees, with_heard_features(asked, images) if trees else asked)
    table = asked.with_columns(
        fold=pl.lit(fold),
        repetition=pl.lit(unit.plan["repetition"]),
        probability=pl.Series(probability.tolist(), dtype=pl.List(pl.Float32)),
        boosted=pl.Series(boosted, dtype=pl.Float64),
        cloud=pl.Series(cloud),
        swing_db=pl.Series(swing),
        **{name: pl.lit(about[name]) for name in ("n_train", "n_train_groups", "minutes")},
    )
    return table.select(RELEASE.schema.names).to_arrow().cast(RELEASE.schema)


def publish_release(context: Context) -> Path | None:
    """Assemble the release of a preset, if it wants one."""
    if not wants_release(context):
        return None
    from musqa_pipeline.release.model.assemble import assemble_release

    return assemble_release(context)


RELEASE_MAKER = Maker(
    version=4,
    tools=("torch", "lightning", "numpy"),
    units=list_units,
    make=make_unit,
    retires=False,
    gpu=is_training,
)

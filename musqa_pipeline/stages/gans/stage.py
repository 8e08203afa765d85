"""The stage `gans`: one training per network of `[gan] networks` and seed, resumed after a kill.

As in stage 7, a unit's id says what made it: one more network or seed trains nothing else again.
"""

from __future__ import annotations

import dataclasses

import pyarrow as pa

from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.gans.audio import Music, listed_music, written_tracks
from musqa_pipeline.stages.gans.table import GANS
from musqa_pipeline.stages.models.training import (
    check_finished,
    device_alone,
    epoch_kept,
    folder_alone,
    is_training,
    tell,
    told_of,
)
from musqa_pipeline.stages.segments.tracks import gan_settings, wants_segments


def list_units(context: Context) -> list[Unit]:
    """List one unit per network and seed."""
    if not wants_segments(context.preset):
        return []
    settings, music = gan_settings(context.preset), listed_music(context)
    return [
        Unit(
            unit_id_of(context, name, seed, music),
            f"GAN {name}, seed {seed}",
            {"network": name, "seed": seed},
        )
        for name in settings.networks
        for seed in range(settings.n_seeds)
    ]


def unit_id_of(context: Context, network: str, seed: int, music: Music) -> str:
    """Name a training: the network, its seed, and a digest of its recipe and music."""
    recipe = gan_settings(context.preset).recipe(network, len(music.classes))
    about = [dataclasses.asdict(recipe), context.preset.models.precision, music.identity()]
    return f"{network}-{seed}-{digest(about)[:8]}"


def make_run(context: Context, unit: Unit) -> pa.Table:
    """Train one GAN; each checkpoint is a sign of life."""
    from musqa_pipeline.learning.gan.train import train_gan, untrained_distance

    network, seed = unit.plan["network"], unit.plan["seed"]
    models, music = context.preset.models, listed_music(context)
    recipe = gan_settings(context.preset).recipe(network, len(music.classes))
    chosen = dataclasses.asdict(models) | {"seed": seed}
    with folder_alone(context, "gans", unit.unit_id) as work:
        training, refused = written_tracks(context, music, "train", recipe.images, work)
        unmet, _ = written_tracks(context, music, "validation", recipe.images, work)
        with device_alone(context, models):
            result = train_gan(
                network,
                recipe,
                tracks=training,
                validation=unmet if len(unmet) else None,
                training=TrainingSettings.of(chosen),
                folder=work.path,
                data_fingerprint=digest(music.identity()),
                log=tell,
                on_epoch=epoch_kept(work),
            )
        check_finished(result, unit.what, models.max_minutes)
        before = untrained_distance(network, recipe, training, seed)
    row = {
        "network": network,
        "seed": seed,
        "steps": result.epochs * recipe.checkpoint_steps,
        "n_train": len(training),
        "n_validation": len(unmet),
        "refused": refused,
        "classes": list(music.classes),
        "frechet_untrained": before,
        "frechet_last": result.curves["frechet_distance"][-1],
        **told_of(result, dataclasses.asdict(recipe), work),
    }
    return GANS.from_rows([row])


GANS_MAKER = Maker(
    version=1,
    tools=("torch", "lightning", "soxr"),
    units=list_units,
    make=make_run,
    retires=False,
    trains=True,
    gpu=is_training,
)

"""The stage `autoencoders`: a training per loss, input and seed, resumed after a kill.

On a CPU as many run at once as there are workers, each on one thread. As in stage 7, a unit's id
says what made it: one more loss or seed trains nothing else again.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.learning.autoencoders.recipe import AutoencoderRecipe
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.stages.autoencoders.music import (
    MOST_MUSIC,
    MOST_UNMET,
    images_of,
    listed_excerpts,
    representations,
    spread,
)
from musqa_pipeline.stages.autoencoders.table import AUTOENCODERS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.models.training import (
    check_finished,
    device_or_core,
    epoch_kept,
    folder_alone,
    is_training,
    tell,
    told_of,
)


def list_units(context: Context) -> list[Unit]:
    """List one unit per loss, input and seed.

    Raises StageError if music is wanted and no excerpt is in the train part.
    """
    settings = representations(context.preset)
    if not settings.losses:
        return []
    excerpts = listed_excerpts(context)
    unmet, music = chosen(excerpts, "test", MOST_UNMET), chosen(excerpts, "train", MOST_MUSIC)
    if "music" in settings.inputs and not music:
        raise StageError(
            "autoencoders: no excerpt is in the train part; add recordings, or take 'music' out of "
            "[representations] inputs"
        )
    units = []
    for loss, inputs, seed in itertools.product(
        settings.losses, settings.inputs, range(settings.n_seeds)
    ):
        recipe = settings.recipe(loss, inputs)
        plan = {
            "recipe": dataclasses.asdict(recipe),
            "seed": seed,
            "unmet": unmet,
            "music": music if inputs == "music" else [],
        }
        about = digest([plan, context.preset.models.precision])[:8]
        what = f"autoencoder by {loss} on {inputs}, seed {seed}"
        units.append(Unit(f"{loss}-{inputs}-{seed}-{about}", what, plan))
    return units


def chosen(excerpts: Sequence[dict[str, Any]], part: str, most: int) -> list[dict[str, Any]]:
    """Choose excerpts of a part, by catalog and id."""
    of_part = [
        {"catalog": row["catalog"], "excerpt_id": row["excerpt_id"]}
        for row in excerpts
        if row["part"] == part
    ]
    return spread(of_part, most)


def make_run(context: Context, unit: Unit) -> pa.Table:
    """Train one autoencoder; each checkpoint is a sign of life."""
    from musqa_pipeline.learning.autoencoders.measures import settled_step
    from musqa_pipeline.learning.autoencoders.train import train_autoencoder

    plan, models = unit.plan, context.preset.models
    recipe = AutoencoderRecipe(**plan["recipe"])
    tell()
    music, unmet = (images_of(context, plan[name]) for name in ("music", "unmet"))
    chosen_settings = dataclasses.asdict(models) | {"seed": plan["seed"]}
    with (
        folder_alone(context, "autoencoders", unit.unit_id) as work,
        device_or_core(context, models) as n_threads,
    ):
        result = train_autoencoder(
            recipe,
            training=TrainingSettings.of(chosen_settings),
            folder=work.path,
            music=music,
            unmet=unmet,
            data_fingerprint=digest([plan["music"], plan["unmet"]]),
            log=tell,
            on_epoch=epoch_kept(work),
            n_threads=n_threads,
        )
    check_finished(result, unit.what, models.max_minutes)
    psnr_db = result.curves.get("psnr_db_unmet", [])
    best = max(range(len(psnr_db)), key=psnr_db.__getitem__) if psnr_db else None
    row = {
        "loss": recipe.loss,
        "inputs": recipe.inputs,
        "seed": plan["seed"],
        "steps": result.epochs * recipe.checkpoint_steps,
        "n_music": 0 if music is None else len(music),
        "n_unmet": 0 if unmet is None else len(unmet),
        "fixed_bits_a_cell": recipe.fixed_bits_a_cell,
        "settled_step": settled_step(result.curves["loss"], recipe.checkpoint_steps),
        "best_step": None if best is None else (best + 1) * recipe.checkpoint_steps,
        **told_of(result, plan["recipe"], work),
    }
    return AUTOENCODERS.from_rows([row])


AUTOENCODERS_MAKER = Maker(
    version=1,
    tools=("torch", "lightning", "numpy"),
    units=list_units,
    make=make_run,
    retires=False,
    gpu=is_training,
)

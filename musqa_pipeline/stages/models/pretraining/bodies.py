"""With which body a network begins: which pre-training made it, or whose folder it is."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from musqa_pipeline.catalogs.file_hashes import hash_once
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.core.settings.models import PRETRAINED, RANDOM
from musqa_pipeline.learning.pretraining.methods import METHODS, on_body
from musqa_pipeline.learning.registry import find_model
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Unit
from musqa_pipeline.stages.models.pretraining.material import (
    listed_tracks,
    material_of,
    pretraining_settings,
)
from musqa_pipeline.stages.models.recipes import recipe_of

if TYPE_CHECKING:
    from musqa_pipeline.learning.entry import ModelEntry

WAV2VEC2 = "wav2vec2"
"""The method whose bodies may also come out of a folder, or be of chance."""


@dataclass(frozen=True)
class Body:
    """What a network's body begins with."""

    folder: Path | None
    """Where its weights lie; None for weights of chance."""
    identity: str
    """What made it."""
    architecture: str = ""
    """JSON of the sizes that a network has to have to hold it, if it may have others."""

    def entry_of(self, name: str) -> ModelEntry:
        """Return a network's entry with this body."""
        entry = find_model(name)
        return on_body(entry, self.folder) if self.folder else entry


def is_pretrained(context: Context, model: str) -> bool:
    """Tell whether a network begins with a body of the stage `pretraining`."""
    entry = find_model(model)
    if entry.body == WAV2VEC2:
        return recipe_of(model, context.preset.models).w2v_weights == PRETRAINED
    return bool(entry.body)


def body_settings(context: Context, model: str, repetition: int = 0) -> list[Any]:
    """Return what a network's training depends on by its body; nothing for one without.

    Which tracks were learned from follows from the data.
    """
    method = find_model(model).body
    if not method:
        return []
    settings = pretraining_settings(context.preset)
    if is_pretrained(context, model):
        methods = [method, *filter(None, [METHODS[method].after])]
        return [
            *([m, dataclasses.asdict(settings.recipe_of(m))] for m in methods),
            settings.catalogs, settings.transductive, repetition % settings.n_seeds,
            context.preset.models.precision, context.joint_partition("pretraining").fingerprint,
        ]  # fmt: skip
    return [method, _own_body(context, model).identity]


def body_of(
    context: Context, model: str, *, held: Collection[str] = (), repetition: int = 0
) -> Body | None:
    """Return with which body a network begins; None for one that has none.

    Parameters
    ----------
    context : Context
        Of the preset.
    model : str
        The network.
    held : collection of str
        Groups of recordings besides those of the test part that it is going to be tested on.
    repetition : int
        Of a trial; it chooses the seed of the pre-training.

    Returns
    -------
    Body or None
        Its folder is of this machine.

    Raises
    ------
    StageError
        If the pre-training is not done, or there are no splits.
    SettingsError
        If a folder holds no wav2vec 2.0.
    """
    if not find_model(model).body:
        return None
    if not is_pretrained(context, model):
        return _own_body(context, model)
    unit = pretraining_unit(context, model, listed_tracks(context), held, repetition)
    partition = context.joint_partition("pretraining")
    if unit.unit_id not in context.lake.done(partition):
        raise StageError(f"{model}: {unit.what} is not done; run the stage pretraining first")
    (row,) = context.lake.read(partition, unit.unit_id, ["settings_json"]).to_pylist()
    folder = context.lake.local_folder(partition, unit.unit_id)
    recipe = json.loads(row["settings_json"])
    sizes = recipe.get("architecture") or {n: recipe[n] for n in ("n_clusters",) if n in recipe}
    return Body(folder, unit.unit_id, json.dumps(sizes) if sizes else "")


def pretraining_unit(
    context: Context, model: str, tracks: pl.DataFrame, held: Collection[str], repetition: int
) -> Unit:
    """Return the pre-training that makes a network's body, see `body_of`; tracks are the listed."""
    settings, method = pretraining_settings(context.preset), find_model(model).body
    if settings.transductive:
        material = material_of(tracks, ())
    else:
        left_out = pl.col("catalog").is_in(context.preset.models.left_out_catalogs)
        kept_out = tracks.filter((pl.col("part") == "test") | left_out)["split_group"].drop_nulls()
        material = material_of(tracks.filter(~left_out), {*held, *kept_out})
    return _unit(context, method, repetition % settings.n_seeds, material)


def unit_before(context: Context, unit: Unit) -> Unit | None:
    """Return the pre-training that another one goes on from, on the same material."""
    method = METHODS[unit.plan["method"]].after
    return _unit(context, method, unit.plan["seed"], unit.plan["material"]) if method else None


def _unit(context: Context, method: str, seed: int, material: list[list[str]]) -> Unit:
    settings = pretraining_settings(context.preset)
    plan = {
        "method": method,
        "recipe": dataclasses.asdict(settings.recipe_of(method)),
        "seed": seed,
        "material": material,
        "transductive": settings.transductive,
    }
    earlier = METHODS[method].after
    if earlier:
        plan["before"] = dataclasses.asdict(settings.recipe_of(earlier))
    about = digest([plan, context.preset.models.precision])[:8]
    what = f"pre-training {method}, seed {seed}, on {len(material)} tracks"
    return Unit(f"{method}-{seed}-{about}", what, plan)


def _own_body(context: Context, model: str) -> Body:
    """Return a wav2vec 2.0 of chance, made as the preset's recipe has it, or one in a folder."""
    wanted = recipe_of(model, context.preset.models).w2v_weights
    if wanted == RANDOM:
        recipe = pretraining_settings(context.preset).recipe_of(WAV2VEC2)
        architecture = json.dumps(dataclasses.asdict(recipe.architecture), sort_keys=True)
        return Body(None, f"{RANDOM} {architecture}", architecture)
    from musqa_pipeline.learning.pretraining.folder import (
        CONFIG_FILE,
        TENSORS_FILE,
        read_architecture,
    )

    folder = Path(wanted).expanduser()
    read = read_architecture(folder / CONFIG_FILE)
    made_by = digest([hash_once(folder / name).content for name in (CONFIG_FILE, TENSORS_FILE)])
    return Body(folder, made_by, json.dumps(dataclasses.asdict(read)))

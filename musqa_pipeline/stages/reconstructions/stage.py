"""The stage `reconstructions`: a unit per excerpt, a row per training and way to stop it.

A unit's id says which trainings answered, so that one more makes all rows again and nothing else.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from musqa_pipeline.core.fingerprints import digest
from musqa_pipeline.learning.autoencoders.recipe import AutoencoderRecipe
from musqa_pipeline.stages.autoencoders.music import listed_excerpts, representations
from musqa_pipeline.stages.autoencoders.settings import RepresentationsSettings
from musqa_pipeline.stages.autoencoders.stage import list_units as list_trainings
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.excerpts.references import read_reference
from musqa_pipeline.stages.models.training import finished_trainings
from musqa_pipeline.stages.reconstructions.table import RECONSTRUCTIONS

if TYPE_CHECKING:
    from musqa_pipeline.learning.autoencoders.networks import Autoencoder

UNTRAINED = "untrained"
TEST = "test"
_ABOUT = ("excerpt_id", "catalog", "recording", "part")
_RUN = ("loss", "inputs", "seed", "steps", "settled_step", "best_step", "settings_json")


def list_units(context: Context) -> list[Unit]:
    """List the excerpts, to be reconstructed by the trainings that are finished."""
    settings = representations(context.preset)
    runs = finished_runs(context) if settings.losses else []
    if not runs:
        return []
    trainings = [run["training"] for run in runs]
    by = {heard: digest([trainings, heard])[:8] for heard in (True, False)}
    return [
        Unit(
            f"{row['catalog']}.{row['excerpt_id']}-{by[is_heard(settings, row['part'])]}",
            f"reconstructions of {row['excerpt_id']} in {row['catalog']}",
            {**{name: row[name] for name in _ABOUT}, "runs": runs},
        )
        for row in listed_excerpts(context)
        if settings.reconstructed == "every" or row["part"] == TEST
    ]


def is_heard(settings: RepresentationsSettings, part: str) -> bool:
    """Tell whether ViSQOL hears what is made of excerpts of a part."""
    return settings.visqol in ("every", part)


def finished_runs(context: Context) -> list[dict[str, Any]]:
    """Return the trainings that the preset wants and that are finished, in a fixed order."""
    return finished_trainings(context, "autoencoders", list_trainings(context), _RUN)


def stops_of(runs: list[dict[str, Any]], part: str) -> Iterator[dict[str, Any]]:
    """Yield what is asked of an excerpt: each way to stop each training, and each seed untrained.

    Music of another part than test may have been met where training was on music.
    """
    seeds, fewest = set(), min(run["steps"] for run in runs)
    for run in runs:
        about = {name: run[name] for name in ("training", "loss", "inputs", "seed")}
        if run["seed"] not in seeds:
            seeds.add(run["seed"])
            nothing = {"training": "", "loss": "none", "inputs": "nothing"}
            yield {**about, **nothing, "stop": UNTRAINED, "step": 0, "run": run}
        if run["inputs"] == "music" and part != TEST:
            continue
        for stop, step in (
            ("equal", fewest),
            ("last", run["steps"]),
            ("settled", run["settled_step"]),
            ("best", run["best_step"]),
        ):
            if step is not None:
                yield {**about, "stop": stop, "step": step, "run": run}


def make_unit(context: Context, unit: Unit) -> pa.Table:
    """Reconstruct one excerpt by all networks, and measure what comes out.

    Raises UnfitInputError if the excerpt is silent.
    """
    from musqa_pipeline.audio.metrics.perceptual.opinions import PairImages
    from musqa_pipeline.learning.autoencoders.latents import latents_of, used_bits_a_cell
    from musqa_pipeline.learning.autoencoders.measures import measure
    from musqa_pipeline.learning.autoencoders.reconstruction import Heard, reconstruct

    plan = unit.plan
    samples = read_reference(context, plan["excerpt_id"], plan["catalog"])
    images = PairImages(samples)
    hears = is_heard(representations(context.preset), plan["part"])
    heard = Heard(samples, images) if hears else None
    said: dict[tuple[str, int], dict[str, float | None]] = {}
    rows = []
    for asked in stops_of(plan["runs"], plan["part"]):
        run = asked.pop("run")
        key = (asked["training"] or f"{UNTRAINED}-{asked['seed']}", asked["step"])
        if key not in said:
            network = network_of(folder_of(context, run), run, asked["step"])
            made = reconstruct(network, images.reference)
            measured = measure(images.reference, made)
            said[key] = {
                **{name: float(value) for name, value in measured._asdict().items()},
                "used_bits_a_cell": used_bits_a_cell(latents_of(network, images.reference)),
                "visqol_mos": heard.mos(made) if heard else None,
                "visqol_untouched_mos": heard.untouched_mos if heard else None,
            }
        rows.append({**{name: plan[name] for name in _ABOUT}, **asked, **said[key]})
    return RECONSTRUCTIONS.from_rows(rows)


def folder_of(context: Context, run: Mapping[str, Any]) -> Path:
    """Return where the checkpoints of a training lie on this machine."""
    return context.lake.local_folder(context.joint_partition("autoencoders"), run["training"])


def network_of(folder: Path, run: Mapping[str, Any], step: int) -> Autoencoder:
    """Return the network of a training after so many steps, 0 of them too, from its folder."""
    recipe = run["settings_json"]
    if not step:
        return _untrained(recipe, run["seed"])
    return _trained(folder, step // json.loads(recipe)["checkpoint_steps"] - 1)


@functools.lru_cache(maxsize=64)
def _trained(folder: Path, epoch: int) -> Autoencoder:
    from musqa_pipeline.learning.autoencoders.train import load_autoencoder
    from musqa_pipeline.learning.training.kept import kept_file

    return load_autoencoder(kept_file(folder, epoch))


@functools.lru_cache(maxsize=8)
def _untrained(settings_json: str, seed: int) -> Autoencoder:
    from musqa_pipeline.learning.autoencoders.train import untrained

    return untrained(AutoencoderRecipe(**json.loads(settings_json)), seed)


RECONSTRUCTIONS_MAKER = Maker(
    version=2,
    tools=("torch", "numpy", "scipy", "numba"),
    units=list_units,
    make=make_unit,
)

"""Every stored repetition of the networks against listeners, as in table VI of paper 001.

A trial keeps its weights beside its row, so that networks which were trained long ago can be asked
about stimuli that came later. One network is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.progress import logger
from musqa_pipeline.learning.imports.imported import WEIGHTS_FILE
from musqa_pipeline.learning.registry import MODELS, find_model
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.paper_tables import REPETITIONS
from musqa_pipeline.stages.evaluation.stimuli import IMAGES, image_cells, quality_of, rated
from musqa_pipeline.stages.evaluation.trials import wanted_trials
from musqa_pipeline.stages.models.recipes import random_backbones
from musqa_pipeline.stages.models.runs import read_preset_runs
from musqa_pipeline.stages.models.trials.stage import list_units
from musqa_pipeline.studies.listening.merge import merge, told_apart
from musqa_pipeline.studies.listening.mos import Opinion
from musqa_pipeline.studies.listening.table_vi import beside_table_vi
from musqa_pipeline.studies.listening.table_vi_lines import RANDOM_MARK, BesideTableVI


@dataclass(frozen=True)
class StoredNetwork:
    """One repetition of a network, with its weights."""

    model: str
    repetition: int
    folder: str
    """Key of the folder with weights and settings."""


def stored_repetitions(context: Context) -> list[StoredNetwork]:
    """List the networks that can be asked: whole repetitions, else a network's one training.

    Networks that need a reference are left out, and repetitions whose weights are gone are named.
    """
    trials = wanted_trials(context).filter(protocol=REPETITIONS)
    whole = set(trials.select("model", "repetition").unique().rows())
    found, gone = [], []
    for unit in list_units(context):
        model, repetition = unit.plan["model"], unit.plan["repetition"]
        if unit.plan["protocol"] != REPETITIONS or (model, repetition) not in whole:
            continue
        if model not in MODELS or find_model(model).input.stage not in IMAGES:
            continue
        folder = f"{context.joint_partition('trials').folder_key}/{unit.unit_id}"
        if context.lake.store.exists(f"{folder}/{WEIGHTS_FILE}"):
            found.append(StoredNetwork(model, repetition, folder))
        else:
            gone.append(f"{model} {repetition}")
    if gone:
        logger.warning(
            f"listening: {len(gone)} repetitions are left out, as their weights were deleted: "
            f"{', '.join(gone)}"
        )
    asked = {each.model for each in found}
    for run in read_preset_runs(context):
        eats = find_model(run["model"]).input.stage
        if run["finished"] and run["model"] not in asked and eats in IMAGES:
            found.append(StoredNetwork(run["model"], 0, run["folder"]))
    return found


def ask_about_tests(
    context: Context, folders: Sequence[Path]
) -> tuple[list[Opinion], dict[tuple[str, int], dict[str, float]]]:
    """Merge the opinions of tests, and let every stored repetition predict their stimuli.

    Opinions and predictions are in points of 100; predictions by network and repetition, by file.
    Raises SettingsError if no network is stored, or a test cannot be used or merged.
    """
    networks = stored_repetitions(context)
    if not networks:
        raise SettingsError(
            f"preset {context.preset.name} has no trained network that could be asked; run "
            f"`musqa run --preset {context.preset.name}` first"
        )
    return _ask(context, networks, folders)


def _ask(
    context: Context, networks: Sequence[StoredNetwork], folders: Sequence[Path]
) -> tuple[list[Opinion], dict[tuple[str, int], dict[str, float]]]:
    from musqa_pipeline.learning.predict import load_model

    stages = {each.model: find_model(each.model).input.stage for each in networks}
    tests = [rated(folder, context.preset.evaluation) for folder in folders]
    opinions = merge(tests)
    places: dict[str, tuple[Path, str]] = {}
    for folder, test, named in zip(folders, tests, told_apart(tests), strict=True):
        for before, opinion in zip(test.opinions, named.opinions, strict=True):
            places.setdefault(opinion.file, (folder, before.file))
    cells = {
        name: image_cells(context, folder, file, set(stages.values()))
        for name, (folder, file) in places.items()
    }
    found: dict[tuple[str, int], dict[str, float]] = {}
    random = random_backbones(context.preset.models)
    for each in networks:
        weights = context.lake.store.local_folder(each.folder)
        network = load_model(weights, device=context.preset.models.device)
        name = f"{each.model}{RANDOM_MARK}" if each.model in random else each.model
        found[name, each.repetition] = {
            file: quality_of(network, images[stages[each.model]]) for file, images in cells.items()
        }
        logger.info(f"{each.model}, repetition {each.repetition}: heard {len(cells)} stimuli")
    return opinions, found


def hear_repetitions(context: Context) -> BesideTableVI | None:
    """Lay the repetitions on all listening tests of the preset, merged, beside table VI.

    None without listening tests, or before a network is trained.
    """
    settings = context.preset.evaluation
    networks = stored_repetitions(context) if settings.listening_tests else []
    if not networks:
        return None
    opinions, predictions = _ask(context, networks, list(map(Path, settings.listening_tests)))
    return beside_table_vi(opinions, predictions, n_draws=settings.n_bootstrap, seed=settings.seed)

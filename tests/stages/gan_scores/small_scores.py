"""A lake with segments, a GAN that was trained in seconds, and its scores."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.learning.gan.pair import Pair
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.learning.training.checkpoint import (
    SETTINGS_FILE,
    WEIGHTS_FILE,
    write_json,
    write_weights,
)
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.gans.table import GANS
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.segments.settings import GanSettings
from musqa_pipeline.stages.views.duck import publish
from tests.stages.gans.small_gans import TINY, with_gans
from tests.stages.segments.small_catalog import fill


def trained(folder: Path) -> Context:
    """Fill a home up to the stage `gans`."""
    (folder / "music").mkdir()
    context = with_gans(
        fill(folder, folder / "music", networks=["tiny"], recipes={"tiny": TINY}, n_seeds=1)
    )
    for stage in ("segments", "gans"):
        run_stage(get_stage(stage), context)
    return context


def publish_untrained(home: Path) -> None:
    """Put a GAN that has learned nothing into a home, as a finished training."""
    home.mkdir(parents=True, exist_ok=True)
    preset = parse_preset("test", {"gan": {"networks": ["tiny"]}}, sections={"gan": GanSettings})
    stages = ("segments", "gans", "gan_scores")
    fingerprints = {stage: f"{number:032x}" for number, stage in enumerate(stages)}
    context = Context(home, preset, None, fingerprints)
    partition = context.joint_partition("gans")
    recipe = GanRecipe(**TINY)
    with context.lake.work_folder(partition, "tiny-0") as work:
        write_weights(work.path / WEIGHTS_FILE, Pair(recipe).state_dict())
        write_json(work.path / SETTINGS_FILE, {"settings": dataclasses.asdict(recipe)})
    row = {
        "network": "tiny", "seed": 0, "finished": True, "steps": 0, "n_train": 1,
        "n_validation": 0, "refused": [], "classes": ["other"], "frechet_untrained": 1.0,
        "frechet_last": 1.0, "settings_json": json.dumps(TINY), "curves_json": "{}",
        "device": "cpu", "minutes": 0.0, "environment_json": "{}", "folder": work.key,
    }  # fmt: skip
    context.lake.write(partition, "tiny-0", GANS.from_rows([row]))
    publish(context, stages)

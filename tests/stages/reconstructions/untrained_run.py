"""An autoencoder that has learned nothing, in a home, as a finished training."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from musqa_pipeline.core.settings.preset import parse_preset
from musqa_pipeline.learning.autoencoders.recipe import AutoencoderRecipe
from musqa_pipeline.learning.autoencoders.train import untrained
from musqa_pipeline.learning.training.checkpoint import SETTINGS_FILE, write_json
from musqa_pipeline.learning.training.kept import keep
from musqa_pipeline.stages.autoencoders.table import AUTOENCODERS
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.views.duck import publish

RECIPE = AutoencoderRecipe(
    n_channels=2, n_latents=2, steps=2, checkpoint_steps=1, kept_checkpoints=2
)


def publish_untrained(home: Path, *seeds: int) -> None:
    """Let the views show trainings by MSE on white noise, of two steps, which never settled."""
    home.mkdir(parents=True, exist_ok=True)
    context = Context(home, parse_preset("test", {}), None, {"autoencoders": f"{7:032x}"})
    partition = context.joint_partition("autoencoders")
    made_by = dataclasses.asdict(RECIPE)
    for seed in seeds:
        unit_id = f"mse-white-{seed}-0"
        with context.lake.work_folder(partition, unit_id) as work:
            for epoch in range(2):
                keep(work.path, epoch, untrained(RECIPE, seed), 2)
            write_json(work.path / SETTINGS_FILE, {"settings": made_by})
        row = {
            "loss": "mse", "inputs": "white", "seed": seed, "finished": True, "steps": 2,
            "n_music": 0, "n_unmet": 0, "fixed_bits_a_cell": RECIPE.fixed_bits_a_cell,
            "settled_step": None, "best_step": 1, "settings_json": json.dumps(made_by),
            "curves_json": "{}", "device": "cpu", "minutes": 0.0, "environment_json": "{}",
            "folder": work.key,
        }  # fmt: skip
        context.lake.write(partition, unit_id, AUTOENCODERS.from_rows([row]))
    publish(context, ["autoencoders"])

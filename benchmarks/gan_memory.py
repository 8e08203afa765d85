"""What a training of a GAN holds in memory: a few real steps with their loader and checkpoints.

``python benchmarks/gan_memory.py PRESET TRACKS [VALIDATION] [--steps 10 --checkpoints 2]``: the
first network of the preset, on tracks that a run has left in ``cache/gan-tracks`` of its home; they
are mapped into memory and count where they are read. Nothing is written but to a folder that is
deleted again. The last line is the most that was resident, of the process and its largest worker.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import tempfile
from pathlib import Path

from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.gan.recipe import GanRecipe
from musqa_pipeline.learning.gan.tracks import Tracks
from musqa_pipeline.learning.gan.train import train_gan
from musqa_pipeline.stages.graph import load_preset
from musqa_pipeline.stages.segments.tracks import gan_settings


def most_resident_gb() -> float:
    """Return the most that was resident by now, of this process and its largest worker."""
    kinds = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    return sum(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1e6


def short(recipe: GanRecipe, steps: int, checkpoints: int) -> GanRecipe:
    """Let a recipe end soon."""
    return dataclasses.replace(recipe, steps=steps * checkpoints, checkpoint_steps=steps)


def main() -> None:
    """Train shortly and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preset")
    parser.add_argument("tracks", type=Path)
    parser.add_argument("validation", type=Path, nargs="?")
    parser.add_argument("--steps", type=int, default=10, help="to a checkpoint")
    parser.add_argument("--checkpoints", type=int, default=2)
    arguments = parser.parse_args()
    settings = gan_settings(load_preset(arguments.preset))
    network = settings.networks[0]
    spec = settings.recipe(network).images
    tracks = Tracks([arguments.tracks], spec)
    validation = Tracks([arguments.validation], spec) if arguments.validation else None
    n_classes = 1 + int(tracks.genres.max())
    recipe = short(settings.recipe(network, n_classes), arguments.steps, arguments.checkpoints)
    print(f"{network}: {len(tracks)} tracks of {n_classes} genres, {recipe.steps} steps")
    print(f"before the first step: {most_resident_gb():.2f} GB")
    with tempfile.TemporaryDirectory() as folder:
        train_gan(
            network,
            recipe,
            tracks=tracks,
            validation=validation,
            training=TrainingSettings(device="cpu"),
            folder=Path(folder),
            data_fingerprint="",
            log=print,
        )
    print(f"resident_gb {most_resident_gb():.2f}")


if __name__ == "__main__":
    main()

"""A lake with images and targets of a tiny network."""

from __future__ import annotations

import dataclasses

import numpy as np

from musqa_pipeline.core.settings.dataset import SpectrogramsSettings
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.learning.entry import InputSpec, ModelEntry
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.spectrograms.table import SPECTROGRAMS
from tests.learning.tiny import Tiny

SHORT = InputSpec(n_frames=1 + 480_000 // 4096, n_bands=4)
PARTS = {"train": 20, "validation": 6, "test": 5}
TINY = ModelEntry("a tiny network", lambda settings: Tiny(SHORT), SHORT)


def tiny_context(home):
    preset = Preset(
        name="tiny",
        models=ModelsSettings(names=("tiny",), batch_size=8, max_epochs=3),
        spectrograms=SpectrogramsSettings(n_mels=4, hop_length_samples=4096),
    )
    context = Context(home, preset, None, {"dataset": "4" * 32, "spectrograms": "5" * 32})
    for part, n_rows in PARTS.items():
        write_shard(context, part, n_rows)
    # The network "tiny" has to be registered.
    fingerprint = get_stage("models").fingerprint(context)
    return dataclasses.replace(
        context, fingerprints={**context.fingerprints, "models": fingerprint}
    )


def write_shard(context, part, n_rows):
    generator = np.random.default_rng(len(part))
    rows = []
    for index in range(n_rows):
        quality = float(generator.uniform(0.1, 0.9))
        image = np.clip(generator.normal(quality, 0.1, (SHORT.n_frames, SHORT.n_bands)), 0, 1)
        rows.append(
            {
                "degraded_id": f"{part}{index}", "excerpt_id": f"{part}-e", "catalog": "demo",
                "part": part, "uniform_draw": index > 0, "natural_mix": part == "test",
                "trusted": True,
                "mos": 1 + 4 * quality, "quality": quality,
                "n_frames": SHORT.n_frames, "n_bands": SHORT.n_bands, "dtype": "uint8",
                "image": (image * 255).astype(np.uint8).tobytes(),
                "max_db": 0.0, "min_db": -80.0, "storage_error": 0.001,
                "upper_edge_hz": 20_000.0, "looped": False,
            }
        )  # fmt: skip
    partition = context.joint_partition("spectrograms")
    context.lake.write(partition, f"{part}-0000", SPECTROGRAMS.from_rows(rows), row_group_rows=4)

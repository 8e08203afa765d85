"""GANs that train in seconds."""

from __future__ import annotations

import dataclasses

from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.graph import get_stage

TINY = {
    "size": 64, "g_width": 1, "d_width": 2, "batch_size": 2, "steps": 2, "checkpoint_steps": 1,
    "described_images": 4,
}  # fmt: skip


def with_gans(context: Context, **settings: object) -> Context:
    """Give a context another section, and the stages of GANs their fingerprints."""
    section = dataclasses.replace(context.preset.further["gan"], **settings)
    preset = dataclasses.replace(context.preset, further={"gan": section})
    context = dataclasses.replace(context, preset=preset)
    for name in ("gans", "gan_scores"):
        fingerprint = get_stage(name).fingerprint(context)
        fingerprints = {**context.fingerprints, name: fingerprint}
        context = dataclasses.replace(context, fingerprints=fingerprints)
    return context

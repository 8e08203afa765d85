"""GANs and few labels: the labelled rows of a lake as discriminators see them."""

from __future__ import annotations

import numpy as np
import torch
from gan_evidence import Arrays, Evidence, Floats, parts_of, tell
from gan_sounds import image_of

from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.audio.excerpts.segments import SEGMENT_SAMPLES
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.baselines.simple import described
from musqa_pipeline.stages.degradations.sources import add_units, in_chunks, read_bitstreams
from musqa_pipeline.stages.gan_scores.read import Training
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, read_rows

MOST_ROWS = 1_000
"""Rows that are asked about, drawn from all."""
_AT_ONCE = 50


def labelled(evidence: Evidence) -> Arrays | None:
    """Read rows of `dataset` with ``label`` (points), ``whose``, ``described`` and ``image``.

    The image is of the first 4.208 s of the degraded excerpt. None where the lake has no such rows.
    """
    context, spec = evidence.context, evidence.recipe.images
    if not context.lake.done(context.joint_partition("features")):
        return None

    def make() -> Arrays:
        rows = read_rows(context).sort(KEYS)
        chosen = derive_generator("gan.labelled").permutation(rows.height)[:MOST_ROWS]
        rows = rows[np.sort(chosen)]
        asked = rows.select(*KEYS, "excerpt_id").to_dicts()
        add_units(context, asked)
        images = {}
        for chunk in in_chunks(read_bitstreams(context, asked), _AT_ONCE):
            tell(f"labelled rows: {len(images)} of {rows.height}")
            for (key, _), samples in zip(
                chunk, degraded_audio(row for _, row in chunk), strict=True
            ):
                images[key] = image_of(samples[:SEGMENT_SAMPLES], spec)
        return {
            "label": rows["label"].to_numpy(),
            "whose": (rows["catalog"] + "/" + rows["recording"]).to_numpy().astype(str),
            "described": described(rows),
            "image": np.stack([images[key] for key in rows.select(KEYS).rows()]),
        }

    about = [context.fingerprints["dataset"], context.fingerprints["features"], repr(spec)]
    return evidence.kept("labelled", [*about, MOST_ROWS], make)


def features_of(evidence: Evidence, training: Training, images: np.ndarray) -> Floats:
    """Return what the last discriminator's scores are sums of, a line an image."""
    critic = evidence.critic(training).to("cpu")
    with torch.inference_mode():
        parts = parts_of(torch.from_numpy(images))
        return torch.cat([critic.discriminators[-1].features(part) for part in parts]).numpy()

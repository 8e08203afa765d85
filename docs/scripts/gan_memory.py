"""Whether a discriminator knows what it was trained on: scores of met and of unmet originals."""

from __future__ import annotations

import numpy as np
import torch
from gan_evidence import Arrays, Evidence, parts_of

from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.gan.critic import untrained_critic
from musqa_pipeline.learning.gan.images import images_of
from musqa_pipeline.stages.gan_scores.read import Training
from musqa_pipeline.stages.segments.versions import ORIGINAL

N_UNTRAINED = 5
"""Untrained discriminators, which say how far the music of the parts differs without any memory."""


def memory(evidence: Evidence, training: Training) -> Arrays:
    """Score originals that it met and that it did not: ``met`` (0 or 1), ``whose``, ``score``.

    They are a segment of each track that trained, of each of validation, and those of test
    recordings; ``untrained`` has the scores of `N_UNTRAINED` others, (n, originals).
    """

    def make() -> Arrays:
        spec, classes, images, about = evidence.recipe.images, [], [], []
        for met, part in ((1, "train"), (0, "validation")):
            tracks = evidence.tracks(part, spec)
            for number in range(len(tracks)):
                pcm = tracks.segment(number, derive_generator("gan.memory", part, number))
                images.append(images_of(torch.tensor(pcm)[None], spec))
                classes.append(int(tracks.genres[number]))
                about.append((met, f"{part} {tracks[number].track_id}"))
        tested = (evidence.versions["kind"] == ORIGINAL).to_numpy()
        images.append(evidence.images()[torch.from_numpy(tested)])
        classes += [
            genre
            for genre, is_original in zip(evidence.genres(), tested, strict=True)
            if is_original
        ]
        about += [(0, whose) for whose in evidence.versions["whose"].to_numpy()[tested]]
        parts = parts_of(torch.cat(images))
        met, whose = zip(*about, strict=True)
        others = [untrained_critic(evidence.recipe, seed) for seed in range(N_UNTRAINED)]
        return {
            "met": np.array(met),
            "whose": np.array(whose),
            "score": evidence.critic(training).score_images(parts, classes),
            "untrained": np.stack([other.score_images(parts, classes) for other in others]),
        }

    about = [evidence.versions_digest, training.row["training"], evidence.settings.critic]
    return evidence.kept("memory", [*about, evidence.music, N_UNTRAINED], make)

"""GANs and codecs: the pool's processes on a segment of each test recording, with their labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from gan_evidence import N_CLOUD, Arrays, Evidence, Floats, parts_of, tell
from gan_sounds import Measures, degraded, image_of

from musqa_pipeline.audio.degradations.processes import PROCESSES
from musqa_pipeline.audio.metrics.registry import open_metric
from musqa_pipeline.learning.gan.segments import ImageSpec
from musqa_pipeline.scoring.model_file import SHIPPED_DIGEST
from musqa_pipeline.stages.gan_scores.read import Training
from musqa_pipeline.stages.segments.tracks import paths_of
from musqa_pipeline.stages.segments.versions import ORIGINAL, rebuild


def codecs(evidence: Evidence) -> Arrays:
    """Degrade a segment of each test recording by the pool's processes, and label it.

    ``whose`` and ``what`` (codec), ``process``, ``visqol`` (MOS), measures, ``described`` (of
    boosted trees) and the ``image`` that the network sees, a row each.
    """
    spec = evidence.recipe.images

    def make() -> Arrays:
        measures, rows = Measures(evidence.cloud()), []
        first = evidence.versions.filter(kind=ORIGINAL).unique(
            "whose", keep="first", maintain_order=True
        )
        paths = paths_of(evidence.context)
        for number, row in enumerate(first.sort("whose").iter_rows(named=True)):
            tell(f"codecs: recording {number + 1} of {first.height}")
            samples = rebuild(Path(paths[row["catalog"], row["track_id"]]), row)
            rows += _coded(samples.mean(axis=1), row["whose"], measures, spec)
        return {name: np.array([one[name] for one in rows]) for name in rows[0]}

    about = [evidence.versions_digest, repr(spec), evidence.music, N_CLOUD, SHIPPED_DIGEST]
    return evidence.kept("codecs", about, make)


def codec_scores(evidence: Evidence, training: Training) -> Floats:
    """Score what `codecs` made as the mean genre."""

    def make() -> Arrays:
        images = torch.from_numpy(codecs(evidence)["image"])
        return {"score": evidence.critic(training).score_images(parts_of(images))}

    about = [evidence.versions_digest, training.row["training"], evidence.settings.critic]
    return evidence.kept("codec-scores", about, make)["score"]


def _coded(mono: Floats, whose: str, measures: Measures, spec: ImageSpec) -> Iterator[dict]:
    judge = open_metric(mono.astype(np.float32), metric="visqol", device="cpu")
    for process, made in zip(PROCESSES.values(), degraded(mono), strict=True):
        yield {
            "whose": whose,
            "what": process.name,
            "process": process.process_id,
            "visqol": judge.score(made).mos,
            **measures.of(made[:, None]),
            "described": measures.described(made),
            "image": image_of(made, spec),
        }

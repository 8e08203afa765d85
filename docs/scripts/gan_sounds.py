"""What tables on GANs hear of a segment: measures without a label, its image, the pool's codecs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.codecs import Codec, encode_all
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.audio.degradations.processes import DEGRADATIONS, PROCESSES
from musqa_pipeline.audio.degradations.rebuild import aligned
from musqa_pipeline.audio.features.pcm import pcm_at_rate
from musqa_pipeline.audio.files.flac import to_int16
from musqa_pipeline.audio.measures.bandwidth import upper_edge_hz
from musqa_pipeline.learning.gan.frechet import describe
from musqa_pipeline.learning.gan.images import images_of
from musqa_pipeline.learning.gan.segments import ImageSpec
from musqa_pipeline.scoring.model_file import features_of
from musqa_pipeline.scoring.verdict import to_excerpt, to_image
from musqa_pipeline.stages.segments.versions import musqa_net_quality

Floats = NDArray[np.float64]
TAIL_SAMPLES = SAMPLE_RATE_HZ // 5
"""What an encoder runs into after a segment: its end backwards."""


class Measures:
    """What says something of quality and has neither label nor reference, and musqa-net."""

    def __init__(self, cloud: Floats) -> None:
        self.normal = LedoitWolf().fit(cloud)

    def of(self, samples: NDArray[np.floating]) -> dict[str, float | None]:
        """Measure sound, shape (samples, channels)."""
        mono = samples.mean(axis=1).astype(np.float32)
        image = images_of(torch.from_numpy(pcm_at_rate(samples, 16_000))[None], ImageSpec())[0]
        return {
            "temporal_sd": float(image.std(dim=-1, correction=0).mean()),
            "contrast": float(image.std(correction=0)),
            "upper_edge_hz": upper_edge_hz(mono, SAMPLE_RATE_HZ),
            "distance": float(self.normal.mahalanobis(describe(image.numpy()))[0] ** 0.5),
            "musqa_net": musqa_net_quality(samples),
        }

    def described(self, mono: NDArray[np.floating]) -> NDArray[np.float32]:
        """Describe sound as boosted trees see it, shape (470,)."""
        return features_of(_bands(mono.astype(np.float32)))


def _bands(mono: NDArray[np.float32]) -> NDArray[np.uint8]:
    return to_image(to_excerpt(mono, SAMPLE_RATE_HZ)[0])


def image_of(samples: NDArray[np.floating], spec: ImageSpec) -> NDArray[np.float32]:
    """Make the image of sound, shape (1, size, size)."""
    pcm = pcm_at_rate(samples, spec.sample_rate_hz)
    return images_of(torch.from_numpy(pcm)[None], spec)[0].numpy()


def degraded(mono: Floats) -> Iterator[NDArray[np.float32]]:
    """Yield a segment degraded by each process of the pool, as long as it was."""
    longer = np.concatenate([mono, mono[: -TAIL_SAMPLES - 1 : -1]])
    pcm = to_int16(longer)
    coded = [p for p in PROCESSES.values() if isinstance(DEGRADATIONS[p.name], Codec)]
    streams = dict(
        zip(
            [process.process_id for process in coded],
            encode_all([(pcm, DEGRADATIONS[p.name], p.params) for p in coded]),
            strict=True,
        )
    )
    for process in PROCESSES.values():
        if process.process_id not in streams:
            clean = pcm.astype(np.float32) / np.float32(32768)
            streams[process.process_id] = DEGRADATIONS[process.name].apply(clean, process.params)
    applied = [streams[number] for number in PROCESSES]
    decoded = decode([(one.container, one.bitstream) for one in applied])
    for one, samples in zip(applied, decoded, strict=True):
        yield aligned(one, samples)[: len(mono)]

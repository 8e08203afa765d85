"""Versions of a segment: planned as data, made again from a row, measured without a network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.intensity import (
    INTENSITY_DEGRADATIONS,
    IntensityParams,
    NoiseParams,
    Stereo,
)
from musqa_pipeline.audio.excerpts.segments import read_segment
from musqa_pipeline.audio.features.flatness import spectral_flatness
from musqa_pipeline.audio.features.pcm import pcm_at_rate
from musqa_pipeline.core.seeds import derive_generator
from musqa_pipeline.learning.gan.segments import ImageSpec
from musqa_pipeline.scoring.model_file import SHIPPED, load_model
from musqa_pipeline.scoring.verdict import to_excerpt, to_image

ORIGINAL, DRAWN, LADDER = "original", "drawn", "ladder"
LADDER_INTENSITIES = (10.0, 30.0, 50.0, 70.0, 90.0)
IMAGE_RATE_HZ = 16_000


@dataclass(frozen=True)
class Version:
    """A version of a segment, before it is made."""

    version_id: str
    draw: str
    """One of `ORIGINAL`, `DRAWN`, `LADDER`."""
    kind: str
    params: IntensityParams | None
    """None of an original."""

    def columns(self) -> dict[str, Any]:
        """Return the plan as columns of a row."""
        given = asdict(self.params) if self.params else {}
        return {
            "version_id": self.version_id,
            "draw": self.draw,
            "kind": self.kind,
            "intensity": given.get("intensity"),
            "params": json.dumps(given),
            "noise_seed": given.get("seed"),
        }


def plan_versions(segment_id: str, seed: int) -> Iterator[Version]:
    """Plan the original, each degradation with an intensity drawn, and the ladder of each."""
    yield Version(f"{segment_id}-{ORIGINAL}", ORIGINAL, ORIGINAL, None)
    for kind, degradation in INTENSITY_DEGRADATIONS.items():
        rng = derive_generator("segments.drawn", seed, segment_id, kind)
        yield Version(f"{segment_id}-{kind}-drawn", DRAWN, kind, degradation.draw(rng))
        for intensity in LADDER_INTENSITIES:
            step = f"{intensity:g}"
            rng = derive_generator("segments.ladder", seed, segment_id, kind, step)
            params = degradation.with_intensity(intensity, rng)
            yield Version(f"{segment_id}-{kind}-{step}", LADDER, kind, params)


def make_version(original: Stereo, kind: str, params: IntensityParams | None) -> Stereo:
    """Degrade an original that is at its level."""
    return original if params is None else INTENSITY_DEGRADATIONS[kind].apply(original, params)


def at_gain(samples: Stereo, gain_db: float) -> Stereo:
    """Bring a segment as it was read to its level."""
    return samples * np.float32(10 ** (gain_db / 20))


def rebuild(path: Path, row: Mapping[str, Any]) -> Stereo:
    """Make a version again from its track's file and its row; `pcm_hash` says whether it agrees."""
    where = {name: row[name] for name in ("start_frame", "sample_rate_hz")}
    original = at_gain(read_segment(path, **where), row["gain_db"])
    given = json.loads(row["params"])
    params = (NoiseParams if "seed" in given else IntensityParams)(**given) if given else None
    return make_version(original, row["kind"], params)


def pcm_hash(samples: Stereo) -> str:
    """Hash the samples of a version."""
    little = np.ascontiguousarray(samples, dtype="<f4")
    return hashlib.blake2b(little.tobytes(), digest_size=16).hexdigest()


def measures(samples: Stereo, original: Stereo) -> dict[str, float]:
    """Measure a version without a network, as columns of its row."""
    difference = np.asarray(samples, np.float64) - original
    narrow = soxr.resample(samples, SAMPLE_RATE_HZ, IMAGE_RATE_HZ, quality="VHQ")
    return {
        "mse": float(np.mean(difference**2)),
        "flatness_48k": spectral_flatness(samples),
        "flatness_16k": spectral_flatness(narrow),
        "temporal_sd": temporal_sd(samples),
    }


def musqa_net_quality(samples: Stereo) -> float | None:
    """Ask the shipped musqa-net, which hears the mono mean; None if there is nothing to hear."""
    model = load_model(SHIPPED)
    image = to_image(to_excerpt(samples.mean(axis=1).astype(np.float32), SAMPLE_RATE_HZ)[0])
    return None if image is None else model.quality(image)


def temporal_sd(samples: Stereo) -> float:
    """Return how much the bands of a segment's image vary over time, averaged over them."""
    import torch

    from musqa_pipeline.learning.gan.images import images_of

    spec = ImageSpec()
    pcm = torch.from_numpy(pcm_at_rate(samples, spec.sample_rate_hz))
    return float(images_of(pcm[None], spec).std(dim=-1, correction=0).mean())

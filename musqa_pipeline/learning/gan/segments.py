"""What a GAN looks at: segments of 4.208 s, and the geometry of their images; without torch.

A segment is as long as those of PMQD (paper 000): 201,984 samples at 48 kHz are 67,328 at 16 kHz,
2048 + 255 x 256, which is 256 frames without padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.excerpts.segments import SEGMENT_SAMPLES

SMALLEST_HOP_S = 0.016
"""Of images of 256 a side, in which windows overlap by seven eighths."""
LARGEST_SIZE = 256
SILENT_SPAN = 2
"""Steps of 16 bit between the least and the greatest sample of what is silent but for dither."""
EDGE_FRAC = 0.01
"""Of a segment at either end: 42 ms, in which a resampler rings where a constant begins or ends;
of a file at 8 kHz it does so for 10 ms."""


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """Geometry of images; the paper's when nothing is said."""

    size: int = LARGEST_SIZE
    """Frames of an image, and mel bands: 64, 128 or 256."""
    band: Literal["16k", "48k"] = "16k"
    """Sample rate of what is looked at: up to 8 kHz as in the paper, or all that is heard."""
    range_db: float = 80.0
    """How far below an image's loudest cell its floor lies; the paper does not say."""

    @property
    def sample_rate_hz(self) -> int:
        """Sample rate of the PCM that images are made of."""
        return {"16k": 16_000, "48k": SAMPLE_RATE_HZ}[self.band]

    @property
    def segment_samples(self) -> int:
        """Samples of a segment at that rate."""
        return SEGMENT_SAMPLES * self.sample_rate_hz // SAMPLE_RATE_HZ

    @property
    def window_samples(self) -> int:
        """Length of a window: 128 ms."""
        return round(8 * SMALLEST_HOP_S * self.sample_rate_hz)

    @property
    def hop_samples(self) -> int:
        """Distance of two windows; the last window of a segment ends with it or a little before."""
        return round(SMALLEST_HOP_S * self.sample_rate_hz) * LARGEST_SIZE // self.size


def is_silent(pcm: NDArray[np.int16]) -> bool:
    """Say whether a segment is silent or constant, so that its image shows nothing.

    Dither does not count, nor what sounds within `EDGE_FRAC` of either end alone: resampling makes
    a sound there of a constant that was cut.
    """
    edge = round(EDGE_FRAC * len(pcm))
    inside = pcm[edge : len(pcm) - edge]
    return int(inside.max()) - int(inside.min()) <= SILENT_SPAN

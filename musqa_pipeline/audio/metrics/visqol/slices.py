"""Where ViSQOL cuts the audio of a patch, with its arithmetic to the letter.

Times are multiples of 0.02 s in floating point and are truncated to samples, which makes some
starts one sample early and some slices 28,799 or 28,801 samples long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.metrics.visqol.search import PATCH_FRAMES


@dataclass(frozen=True)
class Slice:
    """A stretch of a signal, with zeros in front of it where it would pass the end."""

    start: int
    stop: int
    zeros: int

    def __len__(self) -> int:
        return self.zeros + max(self.stop - self.start, 0)

    def cut(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the slice of a signal."""
        if self.zeros:
            return np.concatenate((np.zeros(self.zeros), samples[self.start : self.stop]))
        return samples[self.start : self.stop]


def patch_times(offset: int, frame_s: float) -> tuple[float, float]:
    """Return start and end in seconds of the patch that begins at a frame.

    They span its hops, though the last window reaches further.
    """
    start_s = offset * frame_s
    return start_s, start_s + frame_s * PATCH_FRAMES


def slice_of(start_s: float, end_s: float, n_samples: int, sample_rate_hz: int) -> Slice:
    """Return the samples that ViSQOL takes for a stretch of time of a signal.

    The last sample of a signal is never part of it; what lies beyond the end becomes zeros in
    front.
    """
    start = max(0, int(start_s * sample_rate_hz))
    stop = min(n_samples - 1, int(end_s * sample_rate_hz))
    beyond = end_s * sample_rate_hz - n_samples
    return Slice(start, stop, int(beyond) if beyond > 0 else 0)

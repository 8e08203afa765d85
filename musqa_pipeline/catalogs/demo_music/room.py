"""Rooms: stereo impulse responses from a size and a colour, and echoes in time with the music."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.catalogs.demo_music.oscillators import n_samples, seconds

_BANDS_HZ = (20.0, 250.0, 1_000.0, 4_000.0, 9_000.0, 22_000.0)


@dataclass(frozen=True)
class Room:
    """A space, from a booth to a church."""

    reverberation_s: float
    """Time to fall by 60 dB at middle frequencies."""
    predelay_s: float = 0.012
    damping: float = 0.5
    """How much sooner the treble dies: 0 stone, 1 heavy curtains."""

    def impulse_response(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw the room's response to a clap in front of the listener."""
        n = n_samples(self.predelay_s + 1.1 * self.reverberation_s)
        t = seconds(n)
        late = np.zeros((2, n))
        edges = list(pairwise(_BANDS_HZ))
        for i, (low, high) in enumerate(edges):
            shorter = 1 - (0.3 + 0.5 * self.damping) * max(i - 1, 0) / (len(edges) - 2)
            time_s = self.reverberation_s * shorter
            sos = scipy.signal.butter(2, (low, high), "band", fs=SAMPLE_RATE_HZ, output="sos")
            noise = scipy.signal.sosfilt(sos, rng.standard_normal((2, n)))
            late += noise * np.exp(-6.91 * t / time_s) * 10 ** (-(0.06 + 0.2 * self.damping) * i)
        build_up = np.clip((t - self.predelay_s) / 0.02, 0, 1)
        response = late * build_up
        for _ in range(14):
            delay_s = self.predelay_s + rng.exponential(0.018)
            at = min(n_samples(delay_s), n - 1)
            response[int(rng.integers(2)), at] += (
                rng.choice([-1, 1]) * 2.5 * np.exp(-delay_s / 0.03)
            )
        return response / np.sqrt(np.mean(np.sum(response**2, axis=1)))


def reverberate(dry: NDArray[np.float64], response: NDArray[np.float64]) -> NDArray[np.float64]:
    """Play a stereo signal in a room."""
    crossed = np.stack([0.8 * dry[0] + 0.2 * dry[1], 0.2 * dry[0] + 0.8 * dry[1]])
    return scipy.signal.oaconvolve(crossed, response, axes=-1)[:, : dry.shape[1]]


def echo(
    dry: NDArray[np.float64], *, delay_s: float, feedback: float, repeats: int = 5
) -> NDArray[np.float64]:
    """Repeat a stereo signal, changing sides, each repeat duller than the last."""
    out = np.zeros_like(dry)
    sos = scipy.signal.butter(1, (250, 5_500), "band", fs=SAMPLE_RATE_HZ, output="sos")
    repeat, shift = dry, n_samples(delay_s)
    for i in range(1, repeats + 1):
        if i * shift >= dry.shape[1]:
            break
        repeat = feedback * scipy.signal.sosfilt(sos, repeat)[::-1]
        out[:, i * shift :] += repeat[:, : dry.shape[1] - i * shift]
    return out

"""A recording with faults at known places."""

import numpy as np

from tests.audio.music import music

RATE_HZ = 48_000


def faulty_music(duration_s=24):
    """Stereo music, float32 (samples, 2): clipped in its last second but one and from 3 to 5 s."""
    n = duration_s * RATE_HZ
    left, right = (np.resize(music(seed=seed), n) for seed in (1, 2))
    x = np.stack([left + 0.3 * right, right + 0.3 * left], axis=1).astype(np.float64)
    x *= 0.5 / np.abs(x).max()
    for start_s, stop_s in ((3, 5), (duration_s - 2, duration_s - 1)):
        part = slice(start_s * RATE_HZ, stop_s * RATE_HZ)
        x[part] = np.clip(6 * x[part], -0.8, 0.8)
    return x.astype(np.float32)

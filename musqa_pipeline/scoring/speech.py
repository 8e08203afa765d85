"""Is it speech? A small logistic model over what is known to tell speech from music.

Each feature (`speech_features.py`) is expressed as its distance from the mean of speech in spreads
of speech, z; the model weighs z and its square, so that both too little and too much speak against
speech. `benchmarks/fit_speech.py` fits it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.scoring.speech_features import FEATURES, speech_features
from musqa_pipeline.scoring.speech_model import BIAS, MODEL

LARGEST_Z = 4.0
"""What is farther from speech counts as this far."""


def speech_probability(mono: NDArray[np.floating], sample_rate_hz: int) -> float:
    """Estimate the probability that a sound is speech, and no music.

    Parameters
    ----------
    mono : ndarray of float, shape (samples,)
        At least a second, better ten; level does not matter.
    sample_rate_hz : int
        8,000 or more.

    Returns
    -------
    float
        In [0, 1]; above 0.5 it is to be taken for speech. It is fitted on as much music as speech.

    Raises
    ------
    ValueError
        If there is less than one second.

    Examples
    --------
    >>> import numpy as np
    >>> chord = sum(np.sin(np.arange(80_000) * step) for step in (0.17, 0.21, 0.26))
    >>> speech_probability(chord, 8_000) < 0.01
    True
    """
    features = speech_features(mono, sample_rate_hz)
    mean, spread, weight, weight_of_square = np.array([MODEL[name] for name in FEATURES]).T
    z = np.clip((features - mean) / spread, -LARGEST_Z, LARGEST_Z)
    logit = BIAS + float(np.sum(weight * z + weight_of_square * np.square(z)))
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))

"""Google's Zimtohrli, a second opinion beside ViSQOL: the only module that knows that package.

The package ends the whole process, without an exception, for signals that are empty, shorter than
some 80 ms or hold a NaN; so these are refused here. It also takes a signal that stops halfway for
nearly perfect, because its time warping stretches what is there: so what is missing counts as
silence here, but for the last second, by which ViSQOL lets lengths differ too.

It needs no alignment to the sample (1 ms of delay costs 0.04 to 0.2 MOS), and unlike ViSQOL does
not undo a difference in level (a factor of 2 costs up to 0.2 MOS). A degraded signal that is silent
gets 2 to 3, not 1: its scale ends there.
"""

from __future__ import annotations

import importlib
import math
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.metrics.score import SecondScore
from musqa_pipeline.audio.metrics.unfit import check_finite, check_reference
from musqa_pipeline.core.errors import ToolError
from musqa_pipeline.core.fingerprints import tool_version

SHORTEST_SAMPLES = SAMPLE_RATE_HZ // 2
MAY_LACK_SAMPLES = SAMPLE_RATE_HZ
LONGEST_PIECE_SAMPLES = 30 * SAMPLE_RATE_HZ
"""Time and memory grow with the square of the length: 120 s at once take 0.8 GB."""


class Zimtohrli:
    """Zimtohrli, bound to one reference: at least 0.5 s, finite and not silent.

    `ToolError` if the package is not installed, `UnfitInputError` for another reference.
    """

    version = f"zimtohrli {tool_version('zimtohrli')}"

    def __init__(self, reference: NDArray[np.float32]) -> None:
        self._module = _load()
        self._program = self._module.Pyohrli()
        shortest_s = SHORTEST_SAMPLES / SAMPLE_RATE_HZ
        check_reference(reference, shortest_s=shortest_s, who="Zimtohrli")
        self._reference = reference

    @staticmethod
    def require() -> None:
        """Raise `ToolError` unless the package is installed."""
        _load()

    def score(self, degraded: NDArray[np.float32]) -> SecondScore:
        """Score a degraded version of the reference, aligned and level-matched.

        What is beyond the reference's end is left out, and so is up to a second of the reference
        beyond this one's end; what is missing beyond that counts as silence. Up to 30 s the score
        is exactly what the package says; of what is longer, it is of the mean distance of equal
        pieces of at most 30 s. `UnfitInputError` if a sample is NaN or infinite.
        """
        check_finite(degraded, "degraded signal")
        whole = len(self._reference)
        n = min(whole, max(len(degraded), whole - MAY_LACK_SAMPLES, SHORTEST_SAMPLES))
        reference, heard = self._reference[:n], np.zeros(n, np.float32)
        heard[: len(degraded)] = degraded[:n]
        n_pieces = math.ceil(n / LONGEST_PIECE_SAMPLES)
        pieces = zip(
            np.array_split(reference, n_pieces), np.array_split(heard, n_pieces), strict=True
        )
        total = sum(len(a) * float(self._program.distance(a, b)) for a, b in pieces)
        distance = max(0.0, total / n)
        return SecondScore(float(self._module.mos_from_zimtohrli(distance)), distance)


def _load() -> ModuleType:
    try:
        return importlib.import_module("zimtohrli")
    except ImportError as error:
        raise ToolError(
            "the second opinion needs the package zimtohrli; install it with "
            "pip install 'musqa-pipeline[zimtohrli]', or ask for none"
        ) from error

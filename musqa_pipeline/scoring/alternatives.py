"""Two answers where the question is open: the humps of a predicted distribution.

Music that is dark by nature and a copy that a gentle filter made dull look alike, and a mean of
both answers describes neither. So a distribution with two humps is told as two answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.metrics.ceiling import LOWPASS_MOS
from musqa_pipeline.scoring.score import Alternative

TREBLE, DAMAGE = "treble", "damage"

SMOOTHED_OVER = 0.0375
"""Standard deviation in quality of the bell that humps are looked for behind: roughness is none."""
LEAST_PROBABILITY = 0.15
"""Less is a tail and no answer."""
DEEPEST_VALLEY = 0.6
"""Between two humps the distribution falls to this part of the lower one, or further."""
LEAST_APART = 0.2
"""Answers that lie closer in quality (0.8 MOS) are one."""
DARK_BELOW_HZ = 12_000.0
"""Where bands above lie 50 dB below the loudest, treble is what may be missing."""


def alternatives(
    probability: NDArray[np.floating], step_quality: NDArray[np.float64], image: NDArray[np.uint8]
) -> tuple[Alternative, ...]:
    """Return the two answers of a distribution with two humps, the worse one first.

    Parameters
    ----------
    probability, step_quality : ndarray of float, shape (n,)
        Of each step of quality, which sums to 1; the steps, evenly rising.
    image : ndarray of uint8, shape (31, 1024)
        The band image that was asked about.

    Returns
    -------
    tuple of Alternative
        The means of what lies below and above the valley between the humps; empty where there is
        one hump, or two too close, or one of next to nothing.
    """
    p = np.asarray(probability, np.float64)
    smooth = _smoothed(p, step_quality)
    humps = np.minimum(np.maximum.accumulate(smooth), np.maximum.accumulate(smooth[::-1])[::-1])
    reached = np.cumsum(p)
    enough = (reached >= LEAST_PROBABILITY) & (reached <= 1.0 - LEAST_PROBABILITY)
    depth = np.divide(smooth, humps, out=np.ones_like(p), where=enough & (humps > 0))
    valley = int(np.argmin(depth))
    if depth[valley] > DEEPEST_VALLEY:
        return ()
    sides = (slice(None, valley + 1), slice(valley + 1, None))
    worse, better = (float(np.sum(p[side] * step_quality[side]) / p[side].sum()) for side in sides)
    if better - worse < LEAST_APART:
        return ()
    below = float(reached[valley])
    return (
        Alternative(1.0 + 4.0 * worse, below, TREBLE if _is_dark(image) else DAMAGE),
        Alternative(1.0 + 4.0 * better, 1.0 - below),
    )


def _smoothed(p: NDArray[np.float64], step_quality: NDArray[np.float64]) -> NDArray[np.float64]:
    sd_steps = SMOOTHED_OVER / (step_quality[1] - step_quality[0])
    reach = int(np.ceil(3 * sd_steps))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sd_steps) ** 2)
    return np.convolve(p, bell)[reach : reach + len(p)]


def _is_dark(image: NDArray[np.uint8]) -> bool:
    from musqa_pipeline.audio.features.descriptors import describe

    return describe(image)["edge_50_db_below_peak_hz"] < DARK_BELOW_HZ


def in_common(
    found: Sequence[tuple[Alternative, ...]], weights: Sequence[float]
) -> tuple[Alternative, ...]:
    """Return the answers to a recording from those to its parts, weighted; see `alternatives`.

    They are the means over the parts with two answers, if these hold half of the weight at least;
    the cause is the one that weighs most.
    """
    pairs = [(pair, weight) for pair, weight in zip(found, weights, strict=True) if pair]
    total = sum(weight for _, weight in pairs)
    if not pairs or total < 0.5 * sum(weights):
        return ()
    treble = sum(weight for (worse, _), weight in pairs if worse.cause == TREBLE)

    def mean(of: Callable[[tuple[Alternative, ...]], float]) -> float:
        return sum(of(pair) * weight for pair, weight in pairs) / total

    below = mean(lambda pair: pair[0].probability)
    return (
        Alternative(
            mean(lambda pair: pair[0].mos), below, TREBLE if treble > total / 2 else DAMAGE
        ),
        Alternative(mean(lambda pair: pair[1].mos), 1.0 - below),
    )


def told_of_both(found: Sequence[Alternative]) -> str:
    """Say in a sentence what the two answers are, of `alternatives`; empty where there is one."""
    if not found:
        return ""
    worse, better = found
    since = "damaged it since"
    if worse.cause == TREBLE:
        since = f"took its treble, as a cut at {_cut_hz(worse.mos) / 1_000:g} kHz does"
    return (
        f"Two answers fit: {better.mos:.1f} if it was made like this, {worse.mos:.1f} "
        f"({worse.probability:.0%} likely) if something {since}."
    )


def _cut_hz(mos: float) -> float:
    """Return the cut-off of the low-pass that scores so, in steps of half a kilohertz."""
    cuts_hz = list(LOWPASS_MOS)[1:]
    return 500.0 * round(float(np.interp(mos, [LOWPASS_MOS[hz] for hz in cuts_hz], cuts_hz)) / 500)

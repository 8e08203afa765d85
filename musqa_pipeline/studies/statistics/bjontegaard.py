"""Bjontegaard's delta rate: by how much another codec's bitrate differs at equal quality.

The mean over quality of the difference of the logarithms of two rates [1]_. The curve between the
points is a piecewise cubic that keeps their order (PCHIP), as in the common test conditions of
HEVC and VVC: the polynomial of [1]_ may fold back between points of a saturating scale [2]_.

References
----------
.. [1] G. Bjontegaard, Calculation of average PSNR differences between RD-curves, ITU-T SG16 Q.6
   document VCEG-M33, 2001.
.. [2] C. Herglotz et al., The Bjontegaard Bible: why your way of comparing video codecs may be
   wrong, IEEE Transactions on Image Processing 33, 2024, arXiv:2304.12852.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from musqa_pipeline.core.errors import MusqaError

MIN_POINTS = 4
"""Points a curve, as VCEG-M33 asks."""

Floats = NDArray[np.float64]


class CurveError(MusqaError):
    """Two curves that cannot be compared; the text says why."""


@dataclass(frozen=True)
class BdRate:
    """The mean difference in bitrate at equal quality."""

    percent: float
    """Of the second codec against the first: -20 says that it needs a fifth less."""
    mos_low: float
    mos_high: float
    """Quality over which it is the mean: what both curves reach."""
    overlap_frac: float
    """Part of the narrower curve's range of quality that this is."""


def efficient(rates_kbps: ArrayLike, mos: ArrayLike) -> tuple[Floats, Floats]:
    """Keep the points that are worth their bitrate: both coordinates strictly ascending.

    A curve has an inverse only where quality rises with the rate, which a measured one does not
    everywhere. A point is left out if a cheaper one is as good.
    """
    rates = np.asarray(rates_kbps, dtype=np.float64)
    quality = np.asarray(mos, dtype=np.float64)
    order = np.lexsort((-quality, rates))
    rates, quality = rates[order], quality[order]
    best_before = np.concatenate([[-np.inf], np.maximum.accumulate(quality)[:-1]])
    kept = quality > best_before
    return rates[kept], quality[kept]


def bd_rate(
    anchor_kbps: ArrayLike, anchor_mos: ArrayLike, other_kbps: ArrayLike, other_mos: ArrayLike
) -> BdRate:
    """Compare the bitrates of two codecs at equal quality.

    Parameters
    ----------
    anchor_kbps, anchor_mos : array_like of float, shape (n,)
        Points of the codec that is compared with; rates above 0.
    other_kbps, other_mos : array_like of float, shape (m,)
        Points of the other one.

    Returns
    -------
    BdRate
        Over the quality that both reach.

    Raises
    ------
    CurveError
        If a curve has fewer than `MIN_POINTS` points that are worth their bitrate, or no quality
        is reached by both.

    Examples
    --------
    >>> rates, mos = [24, 48, 96, 192], [2.0, 3.0, 4.0, 4.5]
    >>> round(bd_rate(rates, mos, [rate / 2 for rate in rates], mos).percent, 6)
    -50.0
    """
    curves = []
    for which, kbps, mos in (
        ("first", anchor_kbps, anchor_mos),
        ("second", other_kbps, other_mos),
    ):
        kept_kbps, kept_mos = efficient(kbps, mos)
        if len(kept_kbps) < MIN_POINTS:
            raise CurveError(
                f"the {which} curve has {len(kept_kbps)} points where quality rises with the rate, "
                f"expected {MIN_POINTS} or more; try more bitrates"
            )
        curves.append((np.log10(kept_kbps), kept_mos))
    low = max(mos[0] for _, mos in curves)
    high = min(mos[-1] for _, mos in curves)
    if not low < high:
        spans = " and ".join(f"{mos[0]:.2f} to {mos[-1]:.2f}" for _, mos in curves)
        raise CurveError(
            f"the curves do not overlap (MOS {spans}); try bitrates at which both are as good"
        )
    means = [
        float(PchipInterpolator(mos, log_kbps).integrate(low, high)) / (high - low)
        for log_kbps, mos in curves
    ]
    narrower = min(mos[-1] - mos[0] for _, mos in curves)
    percent = 100.0 * (10.0 ** (means[1] - means[0]) - 1.0)
    return BdRate(percent, float(low), float(high), float((high - low) / narrower))

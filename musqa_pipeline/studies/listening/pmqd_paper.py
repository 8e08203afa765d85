"""What paper 000 [1]_ found of listeners' ratings of PMQD: numbers that ours stand beside.

They are Spearman's coefficients with the rating of a segment. Subsets are those of its table 2: a
genre has originals and degraded segments, a degradation the degraded ones alone.

References
----------
.. [1] A. Hilmkil, C. Thomé, A. Arpteg, "Perceiving Music Quality with GANs", arXiv:2006.06287:
   table 2 (D), figure 3 and the section on other measures.
"""

from __future__ import annotations

from collections.abc import Mapping

ALL, D = "all", "D"
GENRES = (
    "Acoustic", "Blues", "Classical", "Country", "Electronica & Dance", "Funk", "Hip Hop", "Jazz",
    "Latin", "Pop", "Reggae", "Rnb & Soul", "Rock",
)  # fmt: skip
"""As PMQD spells them; in presets each stands for itself beside any table."""
KINDS = ("distortion", "limiter", "lowpass", "noise")
SUBSETS = (*GENRES, *KINDS, ALL)
"""In the order of table 2."""
PAPER: Mapping[str, Mapping[str, float]] = {
    D: {
        "Acoustic": 0.426, "Blues": 0.450, "Classical": 0.259, "Country": 0.567,
        "Electronica & Dance": 0.221, "Funk": 0.677, "Hip Hop": 0.516, "Jazz": 0.469,
        "Latin": 0.488, "Pop": 0.591, "Reggae": 0.520, "Rnb & Soul": 0.519, "Rock": 0.304,
        "distortion": 0.349, "limiter": 0.120, "lowpass": 0.222, "noise": 0.359, ALL: 0.426,
    },
    "MSE": {ALL: -0.510},
    "SF 48k": {ALL: -0.473},
    "SF 16k": {ALL: -0.345},
    "I": {"Hip Hop": -0.361, "limiter": -0.121, "noise": -0.706},
}  # fmt: skip
"""By score and subset. D: the discriminator. MSE: of the waveform from the original. SF: spectral
flatness at 48 and at 16 kHz. I: intensity of the degradation, 0 of an original."""
RATINGS = (
    "PMQD's ratings are medians of at least 5 listeners, 448 people in all, ten segments each; "
    "rejected were those without speakers or headphones, with more than one task, faster than the "
    "audio, or with all ratings equal."
)
"""What a rating is, to be said wherever one is."""

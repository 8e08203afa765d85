"""What a predicted MOS-LQO means, in five words: the one place that all texts take them from.

The scale is ViSQOL's, 1 to 4.73 for a copy that equals its original, and not a listener's five
stars. The borders lie at what ViSQOL itself says of plain damage (means of six full-band
recordings, `musqa_pipeline/audio/metrics/ceiling.py`), and the listeners are those of ODAQ [1]_ who
rated low-passes of four pieces of music on MUSHRA's scale of 0 to 100.

References
----------
.. [1] M. Torcoli et al., ODAQ: Open Dataset of Audio Quality, ICASSP 2024, arXiv:2401.00197.
"""

from __future__ import annotations

from dataclasses import dataclass

LOWEST_MOS = 1.0
HIGHEST_MOS = 4.73


@dataclass(frozen=True)
class Word:
    """A word for a part of the scale."""

    name: str
    from_mos: float
    """It stands for scores from here on, up to the next word."""
    meaning: str
    """What it says of a recording, one sentence."""
    measured: str
    """What lies at its lower border on ViSQOL's scale."""


WORDS = (
    Word(
        "transparent",
        4.5,
        "Nothing is missing that ViSQOL would hear: like a lossless master, or a codec at a high "
        "rate.",
        "a cut at 18 kHz scores 4.51, MP3 at 256 kbit/s 4.49, AAC at 256 kbit/s 4.73",
    ),
    Word(
        "good",
        4.0,
        "A little is missing, mostly above 14 kHz: like MP3 at 96 to 256 kbit/s.",
        "a cut at 14 kHz scores 4.03, MP3 at 96 kbit/s 3.99; listeners rate a cut at 15 kHz 97 "
        "of 100",
    ),
    Word(
        "fair",
        3.1,
        "Audibly dull or thinned out: like a cut between 10 and 14 kHz.",
        "a cut at 10 kHz scores 3.13; listeners rate cuts at 9 and 10.5 kHz 47 and 59 of 100",
    ),
    Word(
        "poor",
        2.3,
        "Much is missing: like a cut between 7 and 10 kHz, or a codec at a very low rate.",
        "a cut at 7 kHz scores 2.4; listeners rate it 36 of 100",
    ),
    Word(
        "bad",
        LOWEST_MOS,
        "Hardly more than the middle of the sound is left: like AM radio or a telephone.",
        "a cut at 3.5 kHz scores 2.0; listeners rate it 18 of 100",
    ),
)
"""From the top of the scale to its end."""


def word_of(mos: float) -> Word:
    """Return the word for a score: the highest that it reaches, the lowest for anything below."""
    return next((word for word in WORDS if mos >= word.from_mos), WORDS[-1])

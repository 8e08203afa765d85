"""What a predicted MOS-LQO means, in five words: the one place that all texts take them from.

They are words for a part of the scale. What is said of a file follows its interval (`words_of`),
and its cause (`causes.py`).

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
    degree: str
    """How much a recording differs from its original, as an adjective."""
    meaning: str
    """How far that is from the original, one sentence: true whatever the cause."""
    measured: str
    """What lies at its lower border on ViSQOL's scale."""


WORDS = (
    Word(
        "transparent",
        4.5,
        "hardly any",
        "Hardly a difference from the original: as far from it as a codec at a high rate, or "
        "nearer.",
        "a cut at 18 kHz scores 4.51, MP3 at 256 kbit/s 4.49, AAC at 256 kbit/s 4.73",
    ),
    Word(
        "good",
        4.0,
        "slight",
        "A slight difference: as far from the original as MP3 at 96 to 256 kbit/s, or a cut above "
        "14 kHz.",
        "a cut at 14 kHz scores 4.03, MP3 at 96 kbit/s 3.99; listeners rate a cut at 15 kHz 97 "
        "of 100",
    ),
    Word(
        "fair",
        3.1,
        "clear",
        "A clear difference: as far from the original as a cut between 10 and 14 kHz.",
        "a cut at 10 kHz scores 3.13; listeners rate cuts at 9 and 10.5 kHz 47 and 59 of 100",
    ),
    Word(
        "poor",
        2.3,
        "strong",
        "A strong difference: as far from the original as a cut between 7 and 10 kHz, or a codec "
        "at a very low rate.",
        "a cut at 7 kHz scores 2.4; listeners rate it 36 of 100",
    ),
    Word(
        "bad",
        LOWEST_MOS,
        "very strong",
        "Little is as it was: as far from the original as AM radio or a telephone.",
        "a cut at 3.5 kHz scores 2.0; listeners rate it 18 of 100",
    ),
)
"""From the top of the scale to its end."""


def word_of(mos: float) -> Word:
    """Return the word for a score: the highest that it reaches, the lowest for anything below."""
    return next((word for word in WORDS if mos >= word.from_mos), WORDS[-1])


def span_of(mos: float, low: float | None, high: float | None) -> tuple[Word, Word]:
    """Return the worst and the best word that a score may well deserve.

    They are those half-way from the score to the ends of its 90 % interval: the ends themselves are
    reached by one recording in twenty.

    Parameters
    ----------
    mos : float
        The score.
    low, high : float or None
        Ends of its interval; None without calibration, when the score stands for itself.

    Returns
    -------
    tuple of Word
        Worst and best; the same where the interval leaves no doubt.
    """
    ends = (mos if end is None else (mos + end) / 2 for end in (low, high))
    worst, best = map(word_of, ends)
    return worst, best


def words_of(mos: float, low: float | None, high: float | None) -> str:
    """Say what the interval of a score allows, such as "good or better"; see `span_of`."""
    worst, best = span_of(mos, low, high)
    if worst is best:
        return worst.name
    if best is WORDS[0]:
        return f"{worst.name} or better"
    if worst is WORDS[-1]:
        return f"{best.name} or worse"
    between = "or" if WORDS.index(worst) - WORDS.index(best) == 1 else "to"
    return f"{worst.name} {between} {best.name}"


def degree_of(mos: float, low: float | None, high: float | None) -> str:
    """Say how much a recording differs from its original, as an adjective; see `span_of`."""
    worst, best = span_of(mos, low, high)
    if worst is best:
        return worst.degree
    if best is WORDS[0]:
        return f"at most {worst.degree}"
    if worst is WORDS[-1]:
        return f"at least {best.degree}"
    return f"{best.degree} to {worst.degree}"

"""Who is not believed: the screening of paper 001, section III.G.3 and 4, rule by rule.

Each rule is a function of one listener's scores that returns what is wrong, in words, or None. A
rule that a table has no data for rejects nobody; `missing_data` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from musqa_pipeline.studies.listening.ratings import (
    LOW_ANCHOR,
    MID_ANCHOR,
    REFERENCE,
    Rating,
    Ratings,
)
from musqa_pipeline.studies.listening.settings import ScreeningSettings

Rule = Callable[[Sequence[Rating], ScreeningSettings], str | None]


@dataclass(frozen=True)
class Rejection:
    """One reason to leave out one listener; a listener may have several."""

    rater: str
    rule: str
    """headphones, all_top, reference_mid_scale, anchor_top, anchor_above_reference,
    anchor_above_mid_anchor or repeats."""
    reason: str
    """What was found, with numbers."""


def screen(ratings: Ratings, settings: ScreeningSettings) -> list[Rejection]:
    """Find the listeners whose scores should not be used, with every reason.

    In the order of listeners and rules.
    """
    found = []
    for rater in ratings.raters:
        if settings.headphones and ratings.headphones.get(rater) is False:
            found.append(Rejection(rater, "headphones", "reports no headphones"))
        own = [r for r in ratings.scores if r.rater == rater]
        for name, rule in RULES.items():
            reason = rule(own, settings)
            if reason:
                found.append(Rejection(rater, name, reason))
    return found


def missing_data(ratings: Ratings) -> dict[str, str]:
    """Say which rules could reject nobody, and by rule what the scores lack."""
    conditions = {r.condition for r in ratings.scores}
    no_reference = "" if REFERENCE in conditions else "no hidden reference"
    no_low = "" if LOW_ANCHOR in conditions else "no 3.5 kHz anchor"
    no_mid = "" if MID_ANCHOR in conditions else "no 7 kHz anchor"
    no_page = "" if any(r.page for r in ratings.scores) else "no page or recording"
    lacking = {
        "headphones": "" if ratings.headphones else "no reports on headphones",
        "reference_mid_scale": no_reference,
        "anchor_top": no_low,
        "anchor_above_reference": no_low or no_reference or no_page,
        "anchor_above_mid_anchor": no_low or no_mid or no_page,
        "repeats": "" if any(_repeats(ratings.scores)) else "no excerpt rated twice",
    }
    return {rule: what for rule, what in lacking.items() if what}


def _all_top(own: Sequence[Rating], settings: ScreeningSettings) -> str | None:
    top = settings.score(settings.top_frac)
    if len(own) > 1 and all(r.score >= top for r in own):
        return f"all {len(own)} scores are {top:g} or more"
    return None


def _reference_mid_scale(own: Sequence[Rating], settings: ScreeningSettings) -> str | None:
    bound = settings.score(settings.mid_scale_frac)
    slips = [r.score <= bound for r in own if r.condition == REFERENCE]
    return _on_pages(slips, settings, f"the hidden reference at {bound:g} or below")


def _anchor_top(own: Sequence[Rating], settings: ScreeningSettings) -> str | None:
    top = settings.score(settings.top_frac)
    slips = [r.score >= top for r in own if r.condition == LOW_ANCHOR]
    return _on_pages(slips, settings, f"the 3.5 kHz anchor at {top:g}")


def _anchor_above_reference(own: Sequence[Rating], settings: ScreeningSettings) -> str | None:
    least = _points(settings, settings.above_reference_frac)
    slips = [gap > least for gap in _gaps(own, REFERENCE)]
    what = f"the 3.5 kHz anchor above the hidden reference by more than {least:g}"
    return _on_pages(slips, settings, what)


def _anchor_above_mid_anchor(own: Sequence[Rating], settings: ScreeningSettings) -> str | None:
    least = _points(settings, settings.above_mid_anchor_frac)
    slips = [gap > least for gap in _gaps(own, MID_ANCHOR)]
    what = f"the 3.5 kHz anchor above the 7 kHz anchor by more than {least:g}"
    return _on_pages(slips, settings, what)


def _repeats_apart(own: Sequence[Rating], settings: ScreeningSettings) -> str | None:
    limit = _points(settings, settings.repeat_frac)
    gaps = [(abs(a.score - b.score), a.file) for a, b in _repeats(own)]
    far = [(gap, file) for gap, file in gaps if gap > limit]
    if not far:
        return None
    gap, file = max(far)
    return (
        f"{len(far)} of {len(gaps)} repeated excerpts more than {limit:g} apart, "
        f"at most {gap:g} ({file})"
    )


RULES: dict[str, Rule] = {
    "all_top": _all_top,
    "reference_mid_scale": _reference_mid_scale,
    "anchor_top": _anchor_top,
    "anchor_above_reference": _anchor_above_reference,
    "anchor_above_mid_anchor": _anchor_above_mid_anchor,
    "repeats": _repeats_apart,
}
"""The rules that look at scores, by name; the report on headphones is one of its own."""


def _points(settings: ScreeningSettings, fraction: float) -> float:
    return fraction * (settings.scale_high - settings.scale_low)


def _on_pages(slips: Sequence[bool], settings: ScreeningSettings, what: str) -> str | None:
    """Put in words on how many pages a rule is broken, if it is on more than are tolerated."""
    n = sum(slips)
    if not n or n <= settings.tolerated_frac * len(slips):
        return None
    return f"{what} on {n} of {len(slips)} pages"


def _gaps(own: Sequence[Rating], other: str) -> list[float]:
    """By how much the 3.5 kHz anchor is above another condition, page by page."""
    others = {(r.page, r.presentation): r.score for r in own if r.condition == other and r.page}
    return [
        r.score - others[r.page, r.presentation]
        for r in own
        if r.condition == LOW_ANCHOR and (r.page, r.presentation) in others
    ]


def _repeats(ratings: Sequence[Rating]) -> Iterator[tuple[Rating, Rating]]:
    """Yield both ratings of each repeated excerpt; a hidden reference is told by its condition."""
    first = {(r.rater, r.file): r for r in ratings if r.presentation == 1}
    for r in ratings:
        earlier = first.get((r.rater, r.file))
        if r.presentation == 2 and earlier is not None and r.condition != REFERENCE:
            yield earlier, r

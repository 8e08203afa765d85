"""Music of few sounds, of which a release tells whether it has a score for it, or why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.catalogs.sampled_music.catalog import SampledPlan
from musqa_pipeline.catalogs.sampled_music.font import open_font
from musqa_pipeline.catalogs.sampled_music.styles import UNUSUAL_STYLES
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.foreign_text import markdown_table
from musqa_pipeline.scoring.score import Score
from musqa_pipeline.scoring.scorer import Scorer

SEED, N_PIECES, DURATION_S = 902, 6, 10.0
"""No catalog of ours has this seed."""


def ask_unusual_music(model: Path) -> list[dict[str, Any]]:
    """Ask a model about pieces of each style; nothing where no sampler is installed.

    Raises CatalogError if the sampler fails.
    """
    try:
        font = open_font()
    except CatalogError:
        return []
    scorer, rows = Scorer(str(model), detect=False), []
    for style in UNUSUAL_STYLES:
        plans = (SampledPlan(i, SEED, DURATION_S, style, font) for i in range(N_PIECES))
        scores = [scorer.score(plan.samples().T, SAMPLE_RATE_HZ) for plan in plans]
        rows.append(_summed_up(style.name, scores))
    return rows


def unusual_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write what was found for the card."""
    if not rows:
        return "Music of few sounds was not asked, as no sampler is installed (`make sampler`)."
    lines = [
        (
            *(row["style"], row["n"], row["n_scored"]),
            f"{row['lowest_mos']:.2f}-{row['highest_mos']:.2f}" if row["n_scored"] else "",
            ", ".join(f"{word} {n}" for word, n in row["abstained"].items()),
        )
        for row in rows
    ]
    heads = "music | tried | with a score | MOS | without one for"
    return (
        "Undamaged music of few sounds, by sampled instruments, that never trained:\n\n"
        + markdown_table(heads, lines)
    )


def _summed_up(style: str, scores: Sequence[Score]) -> dict[str, Any]:
    scored = sorted(score.mos for score in scores if score.mos is not None)
    return {
        "style": style,
        "n": len(scores),
        "n_scored": len(scored),
        "lowest_mos": scored[0] if scored else None,
        "highest_mos": scored[-1] if scored else None,
        "abstained": dict(Counter(score.abstained for score in scores if score.abstained)),
    }

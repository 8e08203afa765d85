"""Which recordings may be passed on as audio, by the terms that their catalog states."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from musqa_pipeline.catalogs.demo_music.catalog import TIER as SYNTHESISED_TIER
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.release.model.licences import is_allowed

PASSED_ON = ("CC0", "public domain", "CC-BY", "CC-BY-SA", "MIT", "Apache")
"""Terms that let anyone pass on changed copies; a version may follow. Not among them: terms without
derivatives, which a degraded excerpt is, and not for commerce, which depends on who exports."""
UNSTATED = "unstated"
"""What stands for no terms at all on the command line and in the card."""
SYNTHESISED = "synthesised by musqa"


def stated_terms(licence: str, tier: str) -> str:
    """Say under which terms a track is."""
    plain = licence.strip()
    if not plain and tier == SYNTHESISED_TIER:
        return SYNTHESISED
    return plain or UNSTATED


def with_terms(rows: pl.DataFrame, accepted: Sequence[str]) -> pl.DataFrame:
    """Mark the rows whose audio may be passed on.

    Raises StageError if accepted terms are those of no row: a slip of the pen must not stay unseen.
    """
    pairs = rows.select("licence", "tier").unique().rows()
    terms = {pair: stated_terms(*pair) for pair in pairs}
    known = sorted(set(terms.values()))
    unknown = sorted(set(accepted) - set(known))
    if unknown:
        raise StageError(
            f"--accept-terms {unknown[0]!r}: no recording of this set is under them; its terms are "
            f"{', '.join(map(repr, known))}"
        )
    of_row = [terms[pair] for pair in rows.select("licence", "tier").rows()]
    may = {
        name: name == SYNTHESISED or name in accepted or is_allowed(name, PASSED_ON)
        for name in known
    }
    return rows.with_columns(
        terms=pl.Series(of_row, dtype=pl.String),
        passed_on=pl.Series([may[name] for name in of_row], dtype=pl.Boolean),
    )


def kept_back(rows: pl.DataFrame) -> pl.DataFrame:
    """Count what is kept back."""
    return (
        rows.filter(~pl.col("passed_on"))
        .group_by("terms")
        .agg(
            n_recordings=pl.struct("catalog", "track_id").n_unique(),
            n_rows=pl.len(),
        )
        .sort("terms")
    )

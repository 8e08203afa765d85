"""Which recordings a released model may learn from, by the terms that their catalog states."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from musqa_pipeline.catalogs.demo_music.catalog import TIER as SYNTHESISED_TIER

_REMARK = re.compile(r"\s*\(.*?\)")
_VERSION = r"(?:[ -]v?\d+(?:\.\d+)*)?"


def is_allowed(licence: str, allowed: Iterable[str]) -> bool:
    """Tell whether the terms of a recording are among those that are wanted."""
    pattern = "|".join(re.escape(name) + _VERSION for name in allowed)
    terms = [part.strip() for part in re.split(r"[/,;]", _REMARK.sub("", licence))]
    return all(re.fullmatch(pattern, term, re.IGNORECASE) is not None for term in terms)


def with_permission(
    rows: pl.DataFrame, tracks: pl.DataFrame, allowed: Iterable[str]
) -> pl.DataFrame:
    """Mark the rows that a release may use."""
    names = tuple(allowed)
    about = tracks.select("catalog", "track_id", "licence", "file", "title", "artist").with_columns(
        permitted=pl.col("licence").map_elements(
            lambda terms: is_allowed(terms, names), return_dtype=pl.Boolean
        )
    )
    joined = rows.join(
        about, on=["catalog", "track_id"], how="left", validate="m:1", maintain_order="left"
    )
    ours = pl.col("tier") == SYNTHESISED_TIER
    return joined.with_columns(allowed=ours | pl.col("permitted").fill_null(False)).drop(
        "permitted"
    )

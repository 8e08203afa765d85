"""Whose recordings a release may learn from by their terms, and whose it learned from."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping

import polars as pl

from musqa_pipeline.catalogs.demo_music.catalog import TIER as SYNTHESISED_TIER
from musqa_pipeline.catalogs.folder import COPY_TIER, TRACKS_CSV
from musqa_pipeline.catalogs.known import load_catalog
from musqa_pipeline.core.csv_files import unguarded
from musqa_pipeline.core.files import explained
from musqa_pipeline.core.foreign_text import markdown_table, markdown_text
from musqa_pipeline.release.model.divisions import FINAL, divide
from musqa_pipeline.stages.engine.context import Context

ORIGIN_COLUMNS = ("origin_repository", "origin_path", "origin", "source", "url", "attribution")
"""Columns of a catalog's `tracks.csv` that may say where a recording comes from."""
_REMARK = re.compile(r"\s*\(.*?\)")
_VERSION = r"(?:[ -]v?\d+(?:\.\d+)*)?"


def attribution_table(context: Context, rows: pl.DataFrame) -> pl.DataFrame:
    """List the recordings that trained the final network, and the sound fonts that played."""
    train = divide(rows, FINAL, context.preset.release.n_folds).train
    real = train.filter(~pl.col("tier").is_in([SYNTHESISED_TIER, COPY_TIER]))
    columns = ["catalog", "file", "title", "artist", "licence"]
    table = real.group_by(columns).agg(n_rows=pl.len()).sort("catalog", "file")
    origins: dict[str, Mapping[str, str]] = {
        name: origins_of(context, name) for name in table["catalog"].unique()
    }
    origin = [
        origins[catalog].get(file, "") for catalog, file in table.select("catalog", "file").rows()
    ]
    table = table.with_columns(origin=pl.Series(origin, dtype=pl.String))
    fonts = (
        train.filter(pl.col("licence") != "", tier=SYNTHESISED_TIER)
        .group_by("catalog", "licence")
        .agg(pl.col("track_id").n_unique(), n_rows=pl.len())
        .sort("catalog", "licence")
    )
    return pl.concat(
        [
            table,
            fonts.select(
                "catalog",
                file=pl.lit(""),
                title=pl.format("{} synthesised pieces", "track_id"),
                artist=pl.lit("musqa"),
                licence="licence",
                n_rows="n_rows",
                origin=pl.format("sound font, catalog {}", "catalog"),
            ),
        ]
    )


def attribution_markdown(table: pl.DataFrame) -> str:
    """Write the list as Markdown."""
    lines = []
    for row in table.to_dicts():
        cells = (row["title"] or row["file"], row["artist"] or "unknown", row["licence"])
        lines.append(map(markdown_text, (*cells, row["origin"] or row["file"])))
    return markdown_table("recording | by | terms | from", lines)


def origins_of(context: Context, catalog: str) -> dict[str, str]:
    """Return where the files of a catalog come from; empty where it does not say."""
    path = load_catalog(context.home, catalog).folder / TRACKS_CSV
    if not path.is_file():
        return {}
    with explained("read", path), path.open(encoding="utf-8-sig", newline="") as file:
        return {
            unguarded(row.get("file") or ""): " ".join(
                unguarded(said) for name in ORIGIN_COLUMNS if (said := row.get(name))
            )
            for row in csv.DictReader(file)
        }


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
    # The composer is musqa's own; a sound font that played has terms.
    ours = (pl.col("tier") == SYNTHESISED_TIER) & (pl.col("licence").fill_null("") == "")
    return joined.with_columns(allowed=ours | pl.col("permitted").fill_null(False)).drop(
        "permitted"
    )

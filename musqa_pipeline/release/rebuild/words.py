"""What a replay says before it starts and at its end: which tool, which rows, what to do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import PurePosixPath

import polars as pl

from musqa_pipeline.audio.degradations.applied import LIBSNDFILE
from musqa_pipeline.audio.degradations.builds import differing_builds
from musqa_pipeline.audio.degradations.ffmpeg import ffmpeg_version
from musqa_pipeline.release.rebuild.file import Recipe
from musqa_pipeline.release.rebuild.references import Found
from musqa_pipeline.release.rebuild.replay import (
    BITSTREAM,
    LOST,
    REFERENCE,
    SAMPLES,
    Difference,
    ReplayReport,
    how_made,
)

MAX_LISTED = 10
"""Most references that are listed by name."""
_CAUSES = {
    REFERENCE: "the reference was cut otherwise (resampler, loudness meter or decoder)",
    BITSTREAM: "the encoder wrote other bytes",
    SAMPLES: "the bytes are equal, but were decoded or levelled otherwise",
    LOST: "the result is silent",
}


def other_encoders(recipe: Recipe) -> list[str]:
    """Name the encoders of a recipe that are other than those here."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for row in recipe.rows.select("encoder", "depth", "first_name", "last_name").to_dicts():
        rows[row["encoder"]][how_made(row)] += 1
    here = f"ffmpeg {ffmpeg_version()}"
    sentences = []
    for encoder, counts in sorted(rows.items()):
        program = encoder.rpartition(" ")[0]
        present = here if encoder.startswith("ffmpeg") else LIBSNDFILE.rpartition(" ")[0]
        if program != present:
            of = ", ".join(f"{n} of {how}" for how, n in _ranked(counts))
            sentences.append(f"{counts.total()} rows ({of}) need {encoder}, here is {present}")
    return sentences


def missing_references(recipe: Recipe, found: Found) -> list[str]:
    """Name the references of a recipe that were found nowhere."""
    keys = pl.struct("catalog", "excerpt_id")
    there = [{"catalog": catalog, "excerpt_id": excerpt} for catalog, excerpt in found.sources]
    lost = recipe.rows.filter(~keys.is_in(there)) if there else recipe.rows
    tracks = lost.group_by("catalog", "track_file", "track_pcm_hash").len()
    return [
        f"{PurePosixPath(file).name} of catalog {catalog} (PCM hash {pcm_hash}): {n_rows} rows"
        for catalog, file, pcm_hash, n_rows in tracks.sort("catalog", "track_file").rows()
    ]


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    """Return the most frequent first; in the order of their names, where they are equal."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _count_by_codec(differences: list[Difference]) -> str:
    counts = Counter(difference.how for difference in differences)
    return ", ".join(f"{n} {'rows' if n > 1 else 'row'} of {how}" for how, n in _ranked(counts))


def verdict(recipe: Recipe, report: ReplayReport, builds: Mapping[str, str]) -> list[str]:
    """Say what differs after a replay, and what is to blame as far as can be known."""
    lines = list(report.failures)
    kinds: dict[tuple[str, str, str], list[Difference]] = defaultdict(list)
    for difference in report.differences:
        kinds[difference.what, difference.encoder, difference.encoder_here].append(difference)
    for (what, encoder, encoder_here), of in sorted(kinds.items()):
        instead = f", here {encoder_here}" if encoder_here not in ("", encoder) else ""
        lines.append(
            f"{_count_by_codec(of)}: {_CAUSES[what]} (recipe: {encoder}{instead}); "
            f"first {of[0].degraded_id} of catalog {of[0].catalog}"
        )
    if report.differences:
        other = differing_builds(recipe.head.builds, builds)
        lines.append(
            "builds that differ: " + ("; ".join(other) or "none, so look at the processor and at "
            "what was set in the environment")
        )  # fmt: skip
    return lines

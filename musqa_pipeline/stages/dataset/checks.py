"""What must hold of splits and dataset, checked on the stored tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import polars as pl

from musqa_pipeline.core.checks import CheckResult
from musqa_pipeline.stages.dataset.groups import SplitTrack, track_keys
from musqa_pipeline.stages.dataset.inputs import read_seen_tracks
from musqa_pipeline.stages.dataset.near_duplicates import NearDuplicates, search_near_duplicates
from musqa_pipeline.stages.dataset.report import (
    DatasetReport,
    describe_dataset,
    read_dataset,
    read_splits,
)
from musqa_pipeline.stages.dataset.splits import PARTS
from musqa_pipeline.stages.dataset.stage import split_tracks_of
from musqa_pipeline.stages.dataset.uniformity import EVENNESS_GOAL
from musqa_pipeline.stages.engine.context import Context


def check_no_leak(context: Context) -> CheckResult:
    """Check that nothing that identifies a song is in two parts."""
    splits = read_splits(context).select("catalog", "track_id", "split_group", "part")
    found = read_seen_tracks(context).join(splits, on=["catalog", "track_id"], how="left")
    by_artist = context.preset.dataset.protocol != "paper_two_way"
    return judge_leaks(
        zip(split_tracks_of(found), found["split_group"], found["part"], strict=True),
        read_dataset(context),
        by_artist=by_artist,
    )


def judge_leaks(
    tracks: Iterable[tuple[SplitTrack, str | None, str | None]],
    dataset: pl.DataFrame,
    *,
    by_artist: bool = True,
) -> CheckResult:
    """Count what is in two parts, from the tracks' own names and hashes."""
    parts_of: dict[tuple[str, ...], set[str | None]] = defaultdict(set)
    part_of_track: dict[tuple[str, str], str | None] = {}
    for track, group, part in tracks:
        part_of_track[track.catalog, track.track_id] = part
        parts_of["group", str(group)].add(part)
        for key in track_keys(track):
            parts_of[key].add(part)
    leaks = dict.fromkeys(("group", "recording", "artist", "pcm"), 0)
    for key, parts in parts_of.items():
        if len(parts) > 1:
            leaks["recording" if key[0] == "file" else key[0]] += 1
    rows = zip(dataset["catalog"], dataset["track_id"], dataset["part"], strict=True)
    n_misplaced = sum(part_of_track.get((c, t)) != part for c, t, part in rows)
    counted = sum(n for kind, n in leaks.items() if by_artist or kind != "artist")
    return CheckResult(
        passed=counted == 0 and n_misplaced == 0,
        claim="no song is in two parts",
        numbers={
            **{f"{kind}s_in_two_parts": n for kind, n in leaks.items()},
            "rows_in_a_part_not_their_tracks": n_misplaced,
            **{f"tracks_{part}": list(part_of_track.values()).count(part) for part in PARTS},
        },
    )


def check_uniform(context: Context) -> CheckResult:
    """Check that the stored draw is uniform over quality in each part."""
    return judge_uniformity(describe_dataset(context))


def judge_uniformity(report: DatasetReport) -> CheckResult:
    """Hold the report against the goal."""
    numbers: dict[str, float | int | str] = {
        "rows": report.n_uniform,
        "wanted": report.size + report.test_size,
    }
    numbers["largest_even_size"] = report.largest_even_size
    for part in report.parts:
        numbers[f"evenness_{part.part}"] = round(part.evenness, 4)
        numbers[f"evenness_before_{part.part}"] = round(part.evenness_before, 4)
        numbers[f"empty_bins_{part.part}"] = " ".join(part.empty_bins)
    numbers["in_words"] = report.sentence()
    return CheckResult(
        passed=all(part.evenness >= EVENNESS_GOAL for part in report.parts),
        claim=f"quality is uniform: entropy over bins with supply is at least {EVENNESS_GOAL} of "
        "what whole rows allow, in every part",
        numbers=numbers,
    )


def check_no_row_twice(context: Context) -> CheckResult:
    """Check that no degraded excerpt is in the dataset twice."""
    return judge_repeats(read_dataset(context))


def judge_repeats(dataset: pl.DataFrame) -> CheckResult:
    """Count rows that are there twice, also under the names of two catalogs."""
    n_different = dataset["degraded_id"].n_unique()
    return CheckResult(
        passed=n_different == dataset.height,
        claim="no row is drawn twice",
        numbers={"rows": dataset.height, "different_rows": n_different},
    )


def check_near_duplicates(context: Context) -> CheckResult:
    """Search for the same music under two names on both sides of a split border."""
    return judge_near_duplicates(search_near_duplicates(context))


def judge_near_duplicates(found: NearDuplicates) -> CheckResult:
    """Turn what the search found into a claim."""
    worst = [
        f"{p['excerpt_a']} ({p['catalog_a']}, {p['part_a']}) and {p['excerpt_b']} "
        f"({p['catalog_b']}, {p['part_b']}): {p['similarity']:.2f} at {p['offset_s']:+.1f} s"
        for p in found.pairs.head(5).iter_rows(named=True)
    ]
    return CheckResult(
        passed=found.pairs.is_empty(),
        claim="no music is under two names in two parts, as far as 10 s excerpts overlap",
        numbers={
            "near_duplicate_pairs": found.pairs.height,
            "pairs_compared": found.n_compared,
            "references": found.n_references,
            "most_similar": "; ".join(worst),
        },
    )

"""What a recipe may say: every value that is used is checked before anything is made of it.

A recipe is a file of anybody's. Its strings become names of folders and files, its numbers frames
and filters; so a row that cannot be from a published set is refused with its field.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from musqa_pipeline.audio.constants import EXCERPT_S
from musqa_pipeline.audio.degradations.processes import PROCESSES
from musqa_pipeline.audio.files.limits import (
    HIGHEST_RATE_HZ,
    LOWEST_RATE_HZ,
    MAX_CHANNELS,
    MAX_DURATION_S,
)
from musqa_pipeline.core.errors import LakeError, StageError
from musqa_pipeline.core.names import CATALOG_CHARACTERS, RULE, UNIT_CHARACTERS, is_name, short
from musqa_pipeline.core.tables import Column, Table
from musqa_pipeline.stages.dataset.splits import PARTS
from musqa_pipeline.stages.dataset.table import DATASET
from musqa_pipeline.stages.degradations.plan import processes_of
from musqa_pipeline.stages.degradations.table import OF_CARRIERS, PLAN_COLUMNS, RANDOM

LONGEST_TEXT = 10_000
"""Characters of a cell; titles and parameters are far from it."""
LOUDEST_LUFS, QUIETEST_LUFS = 0.0, -70.0
_KINDS = ("reference", "single", "cascade", RANDOM, *OF_CARRIERS)
_HASH = re.compile(r"[0-9a-f]{32}")
_OF_REFERENCE = (
    *("reference_hash", "reference_start_s", "track_pcm_hash", "track_duration_s"),
    *("track_sample_rate_hz", "track_channels"),
)
"""Facts that all rows of a reference share."""
_PLACES = ("first", "last")
_PROCESS = ("depth", *(f"{p}_{w}" for p in _PLACES for w in ("id", "name", "params")))

Rule = tuple[Callable[[Any], bool], str]
"""Whether a value that is not null fits, and what was expected."""
RECIPE = Table(
    "recipe",
    "a degraded excerpt of a published set, as it can be made again",
    (
        *DATASET.columns,
        *(c for c in PLAN_COLUMNS if c.name not in DATASET.schema.names),
        Column("encoder", pa.string(), "program and version that made the bitstream"),
        Column("bitstream_hash", pa.string(), "blake2b of the bitstream"),
        Column("pcm_hash", pa.string(), "blake2b of the final float32 samples"),
        Column("metric", pa.string(), "name and version of the metric that labelled it"),
        Column(
            "reference_hash",
            pa.string(),
            "blake2b of the reference's 16-bit samples, 10 s and tail",
        ),
        Column("reference_start_s", pa.float64(), "where it starts in the track, in seconds"),
        Column("track_file", pa.string(), "the track's path relative to its catalog's folder"),
        Column("track_pcm_hash", pa.string(), "blake2b of the track's samples, rate and channels"),
        Column("track_duration_s", pa.float64(), "decoded length of the track in seconds"),
        Column("track_sample_rate_hz", pa.int32(), "sample rate of the track in hertz"),
        Column("track_channels", pa.int16(), "number of channels of the track"),
        Column("title", pa.string(), "of the track, or empty"),
        Column("artist", pa.string(), "of the track, or empty"),
        Column("licence", pa.string(), "of the track, or empty"),
    ),
)


def _name(most: int) -> Rule:
    return lambda value: is_name(value, most), f"{RULE} {most}"


def _between(low: float, high: float) -> Rule:
    return lambda value: low <= value <= high, f"a number in [{low:g}, {high:g}]"  # no NaN is


def _one_of(names: Iterable[str]) -> Rule:
    known = tuple(names)
    return lambda value: value in known, f"one of {', '.join(known)}"


_HASHED: Rule = (lambda value: _HASH.fullmatch(value) is not None, "32 hexadecimal digits")
_UNIT = _name(UNIT_CHARACTERS)
_TEXT: Rule = (lambda value: len(value) <= LONGEST_TEXT, f"at most {LONGEST_TEXT:,} characters")
RULES: Mapping[str, Rule] = {
    "catalog": _name(CATALOG_CHARACTERS),
    **dict.fromkeys(("degraded_id", "excerpt_id", "track_id"), _UNIT),
    "part": _one_of(PARTS),
    "bin": _between(0, 10_000),
    "mos": _between(1.0, 5.0),
    "quality": _between(0.0, 1.0),
    "process": _name(CATALOG_CHARACTERS),
    "kind": _one_of(_KINDS),
    "depth": _between(0, 2),
    **dict.fromkeys(("first_bitrate_kbps", "last_bitrate_kbps"), _between(1, 10_000)),
    **dict.fromkeys(("first_cutoff_hz", "last_cutoff_hz"), _between(1, 24_000)),
    **dict.fromkeys(("bitstream_hash", "pcm_hash", "reference_hash", "track_pcm_hash"), _HASHED),
    "reference_start_s": _between(0.0, MAX_DURATION_S),
    "track_duration_s": _between(EXCERPT_S, MAX_DURATION_S),
    "track_sample_rate_hz": _between(LOWEST_RATE_HZ, HIGHEST_RATE_HZ),
    "track_channels": _between(1, MAX_CHANNELS),
}
"""By column; other texts may be anything of `LONGEST_TEXT`."""


def check_head(head: Any) -> None:
    """Check what a recipe says of all its rows."""
    if not isinstance(head.preset, str):
        raise LakeError(f"preset={short(head.preset)}: expected a name")
    for field in ("fingerprints", "builds"):
        found = getattr(head, field)
        if not (isinstance(found, dict) and all(isinstance(v, str) for v in found.values())):
            raise LakeError(f"{field}={short(found)}: expected names with texts")
    excerpts = head.settings.get("excerpts") if isinstance(head.settings, dict) else None
    target = excerpts.get("target_lufs") if isinstance(excerpts, dict) else None
    if (
        not isinstance(target, int | float)
        or isinstance(target, bool)
        or not QUIETEST_LUFS <= target <= LOUDEST_LUFS
    ):
        raise LakeError(
            f"settings.excerpts.target_lufs={short(target)}: expected a number in "
            f"[{QUIETEST_LUFS:g}, {LOUDEST_LUFS:g}]"
        )


def check_rows(rows: pl.DataFrame) -> None:
    """Check the rows of a recipe; the LakeError names field, row and what was expected."""
    for field in RECIPE.schema:
        fits, expected = RULES.get(field.name, _TEXT if rows[field.name].dtype == pl.String
                                   else (lambda _: True, ""))  # fmt: skip
        _check_column(rows, field.name, fits, expected)
    again = rows.select("catalog", "degraded_id").is_duplicated()
    if again.any():
        row = int(again.arg_true()[-1])
        raise _wrong(rows, row, "degraded_id", "a row of its own; another row has it, too")
    _check_references(rows)
    _check_processes(rows)


def _check_column(
    rows: pl.DataFrame, name: str, fits: Callable[[Any], bool], expected: str
) -> None:
    bad = [v for v in rows[name].unique().to_list() if v is not None and not fits(v)]
    if not bad:
        return
    for row, value in enumerate(rows[name].to_list()):
        if value is not None and not fits(value):
            raise _wrong(rows, row, name, expected)


def _check_references(rows: pl.DataFrame) -> None:
    """Whether all rows of a reference say the same of it, and it lies in its track."""
    of = rows.with_row_index("row").group_by("catalog", "excerpt_id", maintain_order=True)
    for name in _OF_REFERENCE:
        several = of.agg(pl.col(name).n_unique(), pl.col("row").last()).filter(pl.col(name) > 1)
        if several.height:
            raise _wrong(rows, several["row"][0], name, "what the other rows of its excerpt say")
    # A frame more, for the length is one of frames and the start was one.
    ends = pl.col("reference_start_s") + EXCERPT_S - 1 / pl.col("track_sample_rate_hz")
    beyond = rows.select(ends > pl.col("track_duration_s")).to_series()
    if beyond.any():
        row = int(beyond.arg_true()[0])
        raise _wrong(rows, row, "reference_start_s", f"{EXCERPT_S} s before the track's end")


def _check_processes(rows: pl.DataFrame) -> None:
    """Whether every process is one that can be made."""
    seen: set[tuple[Any, ...]] = set()
    for row, said in enumerate(rows.select(_PROCESS).iter_rows()):
        if said in seen:
            continue
        seen.add(said)
        of = dict(zip(_PROCESS, said, strict=True))
        places = _PLACES[: of["depth"]]
        for place in places:
            number = of[f"{place}_id"]
            if not of[f"{place}_params"] and number not in PROCESSES:
                ids = f"one of {min(PROCESSES)} to {max(PROCESSES)}"
                raise _wrong(rows, row, f"{place}_id", f"{ids}, or parameters beside it")
        try:
            processes = processes_of(of)
        except StageError as error:
            raise LakeError(f"row {row + 1}: {error}") from error
        names = [process.name for process in processes] or ["reference"]
        for place, name in zip(_PLACES, (names[0], names[-1]), strict=True):
            if of[f"{place}_name"] != name:
                raise _wrong(rows, row, f"{place}_name", name)


def _wrong(rows: pl.DataFrame, row: int, name: str, expected: str) -> LakeError:
    value = rows[name][row]
    if isinstance(value, float) and not math.isfinite(value):
        return LakeError(f"row {row + 1} has {name} that is no finite number: expected {expected}")
    return LakeError(f"row {row + 1} has {name}={short(value)}: expected {expected}")

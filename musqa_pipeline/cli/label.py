"""`musqa label`: scores of pairs of files, as a table, CSV or JSON; it needs no checkout."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.cells import cell_len

from musqa_pipeline.audio import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from musqa_pipeline.labels.pairs import Pair, PairLabel

LIBRARIES = ("numba", "threadpoolctl", "visqol")
"""What the metric needs beyond the base installation."""
SCORE_COLUMNS = ("mos", "vnsim", "lag_samples", "lag_ms", "n_patches")
SECOND_COLUMNS = ("second_opinion", "second_mos", "second_distance", "disagreement")
LONGEST_NAME = 60
"""Cells of a name in a table; what is longer loses its beginning."""
N_BANDS = 32
HELP = """Score degraded files against their reference with ViSQOL v3: MOS-LQO, 1 to 4.73.

Channels are mixed to one (their mean), other rates are resampled to 48 kHz, delays are found and
undone. Excerpts of 3 to 10 s suit the metric best. A pair that cannot be scored gets a row that
says why; the others are scored all the same, and the exit code is 1.

Examples:

\b
  musqa label master.flac codec-64k.mp3 codec-128k.mp3
  musqa label --pairs pairs.csv --json --workers 4 > scores.jsonl
  musqa label master.wav upload.m4a --second-opinion zimtohrli
"""
Writer = Callable[["PairLabel"], str]


class SecondOpinion(StrEnum):
    """Metrics that may be asked beside ViSQOL."""

    zimtohrli = "zimtohrli"


def label(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="REFERENCE DEGRADED",
            help="A file, and what was made of it.",
            show_default=False,
        ),
    ] = None,
    pairs_file: Annotated[
        Path | None,
        typer.Option(
            "--pairs",
            metavar="FILE.csv",
            help="Read pairs from the columns reference,degraded; paths relative to the file.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    bands: Annotated[
        bool, typer.Option("--bands", help="Add the similarity of each of 32 bands (JSON, CSV).")
    ] = False,
    patches: Annotated[
        bool,
        typer.Option("--patches", help="Add the similarity of each patch with its times (JSON)."),
    ] = False,
    second_opinion: Annotated[
        SecondOpinion | None,
        typer.Option("--second-opinion", help="Add another metric's MOS (extra [zimtohrli])."),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, help="Worker processes, for many pairs.")
    ] = 1,
) -> None:
    """Score degraded files against their reference; `HELP` says it to users."""
    from musqa_pipeline.labels.pairs import label_pairs, pair_up, read_pairs

    files = files or []
    if (pairs_file is not None) == bool(files):
        raise typer.BadParameter("give a reference and degraded files, or --pairs FILE.csv")
    if len(files) == 1:
        raise typer.BadParameter(f"{files[0]} is the reference; name degraded files after it")
    if as_json and as_csv:
        raise typer.BadParameter("give --json or --csv, not both")
    if patches and not as_json:
        raise typer.BadParameter("--patches needs --json")
    if bands and not (as_json or as_csv):
        raise typer.BadParameter("--bands needs --json or --csv")
    pairs = read_pairs(pairs_file) if pairs_file is not None else pair_up(files[0], files[1:])
    second = str(second_opinion) if second_opinion else None
    write: Writer
    if as_json:
        write = _JsonLines(second, bands, patches).line
    elif as_csv:
        write = _Csv(second, bands).line
    else:
        write = _Table(second, pairs).line
    _print(label_pairs(pairs, second_opinion=second, n_workers=workers), write, len(pairs))


def _print(labels: Iterable[PairLabel], write: Writer, n_pairs: int) -> None:
    """Print each label as it comes, its warnings apart, and end with 1 if a pair failed."""
    n_failed = 0
    said: set[str] = set()
    for found in labels:
        for warning in found.warnings:
            which, _, text = warning.partition(": ")
            line = f"warning: {getattr(found, which)}: {text}"
            if line not in said:
                said.add(line)
                typer.echo(line, err=True)
        if found.error:
            n_failed += 1
        typer.echo(write(found))
    if n_failed:
        typer.echo(f"{n_failed} of {n_pairs} pairs have no score; their rows say why", err=True)
        raise typer.Exit(1)


def _row(found: PairLabel, second: str | None) -> dict[str, Any]:
    """Return what is known of a pair as plain values; None where there is no score."""
    row: dict[str, Any] = {"reference": found.reference, "degraded": found.degraded}
    score = found.score
    row |= dict.fromkeys(SCORE_COLUMNS)
    if score is not None:
        row |= {
            "mos": score.mos,
            "vnsim": score.vnsim,
            "lag_samples": score.lag_samples,
            "lag_ms": 1000 * score.lag_samples / SAMPLE_RATE_HZ,
            "n_patches": len(score.patches),
        }
    if second:
        row |= {**dict.fromkeys(SECOND_COLUMNS), "second_opinion": second}
        if score is not None and found.second is not None:
            row |= {
                "second_mos": found.second.mos,
                "second_distance": found.second.distance,
                "disagreement": found.second.mos - score.mos,
            }
    return row


class _JsonLines:
    """A JSON object a pair."""

    def __init__(self, second: str | None, bands: bool, patches: bool) -> None:
        self._second, self._bands, self._patches = second, bands, patches

    def line(self, found: PairLabel) -> str:
        """Return one line."""
        row, score = _row(found, self._second), found.score
        if self._bands:
            row["fvnsim"] = None if score is None else score.fvnsim.tolist()
        if self._patches:
            row["patches"] = None if score is None else [asdict(p) for p in score.patches]
        row |= {"warnings": list(found.warnings), "error": found.error or None}
        return json.dumps(row, ensure_ascii=False, allow_nan=False)


class _Csv:
    """A line a pair, below one with the names of the columns."""

    def __init__(self, second: str | None, bands: bool) -> None:
        self._second, self._bands, self._started = second, bands, False

    def line(self, found: PairLabel) -> str:
        """Return one line, the first time with the header above it."""
        row = _row(found, self._second)
        if self._bands:
            values = [None] * N_BANDS if found.score is None else found.score.fvnsim.tolist()
            row |= {f"fvnsim_{band:02d}": value for band, value in enumerate(values, start=1)}
        row |= {"warnings": "; ".join(found.warnings), "error": found.error}
        lines = [list(row.values())] if self._started else [list(row), list(row.values())]
        self._started = True
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(lines)
        return text.getvalue().removesuffix("\n")


class _Table:
    """Aligned columns; their widths are known before the first score is."""

    def __init__(self, second: str | None, pairs: Sequence[Pair]) -> None:
        self._second, self._started = second, False
        self._formats = {"mos": ".3f", "vnsim": ".4f", "lag_ms": "+.1f", "n_patches": "d"}
        if second:
            self._formats |= {"second_mos": ".3f", "disagreement": "+.3f"}
        names = (
            ["degraded"]
            if len({p.reference_name for p in pairs}) == 1
            else ["reference", "degraded"]
        )
        self._widths = {
            name: max(
                len(name), *(min(cell_len(getattr(p, f"{name}_name")), LONGEST_NAME) for p in pairs)
            )
            for name in names
        }

    def line(self, found: PairLabel) -> str:
        """Return one line, the first time with the header above it."""
        row = _row(found, self._second)
        cells = [_left(row[name], width) for name, width in self._widths.items()]
        if found.error:
            cells.append(f"error: {found.error}")
        else:
            cells += [
                format(row[name], spec).rjust(max(len(name), 8))
                for name, spec in self._formats.items()
            ]
        lines = ["  ".join(cells).rstrip()]
        if not self._started:
            header = [name.ljust(width) for name, width in self._widths.items()]
            header += [name.replace("_", " ").rjust(max(len(name), 8)) for name in self._formats]
            lines.insert(0, "  ".join(header))
            self._started = True
        return "\n".join(lines)


def _left(name: str, width: int) -> str:
    while cell_len(name) > width:
        name = "…" + name[2:]
    return name + " " * (width - cell_len(name))

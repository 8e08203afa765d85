"""`musqa label`: scores of pairs of files, as a table, CSV or JSON; it needs no checkout."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.cli.options import CsvOption, JsonLinesOption, PairsOption, one_form
from musqa_pipeline.cli.pair_rows import print_rows

if TYPE_CHECKING:
    from musqa_pipeline.audio.metrics.pair_files import PairLabel
    from musqa_pipeline.audio.metrics.visqol import VisqolScore

SCORE_COLUMNS = ("mos", "vnsim", "lag_samples", "lag_ms", "n_patches")
SECOND_COLUMNS = ("second_opinion", "second_mos", "second_distance", "disagreement")
N_BANDS = 32
HELP = """Score degraded files against their reference with ViSQOL v3: MOS-LQO, 1 to 4.73.

Channels are mixed to one (their mean), other rates are resampled to 48 kHz, delays are found and
undone. Excerpts of 3 to 10 s suit the metric best, 10 minutes are the most. A pair that cannot be
scored gets a row that says why; the others are scored all the same, and the exit code is 1.

Examples:

\b
  musqa label master.flac codec-64k.mp3 codec-128k.mp3
  musqa label --pairs pairs.csv --json --workers 4 > scores.jsonl
  musqa label master.wav upload.m4a --second-opinion zimtohrli
"""


class SecondOpinion(StrEnum):
    """Metrics that may be asked beside ViSQOL."""

    zimtohrli = "zimtohrli"
    nlpd = "nlpd"
    ms_ssim = "ms_ssim"
    log_mel_mse = "log_mel_mse"


def label(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="REFERENCE DEGRADED",
            help="A file, and what was made of it.",
            show_default=False,
            readable=False,
        ),
    ] = None,
    pairs_file: PairsOption = None,
    as_json: JsonLinesOption = False,
    as_csv: CsvOption = False,
    bands: Annotated[
        bool, typer.Option("--bands", help="Add the similarity of each of 32 bands (JSON, CSV).")
    ] = False,
    patches: Annotated[
        bool,
        typer.Option("--patches", help="Add the similarity of each patch with its times (JSON)."),
    ] = False,
    second_opinion: Annotated[
        SecondOpinion | None,
        typer.Option(
            "--second-opinion", help="Add another metric's MOS (zimtohrli: extra [zimtohrli])."
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", min=1, help="Worker processes, for many pairs.")
    ] = 1,
) -> None:
    """Score degraded files against their reference; `HELP` says it to users."""
    from musqa_pipeline.audio.files.pairs import pair_up, read_pairs
    from musqa_pipeline.audio.metrics.pairs import label_pairs

    files = files or []
    if (pairs_file is not None) == bool(files):
        raise typer.BadParameter("give a reference and degraded files, or --pairs FILE.csv")
    if len(files) == 1:
        raise typer.BadParameter(f"{files[0]} is the reference; name degraded files after it")
    one_form(as_json=as_json, as_csv=as_csv)
    if patches and not as_json:
        raise typer.BadParameter("--patches needs --json")
    if bands and not (as_json or as_csv):
        raise typer.BadParameter("--bands needs --json or --csv")
    pairs = read_pairs(pairs_file) if pairs_file is not None else pair_up(files[0], files[1:])
    second = str(second_opinion) if second_opinion else None
    formats = {"mos": ".3f", "vnsim": ".4f", "lag_ms": "+.1f", "n_patches": "d"}
    if second:
        formats |= {"second_mos": ".3f", "disagreement": "+.3f"}
    row = partial(_row, second=second, bands=bands, patches=patches, as_csv=as_csv)
    found = label_pairs(pairs, second_opinion=second, n_workers=workers)
    print_rows(found, row, formats, pairs, as_json=as_json, as_csv=as_csv)


def _row(
    found: PairLabel[VisqolScore], *, second: str | None, bands: bool, patches: bool, as_csv: bool
) -> dict[str, Any]:
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
    if bands and as_csv:  # one a column
        values = [None] * N_BANDS if score is None else score.fvnsim.tolist()
        row |= {f"fvnsim_{band:02d}": value for band, value in enumerate(values, start=1)}
    elif bands:
        row["fvnsim"] = None if score is None else score.fvnsim.tolist()
    if patches:
        row["patches"] = None if score is None else [asdict(p) for p in score.patches]
    return row

"""`musqa compare`: degraded files against references by a trained network; no ViSQOL is run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.cli.options import (
    CsvOption,
    DeviceOption,
    JsonLinesOption,
    PairsOption,
    one_form,
)
from musqa_pipeline.cli.output import emit
from musqa_pipeline.cli.pair_rows import print_rows

if TYPE_CHECKING:
    from musqa_pipeline.audio.metrics.pairs import PairLabel
    from musqa_pipeline.learning.intrusive.compare import Comparison

LIBRARIES = ("torch", "lightning", "numba", "pyarrow", "threadpoolctl", "visqol")
SCORE_COLUMNS = ("mos", "quality", "lag_samples", "lag_ms", "common_s")
HELP = """Compare degraded files with their reference by the trained network `insenet`.

It predicts ViSQOL's MOS-LQO at a fraction of its cost. REFERENCE is a file or a folder, DEGRADED
too: each audio file of a folder is compared with REFERENCE, or with the file of its name in it,
whatever the ending. Channels are mixed to one, other rates are resampled to 48 kHz, delays are
undone, levels do not matter, 10 minutes are the most. A pair that cannot be compared gets a row
that says why; the others are compared all the same, and the exit code is 1.

Examples:

\b
  musqa compare master.flac codec-64k.mp3
  musqa compare masters/ encoded/ --csv > scores.csv
  musqa compare --fine-tune listening.csv --out runs/tuned
"""


def compare(
    reference: Annotated[
        Path | None, typer.Argument(help="A file, or a folder of them.", show_default=False)
    ] = None,
    degraded: Annotated[
        Path | None, typer.Argument(help="What was made of it, likewise.", show_default=False)
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            metavar="RUN",
            help="Folder of a run of insenet. Default: the newest below MUSQA_HOME.",
        ),
    ] = None,
    device: DeviceOption = "cpu",
    as_json: JsonLinesOption = False,
    as_csv: CsvOption = False,
    scores: Annotated[
        Path | None,
        typer.Option(
            "--fine-tune",
            metavar="SCORES.csv",
            help="Train the network further on listening scores: file_ref,file_deg,mos.",
        ),
    ] = None,
    pairs_file: PairsOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="RUN", help="New folder for the fine-tuned network."),
    ] = None,
    n_devices: Annotated[
        int, typer.Option("--devices", min=1, help="Devices that share each batch of --fine-tune.")
    ] = 1,
) -> None:
    """Compare files with their references; `HELP` says it to users."""
    one_form(as_json=as_json, as_csv=as_csv)
    if (scores is None) != (out is None):
        raise typer.BadParameter("--fine-tune SCORES.csv and --out RUN go together")
    named = (reference is not None) + (degraded is not None)
    asked = (named == 2) + (pairs_file is not None) + (scores is not None)
    if asked != 1 or named == 1:
        raise typer.BadParameter(
            "give REFERENCE and DEGRADED, or --pairs FILE.csv, or --fine-tune SCORES.csv"
        )

    from musqa_pipeline.audio.files.pairs import pair_folders, read_pairs
    from musqa_pipeline.core.home import home_folder
    from musqa_pipeline.learning.intrusive.compare import Comparer, compare_pairs
    from musqa_pipeline.stages.models.runs import newest_run

    run = model or newest_run(home_folder())
    if scores is not None and out is not None:
        _fine_tune(scores, run, out, device, n_devices, as_json=as_json)
        return
    if pairs_file is not None:
        pairs = read_pairs(pairs_file)
    else:
        assert reference is not None
        assert degraded is not None
        pairs = pair_folders(reference, degraded)
    found = compare_pairs(pairs, Comparer(run, device=device))
    formats = {"mos": ".3f", "quality": ".4f", "lag_ms": "+.1f"}
    print_rows(found, _row, formats, pairs, as_json=as_json, as_csv=as_csv)


def _fine_tune(
    scores: Path, run: Path, out: Path, device: str, n_devices: int, *, as_json: bool
) -> None:
    """Do the second step and print what it changed."""
    from musqa_pipeline.learning.intrusive.fine_tune import fine_tune
    from musqa_pipeline.learning.intrusive.scores import read_scores

    result = fine_tune(read_scores(scores), run, out, device=device, n_devices=n_devices)
    lines = [
        f"{result.n_pairs} pairs of {result.n_references} references, {result.n_folds} folds by "
        "reference"
    ]
    for name, unit in (("pearson", ""), ("spearman", ""), ("rmse", " MOS")):
        before, after = (_shown(values[name]) for values in (result.before, result.after))
        lines.append(f"{name:8}  before {before}{unit}, after {after}{unit}")
    lines.append(f"musqa compare --model {out} REFERENCE DEGRADED uses the new network")
    emit(asdict(result), "\n".join(lines), as_json=as_json)


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _row(found: PairLabel[Comparison]) -> dict[str, Any]:
    """Return what is known of a pair as plain values; None where there is no score."""
    row: dict[str, Any] = {"reference": found.reference, "degraded": found.degraded}
    row |= dict.fromkeys(SCORE_COLUMNS)
    if found.score is not None:
        row |= {
            "mos": found.score.mos,
            "quality": found.score.quality,
            "lag_samples": found.score.lag_samples,
            "lag_ms": 1000 * found.score.lag_samples / SAMPLE_RATE_HZ,
            "common_s": found.score.common_s,
        }
    return row

"""`musqa compare`: degraded files against references by a network; no ViSQOL is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.cli.options import (
    CsvOption,
    DeviceOption,
    JsonLinesOption,
    PairsOption,
    missing,
    needs,
    one_form,
    refuse_idle,
)
from musqa_pipeline.cli.output import emit, say
from musqa_pipeline.cli.pair_rows import print_rows
from musqa_pipeline.core.errors import ModelError, SettingsError
from musqa_pipeline.core.foreign_text import path_text

if TYPE_CHECKING:
    from musqa_pipeline.audio.metrics.pair_files import PairLabel
    from musqa_pipeline.scoring.compare import Comparison, PairNetwork
    from musqa_pipeline.scoring.score import WindowScore

LIBRARIES = ("torch", "lightning", "pyarrow", "threadpoolctl")
"""What a training needs, to be asked or to go on."""
SCORE_COLUMNS = (
    "mos", "word", "quality", "lowest_mos", "lowest_start_s", "flags", "lag_samples", "lag_ms",
    "common_s", "model",
)  # fmt: skip
MOST_NAMES = 5
"""References without a degraded file that are named."""
FORMATS = {"mos": ".3f", "word": "", "quality": ".4f", "lowest_mos": ".3f", "lag_ms": "+.1f"}
OF_PAIRS = {"as_csv": "--csv", "timeline": "--timeline", "order": "--sort"}
HELP = """Compare degraded files with their reference by the network `insenet`.

It predicts ViSQOL's MOS-LQO, 1 to 5, at a fraction of its cost; a copy gets 4.73, as by ViSQOL.
REFERENCE is a file or a folder, DEGRADED too: each audio file of a folder is compared with
REFERENCE, or with the file of its name in it, whatever the ending. Channels are mixed to one, other
rates are resampled to 48 kHz, delays are undone, levels do not matter, 10 minutes are the most.
What is longer than 10 s gets a score for each 10 s, too. A pair that cannot be compared gets a row
that says why; the others are compared all the same, and the exit code is 1.

Examples:

\b
  musqa compare master.flac codec-64k.mp3 --timeline
  musqa compare masters/ encoded/ --sort worst
  musqa compare masters/ encoded/ --csv > scores.csv
  musqa compare --fine-tune listening.csv --out runs/tuned
"""


class Order(StrEnum):
    """In which order pairs are printed."""

    given = "given"
    worst = "worst"


def compare(
    ctx: typer.Context,
    reference: Annotated[
        Path | None,
        typer.Argument(help="A file, or a folder of them.", show_default=False, readable=False),
    ] = None,
    degraded: Annotated[
        Path | None,
        typer.Argument(help="What was made of it, likewise.", show_default=False, readable=False),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="A model file, or the folder of a run of insenet. Default: the shipped network, "
            "else the newest run below MUSQA_HOME.",
        ),
    ] = None,
    device: DeviceOption = "cpu",
    as_json: JsonLinesOption = False,
    as_csv: CsvOption = False,
    timeline: Annotated[
        bool,
        typer.Option(
            "--timeline", help="Print the windows below each pair; with --csv, in its place."
        ),
    ] = False,
    order: Annotated[
        Order,
        typer.Option("--sort", help="Print pairs as they are given, or the worst first."),
    ] = Order.given,
    scores: Annotated[
        Path | None,
        typer.Option(
            "--fine-tune",
            metavar="SCORES.csv",
            help="Train a run further on listening scores: file_ref,file_deg,mos.",
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
    if timeline and as_json:
        raise typer.BadParameter("--timeline is for people and CSV; JSON has windows anyway")
    if (scores is None) != (out is None):
        raise typer.BadParameter("--fine-tune SCORES.csv and --out RUN go together")
    named = (reference is not None) + (degraded is not None)
    asked = (named == 2) + (pairs_file is not None) + (scores is not None)
    if asked != 1 or named == 1:
        raise typer.BadParameter(
            "give REFERENCE and DEGRADED, or --pairs FILE.csv, or --fine-tune SCORES.csv"
        )
    if scores is None:
        refuse_idle(ctx, {"n_devices": "--devices"}, "for --fine-tune alone")
    else:
        refuse_idle(ctx, OF_PAIRS, "for pairs alone; --fine-tune prints no scores")
    if scores is not None and out is not None:
        _fine_tune(scores, model, out, device, n_devices, as_json=as_json)
        return

    from musqa_pipeline.audio.files.pairs import pair_folders, read_pairs, unused_references
    from musqa_pipeline.scoring.compare import Comparer, compare_pairs, worst_first

    network = _network(model, device)
    if pairs_file is not None:
        pairs = read_pairs(pairs_file)
    else:
        assert reference is not None
        assert degraded is not None
        pairs = pair_folders(reference, degraded)
        _say_unused(unused_references(reference, degraded))
    found = compare_pairs(pairs, Comparer(network))
    if order is Order.worst:
        found = iter(worst_first(found))
    windows = _windows if timeline else None
    print_rows(found, _row, FORMATS, pairs, as_json=as_json, as_csv=as_csv, windows=windows)


def _say_unused(references: Sequence[Path]) -> None:
    if references:
        names = [path_text(path) for path in references[:MOST_NAMES]]
        names += ["…"] * (len(references) > MOST_NAMES)
        say(f"no degraded file belongs to {', '.join(names)} ({len(references)})", err=True)


def _network(model: Path | None, device: str) -> PairNetwork:
    """Open the network that is named, the shipped one, or the newest training."""
    from musqa_pipeline.scoring.pair_model import SHIPPED_PAIRS, PairModel

    if model is None:
        model = SHIPPED_PAIRS if SHIPPED_PAIRS.is_file() else _newest_run()
    if not model.is_dir():
        return PairModel(model, device=device)
    needs(LIBRARIES, "a run as --model", kind=ModelError)
    from musqa_pipeline.learning.intrusive.run import TrainedRun

    return TrainedRun(model, device=device)


def _newest_run() -> Path:
    if missing(LIBRARIES):
        raise ModelError(
            "this version of musqa ships no network that compares; name one with --model FILE "
            "(musqa model export makes it of a run of insenet), or train one: install "
            "'musqa-pipeline[factory]', name insenet in [models] names of a preset, and musqa run"
        )
    from musqa_pipeline.core.home import home_folder
    from musqa_pipeline.stages.models.runs import newest_run

    return newest_run(home_folder())


def _fine_tune(
    scores: Path, model: Path | None, out: Path, device: str, n_devices: int, *, as_json: bool
) -> None:
    """Do the second step and print what it changed."""
    needs(LIBRARIES, "--fine-tune", kind=ModelError)
    if model is not None and model.is_file():
        raise SettingsError(
            f"{model} is a model file, which cannot learn; name the folder of a run with --model"
        )
    from musqa_pipeline.learning.intrusive.fine_tune import fine_tune
    from musqa_pipeline.learning.intrusive.scores import read_scores

    run = model or _newest_run()
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
    row |= dict.fromkeys((*SCORE_COLUMNS, "windows"))
    score = found.score
    if score is not None:
        row |= {
            "mos": score.mos,
            "word": score.word,
            "quality": score.quality,
            "lowest_mos": score.lowest.mos,
            "lowest_start_s": score.lowest.start_s,
            "flags": list(score.flags),
            "lag_samples": score.lag_samples,
            "lag_ms": 1000 * score.lag_samples / SAMPLE_RATE_HZ,
            "common_s": score.common_s,
            "model": score.model,
            "windows": [asdict(window) for window in score.windows],
        }
    return row


def _windows(found: PairLabel[Comparison]) -> Sequence[WindowScore]:
    return () if found.score is None else found.score.windows

"""`musqa gate`: an exit code for continuous integration, with the reasons in a table or JSON."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from musqa_pipeline.cli import output, score_text
from musqa_pipeline.cli.options import (
    FilesArgument,
    JsonLinesOption,
    ListOption,
    ModelOption,
    WorkersOption,
    refuse_idle,
    wrong_usage,
)
from musqa_pipeline.cli.score import items_named
from musqa_pipeline.core.foreign_text import printable
from musqa_pipeline.scoring.batch import Options, Result, score_items
from musqa_pipeline.scoring.gate import (
    DEFAULT_MAX_DROP,
    Check,
    Rules,
    check,
    read_baseline,
    write_baseline,
)
from musqa_pipeline.scoring.inputs import read_list
from musqa_pipeline.scoring.model_file import load_model, resolve_model_path
from musqa_pipeline.scoring.words import words_of

HELP = """Fail if music sounds worse than it may: an exit code for continuous integration.

A file passes if its score reaches --min-mos, and has not fallen by more than --max-drop below the
baseline. A file that cannot be read fails, and so does one without a score, unless
--allow-abstained is given.

Exit code: 0 if all files pass, 1 if one does not.

Examples:

\b
  musqa gate build/*.m4a --min-mos 4.0
  musqa gate build/ --write-baseline baseline.csv
  musqa gate build/ --min-mos 4.0 --baseline baseline.csv --max-drop 0.1
"""


def gate(
    ctx: typer.Context,
    files: FilesArgument = None,
    list_file: ListOption = None,
    min_mos: Annotated[
        float | None, typer.Option("--min-mos", min=1.0, max=4.73, help="Least score.")
    ] = None,
    sure: Annotated[
        bool, typer.Option("--sure", help="The interval's lower end must reach --min-mos.")
    ] = False,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="CSV", help="Earlier scores; columns file,mos."),
    ] = None,
    max_drop: Annotated[
        float, typer.Option("--max-drop", min=0.0, help="How far a score may fall.")
    ] = DEFAULT_MAX_DROP,
    new_baseline: Annotated[
        Path | None,
        typer.Option("--write-baseline", metavar="CSV", help="Write the scores of this run."),
    ] = None,
    allow_abstained: Annotated[
        bool, typer.Option("--allow-abstained", help="Files without a score pass.")
    ] = False,
    model: ModelOption = None,
    as_json: JsonLinesOption = False,
    workers: WorkersOption = 1,
) -> None:
    """Hold files against a least score and a baseline; `HELP` says it to users."""
    if bool(files) == (list_file is not None):
        raise typer.BadParameter("give FILES or --list FILE")
    if min_mos is None and baseline is None and new_baseline is None:
        raise typer.BadParameter("give --min-mos, --baseline or --write-baseline")
    if sure and min_mos is None:
        raise typer.BadParameter("--sure needs --min-mos")
    if baseline is None:
        refuse_idle(ctx, {"max_drop": "--max-drop"}, "for --baseline alone")
    path = resolve_model_path(model)
    before = None if baseline is None else read_baseline(baseline, load_model(path).label)
    with wrong_usage():
        rules = Rules(min_mos, sure, before, max_drop, allow_abstained)
    checks: list[Check] = []
    kept: list[Result] = []
    with ExitStack() as stack:
        paths = read_list(list_file) if list_file is not None else files or []
        for result in score_items(items_named(paths, stack), Options(path), n_workers=workers):
            checks.append(check(result, rules))
            kept += [result] * (new_baseline is not None)
            if as_json:
                record = {**asdict(checks[-1]), "passed": checks[-1].passed}
                output.data(score_text.json_line(record))
    if not as_json:
        _print(checks)
    if new_baseline is not None:
        n = write_baseline(new_baseline, kept)
        output.say(f"{new_baseline}: {n} scores written", err=True)
    gone = set(before or ()) - {done.file for done in checks}
    if gone:
        output.say(f"{len(gone)} files of the baseline were not scored this time", err=True)
    n_failed = sum(not done.passed for done in checks)
    output.say(f"{len(checks)} files: {len(checks) - n_failed} pass, {n_failed} fail", err=True)
    if n_failed or not checks:
        raise typer.Exit(1)


def _print(checks: list[Check]) -> None:
    rows = [
        {
            "passes": "yes" if done.passed else "NO",
            "mos": None if done.mos is None else f"{done.mos:.2f}",
            "interval": score_text.interval_text(done.mos_low, done.mos_high),
            "baseline": None if done.baseline_mos is None else f"{done.baseline_mos:.2f}",
            "word": "" if done.mos is None else words_of(done.mos, done.mos_low, done.mos_high),
            "file": printable(done.file),
            "reasons": "; ".join(done.reasons),
        }
        for done in sorted(checks, key=lambda done: (done.passed, done.file))
    ]
    columns = ("passes", "mos", "interval", "baseline", "word", "file", "reasons")
    output.table(rows, columns, as_json=False, empty="no file to check")

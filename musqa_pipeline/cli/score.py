"""`musqa score`: how good files sound, as a line each, JSON, CSV or a timeline; or a stream."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from musqa_pipeline.audio.files.limits import check_limits
from musqa_pipeline.cli import output, score_text
from musqa_pipeline.cli.options import (
    CsvOption,
    FilesArgument,
    JsonLinesOption,
    ListOption,
    ModelOption,
    WorkersOption,
    no_nan,
    one_form,
    wrong_usage,
)
from musqa_pipeline.scoring.batch import Options, Result, score_items
from musqa_pipeline.scoring.inputs import Item, items_of, read_list, spooled
from musqa_pipeline.scoring.model_file import resolve_model_path
from musqa_pipeline.scoring.score import WindowScore
from musqa_pipeline.scoring.scorer import Scorer
from musqa_pipeline.scoring.stream import DEFAULT_HOP_S, SampleFormat, monitor
from musqa_pipeline.scoring.windows import checked_lengths
from musqa_pipeline.scoring.words import word_of

FAILED, ABSTAINED = 1, 3
HELP = """Say how good music sounds, from 1 to 4.73 (predicted ViSQOL MOS-LQO), with no reference.

FILES are audio files, folders of them, or - for one file on standard input. Each gets a score
with its 90 % interval, a word, bandwidth, loudness, true peak and the likeliest cause of a low
score; silence, speech, less than 3 s and what is unlike any music are told and get no score.

Exit code: 0 if all files have a score, 1 if some could not be read, else 3 if some have no score.

Examples:

\b
  musqa score track.flac
  musqa score album/ --json --workers 4 > scores.jsonl
  musqa score track.flac --timeline --hop 5
  ffmpeg -i URL -f f32le -ac 2 -ar 48000 - | musqa score --stream --rate 48000 --channels 2
"""


def score(
    files: FilesArgument = None,
    list_file: ListOption = None,
    as_json: JsonLinesOption = False,
    as_csv: CsvOption = False,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Print windows and events below each file.")
    ] = False,
    window_s: Annotated[
        float | None, typer.Option("--window", metavar="S", help="Length of a window, 3 to 10 s.")
    ] = None,
    hop_s: Annotated[
        float | None, typer.Option("--hop", metavar="S", help="From one window to the next.")
    ] = None,
    model: ModelOption = None,
    causes: Annotated[
        bool, typer.Option("--causes/--no-causes", help="Look for events and causes.")
    ] = True,
    max_hours: Annotated[
        float,
        typer.Option("--max-hours", min=0.001, callback=no_nan, help="Refuse what is longer."),
    ] = 24.0,
    workers: WorkersOption = 1,
    stream: Annotated[
        bool, typer.Option("--stream", help="Read raw audio from standard input, as it comes.")
    ] = False,
    rate_hz: Annotated[int, typer.Option("--rate", help="Of the stream, in Hz.")] = 48_000,
    channels: Annotated[int, typer.Option("--channels", help="Of the stream.")] = 2,
    sample_format: Annotated[
        SampleFormat, typer.Option("--format", help="Of the stream's samples.")
    ] = SampleFormat.f32le,
) -> None:
    """Score files or a stream; `HELP` says it to users."""
    one_form(as_json=as_json, as_csv=as_csv)
    if timeline and (as_json or as_csv):
        raise typer.BadParameter("--timeline is for people; JSON has windows and events anyway")
    if stream + bool(files) + (list_file is not None) != 1:
        raise typer.BadParameter("give FILES, --list FILE or --stream")
    with wrong_usage():
        length_s, _ = checked_lengths(window_s, hop_s)
        check_limits(rate_hz, channels)
    path = resolve_model_path(model)
    if stream:
        hop_s = DEFAULT_HOP_S if hop_s is None else hop_s
        lines = monitor(
            sys.stdin.buffer,
            Scorer(path, detect=False),
            sample_rate_hz=rate_hz,
            channels=channels,
            sample_format=sample_format,
            window_s=length_s,
            hop_s=hop_s,
        )
        _print_stream(lines, as_json=as_json, as_csv=as_csv)
        return
    options = Options(path, window_s, hop_s, causes, 3600 * max_hours)
    with ExitStack() as stack:
        items = items_named(read_list(list_file) if list_file else files or [], stack)
        results = score_items(items, options, n_workers=workers)
        ended = _print_results(results, as_json=as_json, as_csv=as_csv, timeline=timeline)
    if ended:
        raise typer.Exit(ended)


def _print_results(
    results: Iterable[Result], *, as_json: bool, as_csv: bool, timeline: bool
) -> int:
    """Print each result as it comes, and a summary on standard error; return the exit code."""
    counts: Counter[str] = Counter()
    for result in results:
        record = score_text.record_of(result)
        if as_json:
            output.data(score_text.json_line(record))
        elif as_csv:
            rows = [score_text.CSV_COLUMNS] * (not counts) + [score_text.csv_cells(record)]
            output.data("\n".join(map(score_text.csv_line, rows)))
        else:
            lines = [score_text.HEADER] * (not counts) + [score_text.text_line(result)]
            if timeline and result.score is not None:
                lines += score_text.timeline_lines(result.score)
            output.coloured("\n".join(lines))
        sys.stdout.flush()  # for those who read along in a pipe
        counts["failed" if result.score is None else result.score.abstained or "scored"] += 1
    n, n_failed, n_scored = counts.total(), counts["failed"], counts["scored"]
    if n > 1 or n_failed:
        without = ", ".join(
            f"{count} {kind}"
            for kind, count in sorted(counts.items())
            if kind not in ("failed", "scored")
        )
        parts = [f"{n} files: {n_scored} scored"]
        parts += [f"{n - n_scored - n_failed} without a score ({without})"] * bool(without)
        parts += [f"{n_failed} failed"] * bool(n_failed)
        output.say(", ".join(parts), err=True)
    if n_failed:
        return FAILED
    return 0 if n_scored == n else ABSTAINED


def items_named(paths: Iterable[Path], stack: ExitStack) -> Iterator[Item]:
    """List what paths name, standard input too."""
    for path in paths:
        if str(path) == "-":
            yield stack.enter_context(spooled(sys.stdin.buffer))
        else:
            yield from items_of([path])


def _print_stream(windows: Iterable[WindowScore], *, as_json: bool, as_csv: bool) -> None:
    n = 0
    for window in windows:
        record = {**asdict(window), "word": "" if window.mos is None else word_of(window.mos).name}
        if as_csv and not n:
            output.data(score_text.csv_line(record))
        if as_json:
            output.data(score_text.json_line(record))
        elif as_csv:
            output.data(score_text.csv_line(record.values()))
        else:
            output.coloured(score_text.window_line(window))
        sys.stdout.flush()
        n += 1
    if not n:
        output.say("the stream ended before its first window was full", err=True)
        raise typer.Exit(FAILED)

"""`musqa score`: how good files sound, as a table, JSON, CSV or a timeline; or a stream."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    refuse_idle,
    wrong_usage,
)
from musqa_pipeline.cli.score_order import Sort, ordered, waited_for
from musqa_pipeline.cli.score_table import ScoreTable
from musqa_pipeline.scoring.batch import Options, Result, score_items
from musqa_pipeline.scoring.inputs import Item, items_of, read_list, spooled
from musqa_pipeline.scoring.model_file import resolve_model_path
from musqa_pipeline.scoring.score import WindowScore
from musqa_pipeline.scoring.scorer import Scorer
from musqa_pipeline.scoring.stream import DEFAULT_HOP_S, SampleFormat, monitor
from musqa_pipeline.scoring.windows import checked_lengths
from musqa_pipeline.scoring.words import word_of

FAILED, ABSTAINED = 1, 3
LOOKED_AHEAD = 1_000
"""Files whose names decide how wide the table is; more are listed while scores come."""
OF_STREAMS = {"rate_hz": "--rate", "channels": "--channels", "sample_format": "--format"}
OF_FILES = {
    "sort": "--sort", "n_worst": "--worst", "timeline": "--timeline", "workers": "--workers",
    "max_hours": "--max-hours", "causes": "--causes",
}  # fmt: skip
"""Options of one kind of input, by parameter."""
HELP = """Say how good music sounds, from 1 to 4.73 (predicted ViSQOL MOS-LQO), with no reference.

FILES are audio files, folders of them, or - for one file on standard input. Each gets a score
with its 90 % interval, what that allows to be said, where it comes from (genuine, or coded by a
lossy codec before), bandwidth, loudness and true peak; below stands what is heard, and why.
Silence, speech, less than 3 s and what is unlike any music are told and get no score.

Exit code: 0 if all files have a score, 1 if some could not be read, else 3 if some have no score.

Examples:

\b
  musqa score track.flac
  musqa score album/ --json --workers 4 > scores.jsonl
  musqa score album/ --worst 10
  musqa score track.flac --timeline --hop 5
  ffmpeg -i URL -f f32le -ac 2 -ar 48000 - | musqa score --stream --rate 48000 --channels 2
"""


def score(
    ctx: typer.Context,
    files: FilesArgument = None,
    list_file: ListOption = None,
    as_json: JsonLinesOption = False,
    as_csv: CsvOption = False,
    sort: Annotated[
        Sort | None, typer.Option("--sort", help="Order; the worst first, and lines at the end.")
    ] = None,
    n_worst: Annotated[
        int | None,
        typer.Option("--worst", metavar="N", min=1, help="Show the N lowest scores alone."),
    ] = None,
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
    if n_worst is not None and sort not in (None, Sort.score):
        raise typer.BadParameter("--worst goes by the score; leave --sort out")
    if stream:
        refuse_idle(ctx, OF_FILES, "for files alone, which end")
    if stream + bool(files) + (list_file is not None) != 1:
        raise typer.BadParameter("give FILES, --list FILE or --stream")
    if not stream:
        refuse_idle(ctx, OF_STREAMS, "for --stream alone; files say it themselves")
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
    counts: Counter[str] = Counter()
    options = Options(path, window_s, hop_s, causes, 3600 * max_hours)
    with ExitStack() as stack:
        items = items_named(read_list(list_file) if list_file else files or [], stack)
        waits = sort is not None or n_worst is not None
        # A list may come from a program that is still writing it, and - is read to its end.
        n_first = None if waits else 0 if list_file or Path("-") in (files or []) else LOOKED_AHEAD
        first = list(itertools.islice(items, n_first))
        names = [item.name for item in first]
        write = _writer(names, as_json=as_json, as_csv=as_csv, timeline=timeline)
        items = itertools.chain(first, items)
        if not waits:
            results = _counted(score_items(items, options, n_workers=workers), counts)
        else:
            waited = waited_for(score_items(items, options, n_workers=workers), len(first))
            results = iter(ordered(_counted(waited, counts), sort or Sort.score, n_worst))
        for result in results:
            write(result)
            sys.stdout.flush()  # for those who read along in a pipe
    _end(counts)


def _writer(
    names: Sequence[str], *, as_json: bool, as_csv: bool, timeline: bool
) -> Callable[[Result], None]:
    """Return what prints a result, with what stands above the first; `names` are to come."""
    if as_json:
        return lambda result: output.data(score_text.json_line(score_text.record_of(result)))
    if as_csv:
        head = [score_text.csv_line(score_text.CSV_COLUMNS)]

        def write_csv(result: Result) -> None:
            cells = score_text.csv_cells(score_text.record_of(result))
            output.data("\n".join([*head, score_text.csv_line(cells)]))
            head.clear()

        return write_csv
    table = ScoreTable(names)

    def write_text(result: Result) -> None:
        table.add(result)
        if timeline and result.score is not None:
            table.add_lines(score_text.timeline_lines(result.score))

    return write_text


def _counted(results: Iterable[Result], counts: Counter[str]) -> Iterator[Result]:
    """Pass results on, and count them by what became of them."""
    for result in results:
        counts["failed" if result.score is None else result.score.abstained or "scored"] += 1
        yield result


def _end(counts: Counter[str]) -> None:
    """Print a summary on standard error, and end with the exit code."""
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
        raise typer.Exit(FAILED)
    if n_scored < n:
        raise typer.Exit(ABSTAINED)


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

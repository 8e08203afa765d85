"""`musqa scan`: the scores of a whole library, with a page of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import ModelOption, refuse_idle, wrong_usage
from musqa_pipeline.core.foreign_text import LINES, printable

if TYPE_CHECKING:
    from rich.progress import Progress

SOME_UNREADABLE, STOPPED = 1, 130
LOG_EVERY = 500
"""Files between two lines where there is no terminal."""
HELP = """Score a whole music library: worst first, as a page and as CSV.

Three excerpts of 10 s of each recording are heard, on all cores. A scan that was stopped, even by
a kill, goes on when the same command is given again; files that are known by their content are not
scored twice. The page shows scores, timelines, spectrograms, copies of the same recording with
the best of them, lossless files of lossy origin, and what changed since the last scan.

Exit code: 0 if all files could be read, 1 if some could not (the page says why), 130 if stopped.

Examples:

\b
  musqa scan ~/Music
  musqa scan /archive --out /srv/quality --full --workers 8
  musqa scan ~/Music --json
"""


def scan(
    ctx: typer.Context,
    library: Annotated[
        Path, typer.Argument(metavar="LIBRARY", help="Folder of music.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where results go.")] = Path(
        "musqa-scan"
    ),
    n_excerpts: Annotated[
        int, typer.Option("--excerpts", metavar="N", help="Excerpts of 10 s a recording, 1 to 20.")
    ] = 3,
    full: Annotated[
        bool, typer.Option("--full", help="Score every second of each recording.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Worker processes.", show_default="one a core"),
    ] = None,
    model: ModelOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Score a whole library; `HELP` says it to users."""
    if full:
        refuse_idle(ctx, {"n_excerpts": "--excerpts"}, "--full takes all of each recording")
    from musqa_pipeline.scoring.model_file import resolve_model_path
    from musqa_pipeline.scoring.scan.measure import ScanSettings
    from musqa_pipeline.scoring.scan.scan import scan_library, worker_pool

    with wrong_usage():
        settings = ScanSettings(n_excerpts=n_excerpts, full=full)
    try:
        with _Shown() as shown:
            report = scan_library(
                library,
                out,
                settings,
                model=resolve_model_path(model),
                fanout=worker_pool(workers, full=full),
                observer=shown.update,
                say=shown.say,
            )
    except KeyboardInterrupt:
        output.say("stopped; the same command goes on from here", err=True)
        raise typer.Exit(STOPPED) from None
    paths = {"page": str(report.page), "csv": str(report.csv)}
    output.emit({**report.summary, **paths}, _text(report.summary, paths), as_json=as_json)
    if report.summary["unreadable"]:
        raise typer.Exit(SOME_UNREADABLE)


class _Shown:
    """A bar with the time left on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._last = 0

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from musqa_pipeline.core.progress import terminal_bar

            self._bar = terminal_bar("scan")
            self._task = self._bar.add_task("scan", total=None, note="listing")
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def say(self, line: str) -> None:
        """Say something beside."""
        if self._bar is not None:
            shown = printable(line, LINES)
            self._bar.console.print(shown, markup=False, emoji=False, highlight=False)
        else:
            output.say(line, err=True)

    def update(self, n_files: int, n_done: int, n_unreadable: int) -> None:
        """Show how far the scan is."""
        note = f"{n_unreadable} unreadable" if n_unreadable else ""
        if self._bar is not None:
            self._bar.update(self._task, total=n_files, completed=n_done, note=note)
        elif n_done - self._last >= LOG_EVERY or (n_done == n_files and n_files):
            self._last = n_done
            line = f"scan: {n_done}/{n_files} files"
            output.say(f"{line}, {note}" if note else line, err=True)


def _text(summary: dict[str, Any], paths: dict[str, str]) -> str:
    words = ", ".join(f"{n} {word}" for word, n in summary["words"].items() if n)
    lines = [
        f"{summary['files']} files, {summary['hours']:g} h: {summary['scored']} scored, "
        f"{summary['abstained']} without a score, {summary['unreadable']} unreadable"
    ]
    if words:
        lines.append(f"{words}; mean {summary['mean_mos']:.2f}")
    if found := summary["lossy_origin"]["likely"]:
        lines.append(f"lossless files, likely of lossy origin: {found}")
    if found := summary["copied_recordings"]:
        lines.append(f"recordings that are there more than once: {found}")
    changes = summary["changes"]
    if changes["since"]:
        kinds = ("new", "gone", "moved", "changed", "better", "worse")
        told = ", ".join(f"{changes[kind]} {kind}" for kind in kinds if changes[kind])
        lines.append(f"since {changes['since']} UTC: {told or 'nothing changed'}")
    return "\n".join([*lines, *(f"{name}: {path}" for name, path in paths.items())])

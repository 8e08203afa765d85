"""`musqa listening stimuli`: recordings in, a listening test out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import needs, wrong_usage

AUDIO_ENDINGS = (".wav", ".flac", ".aif", ".aiff", ".ogg", ".opus", ".mp3", ".m4a")
LIBRARIES = ("ffmpeg", "imageio_ffmpeg", "pedalboard", "pydantic")
"""What the processes need beyond the base installation."""


def stimuli(
    out: Annotated[Path, typer.Option("--out", help="Folder to write the test to.")],
    recordings: Annotated[
        list[Path] | None,
        typer.Argument(help="Reference recordings or folders of them; the first is for training."),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", help="CSV: file,start_s,duration_s,processes,training."),
    ] = None,
    test_id: Annotated[str, typer.Option("--test-id", help="Name in files.")] = "musqa",
    title: Annotated[str, typer.Option("--title", help="What listeners see.")] = (
        "Audio quality of music"
    ),
    processes: Annotated[
        str, typer.Option("--processes", help="Numbers to draw from, worst first, as 3,17,29.")
    ] = "",
    per_recording: Annotated[
        int, typer.Option("--per-recording", help="Processes of a recording.")
    ] = 3,
    duration_s: Annotated[float, typer.Option("--duration-s", help="5 to 9.")] = 7.0,
    repeated: Annotated[
        int, typer.Option("--repeated", help="Recordings presented twice; each has five excerpts.")
    ] = 1,
    seed: Annotated[int, typer.Option("--seed", help="Places, processes, names.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Make stimuli, a configuration of webMUSHRA and a key."""
    needs(LIBRARIES)
    from musqa_pipeline.studies.listening.maker import write_test
    from musqa_pipeline.studies.listening.plan import plan_files, read_plan
    from musqa_pipeline.studies.listening.settings import StimuliSettings

    if (plan is not None) == bool(recordings):
        raise typer.BadParameter("give recordings, or --plan FILE.csv")
    try:
        ids = tuple(int(word) for word in processes.replace(",", " ").split())
    except ValueError:
        raise typer.BadParameter(
            f"--processes {processes!r}: expected numbers, as 3,17,29"
        ) from None
    with wrong_usage():
        settings = StimuliSettings(
            test_id=test_id,
            title=title,
            process_ids=ids,
            n_processes=per_recording,
            duration_s=duration_s,
            n_repeated_pages=repeated,
            seed=seed,
        )
    pages = (
        read_plan(plan, settings)
        if plan is not None
        else plan_files(_audio_files(recordings or []), settings)
    )
    written = write_test(pages, out, settings, lambda line: output.say(line, err=True))
    record = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(written).items()}
    output.emit(
        record,
        f"{written.n_pages} pages and one for training, {written.n_excerpts} excerpts, "
        f"{written.n_repeats} of them twice\n"
        f"copy {out / 'webmushra'}/. over webMUSHRA's folder, then open "
        f"…/webMUSHRA/?config={test_id}.yaml\n"
        f"keep {written.key} away from the server",
        as_json=as_json,
    )


def _audio_files(given: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in given:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files += [f for f in inside if f == path or f.suffix.lower() in AUDIO_ENDINGS]
    return files

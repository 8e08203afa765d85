"""`musqa spectrogram`: the picture of the page of `musqa serve`, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import JsonOption, no_nan, require_new, wrong_usage
from musqa_pipeline.core.files import write_whole
from musqa_pipeline.scoring.picture.view import DEFAULT_FRAME_S, Scale, View

HELP = """Write the spectrogram of a recording, or of a part of it, as a PNG.

Colours, axes and levels are those of the page of musqa serve: a sine at full scale has 0 dB, and
the range is 90 dB unless it is named. A file that is there is not overwritten.

Examples:

\b
  musqa spectrogram track.flac -o track.png
  musqa spectrogram track.flac -o bridge.png --start-s 60 --stop-s 75 --scale mel
  musqa spectrogram track.flac -o side.png --channel side --low-hz 10000 --floor-db -110
"""


def spectrogram(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FILE.png", help="A new file.", show_default=False),
    ],
    start_s: Annotated[
        float, typer.Option("--start-s", help="From here on, in seconds.", callback=no_nan)
    ] = 0.0,
    stop_s: Annotated[
        float | None,
        typer.Option("--stop-s", help="Up to here, in seconds; the end.", callback=no_nan),
    ] = None,
    low_hz: Annotated[
        float, typer.Option("--low-hz", help="Lowest frequency.", callback=no_nan)
    ] = 0.0,
    high_hz: Annotated[
        float | None,
        typer.Option("--high-hz", help="Highest; half the sample rate.", callback=no_nan),
    ] = None,
    scale: Annotated[Scale, typer.Option("--scale", help="Of frequencies.")] = Scale.linear,
    channel: Annotated[
        str,
        typer.Option("--channel", help="mix, left, right, mid, side, or a number from 1."),
    ] = "mix",
    frame_s: Annotated[
        float,
        typer.Option("--frame-s", help="About how long frames are.", callback=no_nan),
    ] = round(DEFAULT_FRAME_S, 5),
    floor_db: Annotated[
        float | None,
        typer.Option("--floor-db", help="Level of the darkest colour, dBFS.", callback=no_nan),
    ] = None,
    ceiling_db: Annotated[
        float | None,
        typer.Option("--ceiling-db", help="Level of the lightest colour.", callback=no_nan),
    ] = None,
    width: Annotated[int, typer.Option("--width", help="Of the picture, in pixels.")] = 1_280,
    height: Annotated[int, typer.Option("--height", help="Of the picture, in pixels.")] = 480,
    as_json: JsonOption = False,
) -> None:
    """Write the spectrogram of a recording as a PNG; `HELP` says it to users."""
    from musqa_pipeline.scoring.picture.paint import Sheet, paint

    with wrong_usage():
        view = View(
            start_s=start_s,
            stop_s=stop_s,
            low_hz=low_hz,
            high_hz=high_hz,
            scale=scale,
            channel=channel,
            frame_s=frame_s,
        )
        sheet = Sheet(width=width, height=height, floor_db=floor_db, ceiling_db=ceiling_db)
    require_new(out, ".png")
    png, found, (lowest_db, highest_db) = paint(file, view, sheet)
    write_whole(out, png)
    record = {
        "picture": str(out),
        "file": str(file),
        **found.about(),
        "floor_db": lowest_db,
        "ceiling_db": highest_db,
    }
    output.emit(record, f"picture: {out}", as_json=as_json)

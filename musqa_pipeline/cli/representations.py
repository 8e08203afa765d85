"""`musqa representations`: what autoencoders that saw noise alone make of music."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import needs, no_nan, require_new
from musqa_pipeline.core.errors import MusqaError, UnfitInputError
from musqa_pipeline.core.files import write_whole

FACTORY = ("numba", "scipy", "soxr", "torch", "duckdb", "pyarrow", "polars", "matplotlib")
HELP = """Autoencoders of paper 003, which learned from noise what an image metric minds.

Examples:

\b
  musqa representations reconstruct song.flac --wav made.wav --png made.png
  musqa representations reconstruct song.flac --run nlpd-white-0 --stop best --wav made.wav
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Hold the commands of the group together."""


class Stop(StrEnum):
    """Where a training is stopped."""

    last = "last"
    settled = "settled"
    best = "best"


@app.command()
def reconstruct(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Music.")],
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="LOSS-INPUTS-SEED", help="Which; the first without."),
    ] = None,
    stop: Annotated[
        Stop, typer.Option("--stop", help="At its end, where its loss had settled, or at its best.")
    ] = Stop.last,
    start_s: Annotated[
        float, typer.Option("--start-s", min=0, callback=no_nan, help="Where to begin.")
    ] = 0.0,
    duration_s: Annotated[
        float, typer.Option("--duration-s", min=0.96, max=60, callback=no_nan, help="How much.")
    ] = 10.0,
    wav: Annotated[
        Path | None, typer.Option("--wav", metavar="OUT.wav", help="Its sound, a new file.")
    ] = None,
    png: Annotated[
        Path | None, typer.Option("--png", metavar="OUT.png", help="Both images, a new file.")
    ] = None,
) -> None:
    """Send music through a trained autoencoder and back, to hear and to see.

    Prints PSNR, MS-SSIM and NLPD of the image, and ViSQOL of the sound beside that of the untouched
    image: what phases and mel bands alone cost. The sound is mono.
    """
    needs(FACTORY, "musqa representations reconstruct")
    from musqa_pipeline.core.home import home_folder
    from musqa_pipeline.stages.reconstructions.files import open_network, reconstruct_file

    for path, suffix in ((wav, ".wav"), (png, ".png")):
        if path is not None:
            require_new(path, suffix)
    chosen = open_network(home_folder(), run, stop.value)
    try:
        made = reconstruct_file(chosen, file, start_s, duration_s, with_sound=wav is not None)
    except UnfitInputError as error:
        raise MusqaError(f"{file}: {error.detail}; {error.advice}") from error
    output.say(
        f"{chosen.name} after {chosen.step:,} steps: PSNR {made.psnr_db:.1f} dB, MS-SSIM "
        f"{made.ms_ssim:.3f}, NLPD {made.nlpd:.3f}"
    )
    if wav is not None and made.sound is not None:
        output.write_wav(wav, made.sound)
        output.say(
            f"{wav}: ViSQOL {made.visqol_mos:.2f}, of the untouched image "
            f"{made.visqol_untouched_mos:.2f}"
        )
    if png is not None:
        from musqa_pipeline.stages.evaluation.representations.plots import beside
        from musqa_pipeline.studies.figures import house_style, to_png

        with house_style("reconstruct"):
            figure = beside(made.original, made.made, chosen.name, made.frame_s)
            write_whole(png, to_png(figure, n_colours=256))
        output.say(f"{png}: the original, and what was made of it")

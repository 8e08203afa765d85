"""`musqa gan`: degradations with an intensity, and scores of networks that learned no label."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import (
    CsvOption,
    JsonLinesOption,
    needs,
    no_nan,
    one_form,
    require_new,
)
from musqa_pipeline.core.errors import MusqaError, UnfitInputError

LIBRARIES = ("numba", "scipy", "soxr")
FACTORY = (*LIBRARIES, "torch", "duckdb", "pyarrow", "polars")
HELP = """The unsupervised route of paper 000: what its listeners heard, and scores without labels.

Examples:

\b
  musqa gan degrade song.flac --kind noise --intensity 50 noisy.wav
  musqa gan degrade master.wav --kind limiter --intensity 100 --level lufs:-14 loud.wav
  musqa gan score album/*.flac --run mine-0
  musqa gan pmqd ~/pmqd --run mine-0
  musqa gan pmqd ~/pmqd --check
"""
LOUDNESS = "lufs:-14"

RunOption = Annotated[
    str | None,
    typer.Option("--run", metavar="NETWORK-SEED", help="Which training; the first without."),
]

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Hold the commands of the group together."""


class Kind(StrEnum):
    """The four degradations of PMQD."""

    distortion = "distortion"
    limiter = "limiter"
    lowpass = "lowpass"
    noise = "noise"


class Level(StrEnum):
    """How loud a recording is before it is degraded."""

    as_is = "as_is"
    loudness = LOUDNESS


@app.command()
def degrade(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Music, one or two channels.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.wav", help="A new file: stereo, float.")],
    kind: Annotated[Kind, typer.Option("--kind", help="What to do to it.")],
    intensity: Annotated[
        float,
        typer.Option("--intensity", min=0, max=100, callback=no_nan, help="How much, 0 to 100."),
    ],
    level: Annotated[
        Level,
        typer.Option("--level", help="Degrade it as it is, or at -14 LUFS with no peak above 1."),
    ] = Level.as_is,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the noise.")] = 0,
) -> None:
    """Degrade a recording as the paper's listeners heard it.

    Three of the four know levels: a limiter does nothing to music that is quiet.
    """
    needs(LIBRARIES, "musqa gan degrade")
    from musqa_pipeline.audio.degradations.intensity import INTENSITY_DEGRADATIONS, at_loudness
    from musqa_pipeline.audio.files.signals import read_stereo
    from musqa_pipeline.core.seeds import derive_generator

    require_new(out, ".wav")
    try:
        samples = read_stereo(file).samples
        if level == Level.loudness:
            samples = at_loudness(samples)
    except UnfitInputError as error:
        raise MusqaError(f"{file}: {error.detail}; {error.advice}") from error
    degradation = INTENSITY_DEGRADATIONS[f"intensity_{kind}"]
    params = degradation.with_intensity(intensity, derive_generator("gan.degrade", seed))
    degraded = degradation.apply(samples, params)
    output.write_wav(out, degraded)
    output.say(f"{out}: {params}")


@app.command()
def score(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Music.")],
    genre: Annotated[
        str | None,
        typer.Option("--genre", help="Class that it was told; without, the mean of all classes."),
    ] = None,
    run: RunOption = None,
    as_json: JsonLinesOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Score music by a GAN's discriminator: more is more like the music that it learned from.

    The score has no unit; the percentile is among originals that the GAN never met. Windows of
    4.208 s, half overlapping, are averaged; JSON has each of them.
    """
    one_form(as_json=as_json, as_csv=as_csv)
    needs(FACTORY, "musqa gan score")
    from musqa_pipeline.core.home import home_folder
    from musqa_pipeline.stages.gan_scores.files import open_judge, score_file

    judge = open_judge(home_folder(), run)
    judge.class_of(genre)
    rows: list[dict[str, Any]] = []
    for file in files:
        row: dict[str, Any] = {"file": str(file), "run": judge.name, "genre": genre}
        try:
            found = score_file(judge, file, genre)
        except UnfitInputError as error:
            rows.append(row | {"problem": f"{error.detail}; {error.advice}"})
            continue
        row |= {"score": found.score, "percentile": found.percentile}
        rows.append(row | ({"windows": [asdict(w) for w in found.windows]} if as_json else {}))
    columns = ["file", "run", "genre", "score", "percentile"]
    columns += ["problem"] * (as_csv and any("problem" in row for row in rows))
    output.table(rows, columns, as_json=as_json, as_csv=as_csv, empty="no file")
    if any("problem" in row for row in rows):
        raise typer.Exit(1)


@app.command()
def pmqd(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="PMQD: pmqd.csv and audio.")],
    run: RunOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Make its degraded segments again and compare.")
    ] = False,
    as_json: JsonLinesOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Score PMQD and print paper 000's table 2: a GAN's numbers beside the paper's.

    Spearman's coefficients with the rating, with p, n and 95 % intervals over recordings, of the
    discriminator (D), of what the paper compares it with, and of the temporal SD. With --check its
    segments are held against the degradations here, and the last line is the worst residual in dB;
    exit code 1 if a median is above -60 dB or the noise is off by more than 0.5 dB.
    """
    one_form(as_json=as_json, as_csv=as_csv)
    if check:
        if run is not None or as_json or as_csv:
            raise typer.BadParameter("--check asks no GAN; leave out --run, --json and --csv")
        _check_pmqd(folder)
        return
    needs(FACTORY, "musqa gan pmqd")
    from musqa_pipeline.core.home import home_folder
    from musqa_pipeline.stages.gan_scores.files import open_judge
    from musqa_pipeline.stages.gan_scores.pmqd import score_pmqd
    from musqa_pipeline.studies.listening.pmqd_paper import RATINGS

    judge = open_judge(home_folder(), run)
    found = score_pmqd(judge, folder)
    is_data = as_json or as_csv
    rows = [{"run": judge.name, **asdict(line)} for line in found.table()]
    if not is_data:
        rows = [row if row["n"] else row | {"spearman": "not run"} for row in rows]
    columns = ["run", "score", "of", "spearman", "low", "high", "p", "n", "n_recordings", "paper"]
    output.table(rows, columns, as_json=as_json, as_csv=as_csv, empty="no segment")
    if found.as_mean_genre:
        genres = ", ".join(found.as_mean_genre)
        output.say(f"{judge.name} has no class {genres}: asked as the mean genre", err=is_data)
    if found.n_missing:
        output.say(f"{found.n_missing} files of the table are not there", err=is_data)
    output.say(RATINGS, err=is_data)


def _check_pmqd(folder: Path) -> None:
    needs(LIBRARIES, "musqa gan pmqd")
    from musqa_pipeline.catalogs.readers.pmqd_rebuilt import OCTAVES_HZ, check_rebuilt

    found = check_rebuilt(folder)
    for kind in found.kinds:
        output.say(
            f"{kind.kind}: {kind.n_segments} segments, residual {kind.median_db:.1f} dB (median), "
            f"{kind.worst_db:.1f} dB (worst)"
        )
    if found.noise:
        output.say(
            f"noise: {found.noise.n_segments} segments, level {found.noise.level_error_db:+.2f} dB "
            f"off (median), {found.noise.worst_level_error_db:+.2f} dB (worst); octaves from "
            f"{OCTAVES_HZ[0]:g} to {OCTAVES_HZ[-1]:,g} Hz within "
            f"{found.noise.spectrum_error_db:.2f} dB"
        )
    if found.n_missing:
        output.say(f"{found.n_missing} files of the table are not there")
    output.say(f"worst residual {found.worst_db:.1f} dB")
    if not found.as_expected:
        raise typer.Exit(1)

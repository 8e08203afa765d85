"""`musqa listening`: stimuli, screening, mean opinions, a model against them; needs no checkout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import (
    CsvOption,
    JsonLinesOption,
    named_columns,
    needs,
    no_nan,
    one_form,
    refuse_idle,
    wrong_usage,
)
from musqa_pipeline.cli.stimuli import stimuli
from musqa_pipeline.cli.table_vi import predict, print_table_vi

if TYPE_CHECKING:
    from musqa_pipeline.studies.listening.mos import Opinion
    from musqa_pipeline.studies.listening.ratings import Ratings
    from musqa_pipeline.studies.listening.screening import Rejection

HELP = """Listening tests (MUSHRA, in webMUSHRA): make stimuli, screen listeners, compare models.

Examples:

\b
  musqa listening stimuli masters/ --out my-test
  musqa listening screen mushra.csv --key my-test/key.csv
  musqa listening mos mushra.csv --key my-test/key.csv --csv > mos.csv
  musqa listening compare mos.csv predictions.csv --plot agreement.svg
  musqa listening predict my-test second-test --preset paper --csv > networks.csv
  musqa listening compare my-test second-test networks.csv
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)

Results = Annotated[
    Path, typer.Argument(metavar="RATINGS.csv", help="webMUSHRA's mushra.csv, or file,rater,score.")
]
Key = Annotated[
    Path | None, typer.Option("--key", help="The key.csv that was written with the stimuli.")
]
Rater = Annotated[
    str | None, typer.Option("--rater", help="Column of mushra.csv that tells listeners apart.")
]
Renamed = Annotated[
    list[str] | None,
    typer.Option("--map", help="A column of another name, as mos=label; repeatable."),
]
Scale = Annotated[tuple[float, float], typer.Option("--scale", help="Ends of the scale.")]
Headphones = Annotated[
    bool,
    typer.Option(
        "--headphones-rule/--no-headphones-rule", help="Whether to leave out who reports none."
    ),
]


def _percent(option: str, about: str) -> Any:
    return typer.Option(option, min=0, max=100, help=about)


Top = Annotated[float, _percent("--top", "A top score, in percent of the scale.")]
MidScale = Annotated[float, _percent("--mid-scale", "Hidden reference at or below, in percent.")]
AnchorGap = Annotated[float, _percent("--anchor-gap", "3.5 over 7 kHz anchor, in percent.")]
RepeatLimit = Annotated[float, _percent("--repeat-limit", "Repeats apart by more, in percent.")]
Tolerated = Annotated[float, _percent("--tolerated", "Percent of pages that may be slips.")]

app.command("stimuli")(stimuli)
app.command("predict")(predict)


@app.command("screen")
def screen(
    ctx: typer.Context,
    results: Results,
    key: Key = None,
    rater: Rater = None,
    renamed: Renamed = None,
    scale: Scale = (0.0, 100.0),
    headphones: Headphones = True,
    top: Top = 100.0,
    mid_scale: MidScale = 60.0,
    anchor_gap: AnchorGap = 20.0,
    repeat_limit: RepeatLimit = 50.0,
    tolerated: Tolerated = 15.0,
    as_json: JsonLinesOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the listeners whose ratings should not be used, with every reason."""
    one_form(as_json=as_json, as_csv=as_csv)
    limits = (top, mid_scale, anchor_gap, repeat_limit, tolerated)
    ratings, rejections = _screened(ctx, results, key, rater, renamed, scale, headphones, limits)
    rows, columns = [asdict(r) for r in rejections], ("rater", "rule", "reason")
    output.table(rows, columns, as_json=as_json, as_csv=as_csv, empty="nobody to leave out")
    _say_kept(ratings, rejections)


@app.command("mos")
def mos(
    ctx: typer.Context,
    results: Results,
    key: Key = None,
    rater: Rater = None,
    renamed: Renamed = None,
    screening: Annotated[
        bool, typer.Option("--screening/--everybody", help="Whether to leave out listeners.")
    ] = True,
    scale: Scale = (0.0, 100.0),
    headphones: Headphones = True,
    top: Top = 100.0,
    mid_scale: MidScale = 60.0,
    anchor_gap: AnchorGap = 20.0,
    repeat_limit: RepeatLimit = 50.0,
    tolerated: Tolerated = 15.0,
    as_json: JsonLinesOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Average ratings to mean opinion scores with 95 % intervals, after screening."""
    one_form(as_json=as_json, as_csv=as_csv)
    from musqa_pipeline.studies.listening.mos import mean_opinions

    limits = (top, mid_scale, anchor_gap, repeat_limit, tolerated)
    ratings, rejections = _screened(ctx, results, key, rater, renamed, scale, headphones, limits)
    if not screening:
        rejections = []
    for rejection in rejections:
        output.say(f"left out: {rejection.rater}: {rejection.reason}", err=True)
    _say_kept(ratings, rejections)
    rows = [
        {
            "file": o.file,
            "mos": o.mos,
            "ci": o.half_width,
            "n_raters": o.n_raters,
            "sd": o.sd,
            "condition": o.condition,
            "recording": o.recording,
            "scale_low": scale[0],
            "scale_high": scale[1],
        }
        for o in mean_opinions(ratings.without([r.rater for r in rejections]))
    ]
    shown = tuple(rows[0]) if as_csv else tuple(rows[0])[:-2]
    output.table(rows, shown, as_json=as_json, as_csv=as_csv, empty="")


@app.command("compare")
def compare(
    tests: Annotated[
        list[Path],
        typer.Argument(
            metavar="TEST",
            help="A table with the columns file,mos,ci, where ci is half the width, or a folder "
            "with one called opinions.csv. Several are merged, in points of 100.",
        ),
    ],
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTIONS.csv",
            help="Columns file,predicted; of networks over repetitions model,repetition, too.",
        ),
    ],
    renamed: Renamed = None,
    renamed_there: Annotated[
        list[str] | None,
        typer.Option("--map-predictions", help="The same for PREDICTIONS.csv, as predicted=mos."),
    ] = None,
    scale: Annotated[
        tuple[float, float] | None,
        typer.Option("--scale", help="Ends of the scale of tests that do not say theirs."),
    ] = None,
    references: Annotated[
        bool, typer.Option("--references", help="Count hidden references, too.")
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold", min=0, callback=no_nan, help="Of rankings. Default: mean full ci."
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw predictions over opinions: .svg or .png.")
    ] = None,
    draws: Annotated[int, typer.Option("--draws", min=100, help="Resamples of recordings.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the resamples.")] = 0,
    as_json: JsonLinesOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Compare predictions with opinions, as they are and after the mapping of P.1401.

    Predictions of several repetitions are laid beside table VI of paper 001 instead.
    """
    one_form(as_json=as_json, as_csv=as_csv)
    from musqa_pipeline.core.csv_files import read_rows
    from musqa_pipeline.studies.listening.compare import compare as compute
    from musqa_pipeline.studies.listening.compare import match, read_predictions, read_repetitions

    there = _renamed(renamed_there, "--map-predictions")
    repeated = "repetition" in {*read_rows(predictions)[0], *there}
    if repeated and (plot or threshold is not None):
        raise typer.BadParameter("--plot and --threshold are for predictions of one model")
    points = repeated or scale is not None or len(tests) > 1
    opinions = _merged(tests, renamed, scale, points=points)
    if repeated:
        from musqa_pipeline.studies.listening.table_vi import beside_table_vi

        beside = beside_table_vi(
            opinions,
            read_repetitions(predictions, there),
            references=references,
            n_draws=draws,
            seed=seed,
        )
        print_table_vi(beside, as_json=as_json, as_csv=as_csv)
        return
    matched = match(opinions, read_predictions(predictions, there), references=references)
    rows = [asdict(e) for e in compute(matched, n_draws=draws, seed=seed, threshold=threshold)]
    output.table(rows, tuple(rows[0]), as_json=as_json, as_csv=as_csv, empty="")
    output.say(
        f"{len(matched.opinions)} excerpts; {matched.n_without_prediction} rated ones have no "
        f"prediction, {matched.n_without_opinion} predicted ones no rating",
        err=True,
    )
    if plot is not None:
        needs(("matplotlib",))
        from musqa_pipeline.studies.listening.picture import draw

        draw(matched, plot, title=predictions.stem)


def _merged(
    places: Sequence[Path],
    renamed: list[str] | None,
    scale: tuple[float, float] | None,
    *,
    points: bool,
) -> list[Opinion]:
    """Read the opinions of tests; one alone may stay on the scale that it has."""
    from musqa_pipeline.studies.listening.merge import in_points, merge, read_test

    if scale is not None and not -math.inf < scale[0] < scale[1] < math.inf:
        raise typer.BadParameter("--scale: expected two numbers, the low end first")
    tests = [read_test(place, _renamed(renamed)) for place in places]
    return merge([in_points(test, scale) for test in tests] if points else tests)


def _screened(
    ctx: typer.Context,
    results: Path,
    key: Path | None,
    rater: str | None,
    renamed: list[str] | None,
    scale: tuple[float, float],
    headphones: bool,
    limits_percent: tuple[float, ...],
) -> tuple[Ratings, list[Rejection]]:
    from musqa_pipeline.core.csv_files import read_rows
    from musqa_pipeline.studies.listening import ratings as tables
    from musqa_pipeline.studies.listening import screening
    from musqa_pipeline.studies.listening.settings import ScreeningSettings

    names = ("top", "mid_scale", "above_mid_anchor", "repeat", "tolerated")
    fracs = {f"{n}_frac": limit / 100 for n, limit in zip(names, limits_percent, strict=True)}
    with wrong_usage():
        settings = ScreeningSettings(
            scale_low=scale[0], scale_high=scale[1], headphones=headphones, **fracs
        )
    if tables.is_webmushra(read_rows(results)[0]):
        refuse_idle(
            ctx, {"renamed": "--map"}, "for plain tables alone; webMUSHRA has its own names"
        )
        ratings = tables.read_webmushra(results, key, rater_column=rater)
    else:
        refuse_idle(ctx, {"key": "--key", "rater": "--rater"}, "for webMUSHRA's mushra.csv alone")
        ratings = tables.read_plain(results, _renamed(renamed))
    tables.require_within(results, ratings, scale)
    for rule, lacking in screening.missing_data(ratings).items():
        output.say(f"not applied: {rule} ({lacking})", err=True)
    return ratings, screening.screen(ratings, settings)


def _say_kept(ratings: Ratings, rejections: Sequence[Rejection]) -> None:
    n_gone = len({r.rater for r in rejections})
    output.say(f"{len(ratings.raters) - n_gone} of {len(ratings.raters)} listeners kept", err=True)


def _renamed(texts: list[str] | None, option: str = "--map") -> dict[str, str]:
    return named_columns(texts, option, "NAME=COLUMN, as in mos=label")

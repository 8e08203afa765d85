"""Networks over repetitions and listeners: their predictions, and what stands beside table VI."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from musqa_pipeline.cli import output
from musqa_pipeline.cli.options import CsvOption, JsonLinesOption, PresetOption, needs, one_form

if TYPE_CHECKING:
    from musqa_pipeline.studies.listening.table_vi_lines import BesideTableVI
    from musqa_pipeline.studies.statistics.comparisons import Comparison

LIBRARIES = ("torch", "lightning", "polars", "pyarrow")
WORDS = {"pearson": "r", "spearman": "Spearman", "rmse": "RMSE"}
DIGITS = {"pearson": 3, "spearman": 3, "rmse": 2}


def predict(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...",
            help="Listening tests: opinions.csv and the audio that it names, beside it or where "
            "`musqa listening stimuli` writes it.",
        ),
    ],
    preset: PresetOption = "paper",
    as_json: JsonLinesOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Let every stored repetition of a preset's networks predict the stimuli of tests.

    A network without repetitions is asked by its one training. Predictions are points of 100.
    """
    one_form(as_json=as_json, as_csv=as_csv)
    needs(LIBRARIES, "musqa listening predict")
    from musqa_pipeline.core.home import home_folder
    from musqa_pipeline.stages.evaluation.listener_repetitions import ask_about_tests
    from musqa_pipeline.stages.graph import joint_context, load_preset

    context = joint_context(home_folder(), load_preset(preset))
    _, predictions = ask_about_tests(context, folders)
    rows = [
        {"file": file, "model": model, "repetition": repetition, "predicted": value}
        for (model, repetition), values in predictions.items()
        for file, value in values.items()
    ]
    output.table(
        rows, ("file", "model", "repetition", "predicted"), as_json=as_json, as_csv=as_csv, empty=""
    )


def print_table_vi(beside: BesideTableVI, *, as_json: bool, as_csv: bool) -> None:
    """Print means and tests: plain rows, or three tables with the paper's numbers."""
    from musqa_pipeline.studies.listening.table_vi_lines import COLUMNS, LITERATURE_R

    if as_json or as_csv:
        output.table(beside.rows(), COLUMNS, as_json=as_json, as_csv=as_csv, empty="")
    else:
        output.say("Networks beside listeners: mean (SD) over repetitions [95 % over recordings]")
        _print(_mean_rows(beside))
        output.say("\nDifferences of networks: Student's t over the repetitions that both have")
        _print(_pair_rows(beside))
        output.say(
            f"\nr against {LITERATURE_R}, Mumtaz et al. 2022 on stimuli of their own: one-sample t"
        )
        _print(_literature_rows(beside))
    of = "" if beside.n_recordings is None else f" of {beside.n_recordings} recordings"
    output.say(f"{beside.n_files} stimuli{of}", err=True)
    for remark in beside.remarks:
        output.say(remark, err=True)


def _mean_rows(beside: BesideTableVI) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for line in beside.means:
        n = beside.repetitions.get(line.model)
        row = rows.setdefault(line.model, {"network": line.model, "n": n or "not run"})
        cell = "-"
        if line.ours:
            cell = _mean(line.ours.mean, line.ours.sd, line.metric)
            if line.low is not None and line.high is not None:
                digits = DIGITS[line.metric]
                cell += f" [{line.low:.{digits}f}, {line.high:.{digits}f}]"
        row[WORDS[line.metric]] = cell
        if line.metric != "spearman":
            paper = _mean(*line.paper, line.metric) if line.paper else "-"
            row[f"paper: {WORDS[line.metric]}"] = paper
    order = ("network", "n", *WORDS.values(), "paper: r", "paper: RMSE")
    return [{name: row[name] for name in order} for row in rows.values()]


def _pair_rows(beside: BesideTableVI) -> list[dict[str, Any]]:
    return [
        {
            "pair": f"{line.first} - {line.second}",
            "of": WORDS[line.metric],
            **_tested(line.ours.paired if line.ours else None, line.metric),
            "unpaired: p": _p(line.ours.unpaired if line.ours else None),
            **_of_paper(line.paper, line.metric),
        }
        for line in beside.pairs
    ]


def _literature_rows(beside: BesideTableVI) -> list[dict[str, Any]]:
    return [
        {
            "network": line.model,
            **_tested(line.ours, "pearson"),
            **_of_paper(line.paper, "pearson"),
        }
        for line in beside.literature
    ]


def _tested(test: Comparison | None, metric: str) -> dict[str, Any]:
    if test is None:
        return {**dict.fromkeys(("n", "difference", "t", "df"), "-"), "p": "-"}
    (df,) = test.degrees_of_freedom
    return {
        "n": str(df + 1),
        "difference": f"{test.difference:+.{DIGITS[metric]}f}",
        "t": f"{test.statistic:.2f}",
        "df": str(df),
        "p": _p(test),
    }


def _of_paper(test: Comparison | None, metric: str) -> dict[str, Any]:
    difference = "-" if test is None else f"{test.difference:+.{DIGITS[metric]}f}"
    return {"paper: difference": difference, "paper: p": _p(test)}


def _p(test: Comparison | None) -> str:
    return "-" if test is None else f"{test.p_value:.2g}"


def _mean(mean: float, sd: float | None, metric: str) -> str:
    digits = DIGITS[metric]
    return f"{mean:.{digits}f}" + ("" if sd is None else f" ({sd:.{digits}f})")


def _print(rows: list[Mapping[str, Any]] | list[dict[str, Any]]) -> None:
    output.table(rows, tuple(rows[0]), as_json=False, empty="")

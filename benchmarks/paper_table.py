"""Table V of paper 001 beside what a preset has trained by now, with the t-tests of both.

``python -m benchmarks.paper_table --preset paper_small [--record] [--picture FILE.png]``

Predictions of the test recordings come from the lake below `MUSQA_HOME` and from docs/results/,
where ``--record`` puts those of the lake: a repetition follows from its rows and its seed, so that
trainings of several days and machines make one table. The picture is the paper's figure 2, of the
first training of each. The last line counts the networks of the paper that have numbers, their own
or a variant's.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from matplotlib.figure import Figure

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.files import write_whole
from musqa_pipeline.core.home import home_folder
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.baselines.registry import BASELINES
from musqa_pipeline.learning.training.checkpoint import CURVES_FILE, ENVIRONMENT_FILE, VALIDATION
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.paper_tables import (
    METRIC_WORDS,
    REPETITIONS,
    SINGLE,
    TABLE_V,
    beside_the_paper,
    paper_metrics,
    single_trainings,
    table_order,
    table_v,
)
from musqa_pipeline.stages.evaluation.plots import LABEL, PREDICTED, scatter_into
from musqa_pipeline.stages.evaluation.slices import HOLDOUT
from musqa_pipeline.stages.evaluation.summary import shown_name
from musqa_pipeline.stages.graph import joint_context, load_preset
from musqa_pipeline.stages.models.recipes import random_backbones, recipe_of
from musqa_pipeline.stages.models.runs import read_preset_runs
from musqa_pipeline.stages.models.trials.stage import list_units
from musqa_pipeline.studies.figures import house_style, new_figure, points_axes, to_png
from musqa_pipeline.studies.listening.table_vi_lines import PAPER_NETWORK
from musqa_pipeline.studies.statistics.metrics import pearson

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
ROW = ["catalog", "degraded_id"]
TRAINING = ["protocol", "model", "repetition"]
KEPT = [*TRAINING, *ROW, "recording", "label", "predicted"]
DRAW = "uniform_draw"
"""The test of the paper was drawn uniformly."""
MOST_EPOCHS = ModelsSettings().max_epochs
"""The paper's; a network that may train less says so."""
N_COLUMNS = 4
"""Panels beside one another."""
MOST_APART, MOST_APART_ON_AVERAGE = 1.0, 0.1
"""Points between two processors' labels; of the 500 excerpts at most 0.66, on average 0.006."""


def main() -> None:
    """Read, perhaps record, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="paper_small")
    parser.add_argument("--record", action="store_true", help="add the lake's to docs/results/")
    parser.add_argument("--picture", type=Path, help="PNG to draw into")
    arguments = parser.parse_args()
    preset = load_preset(arguments.preset)
    files = [RESULTS / f"{preset.name}_{what}" for what in ("predictions.parquet", "trainings.csv")]
    predictions, trainings = (read(file) for file in files)
    home = home_folder()
    if not isinstance(home, Path) or (home / "lake").is_dir():
        context = joint_context(home, preset)
        predictions = merged(predictions, lake_predictions(context), [*TRAINING, *ROW])
        trainings = merged(trainings, pl.DataFrame(list(lake_trainings(context))), TRAINING)
        check_test(predictions, files[0])
        if arguments.record:
            predictions.write_parquet(files[0], compression_level=19)
            trainings.write_csv(files[1], float_precision=1)
            print(f"recorded {trainings.height} trainings in {RESULTS}")
    if not predictions.height:
        raise SystemExit(
            f"error: nothing of preset {preset.name} is trained below {home} or recorded in "
            f"{RESULTS}; run `musqa run --preset {preset.name}`"
        )
    if arguments.picture:
        with house_style("paper_table"):
            drawn = to_png(draw(of_all_trainings(predictions)[0]), n_colours=256)
        write_whole(arguments.picture, drawn)
    print_tables(predictions, trainings, preset.models)


def draw(asked: pl.DataFrame) -> Figure:
    """Draw prediction over label, a panel for the first training of each network."""
    repeated = asked.filter(protocol=REPETITIONS, repetition=0)
    once = asked.filter(pl.col("model").is_in(single_trainings(asked)), protocol=HOLDOUT)
    first = pl.concat([repeated, once]).sort("recording", *ROW)
    of_each = {str(name): rows for (name,), rows in first.group_by("model", maintain_order=True)}
    models = [name for name in table_order(of_each) if name in of_each]
    n_rows = -(-len(models) // N_COLUMNS)
    figure = new_figure(8.4, 2.35 * n_rows)
    grid = figure.subplots(n_rows, N_COLUMNS, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat:
        axes.set_visible(False)
    for axes, model in zip(grid.flat, models, strict=False):
        rows = of_each[model]
        axes.set_visible(True)
        points_axes(axes, x="", y="", square=True)
        scatter_into(axes, rows, scale=0.4)
        r = pearson(rows["label"].to_numpy(), rows["predicted"].to_numpy())
        axes.set_title(f"{shown_name(model)}\nr {r:.2f}", fontsize=8)
        axes.tick_params(labelbottom=True)
    figure.supxlabel(LABEL, fontsize=8)
    figure.supylabel(PREDICTED, fontsize=8)
    return figure


def read(file: Path) -> pl.DataFrame:
    """Read what was recorded, if anything was."""
    if not file.is_file():
        return pl.DataFrame()
    if file.suffix == ".parquet":
        return pl.read_parquet(file)
    return pl.read_csv(file, schema_overrides={"precision": pl.String})


def merged(recorded: pl.DataFrame, found: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Put the lake's trainings, whole, in the place of those recorded."""
    if found.height and recorded.height:
        recorded = recorded.join(found.select(TRAINING).unique(), on=TRAINING, how="anti")
    parts = [part for part in (found, recorded) if part.height]
    return pl.concat(parts, how="vertical_relaxed").sort(keys) if parts else pl.DataFrame()


def check_test(predictions: pl.DataFrame, file: Path) -> None:
    """Refuse to mix predictions of another test, or of the same excerpts under other labels.

    Opus encodes otherwise on another processor, so labels need not be equal.
    """
    if not predictions.height:
        return
    asked, n_left_out = of_all_trainings(predictions)
    apart = predictions.group_by(ROW).agg(pl.col("label").max() - pl.col("label").min())["label"]
    if asked.select(ROW).n_unique() < n_left_out:
        what = "another test"
    elif apart.max() >= MOST_APART or apart.mean() >= MOST_APART_ON_AVERAGE:
        what = "other labels"
    else:
        return
    raise SettingsError(
        f"{file} was recorded with {what} than the lake has; move it away, or use the catalog and "
        "the preset of then"
    )


def lake_predictions(context: Context) -> pl.DataFrame:
    """Read what finished trainings and repetitions say of the test recordings."""
    from musqa_pipeline.stages.evaluation.predictions import read_predictions
    from musqa_pipeline.stages.evaluation.trials import read_trials
    from musqa_pipeline.stages.spectrograms.features.rows import read_rows

    rows = read_rows(context)
    parts = [read_trials(context, rows).filter(protocol=REPETITIONS)]
    if runs := read_preset_runs(context):
        parts.append(read_predictions(context, runs, rows).filter(protocol=HOLDOUT))
    found = pl.concat(parts).filter(DRAW, part="test").select(KEPT)
    return found.cast({"label": pl.Float32, "predicted": pl.Float32})


def lake_trainings(context: Context) -> Iterator[dict[str, Any]]:
    """Yield what each finished training took."""
    for run in read_preset_runs(context):
        if run["finished"]:
            yield {
                "protocol": HOLDOUT, "model": run["model"], "repetition": 0,
                **{name: run[name] for name in ("epochs", "n_train", "n_validation", "minutes")},
                "device": run["device"], "precision": precision_of(run["environment_json"]),
            }  # fmt: skip
    partition = context.joint_partition("trials")
    done = set(context.lake.done(partition))
    for unit in list_units(context):
        if unit.unit_id not in done or unit.plan["protocol"] != REPETITIONS:
            continue
        row = context.lake.read(partition, unit.unit_id).slice(0, 1).to_pylist()[0]
        if not row["finished"]:
            continue
        epochs, precision = 0, None
        if row["model"] not in BASELINES:
            folder = context.lake.local_folder(partition, unit.unit_id)
            epochs = len(json.loads((folder / CURVES_FILE).read_text())[VALIDATION])
            precision = precision_of((folder / ENVIRONMENT_FILE).read_text())
        yield {
            **{name: row[name] for name in TRAINING}, "epochs": epochs,
            **{name: row[name] for name in ("n_train", "n_validation", "minutes", "device")},
            "precision": precision,
        }  # fmt: skip


def precision_of(environment_json: str) -> str | None:
    """Return the numbers of a training, which the first ones did not say."""
    found: str | None = json.loads(environment_json).get("precision")
    return found


def of_all_trainings(predictions: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return the excerpts that every training was asked, and how many others there are.

    A label that differs by rounding may move the draw of the test.
    """
    n_trainings = predictions.select(TRAINING).n_unique()
    asked = predictions.filter(pl.len().over(ROW) == n_trainings)
    return asked, predictions.select(ROW).n_unique() - asked.select(ROW).n_unique()


def print_tables(
    predictions: pl.DataFrame, trainings: pl.DataFrame, models: ModelsSettings
) -> None:
    """Print table V, the tests and the count."""
    chance = random_backbones(models)
    asked, n_left_out = of_all_trainings(predictions)
    tested = asked.unique(ROW)
    print(f"Test: {tested.height} excerpts of {tested['recording'].n_unique()} recordings.")
    if n_left_out:
        print(f"Left out: {n_left_out} excerpts that not every training was asked.")
    told = asked.with_columns(pl.lit(value=True).alias(DRAW))
    found, single = paper_metrics(told, DRAW)
    took = trainings.group_by("protocol", "model").agg(
        pl.col("epochs").mean(),
        pl.col("minutes").sum() / 60,
        pl.col("precision").drop_nulls().unique().sort().str.join(", "),
    )
    spent = {(protocol, model): means for protocol, model, *means in took.rows()}

    def name(model: str, *, ours: Any) -> str:
        shown = shown_name(model) + (", random backbone" if ours and model in chance else "")
        most = recipe_of(model, models).max_epochs if model in PAPER_NETWORK else MOST_EPOCHS
        return shown + (f", at most {most} epochs" if ours and most < MOST_EPOCHS else "")

    print(f"\n{'':70}{'paper 001':>32}{'here':>32}")
    head = "".join(f"{word:>16}" for _ in range(2) for word in METRIC_WORDS.values())
    print(f"{'':70}{head}{'n':>5}{'epochs':>8}{'hours':>7}  precision")
    filled = set()
    for row in table_v(found, single):
        cells = ["–" if not row["paper"] else cell(*row["paper"][m], m) for m in METRIC_WORDS]
        ours = row["ours"]
        cells += [cell(ours[m].mean, ours[m].sd, m) if m in ours else "–" for m in METRIC_WORDS]
        shown = name(row["model"], ours=ours) + (SINGLE if row["single"] else "")
        text = f"{shown:<70}" + "".join(f"{each:>16}" for each in cells)
        if ours:
            epochs, hours, numbers = spent[HOLDOUT if row["single"] else REPETITIONS, row["model"]]
            text += f"{len(ours['rmse'].values):>5}{epochs:>8.0f}{hours:>7.1f}  {numbers}"
            filled.add(PAPER_NETWORK.get(row["model"]))
        print(text)
    print("\nDifferences of the means: p of the paper's t-test; p of ours, unpaired and paired")
    for test in beside_the_paper(found):
        paper, ours = test["unpaired"], test["ours"]
        pair = " - ".join(name(test[side], ours=ours) for side in ("first", "second"))
        pair += f", {METRIC_WORDS[test['metric']]}"
        p = [
            t.p_value if t else None
            for t in (paper, *((ours and (ours.unpaired, ours.paired)) or (None, None)))
        ]
        print(
            f"{pair:<90}"
            + "".join(f"{'–' if value is None else f'{value:.1e}':>10}" for value in p)
        )
    n_filled = len(filled & TABLE_V.keys())
    print(f"\nrows of table V that hold numbers: {n_filled} of {len(TABLE_V)} networks")


def cell(mean: float, sd: float | None, metric: str) -> str:
    """Write a mean and its deviation, as the paper does."""
    digits = 3 if metric == "pearson" else 2
    return f"{mean:.{digits}f}" + (f" ({sd:.{digits}f})" if sd is not None else "")


if __name__ == "__main__":
    main()

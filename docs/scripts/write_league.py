"""Print the league of variants of musqa-net from the folds of a preset, and draw its two errors.

``python docs/scripts/write_league.py [--preset PRESET...] [--record FILE.parquet] [--base MODEL]
[--picture FILE.png]``

Every model of ``[protocols.folds]`` is judged on music that it never met by the gates of a release
and by the errors that these set against each other: full-band music, dark music, low-passes. A
number is the mean over trainings with their range. Lines "averaged" average the predictions first,
over the trainings of a model or with boosting's, as a release may. Models of a second preset, which
trained on other music, say its name. A record keeps what trainings said, so that those of several
machines stand in one table; what is run again is replaced. The last line counts who keeps every
gate.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from gan_tables import number, table
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from musqa_pipeline.catalogs.folder import COPY_TIER
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.files import whole_file, write_whole
from musqa_pipeline.core.home import home_folder
from musqa_pipeline.release.model.gates import (
    COPIES_GOOD,
    DULL_BIAS,
    DULL_GOOD,
    DULL_RMSE,
    EDGE_HZ,
    LARGEST,
    Gate,
    judge_rows,
)
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.trials import wanted_trials
from musqa_pipeline.stages.graph import joint_context, load_preset
from musqa_pipeline.stages.models.trials.divisions import TEST_FOLD
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, POINTS, read_rows
from musqa_pipeline.studies.figures import MUTED, SERIES_PRINTED, house_style, new_figure, to_png
from musqa_pipeline.studies.statistics.bootstrap import Estimate, paired_difference
from musqa_pipeline.studies.statistics.metrics import pearson, rmse

PROTOCOL, BOOSTED = "folds", "boosted"
FULL_BAND = pl.col("reference") == "full band"
FILTERED = pl.col("codec").is_in(["lowpass", "resample"]) & (pl.col("depth") == 1)
SUBSETS = {
    "all": pl.lit(True),
    "full band": FULL_BAND,
    "dark": pl.col("reference") == "dark",
    "test": pl.col("fold") == TEST_FOLD,
    "filters": FILTERED & FULL_BAND,
}
"""Of real recordings, in their natural mix; low-passes and resampling alone, of full-band music."""
LESS_BASE = "less base"
TRAINING = ("model", "repetition", "fold")
COLUMNS = [
    *TRAINING, *KEYS, "predicted", "label", "split_group", "asked", "reference", "codec", "depth",
    "cutoff_hz", "natural_mix", "trusted",
]  # fmt: skip
"""Of a record."""
WITH_R = ("all", "full band")
SHOWN_GATES = {
    DULL_GOOD: "dull > 60", DULL_RMSE: "dull, RMSE", DULL_BIAS: "dull, flattered",
    COPIES_GOOD: "copies > 60",
}  # fmt: skip
"""Gates of single rows with a limit, and what columns call them."""
MARKERS = {f" and {BOOSTED}, averaged": "D", ", averaged": "s", "": "o"}
"""By the end of a line's name."""
MARK_WORDS = {
    "o": "a training", "s": "average of trainings", "D": "with boosting",
    "^": "boosting alone; dashed: wanted",
}  # fmt: skip
DARK_TARGET = 14.0
"""RMSE on dark references that version 2 of the release is to reach."""


def main() -> None:
    """Print the table, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", nargs="+", default=[])
    parser.add_argument("--record", type=Path, help="Parquet file to read, and to add to")
    parser.add_argument("--base", default="musqa_net", help="model that others are compared with")
    parser.add_argument("--picture", type=Path, help="PNG to draw into")
    arguments = parser.parse_args()
    contexts = [joint_context(home_folder(), load_preset(name)) for name in arguments.preset]
    said = [
        read_said(context, f" ({context.preset.name})" if number else "")
        for number, context in enumerate(contexts)
    ]
    if arguments.record:
        said = [recorded(arguments.record, said)]
    if not said:
        parser.error("name a --preset, or a --record of one")
    lines = league(pl.concat(said), arguments.base)
    print(table([as_words(line) for line in lines]))
    if arguments.picture:
        with house_style("league"):
            write_whole(arguments.picture, to_png(draw(lines, arguments.base), n_colours=256))
    kept = [line["model"] for line in lines if line["keeps"]]
    print(f"\n{', '.join(kept) or 'nobody'}\nkeep every gate: {len(kept)} of {len(lines)}")


def read_said(context: Context, suffix: str = "") -> pl.DataFrame:
    """Read what each training said of recordings that it never met, in points.

    Names of models end in the suffix.
    """
    trials = wanted_trials(context).filter(protocol=PROTOCOL)
    if trials.is_empty():
        raise StageError(
            f"no training of [protocols] {PROTOCOL} of preset {context.preset.name} is whole yet; "
            "run the preset first"
        )
    copy = pl.col("tier") == COPY_TIER
    return (
        trials.select("model", "repetition", "fold", *KEYS, "predicted")
        .join(read_rows(context), on=KEYS, how="inner")
        .with_columns(
            asked=pl.when(copy).then(pl.lit("copies")).otherwise(pl.lit("out_of_fold")),
            predicted=pl.col("predicted") * POINTS,
            model=pl.col("model") + suffix,
        )
    )


def recorded(file: Path, said: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Add to a record what trainings said, in place of what the same ones said before.

    Predictions are kept in single precision.
    """
    now = [frame.select(COLUMNS).cast({"predicted": pl.Float32}) for frame in said]
    if file.is_file():
        before = pl.read_parquet(file)
        for frame in now:
            before = before.join(frame, on=TRAINING, how="anti", maintain_order="left")
        frames = [before, *now]
    elif now:
        frames = now
    else:
        raise StageError(f"{file} does not exist; name a --preset that was run")
    order = pl.col("model").str.contains("(", literal=True), "model", "repetition"
    whole = pl.concat(frames).sort(*order, "fold", *KEYS)
    if now:
        with whole_file(file) as temporary:
            whole.write_parquet(temporary, compression_level=19)
    return whole.cast({"predicted": pl.Float64})


def league(said: pl.DataFrame, base: str) -> list[dict[str, Any]]:
    """Measure each model: its trainings one by one, averaged, and averaged with boosting.

    That is boosting of the same preset.
    """
    lines = []
    models = said["model"].unique(maintain_order=True).to_list()
    means = {model: averaged(said.filter(model=model)) for model in models}
    for model in models:
        own = said.filter(model=model)
        each = [part for _, part in own.group_by("repetition", maintain_order=True)]
        lines.append(line_of(model, each) | differences(said, model, base))
        if len(each) > 1:
            lines.append(line_of(f"{model}, averaged", [means[model]]))
        boosted = BOOSTED + "".join(model.partition(" (")[1:])
        if boosted in models and model != boosted:
            both = averaged(pl.concat([means[model], means[boosted]]))
            lines.append(line_of(f"{model} and {BOOSTED}, averaged", [both]))
    return lines


def line_of(title: str, parts: Iterable[pl.DataFrame]) -> dict[str, Any]:
    """Measure some trainings; a gate is kept where the mean over them keeps it."""
    measured = [measures(part) for part in parts]
    values: dict[str, list[float]] = {
        name: [one[name] for one in measured if one[name] is not None] for name in measured[0]
    }
    means = {name: float(np.mean(found)) if found else None for name, found in values.items()}
    gates = [Gate(what, means[what], 0, 0) for what in SHOWN_GATES]
    keeps = all(gate.holds for gate in gates if gate.found is not None)
    return {"model": title, "trainings": len(measured), "values": values, "keeps": keeps}


def averaged(said: pl.DataFrame) -> pl.DataFrame:
    """Average what several trainings said of the same rows."""
    mean = said.group_by(KEYS, maintain_order=True).agg(pl.col("predicted").mean())
    first = said.unique(KEYS, keep="first", maintain_order=True).drop("predicted")
    return first.join(mean, on=KEYS, how="inner", maintain_order="left").select(said.columns)


def measures(said: pl.DataFrame) -> dict[str, float | None]:
    """Measure one training."""
    real = said.filter("natural_mix", asked="out_of_fold")
    found: dict[str, float | None] = {}
    for name, where in SUBSETS.items():
        rows = real.filter(where)
        ends = rows["label"].to_numpy(), rows["predicted"].to_numpy()
        if name in WITH_R:
            found[f"{name}, r"] = pearson(*ends) if rows.height else None
        found[f"{name}, RMSE"] = rmse(*ends) if rows.height else None
    free = said.filter(pl.col("fold") != TEST_FOLD)
    gates = {gate.what: gate.found for gate in judge_rows(free)}
    return found | {what: gates[what] for what in SHOWN_GATES}


def differences(said: pl.DataFrame, model: str, base: str) -> dict[str, Estimate]:
    """Compare a model with another on the same rows and seeds, by recording."""
    if model == base or base not in said["model"]:
        return {}
    key = ["repetition", *KEYS]
    others = said.filter(model=base).select(*key, other="predicted")
    both = said.filter("natural_mix", model=model, asked="out_of_fold").join(
        others, on=key, how="inner"
    )
    dull = (
        (pl.col("codec") == "lowpass") & (pl.col("depth") == 1) & (pl.col("cutoff_hz") <= EDGE_HZ)
    )
    found = {}
    for name, where in (("full band", FULL_BAND), ("dull", FULL_BAND & dull)):
        rows = both.filter(where).sort(key)
        if rows.height:
            columns = (rows[c].to_numpy() for c in ("label", "predicted", "other", "split_group"))
            found[f"{LESS_BASE}: {name}"] = paired_difference(rmse, *columns, "league")
    return found


def as_words(line: Mapping[str, Any]) -> dict[str, object]:
    """Write a line of the table."""
    words: dict[str, object] = {"model": line["model"], "trainings": line["trainings"]}
    for name, values in line["values"].items():
        words[SHOWN_GATES.get(name, name)] = spread(name, values)
    for name in (f"{LESS_BASE}: full band", f"{LESS_BASE}: dull"):
        apart = line.get(name)
        words[name] = number(apart.value, apart.low, apart.high, 1) if apart else "–"
    return words | {"gates": "kept" if line["keeps"] else "broken"}


def spread(name: str, values: list[float]) -> str:
    """Write a mean over trainings with their range."""
    if not values:
        return "–"
    share = LARGEST.get(name) is not None and LARGEST[name] < 1
    digits = 3 if name.endswith(", r") else 1
    text = [
        f"{100 * value:.1f} %" if share else f"{value:.{digits}f}"
        for value in (np.mean(values), min(values), max(values))
    ]
    return text[0] if len(values) == 1 else f"{text[0]} ({text[1]} to {text[2]})"


def draw(lines: list[dict[str, Any]], base: str) -> Figure:
    """Draw what each training errs on dark music over what it errs on low-passes.

    A panel for the models of the first preset, a colour each; where there are more presets one for
    the base and what trained on their music, a colour a preset.
    """
    first = [line for line in lines if not music_of(model_of(line))]
    panels = [("Models", first, str)]
    if others := [line for line in lines if line not in first]:
        shared = [line for line in first if model_of(line) in (base, BOOSTED)]
        panels.append((f"{base} by music", shared + others, music_of))
    figure = new_figure(10.0, 5.0)
    panes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (title, some, colour_of) in zip(panes, panels, strict=True):
        fill(axes, some, colour_of)
        axes.set(xlabel="RMSE on dark references, points", title=title)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize=8)
    panes[0].set_ylabel(
        f"RMSE on low-passes up to {EDGE_HZ / 1000:g} kHz\nof full-band references, points"
    )
    marks = [
        Line2D([], [], linestyle="none", marker=mark, color=MUTED, label=words)
        for mark, words in MARK_WORDS.items()
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks), fontsize=8)
    return figure


def fill(axes: Axes, lines: Iterable[Mapping[str, Any]], colour_of: Callable[[str], str]) -> None:
    """Draw lines into a panel, and what is wanted."""
    colours: dict[str, str] = {}
    for line in lines:
        dark, dull = line["values"]["dark, RMSE"], line["values"][DULL_RMSE]
        if not dark or not dull:
            continue
        model = model_of(line)
        kind = colour_of(model) or "all"
        colour = colours.setdefault(kind, SERIES_PRINTED[len(colours) % len(SERIES_PRINTED)])
        axes.plot(dark, dull, linestyle="none", marker=mark_of(line["model"]), color=colour)
    for kind, colour in colours.items():
        axes.plot([], [], linestyle="none", marker="o", color=colour, label=kind)
    axes.axvline(DARK_TARGET, color=MUTED, linewidth=0.8, linestyle="--")
    axes.axhline(LARGEST[DULL_RMSE], color=MUTED, linewidth=0.8, linestyle="--")


def model_of(line: Mapping[str, Any]) -> str:
    """Name the model of a line."""
    return str(line["model"]).split(",")[0].split(f" and {BOOSTED}")[0]


def music_of(model: str) -> str:
    """Name the preset on whose music a model trained; empty for the first."""
    return model.partition(" (")[2].removesuffix(")")


def mark_of(title: str) -> str:
    """Return the marker of a line: boosting alone has one, and networks have three."""
    if title.startswith(BOOSTED):
        return "^"
    return next(mark for end, mark in MARKERS.items() if title.endswith(end))


if __name__ == "__main__":
    main()

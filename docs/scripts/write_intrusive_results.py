"""Print the tables of docs/intrusive.md and of insenet's card from a finished run.

``python docs/scripts/write_intrusive_results.py --preset docs/results/augmentation.toml``

Trials of the protocol `ablations` are compared on the rows that all of them predicted, beside two
things that learn next to nothing of images: the log-spectral distance of a pair (mean difference of
its bands in decibels) through a monotonous curve, and boosted trees on that distance band by band.
Both are fitted on the rows that train a network. Intervals are a bootstrap over recordings, which
takes the mean over seeds. Trials of `leave_codec_out` are compared with those of `ablations`. The
card has the figures of the variant that ships.
"""

from __future__ import annotations

import argparse

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.isotonic import IsotonicRegression
from write_results import markdown

from musqa_pipeline.audio.features.gammatone_bands import FLOOR_DB, N_BANDS, TOP_DB
from musqa_pipeline.core.home import home_folder
from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.core.settings.per_catalog import EFFECT_NAMES
from musqa_pipeline.stages.degradations.words import process_words
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.generalisation import generalisation_rows
from musqa_pipeline.stages.evaluation.repetitions import (
    ends_of,
    estimates_of,
    mean_of,
    repetitions_of,
    resamples_of,
)
from musqa_pipeline.stages.evaluation.trials import read_trials
from musqa_pipeline.stages.graph import joint_context, load_preset
from musqa_pipeline.stages.models.trials.divisions import Trial, divide
from musqa_pipeline.stages.models.trials.networks import images_of
from musqa_pipeline.stages.spectrograms.features.rows import KEYS, read_rows

SETTINGS = EvaluationSettings(n_bootstrap=4_000)
WHOLE = "insenet"
SHIPPED = "insenet_augmented"
WORDS = {name: process_words(name, None, None) for name in EFFECT_NAMES}
EFFECT = pl.col("what").str.contains("|".join(WORDS.values()))
SUBSETS = {
    "recordings of the fold": pl.col("part") != "test",
    "test recordings": pl.col("part") == "test",
    "both, without effects": ~EFFECT,
    "both, with an effect": EFFECT,
    "both, labels above 80": pl.col("label") > 80,
}
CARD = {
    "anything": pl.lit(True),
    "anything, test recordings": SUBSETS["test recordings"],
    "codecs, low-passes, resampling alone": ~EFFECT,
    "the same, test recordings": ~EFFECT & SUBSETS["test recordings"],
    "an effect": EFFECT,
    "labels above 80": SUBSETS["both, labels above 80"],
} | {words: pl.col("what").str.contains(words) for words in WORDS.values()}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", required=True)
    context = joint_context(home_folder(), load_preset(parser.parse_args().preset))
    rows = read_rows(context)
    predictions = read_trials(context, rows)
    judged = predictions.filter(protocol="ablations")
    heard = judged.filter(pl.col("model").str.starts_with(WHOLE))
    print(ablations(pl.concat([heard, distances(context, rows, heard)])))
    print()
    print(left_out(predictions))
    print()
    print(card(judged.filter(model=SHIPPED)))


def ablations(judged: pl.DataFrame) -> str:
    """Compare all that was judged on the same rows, subset by subset."""
    lines = []
    for subset, where in SUBSETS.items():
        part = judged.filter(where)
        whole = resamples_of(repetitions_of(part.filter(model=WHOLE)), SETTINGS, "intrusive")
        for (model,), of_model in part.group_by("model", maintain_order=True):
            repetitions = repetitions_of(of_model)
            draws = resamples_of(repetitions, SETTINGS, "intrusive")
            line = {"rows": subset, "model": model}
            for metric, digits in (("pearson", 3), ("rmse", 2)):
                line[metric] = cell(repetitions, draws, metric, digits)
            apart = None if draws is None or whole is None else draws["rmse"] - whole["rmse"]
            ends = ends_of(apart, SETTINGS.confidence)
            known = model != WHOLE and ends["low"] is not None
            line[f"RMSE less {WHOLE}'s"] = (
                f"[{ends['low']:+.2f}, {ends['high']:+.2f}]" if known else "–"
            )
            line |= {"n": repetitions[0].height, "recordings": of_model["recording"].n_unique()}
            lines.append(line | {"seeds": len(repetitions)})
    return markdown(pl.DataFrame(lines))


def card(judged: pl.DataFrame) -> str:
    """Say how well the variant that ships does, as its card has it."""
    lines = []
    for rows, where in CARD.items():
        repetitions = repetitions_of(judged.filter(where))
        if not repetitions:
            continue
        draws = resamples_of(repetitions, SETTINGS, "intrusive")
        counts = {"n": repetitions[0].height, "recordings": repetitions[0]["recording"].n_unique()}
        r, rmse = (cell(repetitions, draws, *each) for each in (("pearson", 3), ("rmse", 1)))
        lines.append({"rows with": rows, "r": r, "RMSE": rmse} | counts)
    return markdown(pl.DataFrame(lines)) if lines else f"{SHIPPED} did not run"


def cell(repetitions: list[pl.DataFrame], draws: dict | None, metric: str, digits: int) -> str:
    """Write a mean over seeds with its interval over recordings."""
    value = mean_of(estimates_of(repetitions, metric))
    ends = ends_of(None if draws is None else draws[metric], SETTINGS.confidence)
    if value is None or ends["low"] is None:
        return "–" if value is None else f"{value:.{digits}f}"
    return f"{value:.{digits}f} [{ends['low']:.{digits}f}, {ends['high']:.{digits}f}]"


def distances(context: Context, rows: pl.DataFrame, heard: pl.DataFrame) -> pl.DataFrame:
    """Let log-spectral distances predict what the networks predicted."""
    division = divide(Trial("ablations", "", "", WHOLE, 0), rows, context.preset.protocols)
    seen = rows.filter(division.train | division.validation)
    asked = heard.filter(model=WHOLE, repetition=heard["repetition"].min())
    by_key = band_distances_db(context, pl.concat([seen.select(KEYS), asked.select(KEYS)]))
    x, y = (np.stack([by_key[k] for k in part.select(KEYS).rows()]) for part in (seen, asked))
    label = seen["label"].to_numpy()
    curve = IsotonicRegression(increasing=False, out_of_bounds="clip").fit(x.mean(1), label)
    trees = HistGradientBoostingRegressor(max_iter=300, learning_rate=0.06, random_state=0)
    found = {
        "log-spectral distance": curve.predict(y.mean(1)),
        "boosted distances of bands": trees.fit(x, label).predict(y),
    }
    return pl.concat(
        asked.with_columns(model=pl.lit(name), predicted=pl.Series(values))
        for name, values in found.items()
    )


def band_distances_db(
    context: Context, keys: pl.DataFrame
) -> dict[tuple[str, str], NDArray[np.float64]]:
    """Return the mean difference of a pair's levels in each band, in decibels, shape (32,)."""
    shards = images_of(context, WHOLE, keys)
    names = list(zip(*(shards.labels[column].to_pylist() for column in KEYS), strict=True))
    found = {}
    for number, group in enumerate(shards.groups):
        for i, image in enumerate(shards.read_group(number)):
            cells = np.asarray(image, np.float64) / 255
            apart = np.abs(cells[:, :N_BANDS] - cells[:, N_BANDS:]).mean(0)
            found[names[group.first_row + i]] = (TOP_DB - FLOOR_DB) * apart
    return found


def left_out(predictions: pl.DataFrame) -> str:
    """Compare networks on each effect with and without it in the training."""
    lines = []
    for row in generalisation_rows(predictions, SETTINGS):
        if row["draw"] != "natural_mix" or row["difference"] is None:
            continue
        sides = {
            f"{metric} {words}": f"{row[key]:.{digits}f} "
            f"[{row[f'{key}_low']:.{digits}f}, {row[f'{key}_high']:.{digits}f}]"
            for metric, digits, name in (("r", 3, "pearson"), ("RMSE", 1, "rmse"))
            for words, key in (("with it", f"known_{name}"), ("without", name))
        }
        apart = f"{row['difference']:+.1f} [{row['low']:+.1f}, {row['high']:+.1f}]"
        lines.append(
            {"left out": row["left_out"].removeprefix("effect "), "network": row["model"]}
            | sides
            | {"RMSE, difference": apart, "n": row["n_rows"], "recordings": row["n_recordings"]}
        )
    return markdown(pl.DataFrame(lines)) if lines else "not run"


if __name__ == "__main__":
    main()

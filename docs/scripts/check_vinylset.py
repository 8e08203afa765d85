"""Print what Vinylset's label file alone says, as docs/archives.md has it.

``python docs/scripts/check_vinylset.py FOLDER [--null] [--picture FILE.png]``

FOLDER holds ``vinylset_MOS.txt``. Without ``--null``: the parts of the cross-validation, the
classes, the threshold of the ranking accuracy, and the best that a prediction can do. With it: what
pure noise gets by each way of mapping predictions to ratings; the last line is the mean correlation
of noise after the paper's mapping. The picture is figure 1 of the paper, ratings in order.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from archive_figures import draw_order
from write_results import markdown

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.files import write_whole
from musqa_pipeline.studies.figures import house_style, to_png
from musqa_pipeline.studies.listening.vinylset import LABEL_FILE, Vinylset, read_vinylset
from musqa_pipeline.studies.listening.vinylset_paper import paper_number
from musqa_pipeline.studies.statistics.ceiling import ceiling_of_means
from musqa_pipeline.studies.statistics.mapping_null import Spread, null_of_mappings
from musqa_pipeline.studies.statistics.metrics import mean_full_width
from musqa_pipeline.studies.statistics.stratified import stratified_divisions

N_DRAWS = 1500
SEED_KEY = "vinylset"
WAYS = {
    "raw": "not mapped",
    "cubic": "cubic fitted to the test tracks, as in the paper",
    "monotone": "monotone cubic fitted to the test tracks",
    "validation": "cubic fitted to the validation tracks",
}
NUMBERS = {
    "pearson": ("PCC", 1, 3),
    "spearman": ("SRCC", 1, 3),
    "rmse": ("RMSE", 1, 3),
    "ranking_accuracy": ("PRA, %", 100, 1),
}
"""Head, factor and digits of each number."""
PAPER = {head: paper_number("random_labels", metric) for metric, (head, _, _) in NUMBERS.items()}
"""Paper 004, tables 1 and 2: w2vMOS trained on random labels."""


def parts_table(vinylset: Vinylset) -> str:
    """Say how many tracks train, validate and are predicted in each training."""
    lines = []
    for number, division in enumerate(stratified_divisions(vinylset.mos_class, SEED_KEY)):
        threshold = mean_full_width(vinylset.half_width[division.train])
        lines.append(
            {
                "third": number // 2 + 1,
                "half": number % 2 + 1,
                "train": len(division.train),
                "validate": len(division.validation),
                "test": len(division.test),
                "τ of those that train": f"{threshold:.4f}",
                "test pairs farther apart": n_apart(vinylset.mos[division.test], threshold),
                "mean MOS of the test": f"{vinylset.mos[division.test].mean():.3f}",
                "SD": f"{vinylset.mos[division.test].std(ddof=1):.3f}",
            }
        )
    return markdown(pl.DataFrame(lines))


def classes_table(vinylset: Vinylset) -> str:
    """Say how large the classes are and how they are spread over the six test parts."""
    divisions = stratified_divisions(vinylset.mos_class, SEED_KEY)
    lines = []
    for number in np.unique(vinylset.mos_class):
        own = vinylset.mos_class == number
        counts = [int(own[division.test].sum()) for division in divisions]
        lines.append(
            {
                "class": f"Q{number}",
                "tracks": int(own.sum()),
                "MOS": f"{vinylset.mos[own].min():.2f} to {vinylset.mos[own].max():.2f}",
                "in each test part": ", ".join(map(str, counts)),
            }
        )
    return markdown(pl.DataFrame(lines))


def n_apart(mos: np.ndarray, threshold: float) -> int:
    """Count the pairs whose ratings differ by more than a threshold."""
    return int((np.abs(mos[:, None] - mos) > threshold).sum()) // 2


def limits(vinylset: Vinylset) -> str:
    """Say what the intervals of the ratings alone imply."""
    mos, half_width = vinylset.mos, vinylset.half_width
    threshold = mean_full_width(half_width)
    best = ceiling_of_means(mos, half_width, threshold, SEED_KEY)
    n = len(mos)
    return (
        f"{n} tracks, MOS {mos.min():.3f} to {mos.max():.3f}, mean {mos.mean():.3f}, SD "
        f"{mos.std(ddof=1):.3f}.\n"
        f"τ over all tracks: {threshold:.4f}; {n_apart(mos, threshold):,} of {n * (n - 1) // 2:,} "
        "pairs are farther apart.\n"
        f"The noise of the means is {best.noise_variance:.4f} of a variance of "
        f"{best.variance:.4f}: r at most {best.pearson:.3f}, RMSE at least {best.rmse:.3f}, "
        f"ranking accuracy about {100 * best.ranking_accuracy:.1f} % (simulated)."
    )


def null_table(null: dict[str, dict[str, Spread]]) -> str:
    """Write what noise gets, and what the paper's control did."""
    lines = []
    for way, title in WAYS.items():
        cells = {}
        for metric, (head, factor, digits) in NUMBERS.items():
            one = null[way][metric]
            mean, sd, low, high = (factor * x for x in (one.mean, one.sd, one.low, one.high))
            cells[head] = (
                f"{mean:.{digits}f} ± {sd:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
            )
        lines.append({"predictions of pure noise": title, **cells})
    lines.append({"predictions of pure noise": "the paper's control, random labels", **PAPER})
    return markdown(pl.DataFrame(lines))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help=f"where {LABEL_FILE} is")
    parser.add_argument("--null", action="store_true", help="what pure noise gets")
    parser.add_argument("--picture", type=Path, help="PNG to draw the ratings into")
    asked = parser.parse_args(arguments)
    try:
        vinylset = read_vinylset(asked.folder / LABEL_FILE)
    except SettingsError as error:
        parser.error(str(error))
    if asked.picture:
        with house_style("vinylset"):
            figure = draw_order(vinylset.mos, vinylset.half_width)
            write_whole(asked.picture, to_png(figure, n_colours=64))
    if not asked.null:
        print(f"{parts_table(vinylset)}\n\n{classes_table(vinylset)}\n\n{limits(vinylset)}")
        return
    null = null_of_mappings(
        vinylset.mos, vinylset.half_width, vinylset.mos_class, SEED_KEY, n_draws=N_DRAWS
    )
    print(f"{null_table(null)}\n\nMean ± SD [middle 95 %] of {N_DRAWS:,} draws.\n")
    print(f"{limits(vinylset)}\n")
    print(f"{null['cubic']['pearson'].mean:.2f}")


if __name__ == "__main__":
    main()

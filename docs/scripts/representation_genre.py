"""Tables and figures of docs/perceptual.md on genre, and figures 1 to 4 of paper 003.

Weighted F1 has its 95 % interval over the recordings that are tested, of the mean over seeds where
there are several.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import numpy as np
import polars as pl
from representation_evidence import Evidence
from write_results import markdown

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.classification.distances import METRICS
from musqa_pipeline.stages.genres.pictures import (
    METRIC_TITLES,
    draw_confusions,
    draw_distances,
    draw_neighbours,
)
from musqa_pipeline.stages.genres.read import (
    Side,
    difference,
    mean_f1,
    read_genres,
    rows_of,
    together,
)
from musqa_pipeline.studies.figures import house_style, to_png
from musqa_pipeline.studies.statistics.bootstrap import Estimate

PAPER = {
    ("neighbours", "mse"): 0.220, ("neighbours", "ms_ssim"): 0.266, ("neighbours", "nlpd"): 0.035,
    ("latents", "mse"): 0.355, ("latents", "ms_ssim"): 0.426, ("latents", "nlpd"): 0.439,
}  # fmt: skip
"""Paper 003, table 2: weighted F1 on GTZAN."""
Made = TypeVar("Made")
KINDS = ("gtzan", "synthesised", "catalogs")
POOLINGS = ("flat", "pooled")
DUMMY = Side("nothing")
INPUTS = "white"
"""What the paper's autoencoders saw."""
UNTRAINED = partial(Side.of_latents, "untrained", "nothing")


def spread(found: Estimate | None) -> str:
    """Write an estimate with its interval."""
    if found is None or found.value is None:
        return "–"
    ends = "" if found.low is None else f" [{found.low:.3f}, {found.high:.3f}]"
    return f"{found.value:.3f}{ends}"


def beside_the_paper(rows: pl.DataFrame) -> str:
    """Put the paper's six numbers beside ours, on each kind of clips."""
    lines = []
    for (classifier, metric), paper in PAPER.items():
        neighbours = classifier == "neighbours"
        side = Side(metric) if neighbours else Side.of_latents(metric, INPUTS, "flat")
        line = {
            "classifier": "nearest neighbours" if neighbours else "logistic regression on latents",
            "metric": METRIC_TITLES[metric],
            "paper 003, GTZAN": f"{paper:.3f}",
        }
        for kind in KINDS:
            missing = "not run: needs GTZAN" if kind == "gtzan" else "–"
            found = mean_f1(rows, kind, side)
            line[kind] = missing if found is None else spread(found)
        lines.append(line)
    return markdown(pl.DataFrame(lines))


def sides(rows: pl.DataFrame) -> dict[str, Side]:
    """Return all classifiers that there are, by title."""
    found = {f"neighbours, {METRIC_TITLES[metric]}": Side(metric) for metric in METRICS}
    found["stratified guesses"] = DUMMY
    found["bands, mean and deviation"] = Side("bands")
    for pooling in POOLINGS:
        found[f"components of squares, {pooling}"] = Side("squares", pooling)
        found[f"untrained encoder, {pooling}, not rounded"] = UNTRAINED(pooling)
        found[f"untrained encoder, {pooling}, rounded"] = UNTRAINED(pooling)._replace(rounded=True)
        trained = rows.filter(pl.col("training") != "").select("inputs", "loss").unique()
        for inputs, loss in trained.sort("inputs", "loss").rows():
            title = f"{METRIC_TITLES[loss]} on {inputs}, {pooling}"
            found[title] = Side.of_latents(loss, inputs, pooling)
    return found


def classifiers_table(rows: pl.DataFrame, kind: str) -> str:
    """Compare all classifiers on a kind of clips, each trained encoder with the untrained one."""
    if rows.filter(clips=kind).is_empty():
        return "not run: needs GTZAN" if kind == "gtzan" else "not run"
    lines = []
    for title, side in sides(rows).items():
        if (found := mean_f1(rows, kind, side)) is None:
            continue
        apart = None
        if side.loss not in ("none", "untrained"):
            apart = difference(rows, kind, side, UNTRAINED(side.pooling))
        line = {"classifier": title, "weighted F1": spread(found)}
        line["less untrained, not rounded"] = spread(apart)
        line["seeds"] = len(rows_of(rows, kind, side))
        lines.append(line)
    first = rows.filter(clips=kind).row(0, named=True)
    rounds = "" if first["n_rounds"] == 1 else f" in each of {first['n_rounds']} folds, about"
    left_out = f" Left out: {', '.join(first['left_out'])}." if first["left_out"] else ""
    return (
        f"{markdown(pl.DataFrame(lines))}\n\n{len(first['genres'])} genres;{rounds} "
        f"{first['n_train']} clips train, {first['n_validation']} choose; "
        f"{first['n_tested']} are tested.{left_out}"
    )


def losses_table(rows: pl.DataFrame) -> str:
    """Compare encoders of two losses on the same clips, over seeds, by what they saw."""
    lines = []
    inputs = rows.filter(pl.col("training") != "")["inputs"].unique().sort().to_list()
    for kind, seen, pooling in itertools.product(KINDS, inputs, POOLINGS):
        for first, second in (("ms_ssim", "mse"), ("nlpd", "mse"), ("nlpd", "ms_ssim")):
            sides = (Side.of_latents(loss, seen, pooling) for loss in (first, second))
            if (apart := difference(rows, kind, *sides)) is not None:
                between = f"{METRIC_TITLES[first]} less {METRIC_TITLES[second]}"
                line = {"clips": kind, "inputs": seen, "latents": pooling, "losses": between}
                lines.append({**line, "difference of F1": spread(apart)})
    return markdown(pl.DataFrame(lines)) if lines else "not run: fewer than two losses are trained"


def distances_table(rows: pl.DataFrame) -> str:
    """Say what keeps distances from being good ones: hubs and ties; and the k that is chosen."""
    lines = [
        {
            "clips": kind,
            "metric": METRIC_TITLES[metric],
            "k": ", ".join(f"{k:g}" for k in row["chosen"]),
            "skewness of 10-occurrences": f"{row['hub_skewness']:.2f}",
            "tied distances": f"{100 * row['tied_share']:.2f} %",
        }
        for kind in KINDS
        for metric in METRICS
        for row in rows_of(rows, kind, Side(metric))
    ]
    return markdown(pl.DataFrame(lines)) if lines else "not run"


def pictures(rows: pl.DataFrame) -> dict[str, bytes]:
    """Draw figures 1 to 4 for each kind of clips that there is, by name."""
    drawn = {}
    for kind in KINDS:
        near = [row for metric in METRICS for row in rows_of(rows, kind, Side(metric))]
        if not near:
            continue
        latents = {
            METRIC_TITLES[loss]: together(found)
            for loss in METRICS
            if (found := rows_of(rows, kind, Side.of_latents(loss, INPUTS, "flat")))
        }
        makers: Mapping[str, Callable] = {
            "distances": partial(draw_distances, near),
            "neighbours": partial(draw_neighbours, near),
            "neighbours_confusions": partial(
                draw_confusions, {METRIC_TITLES[row["of"]]: row for row in near}
            ),
            **({"latents_confusions": partial(draw_confusions, latents)} if latents else {}),
        }
        for what, make in makers.items():
            name = f"genre_{kind}_{what}"
            with house_style(name):
                drawn[name] = to_png(make())
    return drawn


def genre_figure(kind: str, name: str, evidence: Evidence) -> float:
    """Return weighted F1 of a probe on flat latents; prints pooled ones and the gain, too."""
    rows = read_genres(evidence.context)
    for pooling in reversed(POOLINGS):
        side = DUMMY if name == "dummy" else Side.of_latents(name, INPUTS, pooling)
        found = mean_f1(rows, kind, side)
        if found is None or found.value is None:
            raise StageError(
                f"genres: no {name} on {kind}; name it in [representations] genres, losses and "
                f"inputs ({INPUTS!r}), and run the stage"
            )
        if name == "dummy":
            return found.value
        apart = difference(rows, kind, side, UNTRAINED(pooling))
        print(f"{name} on {kind}, {pooling}: {spread(found)}, less untrained {spread(apart)}")
    return float(np.round(found.value, 4))


def _asked(make: Callable[[pl.DataFrame], Made], evidence: Evidence) -> Made:
    return make(read_genres(evidence.context))


FIGURES: dict[str, Callable[[Evidence], float]] = {
    f"genre_{kind}_{name}": partial(genre_figure, kind, name)
    for kind in KINDS
    for name in (*METRICS, "untrained", "dummy")
}
TABLES: dict[str, Callable[[Evidence], str]] = {
    "Genre, the paper's table 2": partial(_asked, beside_the_paper),
    **{
        f"Genres of {kind}": partial(_asked, partial(classifiers_table, kind=kind))
        for kind in KINDS
    },
    "Genre, losses compared": partial(_asked, losses_table),
    "Genre, distances": partial(_asked, distances_table),
}
PICTURES = partial(_asked, pictures)

"""Classifiers read, averaged over seeds, compared clip by clip, and drawn."""

from __future__ import annotations

import io
import json

import numpy as np
import polars as pl
import pytest
from PIL import Image

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.stages.genres import pictures
from musqa_pipeline.stages.genres.read import Side, difference, mean_f1, rows_of, together
from musqa_pipeline.stages.genres.table import GENRES
from musqa_pipeline.studies.figures import house_style, to_png
from musqa_pipeline.studies.statistics.classes import weighted_f1

TRUE = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2]
GOOD = [0, 0, 0, 1, 1, 1, 2, 2, 2, 0]
BAD = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]


def row(predicted, **others):
    genres, levels = ["blues", "jazz", "rock"], np.linspace(0, 1, 101)
    quantiles = {name: (n + levels**2).tolist() for n, name in enumerate(["all", *genres])}
    return {
        "clips": "gtzan", "classifier": "logistic", "of": "latents", "pooling": "flat",
        "training": "t", "loss": "nlpd", "inputs": "white", "seed": 0, "rounded": True,
        "n_train": 9, "n_validation": 9, "n_tested": 10, "n_rounds": 1, "f1": 0.5, "low": 0.1,
        "high": 0.9, "chosen": [3.0], "curve": [0.1, 0.2, 0.7, 0.3], "hub_skewness": 1.25,
        "tied_share": 0.5, "quantiles_json": json.dumps(quantiles), "genres": genres,
        "names": [f"c{n}" for n in range(10)], "recordings": [f"r{n}" for n in range(10)],
        "labels": TRUE, "predicted": predicted, "left_out": ["jazz.00054"], **others,
    }  # fmt: skip


NEAR = {"classifier": "neighbours", "pooling": "none", "training": "", "loss": "none",
        "inputs": "nothing", "rounded": False}  # fmt: skip
PLAIN = {"training": "", "loss": "untrained", "inputs": "nothing"}
MADE_UP = pl.DataFrame(
    GENRES.from_rows(
        [
            row(GOOD),
            row(BAD, seed=1),
            row(BAD, **PLAIN, rounded=False),
            row(GOOD, **PLAIN),
            *(row(BAD, of=metric, **NEAR) for metric in ("mse", "ms_ssim", "nlpd")),
            row(BAD, of="nothing", **NEAR | {"classifier": "dummy"}),
        ]
    )
)
TRAINED = Side.of_latents("nlpd", "white", "flat")
UNTRAINED = Side.of_latents("untrained", "white", "flat")


def test_seeds_are_averaged_and_compared_clip_by_clip():
    both = [weighted_f1(TRUE, said) for said in (GOOD, BAD)]
    found = mean_f1(MADE_UP, "gtzan", TRAINED)
    assert found.value == pytest.approx(sum(both) / 2)
    assert found.low < found.value < found.high
    apart = difference(MADE_UP, "gtzan", TRAINED, UNTRAINED)
    assert apart.value == pytest.approx((both[0] - both[1]) / 2)
    assert apart.low < apart.value < apart.high


def test_untrained_encoders_are_those_that_do_not_round():
    assert mean_f1(MADE_UP, "gtzan", UNTRAINED).value == pytest.approx(weighted_f1(TRUE, BAD))


def test_what_is_not_there_is_none():
    assert mean_f1(MADE_UP, "synthesised", TRAINED) is None
    assert difference(MADE_UP, "gtzan", TRAINED, Side("bands")) is None


def test_predictions_of_other_clips_are_not_compared():
    other = MADE_UP.with_columns(
        names=pl.when(loss="untrained").then(pl.col("names").list.reverse()).otherwise("names")
    )
    with pytest.raises(StageError, match="two classifiers were tested on other clips; run the"):
        difference(other, "gtzan", TRAINED, UNTRAINED)


def test_a_confusion_matrix_has_all_seeds():
    both = together(rows_of(MADE_UP, "gtzan", TRAINED))
    assert both["predicted"] == GOOD + BAD
    assert both["labels"] == TRUE * 2


def test_figures_are_drawn_of_all_metrics():
    near = [one for m in ("mse", "ms_ssim", "nlpd") for one in rows_of(MADE_UP, "gtzan", Side(m))]
    makers = (
        lambda: pictures.draw_distances(near),
        lambda: pictures.draw_neighbours(near),
        lambda: pictures.draw_confusions({"one": near[0], "two": near[1]}),
    )
    for make in makers:
        with house_style("genre"):
            figure = make()
            png = to_png(figure)
        assert np.asarray(Image.open(io.BytesIO(png)).convert("L")).std() > 5
    violins, curves, grids = (make() for make in makers)
    assert [axes.get_title(loc="left") for axes in violins.axes] == [
        "log-mel MSE", "1 - MS-SSIM", "NLPD",
    ]  # fmt: skip
    squares = [line for line in curves.axes[0].lines if line.get_marker() == "s"]
    assert [tuple(map(float, line.get_xydata()[0])) for line in squares] == [(3.0, 0.7)] * 3
    cells = {(round(p.get_x() + 0.5), round(p.get_y() + 0.5)): p.get_alpha()
             for p in grids.axes[0].patches}  # fmt: skip
    assert cells[0, 2] == 0.5  # BAD takes two of four of the last genre for the first
    assert cells[2, 2] == 0.25

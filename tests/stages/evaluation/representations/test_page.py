"""The page of autoencoders: what it says of made-up rows, what it draws, when there is none."""

from __future__ import annotations

import io
import itertools
import re

import numpy as np
import polars as pl
from PIL import Image

from musqa_pipeline.stages.autoencoders.stage import list_units
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.evaluation.representations.page import (
    by_measure,
    by_stop,
    differences,
    publish_representations_page,
    render_representations,
)
from musqa_pipeline.stages.evaluation.representations.pictures import GrowingPicture
from musqa_pipeline.stages.evaluation.representations.plots import image_grid
from musqa_pipeline.stages.graph import get_stage
from tests.stages.autoencoders.small_representations import filled, with_settings
from tests.stages.reconstructions.made_up import made_up_rows, made_up_training

VALUES = {("mse", "white"): 20.0, ("nlpd", "white"): 23.0, ("mse", "pink"): 26.0}
ROWS = made_up_rows(VALUES)
OTHER_PARTS = ROWS.with_columns(part=pl.lit("train"), psnr_db=pl.lit(99.0), excerpt_id=pl.lit("x"))
TRAININGS = [made_up_training(*side, seed) for side, seed in itertools.product(VALUES, (0, 1))]
IMAGES = {"r0 (c)": [("original", np.eye(8)), ("MSE, white noise", np.eye(8))]}


def page(rows=ROWS, images=IMAGES, trainings=TRAININGS):
    return render_representations("test", trainings, rows, images)


def test_the_title_says_noise_alone_only_where_no_training_saw_music():
    assert "music that saw noise alone</h1>" in page()
    control = [*TRAININGS, made_up_training("mse", "music", 0)]
    with_music = page(trainings=control)
    assert "music that they never met</h1>" in with_music
    assert "noise alone" not in with_music


def test_each_way_to_stop_has_its_psnr_and_its_steps():
    lines = {line["title"]: line for line in by_stop(ROWS, TRAININGS)}
    assert list(lines) == ["untrained", "MSE on white noise", "NLPD on white noise",
                           "MSE on pink noise"]  # fmt: skip
    cells = lines["NLPD on white noise"]["cells"]
    assert [round(found.value, 6) for found, _ in cells] == [25, 26, 27, 28]
    assert [words for _, words in cells] == ["step 400", "step 200", "step 100", "step 800"]
    one_seed = ROWS.filter(~((pl.col("stop") == "settled") & (pl.col("seed") == 1)))
    cells = by_stop(one_seed, TRAININGS)[1]["cells"]
    assert cells[1][1] == "step 200, 1 of 2 seeds"
    none = by_stop(ROWS.filter(pl.col("stop") != "settled"), TRAININGS)[1]["cells"][1]
    assert none == (None, "no seed")


def test_losses_are_compared_on_equal_inputs_and_inputs_with_white_noise():
    found = {line["title"]: [one.value for one in line["cells"]] for line in differences(ROWS)}
    assert found == {
        "white noise: NLPD less MSE": [3.0] * 4,
        "MSE: pink noise less white noise": [6.0] * 4,
    }


def test_the_untouched_image_says_what_sound_alone_costs():
    last = by_measure(ROWS)[-1]
    assert last["title"] == "the untouched image"
    assert [None if found is None else found.value for found, _ in last["cells"]] == [
        None, None, None, None, 4.0, None,
    ]  # fmt: skip
    unheard = ROWS.with_columns(
        visqol_mos=pl.lit(None, pl.Float64), visqol_untouched_mos=pl.lit(None, pl.Float64)
    )
    assert len(by_measure(unheard)) == 4


def test_an_odd_number_of_images_leaves_no_empty_frame():
    figure = image_grid([(str(number), np.zeros((256, 64))) for number in range(3)], 2)
    assert [axes.get_visible() for axes in figure.axes] == [True] * 3 + [False]
    assert [axes.get_title() for axes in figure.axes[:3]] == ["0", "1", "2"]


def test_music_that_may_have_been_met_is_no_part_of_the_page():
    assert page(pl.concat([ROWS, OTHER_PARTS])) != page()  # noise has met nothing
    side = ("mse", "music")
    music = made_up_rows({side: 30.0}).filter(inputs="music")
    tested, trainings = pl.concat([ROWS, music]), [*TRAININGS, made_up_training(*side, 0)]
    assert page(pl.concat([tested, OTHER_PARTS]), trainings=trainings) == page(
        tested, trainings=trainings
    )


def test_it_needs_nothing_else_and_draws_curves_and_images():
    text = page()
    assert "<script" not in text
    assert re.findall(r"<figcaption>([^<]+)", text) == [
        "PSNR, dB of unmet music over steps", "NLPD of unmet music over steps",
        "r0 (c), after equal steps: frequency upward, 10 s",
    ]  # fmt: skip
    assert page() == text
    assert "&lt;b&gt;" in page(images={"<b>": IMAGES["r0 (c)"]})


def test_the_page_and_the_growing_picture_of_a_lake(tmp_path):
    context = with_settings(filled(tmp_path), steps=3)
    assert publish_representations_page(with_settings(context, losses=[])) is None
    assert publish_representations_page(context) is None  # nothing is trained yet
    (unit,), grow = list_units(context), GrowingPicture(context)
    assert grow(unit) is None
    run_stage(get_stage("autoencoders"), context)
    sizes = [Image.open(io.BytesIO(grow(unit))).size for _ in range(2)]
    assert sizes[0] == sizes[1]
    (folder,) = {path.parent for path in (context.home / "lake").rglob("networks-00002.pt")}
    (folder / "networks-00002.pt").unlink()
    (folder / "networks-00001.pt").unlink()
    assert Image.open(io.BytesIO(grow(unit))).size[1] < sizes[0][1]  # one row of images less
    run_stage(get_stage("autoencoders"), with_settings(context, steps=2))
    two = with_settings(context, steps=2)
    run_stage(get_stage("reconstructions"), two)
    assert publish_representations_page(two) == "reports/test/representations.html"
    text = (context.home / "reports/test/representations.html").read_text()
    assert "after equal steps" in text
    assert "MSE on white noise" in text

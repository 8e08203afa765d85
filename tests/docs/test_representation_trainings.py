"""Figures on autoencoders from a small lake, each again from what the lake holds."""

from __future__ import annotations

import re
from types import SimpleNamespace

import polars as pl
import pytest

from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.autoencoders.recipe import AutoencoderRecipe
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from musqa_pipeline.stages.reconstructions.table import RECONSTRUCTIONS
from tests.stages.autoencoders.small_representations import filled, with_settings

TINY = AutoencoderRecipe(n_channels=2, n_latents=2, side=32, batch_size=1)


@pytest.fixture(scope="module")
def scripts():
    import representation_resume
    import representation_trainings

    return SimpleNamespace(resume=representation_resume, trainings=representation_trainings)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    context = filled(tmp_path_factory.mktemp("results"))
    context = with_settings(
        context, losses=["mse", "nlpd"], inputs=["white", "pink"], reconstructed="every",
        steps=2, steps_by_loss={"nlpd": 1},
    )  # fmt: skip
    for stage in ("autoencoders", "reconstructions"):
        run_stage(get_stage(stage), context)
    return SimpleNamespace(context=context)


@pytest.fixture(scope="module")
def rows(evidence):
    partition = evidence.context.joint_partition("reconstructions")
    return pl.DataFrame(evidence.context.lake.scan(partition, RECONSTRUCTIONS.schema))


def mean(rows, loss, inputs, stop):
    return rows.filter(loss=loss, inputs=inputs, stop=stop)["psnr_db"].mean()


def test_differences_are_those_of_the_rows(scripts, evidence, rows, capsys):
    figures = scripts.trainings.FIGURES
    for stop in ("equal", "best"):
        expected = mean(rows, "nlpd", "white", stop) - mean(rows, "mse", "white", stop)
        assert figures[f"psnr_nlpd_minus_mse_{stop}"](evidence) == pytest.approx(expected)
    expected = mean(rows, "mse", "pink", "equal") - mean(rows, "nlpd", "white", "equal")
    found = figures["psnr_pink_mse_minus_white_nlpd"](evidence)
    assert found == pytest.approx(expected)
    assert re.search(r"seed 0: .*\nPSNR, dB: .*, 3 recordings", capsys.readouterr().out)
    with pytest.raises(StageError, match="a side has no row; it had not settled"):
        figures["psnr_nlpd_minus_mse_settled"](evidence)


def test_steps_cpu_and_trainings_that_stand_still_are_counted(scripts, evidence, rows):
    figures = scripts.trainings.FIGURES
    steps = rows.filter(inputs="white", stop="best").unique("loss").sort("loss")["step"]
    assert figures["steps_to_best_ratio"](evidence) == steps[0] / steps[1]
    assert figures["cpu_minutes"](evidence) > 0
    # Nothing is learned in two steps.
    gains = rows.filter(stop="best").group_by("training").agg(pl.col("psnr_db").mean())
    untrained = rows.filter(stop="untrained")["psnr_db"].mean()
    expected = sum(value - untrained < 1 for value in gains["psnr_db"])
    assert figures["trainings_that_never_started"](evidence) == expected


def test_tables_have_a_line_for_each_loss_and_input(scripts, evidence):
    tables = {title: make(evidence) for title, make in scripts.trainings.TABLES.items()}
    stops = tables["PSNR by way to stop, dB"]
    assert "| NLPD on pink noise |" in stops
    assert "no seed" in stops
    assert "| white noise: NLPD less MSE |" in tables["Differences in PSNR, dB"]
    assert tables["Every measure after equal steps"].count("\n") == 6


def test_pictures_are_curves_and_music(scripts, evidence):
    drawn = scripts.trainings.PICTURES(evidence)
    assert [name for name in drawn if "music" not in name] == [
        "autoencoders_psnr_db_unmet", "autoencoders_nlpd_unmet",
    ]  # fmt: skip
    assert "autoencoders_music_0" in drawn
    assert all(png.startswith(b"\x89PNG") for png in drawn.values())


def test_what_was_not_run_is_said(scripts, evidence):
    off = SimpleNamespace(context=with_settings(evidence.context, losses=[]))
    for make in scripts.trainings.TABLES.values():
        assert make(off) == "not run: the preset names no loss in [representations] losses"
    other = SimpleNamespace(context=with_settings(evidence.context, n_channels=3))
    with pytest.raises(StageError, match="nothing is reconstructed yet"):
        scripts.trainings.unmet_rows(other)


def test_a_training_that_is_killed_ends_as_one_that_is_not(scripts, tmp_path):
    assert scripts.resume.difference(TINY, tmp_path) == 0
    assert (tmp_path / "step").is_dir()
    assert (tmp_path / "checkpoint").is_dir()

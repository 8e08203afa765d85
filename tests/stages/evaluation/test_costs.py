from pathlib import Path

import pytest

from musqa_pipeline.core.settings.preset import Preset
from musqa_pipeline.learning.cost import count_parameters
from musqa_pipeline.learning.networks.cnn1d import Cnn1d
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.evaluation.costs import COSTS_FILE, gather_costs, measured_costs
from tests.stages.evaluation.made_up import made_up_run

TRIALS = [
    {"model": "boosted", "minutes": 0.5, "n_train": 100, "n_trainings": 6, "device": "cpu"},
    {"model": "cnn1d", "minutes": 10.0, "n_train": 400, "n_trainings": 3, "device": "cpu"},
]


def test_minutes_are_means_over_all_trainings_and_what_was_not_run_has_none():
    run = made_up_run("cnn1d")  # 41.5 minutes on 9,000 images
    rows = {row["model"]: row for row in gather_costs(["cnn1d", "vgg19"], [run], TRIALS, {})}
    assert rows["cnn1d"]["minutes"] == pytest.approx((41.5 + 3 * 10.0) / 4)
    assert rows["cnn1d"]["n_train"] == round((9_000 + 3 * 400) / 4)
    assert rows["cnn1d"]["n_trainings"] == 4
    assert (rows["vgg19"]["n_trainings"], rows["vgg19"]["minutes"]) == (0, None)
    assert rows["boosted"]["n_trainings"] == 6
    assert "mean" not in rows
    assert list(rows) == ["cnn1d", "vgg19", "boosted"]


def test_an_unfinished_run_is_no_training():
    rows = gather_costs(["cnn1d"], [made_up_run("cnn1d", finished=False)], [], {})
    assert next(row for row in rows if row["model"] == "cnn1d")["n_trainings"] == 0


def test_networks_of_trials_are_measured_once_and_kept(tmp_path: Path, monkeypatch):
    context = Context(tmp_path, Preset(name="paper"), None, {})
    folder = tmp_path / "report"
    folder.mkdir()
    found = measured_costs(context, [], TRIALS, folder)
    assert set(found) == {"cnn1d"}
    trainable, total = count_parameters(Cnn1d())
    assert (found["cnn1d"]["trainable"], found["cnn1d"]["parameters"]) == (trainable, total)
    assert 0.1 < found["cnn1d"]["ms_per_excerpt"] < 10_000
    assert (folder / COSTS_FILE).is_file()

    def refuse(*_):
        raise AssertionError("measured again")

    monkeypatch.setattr("musqa_pipeline.learning.cost.measure_cost", refuse)
    assert measured_costs(context, [], TRIALS, folder) == found
    rows = {row["model"]: row for row in gather_costs(["vgg19"], [], TRIALS, found)}
    assert rows["vgg19"]["ms_per_excerpt"] is None
    row = rows["cnn1d"]
    assert row["ms_per_excerpt"] == found["cnn1d"]["ms_per_excerpt"]

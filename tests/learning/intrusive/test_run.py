"""A training as what compares: its answers, and which run is taken."""

import os

import numpy as np
import pytest
import torch

from musqa_pipeline.audio.features.gammatone_bands import pair_image
from musqa_pipeline.core.errors import LakeError, MusqaError, SettingsError
from musqa_pipeline.learning.intrusive.run import TrainedRun
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.scoring.compare import Comparer
from musqa_pipeline.stages.models.runs import newest_run
from musqa_pipeline.stages.models.table import RUNS
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.lake import Lake
from tests.audio.music import music
from tests.learning.intrusive.conftest import drawn_network
from tests.learning.tiny import ENTRY, Tiny
from tests.learning.written_run import write_run

N = 144_000


def noisy(level=0.05, n=N):
    noise = np.random.default_rng(0).standard_normal(n).astype(np.float32)
    return music()[:n] + level * noise


def test_a_score_is_the_networks_of_both_spectrograms(run_folder):
    run = TrainedRun(run_folder)
    image = pair_image(noisy(0.0), noisy())
    with torch.inference_mode():
        expected = float(drawn_network()(torch.from_numpy(image)[None]))
    assert run.quality(image) == pytest.approx(expected, abs=1e-5)
    score = Comparer(run).compare(noisy(0.0), noisy())
    assert score.quality == pytest.approx(expected, abs=1e-5)
    assert 0.0 < score.quality < 1.0
    assert score.model == "insenet of drawn"


def test_the_halves_are_not_interchangeable(run_folder):
    comparer = Comparer(TrainedRun(run_folder))
    there = comparer.compare(noisy(0.0), noisy()).mos
    assert abs(there - comparer.compare(noisy(), noisy(0.0)).mos) > 1e-4


def test_a_run_of_another_network_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(MODELS, "tiny", ENTRY)
    folder = write_run(tmp_path / "other", Tiny(), "tiny")
    with pytest.raises(SettingsError, match="holds a Tiny, which sees no reference; name the fold"):
        TrainedRun(folder)


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(LakeError, match=r"cannot read .*settings.json"):
        TrainedRun(tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there_is_said(run_folder):
    with pytest.raises(SettingsError, match="device='cuda': torch sees no CUDA device here; use"):
        TrainedRun(run_folder, device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_gives_the_same_score(run_folder):
    image = pair_image(noisy(0.0), noisy())
    found = TrainedRun(run_folder, device="cuda").quality(image)
    assert found == pytest.approx(TrainedRun(run_folder).quality(image), abs=2.5e-4)


def runs_row(model, finished, folder):
    blank = {c.name: "" if str(c.type) == "string" else 0 for c in RUNS.columns}
    return blank | {"model": model, "finished": finished, "folder": folder}


def test_the_newest_finished_run_is_taken(home):
    lake = Lake(home)
    for age, (run, unit, model, finished) in enumerate(
        [
            ("a", "cnn1d-1", "cnn1d", True),
            ("a", "insenet-1", "insenet", False),
            ("b", "insenet-2", "insenet", True),
            ("c", "insenet-3", "insenet", True),
        ]
    ):
        row = runs_row(model, finished, f"lake/models/{unit}")
        path = lake.write(Partition("models", run * 32), unit, RUNS.from_rows([row]))
        os.utime(path, (1e9 - age, 1e9 - age))
    lake.keep_readable(Partition("models", "d" * 32), RUNS.schema)
    assert newest_run(home) == lake.root / "lake/models/insenet-2"


def test_without_a_run_it_says_how_to_get_one(home):
    with pytest.raises(MusqaError, match=r"no trained insenet in .*; name insenet in \[models\] n"):
        newest_run(home)

"""Comparisons by a network: what moves a score and what does not, and which run is taken."""

import os

import numpy as np
import pytest
import torch

from musqa_pipeline.audio.features.gammatone_bands import band_cells
from musqa_pipeline.audio.files.pairs import pair_up
from musqa_pipeline.audio.metrics.pairs import ReferenceFile
from musqa_pipeline.core.errors import LakeError, MusqaError, SettingsError, UnfitInputError
from musqa_pipeline.learning.intrusive import compare as module
from musqa_pipeline.learning.intrusive.compare import Comparer, compare_pairs
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.stages.models.runs import newest_run
from musqa_pipeline.stages.models.table import RUNS
from musqa_pipeline.storage.fragments.partition import Partition
from musqa_pipeline.storage.lake.lake import Lake
from tests.audio.music import music
from tests.audio.sounds import write
from tests.learning.intrusive.conftest import drawn_network
from tests.learning.tiny import ENTRY, Tiny
from tests.learning.written_run import write_run

N = 144_000


def noisy(level=0.05, n=N):
    noise = np.random.default_rng(0).standard_normal(n).astype(np.float32)
    return music()[:n] + level * noise


@pytest.fixture(scope="module")
def comparer(run_folder):
    return Comparer(run_folder)


def test_a_score_is_the_networks_of_both_spectrograms(comparer):
    score = comparer.compare(noisy(0.0), noisy())
    cells = [band_cells(torch.from_numpy(x)) for x in (noisy(0.0), noisy())]
    with torch.inference_mode():
        expected = float(drawn_network()(torch.cat(cells, -1)[None]))
    assert score.quality == pytest.approx(expected, abs=1e-5)
    assert 0.0 < score.quality < 1.0
    assert score.mos == pytest.approx(1 + 4 * score.quality, abs=1e-6)
    assert (score.lag_samples, score.common_s) == (0, 3.0)


def test_neither_level_nor_delay_moves_a_score(comparer):
    plain = comparer.compare(noisy(0.0), noisy())
    assert comparer.compare(0.1 * noisy(0.0), 3.0 * noisy()).mos == pytest.approx(plain.mos, 1e-4)
    late = np.concatenate((np.zeros(4_800, np.float32), noisy()))
    found = comparer.compare(noisy(0.0), late)
    assert found.lag_samples == 4_800
    assert found.mos == pytest.approx(plain.mos, 1e-6)


def test_the_halves_are_not_interchangeable(comparer):
    there = comparer.compare(noisy(0.0), noisy()).mos
    assert abs(there - comparer.compare(noisy(), noisy(0.0)).mos) > 1e-4


def test_pairs_together_score_as_they_do_alone(comparer):
    pairs = [(noisy(0.0), noisy()), (noisy(0.0), noisy(0.3))]
    alone = [comparer.compare(*pair).mos for pair in pairs]
    assert [s.mos for s in comparer.compare_batch(pairs)] == pytest.approx(alone, abs=1e-5)
    mixed = comparer.compare_batch([*pairs, (noisy(0.0, 96_000), noisy(n=96_000))])
    assert [s.mos for s in mixed[:2]] == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize(
    ("degraded", "text"),
    [
        (np.zeros(N, np.float32), "silent: a signal of the pair is silent"),
        (noisy(n=30_000), "too_short: 0.6. s are common to both signals; compare signals of 3"),
    ],
)
def test_what_cannot_be_compared_is_refused(comparer, degraded, text):
    with pytest.raises(UnfitInputError, match=text):
        comparer.compare(noisy(0.0), degraded)


def test_one_bad_file_costs_one_pair(comparer, tmp_path):
    for name, samples in {
        "a.wav": noisy(0.0), "good.wav": noisy(), "silent.wav": np.zeros(N, np.float32),
    }.items():  # fmt: skip
        write(tmp_path / name, samples, subtype="FLOAT")
    (tmp_path / "broken.flac").write_bytes(b"fLaC nothing")
    files = [tmp_path / name for name in ("broken.flac", "silent.wav", "gone.wav", "good.wav")]
    found = list(compare_pairs(pair_up(tmp_path / "a.wav", files), comparer))
    assert [bool(pair.error) for pair in found] == [True, True, True, False]
    assert found[0].error.startswith("no known audio format")
    assert found[1].error.startswith("a signal of the pair is silent")
    assert found[2].error == "No such file or directory; check the path and your permission"
    assert found[3].score.mos == pytest.approx(comparer.compare(noisy(0.0), noisy()).mos, abs=1e-6)
    (bad,) = compare_pairs(pair_up(tmp_path / "none.wav", [files[3]]), comparer)
    assert bad.error == "reference: No such file or directory; check the path and your permission"


def test_a_reference_is_read_once_for_its_neighbours(comparer, tmp_path, monkeypatch):
    read = []

    class Counted(ReferenceFile):
        def __init__(self, path):
            read.append(path.name)
            super().__init__(path)

    monkeypatch.setattr(module, "ReferenceFile", Counted)
    for name in ("a.wav", "b.wav", "c.wav"):
        write(tmp_path / name, noisy(), subtype="FLOAT")
    files = [tmp_path / name for name in ("b.wav", "c.wav")]
    pairs = [*pair_up(tmp_path / "a.wav", files), *pair_up(tmp_path / "b.wav", files)]
    assert not any(found.error for found in compare_pairs(pairs, comparer))
    assert read == ["a.wav", "b.wav"]


def test_a_run_of_another_network_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(MODELS, "tiny", ENTRY)
    folder = write_run(tmp_path / "other", Tiny(), "tiny")
    with pytest.raises(SettingsError, match="holds a Tiny, which sees no reference; name the fold"):
        Comparer(folder)


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(LakeError, match=r"cannot read .*settings.json"):
        Comparer(tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there_is_said(run_folder):
    with pytest.raises(SettingsError, match="device='cuda': torch sees no CUDA device here; use"):
        Comparer(run_folder, device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_gives_the_same_score(run_folder, comparer):
    found = Comparer(run_folder, device="cuda").compare(noisy(0.0), noisy())
    assert found.mos == pytest.approx(comparer.compare(noisy(0.0), noisy()).mos, abs=1e-3)


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

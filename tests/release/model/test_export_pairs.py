"""The intrusive network as a model file answers as torch does, on music and at any length."""

import numpy as np
import onnx
import pytest
import torch

from musqa_pipeline.audio.features.gammatone_bands import N_BANDS, pair_image
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.learning.intrusive.run import TrainedRun
from musqa_pipeline.learning.networks.insenet import InseNet
from musqa_pipeline.release.model import export_pairs
from musqa_pipeline.release.model.export import export_run
from musqa_pipeline.release.model.export_file import LARGEST_DIFFERENCE
from musqa_pipeline.release.model.export_pairs import largest_difference
from musqa_pipeline.scoring.compare import Comparer
from musqa_pipeline.scoring.pair_model import PairModel, check_pair
from tests.audio.music import music
from tests.learning.written_run import write_run


def sensitive_network():
    """A network that was trained on nothing, but tells images apart."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = InseNet()
        network.train()
        with torch.no_grad():  # statistics of images, as a training leaves them
            for weights in (p for p in network.parameters() if p.dim() > 1):
                weights *= 2.0
            for _ in range(30):
                network(torch.rand(8, 40, 2 * N_BANDS))
    return network.eval()


def noisy(level, n=72_000):
    noise = np.random.default_rng(0).standard_normal(n).astype(np.float32)
    return (music(600_000)[:n] + level * noise).astype(np.float32)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "run", sensitive_network())


@pytest.fixture(scope="module")
def path(run):
    path = run.parent / "pairs.onnx"
    difference = export_run(run, path, name="mine", version="1.2", about="Taught by *nobody*.")
    assert difference <= LARGEST_DIFFERENCE == 1e-4
    return path


@pytest.mark.parametrize("n", [48_000, 72_000, 480_000, 600_000])
def test_a_pair_has_the_score_that_the_training_gives(run, path, n):
    torchs, onnxs = Comparer(TrainedRun(run)), Comparer(PairModel(path))
    for level in (0.001, 0.03, 0.3):
        clean, degraded = noisy(0.0, n), noisy(level, n)
        found = onnxs.compare(clean, degraded)
        assert found.mos == pytest.approx(torchs.compare(clean, degraded).mos, abs=1e-4)
        assert len(found.windows) == max(1, -(-n // 480_000))


def test_the_network_tells_images_apart_so_that_agreement_says_something(path):
    model = PairModel(path)
    found = [model.quality(pair_image(noisy(0.0), noisy(level))) for level in (0.001, 0.03, 0.3)]
    assert np.ptp(found) > 0.02


def test_another_network_is_noticed(path):
    assert largest_difference(sensitive_network(), path) <= 1e-4
    with torch.no_grad():
        other = sensitive_network()
        other.quality.bias += 0.01
    assert largest_difference(other, path) == pytest.approx(0.04, abs=1e-3)


def test_the_file_is_sealed_and_has_its_answer_and_its_card(path):
    model = PairModel(path)
    assert (model.label, model.sealed) == ("mine 1.2", True)
    assert model.record["answers"] == {"quality": pytest.approx(model.quality(check_pair()))}
    assert model.card == path.with_suffix(".md").read_text("utf-8")
    for text in ("# mine 1.2\n", "59,515 numbers. Apache-2.0.", "Taught by *nobody*.", "seed 0"):
        assert text in model.card


def test_normalisation_is_folded(path):
    kinds = {node.op_type for node in onnx.load(path).graph.node}
    assert "Conv" in kinds
    assert "BatchNormalization" not in kinds


def test_the_same_training_gives_the_same_bytes_without_a_path_of_this_machine(run, path, tmp_path):
    again = tmp_path / "again.onnx"
    export_run(run, again, name="mine", version="1.2", about="Taught by *nobody*.")
    assert again.read_bytes() == path.read_bytes()
    for word in (b"site-packages", b"musqa_pipeline/", b".py"):
        assert word not in again.read_bytes()


def test_a_file_that_answers_otherwise_than_torch_does_not_stay(run, tmp_path, monkeypatch):
    monkeypatch.setattr(export_pairs, "largest_difference", lambda network, path: 2e-4)
    with pytest.raises(StageError, match=r"onnxruntime and torch differ by 0\.0002, at most"):
        export_run(run, tmp_path / "own.onnx", name="own", version="1")
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_answers_nothing_is_not_written(tmp_path):
    network = sensitive_network()
    torch.nn.init.constant_(network.quality.weight, 3e38)
    run = write_run(tmp_path / "run", network)
    with pytest.raises(StageError, match=r"own\.onnx is not written: it cannot score"):
        export_run(run, tmp_path / "own.onnx", name="own", version="1")
    assert not (tmp_path / "own.onnx").exists()
    assert not (tmp_path / "own.md").exists()

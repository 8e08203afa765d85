"""The model file of a pair: what it answers, and which files and devices are refused."""

import warnings

import numpy as np
import onnxruntime
import pytest

from musqa_pipeline.audio.features.gammatone_bands import N_BANDS
from musqa_pipeline.core.errors import ModelError, SettingsError, UnfitInputError
from musqa_pipeline.scoring import pair_model
from musqa_pipeline.scoring.model_file import ModelFile
from musqa_pipeline.scoring.pair_model import SHIPPED_PAIRS, PairModel, check_pair
from tests.scoring.small_model import write_model
from tests.scoring.small_pair_model import TOP, expected_quality, write_pair_model


@pytest.fixture
def path(tmp_path):
    return write_pair_model(tmp_path / "pairs.onnx")


@pytest.mark.parametrize("n_frames", [12, 125, 300])
def test_it_answers_for_any_number_of_frames(path, n_frames):
    image = np.random.default_rng(n_frames).random((n_frames, 2 * N_BANDS), np.float32)
    model = PairModel(path)
    assert model.quality(image) == pytest.approx(expected_quality(image), abs=1e-5)
    assert (model.label, model.sealed, model.card) == ("small 1", True, "# small")


def test_the_pair_that_all_are_asked_about_is_in_range_and_has_a_difference():
    pair = check_pair()
    assert pair.shape == (125, 2 * N_BANDS)
    assert 0.0 <= pair.min() < pair.max() < 1.0
    assert np.abs(pair[:, :N_BANDS] - pair[:, N_BANDS:]).max() > 0.3


def test_a_machine_that_answers_otherwise_is_told(tmp_path):
    said = expected_quality(check_pair())
    right = write_pair_model(tmp_path / "right.onnx", record={"answers": {"quality": said}})
    assert PairModel(right).sealed
    wrong = write_pair_model(tmp_path / "wrong.onnx", record={"answers": {"quality": said + 0.01}})
    with pytest.raises(ModelError, match=r"differ by 0\.01 from those in its metadata, at most"):
        PairModel(wrong)
    bare = {"record": {"answers": {"quality": said}}, "seal": False}
    with pytest.raises(ModelError, match="is damaged: the digest at its end is gone"):
        PairModel(write_pair_model(tmp_path / "bare.onnx", **bare))


def test_an_answer_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot score: the model small 1 says a quality of nan"):
        PairModel(write_pair_model(tmp_path / "nan.onnx", slope=float("nan")))
    model = PairModel(write_pair_model(tmp_path / "pairs.onnx"))
    infinite = np.full((12, 2 * N_BANDS), np.inf, np.float32)
    with pytest.raises(UnfitInputError, match="no_answer: the model small 1 says a quality of nan"):
        model.quality(infinite)
    with pytest.raises(UnfitInputError, match="no_answer: the model small 1 fails"):
        model.quality(infinite[:, :5])


def test_models_of_one_signal_and_of_two_are_told_apart(path, tmp_path):
    with pytest.raises(ModelError, match="it is no model of pairs; musqa model export makes one"):
        PairModel(write_model(tmp_path / "score.onnx"))
    with pytest.raises(ModelError, match="it hears a reference, too; use it with musqa compare"):
        ModelFile(path)
    renamed = write_model(tmp_path / "renamed.onnx", record={"network": "insenet"})
    with pytest.raises(ModelError, match=r"inputs and outputs are .*'image'.*expected .*'pair'"):
        PairModel(renamed)


def test_a_flipped_bit_is_found(path):
    data = bytearray(path.read_bytes())
    for place in range(10, len(data), 97):
        changed = bytearray(data)
        changed[place] ^= 4
        path.write_bytes(changed)
        with pytest.raises(ModelError, match=r"is damaged|is no ONNX file|are no text"):
            PairModel(path)


def test_the_shipped_model_has_to_have_its_seal(tmp_path, monkeypatch):
    path = write_pair_model(tmp_path / "shipped.onnx", seal=False)
    monkeypatch.setattr(pair_model, "SHIPPED_PAIRS", path)
    with pytest.raises(ModelError, match="is not as it was shipped: it has no seal; install musqa"):
        PairModel(path)
    assert PairModel(write_pair_model(path)).sealed


@pytest.mark.skipif(not SHIPPED_PAIRS.is_file(), reason="no network of pairs is shipped")
def test_the_shipped_model_is_whole_and_has_its_card_beside_it():
    model = PairModel(SHIPPED_PAIRS)
    assert model.sealed
    assert "answers" in model.record
    assert model.card == SHIPPED_PAIRS.with_suffix(".md").read_text("utf-8")
    alike = check_pair()
    alike[:, N_BANDS:] = alike[:, :N_BANDS]
    assert model.quality(alike) > model.quality(check_pair()) + 0.1


def test_a_device_that_is_not_there_is_said(path, monkeypatch):
    cpu = ["CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: cpu)
    for device in ("cuda", "cuda:1"):
        with pytest.raises(SettingsError, match=f"device='{device}': the onnxruntime here knows"):
            PairModel(path, device=device)
    assert PairModel(path, device="auto").quality(check_pair()) < TOP
    # A wheel with CUDA on a machine without: onnxruntime goes on with the CPU.
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    warnings.simplefilter("ignore")  # as a real one says nothing at this level
    with pytest.raises(SettingsError, match=r"device='cuda': onnxruntime cannot use"):
        PairModel(path, device="cuda")

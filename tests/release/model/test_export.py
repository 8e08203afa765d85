"""A model file answers as the network does, on images of music."""

import json

import numpy as np
import onnx
import polars as pl
import pytest
import torch
from torch import nn

from musqa_pipeline.audio.features.bands import HEARD_CELL
from musqa_pipeline.audio.features.descriptors import DESCRIPTORS
from musqa_pipeline.core.errors import ModelError, StageError
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning.entry import InputSpec, ModelEntry, TrainingSettings
from musqa_pipeline.learning.networks.musqa_net import MusqaNet, statistics
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.learning.training.checkpoint import write_json, write_weights
from musqa_pipeline.release.model.domain import Scale, fit_domain
from musqa_pipeline.release.model.export import (
    ScoringNetwork,
    checked_difference,
    export_run,
    write_model,
)
from musqa_pipeline.release.model.export_file import LARGEST_DIFFERENCE
from musqa_pipeline.release.model.stage import RELEASABLE
from musqa_pipeline.release.model.trees import boosted_trees
from musqa_pipeline.scoring.model_file import N_FEATURES, ModelFile, features_of
from tests.release.model.sounds import image_of, lowpassed, piece

RECORD = {"name": "mine", "version": "1.2", "calibration": None, "domain": {"about": "a test"}}


@pytest.fixture(scope="module")
def images():
    """Images of a piece, whole and cut at two places."""
    mono = piece(2).mean(axis=1)
    return np.stack([image_of(lowpassed(mono, edge)) for edge in (3_500, 11_000, 24_000)])


@pytest.fixture(scope="module")
def scoring(images):
    torch.manual_seed(3)
    networks = [MusqaNet().eval() for _ in range(2)]
    with torch.inference_mode():
        seen = statistics(torch.from_numpy(images) / 255).numpy()
    # Weights as they start say the same of all images; larger ones tell images apart.
    with torch.no_grad():
        for weights in (p for network in networks for p in network.parameters() if p.dim() > 1):
            weights *= 3.5
    return ScoringNetwork(networks, (fit_domain(seen), Scale(2.0, 5.0)))


@pytest.fixture(scope="module")
def model(scoring, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    write_model(scoring, RECORD, path)
    return ModelFile(path)


def test_the_file_answers_as_torch_does(scoring, model, images):
    answers = [model.answer(image) for image in images]
    with torch.inference_mode():
        probability, distance = scoring(torch.from_numpy(images))
    np.testing.assert_allclose(
        [a.probability for a in answers], probability.numpy(), atol=LARGEST_DIFFERENCE
    )
    np.testing.assert_allclose([a.distance for a in answers], distance.numpy(), rtol=1e-4)
    assert np.ptp(probability.numpy(), axis=0).max() > 0.05  # else agreement says little
    assert np.ptp(distance.numpy()) > 0.1
    assert checked_difference(scoring, model.path, images) <= LARGEST_DIFFERENCE


def test_the_probabilities_are_the_mean_of_the_networks(scoring, model, images):
    cells = torch.from_numpy(images[:1]) / 255
    with torch.inference_mode():
        each = [network.distribution(cells) for network in scoring.networks]
    mean = torch.stack(each).mean(dim=0)[0].numpy()
    np.testing.assert_allclose(model.answer(images[0]).probability, mean, atol=1e-4)
    assert (each[0] - each[1]).abs().max() > 1e-2


def test_the_same_network_gives_the_same_bytes_without_a_path_of_this_machine(
    scoring, model, tmp_path
):
    write_model(scoring, RECORD, tmp_path / "again.onnx")
    data = (tmp_path / "again.onnx").read_bytes()
    assert data == model.path.read_bytes()
    for word in (b"site-packages", b"musqa_pipeline/", b".py"):
        assert word not in data


@pytest.fixture(scope="module")
def with_trees(scoring, images):
    """The networks beside trees that tell bands with an edge from others."""
    features = np.stack([features_of(image) for image in images]).repeat(40, axis=0)
    features += np.random.default_rng(0).normal(0, 0.01, features.shape).astype(np.float32)
    rows = pl.DataFrame(features, schema=list(DESCRIPTORS))
    labels = np.repeat([15.0, 60.0, 90.0], 40)
    mixture = ScoringNetwork(
        list(scoring.networks), None, [boosted_trees(rows.with_columns(label=labels), 0)], 0.5
    )
    mixture.distance = scoring.distance
    return mixture


def test_trees_have_their_weight_in_the_answer_of_a_file(with_trees, scoring, images, tmp_path):
    path = tmp_path / "trees.onnx"
    write_model(with_trees, RECORD, path)
    model = ModelFile(path)
    assert checked_difference(with_trees, path, images) <= LARGEST_DIFFERENCE
    with torch.inference_mode():
        networks, distance = scoring(torch.from_numpy(images))
        points = with_trees.trees[0](with_trees.inputs(images)[1]).numpy()
    np.testing.assert_allclose(points, [0.15, 0.6, 0.9], atol=0.05)
    assert len(features_of(images[0])) == N_FEATURES == len(DESCRIPTORS)
    for image, of_networks, point, far in zip(images, networks, points, distance, strict=True):
        answer = model.answer(image)
        mean = float(answer.probability @ model.step_quality)
        expected = 0.5 * float(of_networks @ scoring.networks[0].step_q) + 0.5 * point
        assert mean == pytest.approx(expected, abs=2e-4)
        assert answer.distance == pytest.approx(float(far), rel=1e-4)
        exact = model.answer(np.where(image <= HEARD_CELL, 0, image).astype(np.uint8))
        np.testing.assert_array_equal(exact.probability, answer.probability)
        assert exact.distance == answer.distance
    assert ((images > 0) & (images < HEARD_CELL)).any()  # how it was stored was nothing to it


def test_features_of_another_number_are_refused(with_trees, tmp_path):
    path = tmp_path / "trees.onnx"
    write_model(with_trees, RECORD, path)
    proto = onnx.load(path)
    proto.graph.input[1].type.tensor_type.shape.dim[1].dim_value = 469
    onnx.save(proto, tmp_path / "other.onnx")
    with pytest.raises(ModelError):
        ModelFile(tmp_path / "other.onnx")


def test_the_metadata_hold_steps_and_record(model):
    assert (model.name, model.version) == ("mine", "1.2")
    np.testing.assert_allclose(model.step_quality, np.linspace(0, 0.95, 40), atol=1e-6)
    kept = {p.key: p.value for p in onnx.load(model.path).metadata_props}
    assert json.loads(kept["musqa"])["format"] == 1


def test_another_network_is_noticed(scoring, model, images):
    other = ScoringNetwork([MusqaNet().eval()], None)
    with pytest.raises(StageError, match=r"onnxruntime and torch differ by .*, at most 0.0001"):
        checked_difference(other, model.path, images[:1])


def write_run(folder, name, network):
    settings = {**ModelsSettings(names=(name,)).recipe(), "names": [name]}
    write_json(folder / "settings.json", {"model": name, "settings": settings})
    write_weights(folder / "weights.pt", network.state_dict())


def test_a_training_is_exported_without_calibration_and_distance(tmp_path, images):
    network = MusqaNet().eval()
    write_run(tmp_path / "run", "musqa_net", network)
    difference = export_run(tmp_path / "run", tmp_path / "own.onnx", name="own", version="7")
    assert difference < LARGEST_DIFFERENCE
    model = ModelFile(tmp_path / "own.onnx")
    assert (model.label, model.calibration, model.knows_distance) == ("own 7", None, False)
    with torch.inference_mode():
        expected = network.distribution(torch.from_numpy(images[:1]) / 255)[0].numpy()
    np.testing.assert_allclose(model.answer(images[0]).probability, expected, atol=1e-4)


@pytest.mark.parametrize("name", RELEASABLE)
def test_each_network_that_may_be_released_answers_as_torch_does_and_is_as_far(
    name, scoring, images, tmp_path
):
    torch.manual_seed(4)
    network = MODELS[name].build(TrainingSettings()).eval()
    variant = ScoringNetwork([network])
    variant.distance = scoring.distance
    write_model(variant, RECORD, tmp_path / "variant.onnx")
    assert checked_difference(variant, tmp_path / "variant.onnx", images) <= LARGEST_DIFFERENCE
    seen = torch.from_numpy(images)
    with torch.inference_mode():
        np.testing.assert_array_equal(variant(seen)[1], scoring(seen)[1])


def test_a_network_that_says_no_distribution_is_refused(tmp_path, monkeypatch):
    entry = ModelEntry("point", lambda settings: nn.Linear(1, 1), InputSpec())
    monkeypatch.setitem(MODELS, "point", entry)
    write_run(tmp_path / "run", "point", nn.Linear(1, 1))
    with pytest.raises(StageError, match="a training of Linear; the scorer needs a distribution"):
        export_run(tmp_path / "run", tmp_path / "own.onnx", name="own", version="1")

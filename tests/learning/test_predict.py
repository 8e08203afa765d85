import json
from fractions import Fraction

import numpy as np
import pytest
import torch

from musqa_pipeline.core import seals
from musqa_pipeline.core.errors import LakeError, SettingsError, StageError
from musqa_pipeline.learning.networks.cnn1d import Cnn1d
from musqa_pipeline.learning.predict import load_model, predict
from tests.learning import tiny
from tests.learning.tiny import train_tiny


@pytest.fixture
def folder(tmp_path):
    train_tiny(tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def images():
    return tiny.make_images(70, 9)[0]


def test_a_loaded_network_predicts_what_its_weights_say(folder, images):
    model = load_model(folder)
    weights = {k: v.numpy().astype(np.float64) for k, v in model.state_dict().items()}
    hidden = images.reshape(70, -1) @ weights["hidden.weight"].T + weights["hidden.bias"]
    expected = np.maximum(hidden, 0) @ weights["out.weight"].T + weights["out.bias"]
    found = predict(model, [images])
    assert found.dtype == np.float32
    assert not model.training
    np.testing.assert_allclose(found, np.minimum(expected[:, 0], 1.0), atol=1e-5)


def test_predictions_do_not_depend_on_how_images_are_divided(folder, images):
    model = load_model(folder)
    together = predict(model, [images])
    for size in (1, 7, 64):
        pieces = [images[i : i + size] for i in range(0, 70, size)]
        np.testing.assert_allclose(predict(model, pieces), together, atol=1e-6)


def test_batches_of_a_loader_are_taken_as_they_come(folder, images):
    model = load_model(folder)
    batches = [(torch.from_numpy(images[:3]), torch.zeros(3), ["a", "b", "c"])]
    assert np.array_equal(predict(model, batches), predict(model, [images[:3]]))


def test_no_images_give_no_predictions(folder):
    assert predict(load_model(folder), []).shape == (0,)


def test_predictions_are_cut_at_one_and_not_at_zero(folder, images):
    model = load_model(folder)
    with torch.no_grad():
        for bias, lowest, highest in ((5.0, 1.0, 1.0), (-5.0, -6.5, -3.0)):
            model.out.bias.fill_(bias)
            found = predict(model, [images])
            assert lowest <= found.min() <= found.max() <= highest


def test_dropout_is_off_and_the_mode_is_put_back(folder, images):
    model = load_model(folder).train()
    assert np.array_equal(predict(model, [images]), predict(model, [images]))
    assert model.training


def test_a_prediction_that_is_not_finite_is_never_handed_out(folder, images):
    images[4, 0, 0] = np.nan
    with pytest.raises(StageError, match="1 of 70 predictions are not finite; look for NaN"):
        predict(load_model(folder), [images])


def test_loading_leaves_torchs_generator_alone(folder):
    state = torch.random.get_rng_state()
    load_model(folder)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_files_that_are_absent_damaged_or_foreign_are_named(folder):
    record = json.loads((folder / "settings.json").read_text())
    for name in ("settings.json", "weights.pt"):
        seals.seal_path(folder / name).unlink()
    (folder / "settings.json").write_text(json.dumps({**record, "model": "gone"}))
    with pytest.raises(SettingsError, match="unknown network 'gone'"):
        load_model(folder)
    (folder / "settings.json").write_text(json.dumps({**record, "model": "cnn1d"}))
    with pytest.raises(LakeError, match=r"weights\.pt does not fit the network 'cnn1d'"):
        load_model(folder)
    (folder / "settings.json").unlink()
    with pytest.raises(LakeError, match=r"cannot read .*settings\.json"):
        load_model(folder)
    (folder / "settings.json").write_text(json.dumps(record))
    (folder / "weights.pt").write_bytes(b"no weights")
    with pytest.raises(LakeError, match=r"cannot read .*weights\.pt"):
        load_model(folder)


def test_weights_that_were_flipped_or_replaced_are_not_loaded(folder):
    weights = folder / "weights.pt"
    whole = weights.read_bytes()
    seals.seal_path(weights).write_bytes(seals.Seal((seals.digest_of(whole),)).to_bytes())
    assert isinstance(load_model(folder), torch.nn.Module)
    state = torch.load(weights, weights_only=True)
    name = next(iter(state))
    torch.save({**state, name: state[name] + 1}, weights)
    with pytest.raises(LakeError, match=r"weights\.pt is not what was written; .*verify --mend"):
        load_model(folder)
    weights.write_bytes(whole[:900] + bytes([whole[900] ^ 1]) + whole[901:])
    with pytest.raises(LakeError, match=r"weights\.pt is not what was written"):
        load_model(folder)


def test_what_is_said_of_bad_weights_gives_no_advice_to_load_them_anyway(folder):
    seals.seal_path(folder / "weights.pt").unlink()
    torch.save({"layer": Fraction(1, 3)}, folder / "weights.pt")
    with pytest.raises(LakeError, match=r"holds more than tensors, which musqa never") as caught:
        load_model(folder)
    assert "weights_only" not in str(caught.value)


def test_the_papers_network_predicts_alike_one_by_one_and_together():
    torch.manual_seed(0)
    model = Cnn1d()
    images = np.random.default_rng(0).random((3, 1876, 256), dtype=np.float32) / 10
    np.testing.assert_allclose(
        predict(model, [images[:1], images[1:2], images[2:]]), predict(model, [images]), atol=1e-6
    )

"""Weights of Keras against Keras itself (its torch backend), on a network of random weights."""

import functools
import io
import json
import zipfile

import h5py
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from musqa_pipeline.cli.model import app
from musqa_pipeline.core.errors import ModelError, SettingsError
from musqa_pipeline.learning.imports.imported import adopt, check_imported, weights_digest
from musqa_pipeline.learning.imports.keras_files import read_keras_file
from musqa_pipeline.learning.imports.keras_import import import_keras
from musqa_pipeline.learning.networks.cnn1d import Cnn1d
from musqa_pipeline.learning.predict import load_model

N_IMAGES = 3
SHAPES = {
    "conv_1d_1": (11, 256, 64),
    "conv_1d_2": (7, 64, 128),
    "conv_1d_3": (3, 128, 256),
    "dense_1": (58_880, 256),
    "dense_2": (256, 128),
    "dense_3": (128, 1),
}
"""Kernels of table III in Keras' order of axes: frames, channels in, channels out; or in, out."""


def build(keras, *, filters=128, activation="relu"):
    """The network of table III, with the names that the authors' code gives."""
    layers = keras.layers
    return keras.Sequential([
        layers.Input((1876, 256), name="input"),
        layers.Conv1D(64, 11, activation="relu", name="conv_1d_1"),
        layers.MaxPooling1D(2, name="max_pooling_1d_1"),
        layers.Dropout(0.01, name="dropout_1"),
        layers.Conv1D(filters, 7, activation=activation, name="conv_1d_2"),
        layers.MaxPooling1D(2, name="max_pooling_1d_2"),
        layers.Dropout(0.01, name="dropout_2"),
        layers.Conv1D(256, 3, activation="relu", name="conv_1d_3"),
        layers.MaxPooling1D(2, name="max_pooling_1d_3"),
        layers.Flatten(name="flatten"),
        layers.Dense(256, name="dense_1"),
        layers.Dropout(0.01, name="dropout_3"),
        layers.Dense(128, name="dense_2"),
        layers.Dense(1, name="dense_3"),
    ])  # fmt: skip


@pytest.fixture(scope="module")
def images():
    """Upright images of ours: time by frequency."""
    return np.random.default_rng(3).random((N_IMAGES, 1876, 256), dtype=np.float32)


@pytest.fixture(scope="module")
def trained(keras, images, tmp_path_factory):
    """Files of one network in all layouts, and what Keras says of the images turned their way."""
    folder = tmp_path_factory.mktemp("keras")
    keras.utils.set_random_seed(1)
    network = build(keras)
    for layer in network.layers:
        if layer.weights:
            bias = np.random.default_rng(len(layer.name)).normal(0, 0.1, layer.bias.shape)
            layer.bias.assign(bias)
    network.save(folder / "model.keras")
    network.save(folder / "model.h5")
    network.save_weights(folder / "model.weights.h5")
    with h5py.File(folder / "released.hdf5", "w") as file:
        write_keras_2(file, {x.name: x.get_weights() for x in network.layers})
    # (time, mel) of ours is the transpose of (mel, time), which `rot90` turns.
    turned = np.stack([np.rot90(image.T) for image in images])
    assert turned.shape == images.shape
    quality = network.predict(turned, verbose=0)[:, 0]
    upright = network.predict(images, verbose=0)[:, 0]
    return folder, quality, upright


def write_keras_2(file, layers):
    """Weights as TensorFlow's Keras 2 lays them out."""
    file.attrs["layer_names"] = [name.encode() for name in layers]
    file.attrs["keras_version"] = b"2.12.0"
    for name, arrays in layers.items():
        group = file.create_group(name)
        kinds = ("kernel", "bias")[: len(arrays)]
        group.attrs["weight_names"] = [f"{name}/{kind}:0".encode() for kind in kinds]
        for kind, array in zip(kinds, arrays, strict=True):
            group[f"{name}/{kind}:0"] = array


@pytest.mark.parametrize(
    ("file", "checked"),
    [
        ("released.hdf5", "shapes alone"),
        ("model.h5", "shapes and layers"),
        ("model.weights.h5", "shapes alone"),
        ("model.keras", "shapes and layers"),
    ],
)
def test_an_imported_network_answers_as_keras_does(trained, images, tmp_path, file, checked):
    folder, quality, _ = trained
    origin = import_keras(folder / file, tmp_path / "run")
    assert (origin["file"], origin["checked"]) == (file, checked)
    assert np.ptp(quality) > 1e-3
    network = load_model(tmp_path / "run")
    with torch.inference_mode():
        found = network(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(found, quality, rtol=0, atol=1e-5)


def test_a_network_that_saw_time_run_forwards_is_not_turned(trained, images, tmp_path):
    folder, _, upright = trained
    import_keras(folder / "released.hdf5", tmp_path / "run", time_reversed=False)
    with torch.inference_mode():
        found = load_model(tmp_path / "run")(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(found, upright, rtol=0, atol=1e-5)


def test_filters_turned_round_would_not_do(trained, images, tmp_path):
    """The poolings drop the last of 927 and of 461 frames: which end that is makes a difference."""
    folder, quality, _ = trained
    import_keras(folder / "released.hdf5", tmp_path / "run")
    state = load_model(tmp_path / "run").state_dict()
    for name in ("conv1", "conv2", "conv3"):
        state[f"{name}.weight"] = state[f"{name}.weight"].flip(2)
    dense = state["dense1.weight"].reshape(256, 230, 256).flip(1)
    state["dense1.weight"] = dense.reshape(256, -1)
    network = Cnn1d().eval()
    network.load_state_dict(state)
    with torch.inference_mode():
        found = network(torch.from_numpy(images)).numpy()
    assert np.abs(found - quality).max() > 1e-4


def test_it_is_measured_and_stored_as_a_training_is(trained, images, tmp_path):
    folder, quality, _ = trained
    import_keras(folder / "released.hdf5", tmp_path / "run")
    run = str(tmp_path / "run")
    label = np.float32(0.25)
    measured = functools.partial(
        adopt,
        "cnn1d_reversed",
        run,
        record={"seed": 3},
        validation_batches=lambda: [(images, np.full(N_IMAGES, label))],
        folder=tmp_path / "stored",
        data_fingerprint="f" * 32,
    )
    with pytest.raises(SettingsError, match=r"device='cuda:63': .*; use cpu"):
        measured(device="cuda:63")
    result = measured()
    assert (result.epochs, result.finished, result.parameters) == (0, True, 15_442_881)
    assert result.device == "cpu"
    expected = float(np.mean((quality.astype(np.float64) - label) ** 2))
    assert result.best_validation_loss == pytest.approx(expected, abs=1e-5)
    said = json.loads((tmp_path / "stored" / "settings.json").read_text())
    assert (said["model"], said["settings"]) == ("cnn1d_reversed", {"seed": 3})
    again = load_model(tmp_path / "stored").state_dict()
    for name, tensor in load_model(tmp_path / "run").state_dict().items():
        assert torch.equal(again[name], tensor)
    assert len(weights_digest(run)) == 32
    with pytest.raises(SettingsError, match=r"is a run of cnn1d_reversed; name it in \[models\."):
        check_imported("cnn1d", run)
    gone = str(tmp_path / "gone")
    with pytest.raises(SettingsError, match=r"no run there .*musqa model import-keras FILE"):
        check_imported("cnn1d", gone)
    assert weights_digest(gone) == "absent"
    with pytest.raises(ModelError, match="holds a run already; name a new folder"):
        import_keras(folder / "released.hdf5", tmp_path / "run")


def test_the_command_says_how_to_have_it_evaluated(trained, tmp_path):
    folder, *_ = trained
    out = tmp_path / "run"
    done = CliRunner().invoke(app, ["import-keras", str(folder / "model.h5"), "--out", str(out)])
    assert done.exit_code == 0
    assert "cnn1d_reversed out of an HDF5 model of Keras 2, shapes and layers compared" in (
        done.output
    )
    assert f'[models.recipes.cnn1d_reversed]\nimported_run = "{out}"' in done.output


def test_a_model_whose_layers_are_set_otherwise_is_named(keras, tmp_path):
    build(keras, activation="tanh").save(tmp_path / "tanh.keras")
    with pytest.raises(ModelError, match=r"conv_1d_2 \(Conv1D\) has activation='tanh', expected"):
        import_keras(tmp_path / "tanh.keras", tmp_path / "run")
    small = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
    small.save(tmp_path / "small.keras")
    with pytest.raises(ModelError, match=r"has the layers Dense; expected Conv1D, MaxPooling1D, "):
        import_keras(tmp_path / "small.keras", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def write_zeros(path, **changes):
    """Weights of zeros under the usual names; HDF5 stores no byte of them."""
    shapes = {**SHAPES, **changes}
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = list(shapes)
        for name, shape in shapes.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0", f"{name}/bias:0"]
            group.create_dataset(f"{name}/kernel:0", shape, "f4", chunks=shape)
            group.create_dataset(f"{name}/bias:0", shape[-1:], "f4")
    return path


def test_a_layer_of_another_shape_is_named(tmp_path):
    path = write_zeros(tmp_path / "w.h5", conv_1d_2=(5, 64, 128))
    said = r"layer conv_1d_2 \(5, 64, 128\) and \(128,\), expected kernel \(7, 64, 128\) and bias"
    with pytest.raises(ModelError, match=said):
        import_keras(path, tmp_path / "run")


def test_other_numbers_of_layers_are_named(tmp_path):
    path = write_zeros(tmp_path / "w.h5", dense_4=(1, 1))
    with pytest.raises(ModelError, match=r"has 7 layers with weights .*dense_4 \(1, 1\) and"):
        import_keras(path, tmp_path / "run")


def test_arrays_beyond_all_measure_are_not_read(tmp_path):
    path = write_zeros(tmp_path / "w.h5", dense_1=(100_000_000, 256))
    with pytest.raises(ModelError, match="bytes of arrays: too large"):
        import_keras(path, tmp_path / "run")
    assert path.stat().st_size < 1_000_000


def test_links_to_other_files_are_not_followed(tmp_path):
    secret = write_zeros(tmp_path / "secret.h5")
    path = write_zeros(tmp_path / "w.h5")
    with h5py.File(path, "a") as file:
        del file["dense_3/dense_3/kernel:0"]
        file["dense_3/dense_3/kernel:0"] = h5py.ExternalLink(
            str(secret), "dense_3/dense_3/kernel:0"
        )
    with pytest.raises(ModelError, match="cannot be read as a file of Keras"):
        read_keras_file(path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("text.h5", b"no HDF5", "cannot be read as a file of Keras"),
        ("gone.h5", None, "does not exist; check the path"),
        ("plain.h5", h5py, "holds neither layer_names, nor model_weights, nor layers"),
        ("other.keras", zipfile, "is a ZIP with a.txt in it, and no .keras file"),
    ],
)
def test_what_is_no_file_of_keras_is_refused(tmp_path, name, content, said):
    path = tmp_path / name
    if content is h5py:
        with h5py.File(path, "w") as file:
            file["x"] = [1.0]
    elif content is zipfile:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a.txt", json.dumps({}))
        path.write_bytes(buffer.getvalue())
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=said):
        import_keras(path, tmp_path / "run")

"""Table IV out of files of Keras, against Keras itself (its torch backend), on random weights.

Inception v3 is whole; VGG19 has its layers with fewer channels here, and is whole in the long test.
"""

import json
import shutil
import zipfile

import h5py
import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from musqa_pipeline.cli.model import app
from musqa_pipeline.core.errors import ModelError
from musqa_pipeline.learning.entry import InputSpec, ModelEntry
from musqa_pipeline.learning.imports import keras_files
from musqa_pipeline.learning.imports.imported import adopt
from musqa_pipeline.learning.imports.keras_files import read_unguarded
from musqa_pipeline.learning.imports.keras_import import import_keras
from musqa_pipeline.learning.networks.backbone import ImportedBackboneNetwork
from musqa_pipeline.learning.predict import load_model
from musqa_pipeline.learning.registry import MODELS, find_model

N_IMAGES = 2
WIDTHS = (4, 6, 8, 12, 16)
"""Channels of the thin VGG19; the whole one has 64 to 512."""
DEPTHS = (2, 2, 4, 4, 4)
WIDE = 24
"""Outputs of its first dense layers; the whole one has 4096."""


def table_iv(keras, backbone=(), *, flat=None, image=(1876, 256), stem="relu", before=()):
    """The network as the authors' code puts it together; `flat` makes a backbone's layers of it."""
    layers = keras.layers
    stem_layers = [
        layers.Reshape((*image, 1), name="reshape_1"),
        layers.Conv2D(3, 11, activation=stem, name="conv_1d_1"),
        layers.Resizing(224, 224, name="resize_1"),
        *before,
    ]
    head = [layers.Dense(units, name=f"dense_{n}") for n, units in ((1, 256), (2, 128), (3, 1))]
    if flat is None:
        start = layers.Input(image, name="input")
        return keras.Sequential([start, *stem_layers, *backbone, *head])
    start = tensor = layers.Input(image)
    for layer in stem_layers:
        tensor = layer(tensor)
    tensor = flat(tensor)
    for layer in head:
        tensor = layer(tensor)
    return keras.Model(start, tensor)


def thin_vgg19(keras, *, kernels=None, activations=None, left_out=(), last="softmax"):
    """Keras' VGG19 with fewer channels; changes are by the name of the layer."""
    layers = keras.layers
    parts = [layers.Input((224, 224, 3))]
    for block, (width, depth) in enumerate(zip(WIDTHS, DEPTHS, strict=True), 1):
        for number in range(1, depth + 1):
            name = f"block{block}_conv{number}"
            if name not in left_out:
                size = (kernels or {}).get(name, 3)
                how = (activations or {}).get(name, "relu")
                layer = layers.Conv2D(width, size, activation=how, padding="same", name=name)
                parts.append(layer)
        parts.append(layers.MaxPooling2D(2, strides=2, name=f"block{block}_pool"))
    parts += [
        layers.Flatten(name="flatten"),
        layers.Dense(WIDE, activation="relu", name="fc1"),
        layers.Dense(WIDE, activation="relu", name="fc2"),
        layers.Dense(1000, activation=last, name="predictions"),
    ]
    tensor = parts[0]
    for layer in parts[1:]:
        tensor = layer(tensor)
    return keras.Model(parts[0], tensor, name="vgg19")


@pytest.fixture
def thin(monkeypatch):
    """Our VGG19 with the same channels."""
    from torchvision.models.vgg import VGG, make_layers

    def build(settings):
        plan = [x for w, d in zip(WIDTHS, DEPTHS, strict=True) for x in (*[w] * d, "M")]
        network = VGG(make_layers(plan), init_weights=False)
        network.classifier[0] = nn.Linear(49 * WIDTHS[-1], WIDE)
        network.classifier[3] = nn.Linear(WIDE, WIDE)
        network.classifier[6] = nn.Linear(WIDE, 1000)
        return ImportedBackboneNetwork(network)

    entry = ModelEntry("thin", build, InputSpec(), needs_import=True)
    monkeypatch.setitem(MODELS, "vgg19_keras", entry)


def stir(network):
    """Draw all weights, so that what the images are reaches the answer through every layer."""
    generator = np.random.default_rng(5)
    for layer in network.layers:
        if hasattr(layer, "layers"):
            stir(layer)
            continue
        drawn = []
        for weight in layer.weights:
            shape, deviation = tuple(weight.shape), 0.1
            if weight.name == "kernel":
                deviation = np.sqrt(2 / np.prod(shape[:-1]))
                deviation *= 3 if layer.name == "predictions" else 1
            values = generator.normal(0, deviation, shape)
            if weight.name == "moving_variance":
                values = generator.uniform(0.5, 1.5, shape)
            drawn.append(values.astype(np.float32))
        layer.set_weights(drawn)


@pytest.fixture(scope="module")
def images():
    """Upright images of ours, time by frequency, that differ in their means."""
    noise = np.random.default_rng(3).random((N_IMAGES, 1876, 256), dtype=np.float32)
    return noise ** np.array([0.5, 3.0], np.float32)[:, None, None]


def turned(images):
    """Images as the authors' code turns them: (time, mel) of ours is (mel, time) transposed."""
    return np.stack([np.rot90(image.T) for image in images])


def answers(folder, images):
    with torch.inference_mode():
        return load_model(folder)(torch.from_numpy(images)).numpy()


def says(network, images):
    return network.predict(images, verbose=0)[:, 0]


def write_keras_2(path, network, *, whole=False):
    """A model or its weights as TensorFlow lays them out, models inside under their own name."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"2.12.0"
        top = file.create_group("model_weights") if whole else file
        if whole:
            model = {"class_name": "Sequential", "config": network.get_config()}
            file.attrs["model_config"] = json.dumps(in_words_of_keras_2(model))
        top.attrs["layer_names"] = [layer.name.encode() for layer in network.layers]
        for layer in network.layers:
            group = top.create_group(layer.name)
            inside = layer.layers if hasattr(layer, "layers") else [layer]
            named = [
                (f"{x.name}/{w.name}:0", array)
                for x in inside for w, array in zip(x.weights, x.get_weights(), strict=True)
            ]  # fmt: skip
            group.attrs["weight_names"] = [name.encode() for name, _ in named]
            for name, array in named:
                group[name] = array


def in_words_of_keras_2(config):
    """Say what a layer reads, and the size of the image, as Keras 2 does."""
    if isinstance(config, dict):
        if config.get("inbound_nodes"):
            (use,) = config["inbound_nodes"]
            read = use["args"][0]
            read = read if isinstance(read, list) else [read]
            names = [tensor["config"]["keras_history"][0] for tensor in read]
            config = {**config, "inbound_nodes": [[[name, 0, 0, {}] for name in names]]}
        words = {"batch_shape": "batch_input_shape"}
        return {words.get(key, key): in_words_of_keras_2(value) for key, value in config.items()}
    return [in_words_of_keras_2(x) for x in config] if isinstance(config, list | tuple) else config


@pytest.fixture(scope="module")
def inception(keras, images, tmp_path_factory):
    """A file of an Inception, its run, and what Keras says of the images turned their way."""
    folder = tmp_path_factory.mktemp("inception")
    start = keras.layers.Input((224, 224, 3))
    network = table_iv(keras, [keras.applications.InceptionV3(weights=None, input_tensor=start)])
    stir(network)
    network.save(folder / "nested.keras")
    write_keras_2(folder / "released.hdf5", network)
    import_keras(folder / "nested.keras", folder / "run")
    return folder, network, says(network, turned(images))


def test_an_imported_inception_answers_as_keras_does(inception, images):
    folder, _, quality = inception
    assert np.ptp(quality) > 1e-2
    network = load_model(folder / "run")
    shown = torch.from_numpy(images)
    with torch.inference_mode():
        np.testing.assert_allclose(network(shown).numpy(), quality, rtol=0, atol=1e-5)
        # Padding counted as torchvision counts it would not do.
        for layer in network.modules():
            layer._forward_pre_hooks.clear()
        assert np.abs(network(shown).numpy() - quality).max() > 1e-4
    said = json.loads((folder / "run" / "origin.json").read_text())
    assert (said["model"], said["checked"]) == ("inception_v3_keras", "shapes and layers")
    assert said["time_reversed"]


def gives_the_same(file, folder, out):
    """Import a file, and compare its weights with those of the run."""
    checked = import_keras(file, out)["checked"]
    expected = torch.load(folder / "run" / "weights.pt", weights_only=True)
    found = torch.load(out / "weights.pt", weights_only=True)
    assert found.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []
    return checked


def test_weights_of_inception_alone_are_told_by_shape_and_name(inception, tmp_path):
    folder, *_ = inception
    checked = gives_the_same(folder / "released.hdf5", folder, tmp_path / "run")
    assert checked == "shapes alone"


def test_weights_lie_where_the_configuration_says(inception):
    """Keras numbers the folders of weights anew; the names beside them agree with ours."""
    folder, *_ = inception
    file = read_unguarded(folder / "nested.keras")
    names = {node.places[0]: node.name for node in file.graph.nodes}
    assert len(file.layers) == 94 + 94 + 5
    assert all(names[layer.place] == layer.name for layer in file.layers)


@pytest.mark.long
def test_every_layout_of_inception_gives_the_same_network(keras, inception, tmp_path):
    folder, nested, _ = inception
    build = keras.applications.InceptionV3
    flat = table_iv(keras, flat=lambda x: build(weights=None, input_tensor=x).output)
    flat.set_weights(nested.get_weights())
    for name, network in (("nested", nested), ("flat", flat)):
        network.save(tmp_path / f"{name}.keras")
        network.save(tmp_path / f"{name}.h5")
        network.save_weights(tmp_path / f"{name}.weights.h5")
        for extension, said in (
            ("keras", "shapes and layers"), ("h5", "shapes and layers"),
            ("weights.h5", "shapes alone"),
        ):  # fmt: skip
            file = tmp_path / f"{name}.{extension}"
            assert gives_the_same(file, folder, tmp_path / f"{name}-{extension}") == said


def changed(source, path, change):
    """Write a .keras file with its configuration changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        config = json.loads(old.read("config.json"))
        change(config["config"]["layers"])
        new.writestr("config.json", json.dumps(config))
        new.writestr("model.weights.h5", old.read("model.weights.h5"))


def layer_of(layers, name):
    (inside,) = (x["config"]["layers"] for x in layers if x["class_name"] == "Functional")
    return next(x for x in inside if x["name"] == name)


def joined(layers, name):
    (read,) = layer_of(layers, name)["inbound_nodes"][0]["args"]
    return read


def swap_branches(layers):
    read = joined(layers, "mixed0")
    read[0], read[1] = read[1], read[0]


def lose_a_branch(layers):
    joined(layers, "mixed1").pop()


def read_elsewhere(layers):
    """Let the pooled branch of a block read what the block before it reads."""
    inside = next(x for x in layers if x["class_name"] == "Functional")["config"]["layers"]
    pools = [x for x in inside if x["class_name"] == "AveragePooling2D"]
    pools[1]["inbound_nodes"] = pools[0]["inbound_nodes"]


def normalise_otherwise(layers):
    inside = next(x for x in layers if x["class_name"] == "Functional")["config"]["layers"]
    norms = [x for x in inside if x["class_name"] == "BatchNormalization"]
    norms[3]["config"]["epsilon"] = 1e-5
    norms[3]["config"]["name"] = norms[3]["name"]


def use_twice(layers):
    nodes = layer_of(layers, "mixed0")["inbound_nodes"]
    nodes.append(nodes[0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            swap_branches,
            r"layer \w+ \(MaxPooling2D\) stands where Activation is expected, before layer conv2d",
        ),
        (lose_a_branch, r"layer mixed1 \(Concatenate\) reads 3 layers, expected 4"),
        (read_elsewhere, r"that layer mixed1 \(Concatenate\) joins read mixed0, max_pooling2d"),
        (
            normalise_otherwise,
            r"layer batch_\w+ \(BatchNorm\w+\) has epsilon=1e-05, expected 0.001",
        ),
        (use_twice, r"cannot be read as a file of Keras \(layer mixed0 is used 2 times\)"),
    ],
)
def test_an_inception_that_is_put_together_otherwise_is_named(inception, tmp_path, change, said):
    changed(inception[0] / "nested.keras", tmp_path / "other.keras", change)
    with pytest.raises(ModelError, match=said):
        import_keras(tmp_path / "other.keras", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_branches_without_names_are_not_guessed(inception, tmp_path):
    path = tmp_path / "unnamed.weights.h5"
    with zipfile.ZipFile(inception[0] / "nested.keras") as archive:
        path.write_bytes(archive.read("model.weights.h5"))
    with h5py.File(path, "a") as file:
        file.visititems(lambda name, item: item.attrs.pop("name", None) and None)
    with pytest.raises(ModelError, match="only names tell the branches of Inception apart; give"):
        import_keras(path, tmp_path / "run")


@pytest.mark.parametrize(("last", "upright"), [("softmax", False), ("linear", True)])
def test_an_imported_vgg19_answers_as_keras_does(keras, thin, images, tmp_path, last, upright):
    network = table_iv(keras, [thin_vgg19(keras, last=last)])
    stir(network)
    network.save(tmp_path / "vgg.keras")
    import_keras(tmp_path / "vgg.keras", tmp_path / "run", time_reversed=not upright)
    quality = says(network, images if upright else turned(images))
    other = says(network, turned(images) if upright else images)
    found = answers(tmp_path / "run", images)
    np.testing.assert_allclose(found, quality, rtol=0, atol=1e-5)
    assert np.abs(found - other).max() > 1e-4
    assert np.ptp(quality) > 1e-3


@pytest.mark.parametrize("whole", [False, True])
def test_files_of_keras_2_give_the_same_vgg19(keras, thin, images, tmp_path, whole):
    network = table_iv(keras, [thin_vgg19(keras)])
    stir(network)
    write_keras_2(tmp_path / "released.h5", network, whole=whole)
    origin = import_keras(tmp_path / "released.h5", tmp_path / "run")
    assert origin["model"] == "vgg19_keras"
    assert origin["checked"] == ("shapes and layers" if whole else "shapes alone")
    quality = says(network, turned(images))
    np.testing.assert_allclose(answers(tmp_path / "run", images), quality, rtol=0, atol=1e-5)


def test_it_is_measured_and_stored_with_its_backbone(keras, thin, images, tmp_path):
    network = table_iv(keras, flat=thin_vgg19(keras, last="linear"))
    stir(network)
    network.save(tmp_path / "flat.keras")
    out = tmp_path / "run"
    done = CliRunner().invoke(
        app, ["import-keras", str(tmp_path / "flat.keras"), "--out", str(out), "--upright"]
    )
    assert done.exit_code == 0, done.output
    assert f'[models.recipes.vgg19_keras]\nimported_run = "{out}"' in done.output
    label = np.float32(0.25)
    result = adopt(
        "vgg19_keras",
        str(out),
        record={"backbone_output": "softmax"},  # the preset's, which is not asked
        validation_batches=lambda: [(images, np.full(N_IMAGES, label))],
        folder=tmp_path / "stored",
        data_fingerprint="f" * 32,
    )
    assert (result.epochs, result.parameters) == (0, 289_647)
    quality = says(network, images)
    expected = float(np.mean((quality.astype(np.float64) - label) ** 2))
    assert result.best_validation_loss == pytest.approx(expected, abs=1e-4)
    shutil.rmtree(out)
    np.testing.assert_allclose(answers(tmp_path / "stored", images), quality, rtol=0, atol=1e-5)


def rescaled(keras):
    return table_iv(keras, [thin_vgg19(keras)], before=[keras.layers.Rescaling(2.0)])


def without_top(keras):
    whole = thin_vgg19(keras)
    return table_iv(keras, [keras.Model(whole.input, whole.get_layer("fc2").output)])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda k: table_iv(k, [thin_vgg19(k, kernels={"block3_conv2": 5})]),
            r"layer block3_conv2 \(5, 5, 8, 8\) and \(8,\), expected kernel \(3, 3, 8, 8\) and",
        ),
        (
            lambda k: table_iv(k, [thin_vgg19(k, activations={"block2_conv1": "tanh"})]),
            r"layer block2_conv1 \(Conv2D\) has activation='tanh', expected 'relu'",
        ),
        (
            lambda k: table_iv(k, [thin_vgg19(k, left_out=["block4_conv3"])]),
            r"layer block3_pool \(MaxPooling2D\) stands where Conv2D is expected, before layer",
        ),
        (
            lambda k: table_iv(k, [thin_vgg19(k, last="sigmoid")]),
            r"layer predictions \(Dense\) has activation='sigmoid', expected 'softmax' or 'linear'",
        ),
        (rescaled, r"it has the layers Reshape, Conv2D, Resizing, Rescaling, .*; expected Reshape"),
        (without_top, r"layer fc2 \(Dense\) has activation='relu', expected 'softmax' or 'linear'"),
        (
            lambda k: table_iv(k, [thin_vgg19(k)], image=(256, 1876)),
            r"layer reshape_1 \(Reshape\) has target_shape=\[256, 1876, 1\], expected \[1876, 256",
        ),
        (
            lambda k: table_iv(k, [thin_vgg19(k)], stem=None),
            r"layer conv_1d_1 \(Conv2D\) has activation='linear', expected 'relu'",
        ),
    ],
)
def test_a_vgg19_that_is_another_is_named(keras, thin, tmp_path, make, said):
    make(keras).save(tmp_path / "other.keras")
    with pytest.raises(ModelError, match=said):
        import_keras(tmp_path / "other.keras", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_image_on_its_side_is_refused(keras, thin, tmp_path):
    """Resizing takes any shape, so that weights say nothing of it."""
    layers = keras.layers
    start = tensor = layers.Input((256, 1876, 1))
    tensor = layers.Conv2D(3, 11, activation="relu")(tensor)
    tensor = thin_vgg19(keras)(layers.Resizing(224, 224)(tensor))
    for units in (256, 128, 1):
        tensor = layers.Dense(units)(tensor)
    keras.Model(start, tensor).save(tmp_path / "side.keras")
    said = r"\(InputLayer\) takes images of \[256, 1876, 1\], expected \[1876, 256\]: frames, then"
    with pytest.raises(ModelError, match=said):
        import_keras(tmp_path / "side.keras", tmp_path / "run")


def test_a_layer_whose_weights_are_absent_is_named(keras, thin, tmp_path):
    table_iv(keras, [thin_vgg19(keras)]).save(tmp_path / "whole.keras")
    with zipfile.ZipFile(tmp_path / "whole.keras") as old:
        old.extractall(tmp_path)
    with h5py.File(tmp_path / "model.weights.h5", "a") as file:
        del file["layers/functional/layers/dense/vars"]
    with zipfile.ZipFile(tmp_path / "less.keras", "w") as new:
        for name in ("config.json", "model.weights.h5"):
            new.write(tmp_path / name, name)
    with pytest.raises(ModelError, match=r"layer fc1 \(Dense\) has no weights in the file"):
        import_keras(tmp_path / "less.keras", tmp_path / "run")


def test_a_file_that_is_cut_off_or_unpacks_beyond_all_measure_is_refused(
    keras, tmp_path, monkeypatch
):
    path = tmp_path / "whole.keras"
    table_iv(keras, [thin_vgg19(keras)]).save(path)
    (tmp_path / "half.keras").write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelError, match="cannot be read as a file of Keras"):
        import_keras(tmp_path / "half.keras", tmp_path / "run")
    monkeypatch.setattr(keras_files, "LARGEST_BYTES", 100_000)
    with pytest.raises(ModelError, match=r"unpacks to [\d,]+ bytes: too large; save the weights"):
        read_unguarded(path)


@pytest.mark.long
@pytest.mark.parametrize("extension", ["keras", "h5", "weights.h5"])
def test_the_whole_vgg19_answers_as_keras_does(keras, images, tmp_path, extension):
    network = table_iv(keras, [keras.applications.VGG19(weights=None)])
    stir(network)
    path = tmp_path / f"vgg19.{extension}"
    (network.save_weights if extension == "weights.h5" else network.save)(path)
    quality = says(network, turned(images))
    del network
    import_keras(path, tmp_path / "run")
    np.testing.assert_allclose(answers(tmp_path / "run", images), quality, rtol=0, atol=1e-5)
    frozen = load_model(tmp_path / "run").backbone
    assert sum(p.numel() for p in frozen.parameters()) == 143_667_240


def test_networks_of_keras_are_as_large_as_table_iv_says():
    for name, stays in (("inception_v3_keras", 23_834_568), ("vgg19_keras", 143_667_240)):
        with torch.device("meta"):
            network = find_model(name).build(None)
        moving = sum(p.numel() for p in network.parameters() if p.requires_grad)
        assert moving == 289_647
        assert sum(p.numel() for p in network.backbone.parameters()) == stays

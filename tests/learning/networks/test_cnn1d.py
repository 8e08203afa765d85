import numpy as np
import pytest
import torch
from torch import nn

from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.networks import cnn1d
from musqa_pipeline.learning.networks.cnn1d import Cnn1d, TimeConvolution
from musqa_pipeline.learning.registry import find_model

TABLE_III = [
    ("conv1", (1866, 64)),
    ("pool1", (933, 64)),
    ("dropout1", (933, 64)),
    ("conv2", (927, 128)),
    ("pool2", (463, 128)),
    ("dropout2", (463, 128)),
    ("conv3", (461, 256)),
    ("pool3", (230, 256)),
    ("dense1", (256,)),
    ("dropout3", (256,)),
    ("dense2", (128,)),
    ("dense3", (1,)),
]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Cnn1d().eval()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((2, 1876, 256), dtype=np.float32)


def test_layers_and_their_outputs_are_those_of_table_iii_in_its_order(network, images):
    seen = []

    def record(name):
        def hook(module, inputs, output):
            # The table puts time before channels, torch channels before time.
            seen.append((name, tuple(output.shape[1:][::-1])))

        return hook

    handles = [m.register_forward_hook(record(name)) for name, m in network.named_children()]
    with torch.no_grad():
        quality = network(torch.from_numpy(images))
    for handle in handles:
        handle.remove()
    assert seen == TABLE_III
    assert quality.shape == (2,)
    assert network.dense1.in_features == 58880


def test_it_has_the_papers_number_of_parameters(network):
    sizes = {
        name: sum(p.numel() for p in child.parameters()) for name, child in network.named_children()
    }
    assert sizes["conv1"] == 11 * 256 * 64 + 64
    assert sizes["dense1"] == 58880 * 256 + 256
    assert sum(sizes.values()) == 15_442_881


def test_it_computes_what_keras_would_with_the_same_weights(network, images):
    def weights(layer):
        return (p.detach().numpy().astype(np.float64) for p in (layer.weight, layer.bias))

    x = images.astype(np.float64)  # (n, time, channels), the layout of Keras
    for layer in (network.conv1, network.conv2, network.conv3):
        weight, bias = weights(layer)
        windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2], axis=1)
        x = np.maximum(np.tensordot(windows, weight, axes=((2, 3), (1, 2))) + bias, 0)
        x = x[:, : x.shape[1] // 2 * 2].reshape(len(x), -1, 2, x.shape[2]).max(axis=2)
    x = x.reshape(len(x), -1)
    for layer in (network.dense1, network.dense2, network.dense3):
        weight, bias = weights(layer)
        x = x @ weight.T + bias
    with torch.no_grad():
        found = network(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(found, x[:, 0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("lacks_avx512", [True, False])
def test_gradients_equal_those_of_torchs_own_layers(network, images, lacks_avx512, monkeypatch):
    monkeypatch.setattr(cnn1d, "LACKS_AVX512", lacks_avx512)
    plain = nn.Sequential(
        nn.Conv1d(256, 64, 11), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(64, 128, 7), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(128, 256, 3), nn.ReLU(), nn.MaxPool1d(2),
    )  # fmt: skip
    for ours, theirs in zip(
        (network.conv1, network.conv2, network.conv3), (plain[0], plain[3], plain[6]), strict=True
    ):
        theirs.load_state_dict(ours.state_dict())
    x = torch.from_numpy(images)
    network.zero_grad()
    network(x).sum().backward()
    features = plain(x.transpose(1, 2)).transpose(1, 2).flatten(1)
    network.dense3(network.dense2(network.dense1(features))).sum().backward()
    expected = plain[0].weight.grad
    scale = expected.abs().max()
    torch.testing.assert_close(
        network.conv1.weight.grad / scale, expected / scale, rtol=0, atol=1e-5
    )
    network.zero_grad()


@pytest.mark.parametrize("channels", [(2, 3), (3, 2), (3, 3)], ids=str)
@pytest.mark.parametrize("of_input", [True, False])
@pytest.mark.parametrize("lacks_avx512", [True, False])
def test_gradients_are_those_of_differences(channels, of_input, lacks_avx512, monkeypatch):
    monkeypatch.setattr(cnn1d, "LACKS_AVX512", lacks_avx512)
    torch.manual_seed(0)
    convolution = TimeConvolution(*channels, 4).double()
    x = torch.randn(2, 9, channels[0], dtype=torch.float64).transpose(1, 2)
    parameters = (convolution.weight, convolution.bias)
    if of_input:
        parameters = (x.requires_grad_(), *parameters)
    assert torch.autograd.gradcheck(lambda *_: convolution(x), parameters)


def test_only_the_three_dropouts_of_the_table_act_and_only_in_training(network, images):
    rates = [m.p for m in network.modules() if isinstance(m, nn.Dropout)]
    assert rates == [0.01, 0.01, 0.01]
    x = torch.from_numpy(images[:1])
    with torch.no_grad():
        assert torch.equal(network(x), network(x))
        network.train()
        torch.manual_seed(1)
        dropped = network(x)
        assert not torch.equal(dropped, network(x))
        torch.manual_seed(1)
        assert torch.equal(dropped, network(x))
        network.eval()


def test_weights_start_as_in_keras(network):
    for layer, fan in ((network.conv1, 11 * (256 + 64)), (network.dense1, 58880 + 256)):
        limit = np.sqrt(6 / fan)
        weight = layer.weight.detach()
        assert 0.99 * limit < weight.abs().max() <= limit
        assert weight.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)
        assert not layer.bias.any()


def test_fresh_weights_follow_torchs_seed():
    entry = find_model("cnn1d")

    def first_weights(seed):
        torch.manual_seed(seed)
        return entry.build(TrainingSettings()).conv1.weight

    assert torch.equal(first_weights(3), first_weights(3))
    assert not torch.equal(first_weights(3), first_weights(4))

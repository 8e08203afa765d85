import copy
import dataclasses
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from musqa_pipeline.core.errors import LakeError, SettingsError
from musqa_pipeline.core.seeds import derive_seed
from musqa_pipeline.core.settings.models import ModelsSettings
from musqa_pipeline.learning import torchvision_ops
from musqa_pipeline.learning.data.shards import ImageShards
from musqa_pipeline.learning.entry import InputSpec, ModelEntry, TrainingSettings
from musqa_pipeline.learning.networks.backbone import (
    FROZEN_SEED,
    BackboneNetwork,
    FrozenBackbone,
    FrozenStemNetwork,
    StillBackbone,
)
from musqa_pipeline.learning.networks.cnn1d import start_like_keras
from musqa_pipeline.learning.predict import load_model
from musqa_pipeline.learning.registry import MODELS, find_model
from musqa_pipeline.learning.training.batches import ShardBatches
from musqa_pipeline.learning.training.train import train
from musqa_pipeline.stages.models.recipes import recipe_of
from musqa_pipeline.stages.models.runs import backbone_weights_of, title_of
from tests.learning.data.tiny_shards import write_tiny_shards

RANDOM = TrainingSettings(backbone_weights="random", max_epochs=1)
SPEC = InputSpec(n_frames=16, n_bands=12)
N_MOVING = 366 + 256_256 + 32_896 + 129


class StandIn(nn.Module):
    """Eats and gives what a network of torchvision does, with norms and dropout, in no time."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.dropout = nn.Dropout(0.5)
        self.out = nn.Linear(48, 1000)

    def forward(self, images):
        return 20 * self.out(self.dropout(self.pool(self.norm(images)).flatten(1)))


def stand_in(settings, kind=BackboneNetwork, seed=3):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = FrozenBackbone(StandIn(), "stand-in random")
    return kind(backbone, settings.backbone_output)


def made_up_batches(n_batches=2, n=3, shape=(16, 12)):
    generator = np.random.default_rng(1)
    return [
        (generator.random((n, *shape), np.float32), generator.random(n, np.float32))
        for _ in range(n_batches)
    ]


@pytest.fixture
def small(monkeypatch):
    for name, kind in (("small", BackboneNetwork), ("still", FrozenStemNetwork)):
        entry = ModelEntry(name, lambda s, kind=kind: stand_in(s, kind), SPEC, has_backbone=True)
        monkeypatch.setitem(MODELS, name, entry)


def train_small(name, folder, settings, **changes):
    batches = made_up_batches()
    arguments = {"log": lambda line: None, **changes}
    return train(
        name, entry=MODELS[name], settings=settings,
        train_batches=lambda epoch: batches, validation_batches=lambda: batches,
        folder=folder, **arguments,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "stays"),
    [("inception_v3", 23_834_568), ("vgg19", 143_667_240)],
)
def test_the_papers_networks_have_the_sizes_of_table_iv(name, stays):
    for variant, moving in ((name, N_MOVING), (f"{name}_frozen_stem", N_MOVING - 366)):
        with torch.device("meta"):
            network = find_model(variant).build(RANDOM)
            picture = network.picture(torch.empty(2, 1876, 256))
            maps = network.stem(torch.empty(2, 1, 1876, 256))
            assert network(torch.empty(2, 1876, 256)).shape == (2,)
        assert maps.shape == (2, 3, 1866, 246)
        assert picture.shape == (2, 3, 224, 224)
        assert sum(p.numel() for p in network.parameters() if p.requires_grad) == moving
        frozen = network.backbone.network
        assert sum(p.numel() for p in frozen.parameters()) == stays
        assert not any(p.requires_grad for p in frozen.parameters())
        assert not getattr(frozen, "transform_input", False)
        assert getattr(frozen, "AuxLogits", None) is None


def test_batches_are_the_papers():
    sizes = {n: recipe_of(n, ModelsSettings(batch_size=7)).batch_size for n in MODELS}
    assert (sizes["inception_v3"], sizes["vgg19"]) == (64, 32)


def test_a_real_step_moves_stem_and_head_and_leaves_inception_alone(tmp_path):
    images, quality = made_up_batches(1, n=2, shape=(1876, 256))[0]
    networks, stem_gradients = [], []
    entry = find_model("inception_v3")

    def build(settings):
        networks.append(entry.build(settings))
        networks[-1].stem.weight.register_hook(lambda g: stem_gradients.append(g.norm().item()))
        return networks[-1]

    train(
        "inception_v3", entry=dataclasses.replace(entry, build=build),
        settings=dataclasses.replace(RANDOM, device="cpu"),
        train_batches=lambda epoch: [(images, quality)],
        validation_batches=lambda: [(images, quality)],
        folder=tmp_path, log=lambda line: None,
    )  # fmt: skip
    trained = networks[0]
    torch.manual_seed(derive_seed("models.weights", 0, "inception_v3"))
    fresh = entry.build(RANDOM)
    same = {
        name: torch.equal(p, q)
        for (name, p), q in zip(trained.named_parameters(), fresh.parameters(), strict=True)
    }
    statistics = {
        name: torch.equal(p, q)
        for (name, p), q in zip(trained.named_buffers(), fresh.buffers(), strict=True)
    }
    moved = {name for name, equal in same.items() if not equal}
    assert moved == {
        f"{layer}.{kind}"
        for layer in ("stem", "dense1", "dense2", "dense3") for kind in ("weight", "bias")
    }  # fmt: skip
    assert len(same) > 200
    assert all(statistics.values())
    assert len(statistics) > 200  # norms kept what they had
    assert len(stem_gradients) == 1  # one step
    assert stem_gradients[0] > 1e-6  # came through the frozen network
    assert trained.backbone.network.Conv2d_1a_3x3.conv.weight.grad is None
    assert not trained.backbone.network.training
    # Neither checkpoint nor weights hold the 95 MB of the backbone.
    for file in ("checkpoint.ckpt", "weights.pt"):
        assert (tmp_path / file).stat().st_size < 4_000_000
    record = {"model": "inception_v3", "finished": True}
    record["settings_json"] = json.dumps(
        json.loads((tmp_path / "settings.json").read_text())["settings"]
    )
    assert backbone_weights_of(record) == "random"
    assert title_of(record) == "Inception v3 (paper 001, table IV), random backbone"


@pytest.mark.long
def test_gradients_reach_the_stem_through_vgg19_and_its_dropout_is_off():
    network = find_model("vgg19").build(replace(RANDOM, seed=1)).train()
    images = torch.from_numpy(made_up_batches(1, n=1, shape=(1876, 256))[0][0])
    first, second = network(images), network(images)
    assert torch.equal(first, second)
    first.sum().backward()
    assert network.stem.weight.grad.norm() > 1e-9


def test_a_frozen_backbone_stays_in_evaluation_mode_whatever_the_rest_does():
    network = stand_in(RANDOM)
    images = torch.from_numpy(made_up_batches(1)[0][0])
    before = network.eval()(images)
    assert torch.equal(network.train()(images), before)
    assert network.training
    assert not any(m.training for m in network.backbone.modules())
    assert network.backbone.network.norm.num_batches_tracked == 0


def test_channels_innermost_change_neither_outputs_nor_gradients():
    torch.manual_seed(4)
    plain = nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
    )
    still = StillBackbone(copy.deepcopy(plain))
    assert still.network[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(still.network[0].weight, plain[0].weight)
    found, expected = (torch.rand(2, 3, 20, 18, requires_grad=True) for _ in range(2))
    expected.data = found.data.clone()
    still(found).square().sum().backward()
    plain.eval()(expected).square().sum().backward()
    np.testing.assert_allclose(still(found).detach(), plain(expected).detach(), atol=1e-5)
    np.testing.assert_allclose(found.grad, expected.grad, atol=1e-4)


def test_a_stem_lies_with_its_channels_innermost_and_is_drawn_as_if_it_did_not():
    plain = nn.Conv2d(1, 3, 11)
    torch.manual_seed(FROZEN_SEED)
    start_like_keras(plain)
    frozen, moving = (stand_in(RANDOM, kind).stem for kind in (FrozenStemNetwork, BackboneNetwork))
    assert torch.equal(frozen.weight, plain.weight)
    for stem in (frozen, moving):
        assert stem.weight.stride() == (121, 1, 11, 1)


def test_the_picture_is_kerass_resizing_of_the_relu():
    network = stand_in(RANDOM)
    image = torch.from_numpy(made_up_batches(1, n=1, shape=(1876, 256))[0][0])
    with torch.no_grad():
        found = network.picture(image)[0].numpy()
        maps = network.stem(image[:, None])[0].clamp(min=0).numpy().astype(np.float64)

    def weights(n_in):
        # Half-pixel centres: row i of the result lies at (i + 0.5) * n_in / 224 - 0.5.
        at = np.clip((np.arange(224) + 0.5) * n_in / 224 - 0.5, 0, n_in - 1)
        low = np.floor(at).astype(int)
        matrix = np.zeros((224, n_in))
        matrix[np.arange(224), low] += 1 - (at - low)
        matrix[np.arange(224), np.minimum(low + 1, n_in - 1)] += at - low
        return matrix

    expected = weights(1866) @ maps @ weights(246).T
    assert found.min() >= 0
    # float32 coordinates are good to 1e-4 of a row; corners aligned would be off by 0.1.
    np.testing.assert_allclose(found, expected, atol=5e-4)


def test_the_dense_layers_see_a_softmax_or_logits_by_setting():
    images = torch.from_numpy(made_up_batches(1)[0][0])
    soft = stand_in(RANDOM)
    logits = stand_in(replace(RANDOM, backbone_output="logits"))
    logits.stem.load_state_dict(soft.stem.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(soft.outputs(images).sum(1), torch.ones(3))
        assert logits.outputs(images).min() < 0
        torch.testing.assert_close(soft.outputs(images), logits.outputs(images).softmax(1))


@pytest.mark.parametrize("name", ["small", "still"])
def test_a_resumed_training_equals_an_undisturbed_one_and_loads(tmp_path, small, name):
    settings = TrainingSettings(max_epochs=3)

    def interrupt(metrics):
        if metrics["epoch"] == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_small(name, tmp_path / "resumed", settings, on_epoch=interrupt)
    resumed = train_small(name, tmp_path / "resumed", settings)
    undisturbed = train_small(name, tmp_path / "undisturbed", settings)
    assert resumed.curves == undisturbed.curves
    assert resumed.parameters == N_MOVING - (0 if name == "small" else 366)
    first, second = (load_model(r.weights.parent).state_dict() for r in (resumed, undisturbed))
    assert list(first) == [
        "stem.weight", "stem.bias", "backbone.digest",
        *(f"dense{n}.{kind}" for n in (1, 2, 3) for kind in ("weight", "bias")),
    ]  # fmt: skip
    assert all(torch.equal(first[name], second[name]) for name in second)


def test_weights_trained_on_another_backbone_are_refused(tmp_path, small, monkeypatch):
    settings = TrainingSettings(max_epochs=1)
    train_small("small", tmp_path, settings)
    other = dataclasses.replace(MODELS["small"], build=lambda s: stand_in(s, seed=4))
    monkeypatch.setitem(MODELS, "small", other)
    with pytest.raises(
        LakeError,
        match=r"trained on stand-in random weights with SHA-256 \w{12}…, and those found now have "
        r"\w{12}…; put the weights of then back, or delete its folder",
    ):
        load_model(tmp_path)


def test_a_frozen_stem_shows_each_image_to_the_backbone_once(tmp_path, small, monkeypatch):
    settings = TrainingSettings(max_epochs=3)
    seen = []
    forward = StandIn.forward

    def counted(self, images):
        seen.append(len(images))
        return forward(self, images)

    monkeypatch.setattr(StandIn, "forward", counted)
    result = train_small("still", tmp_path, settings)
    assert sum(seen) == 6  # of 2 batches of 3, in 3 epochs, each trained on and validated with
    (cache,) = tmp_path.glob("outputs-softmax-*.bin")
    assert cache.stat().st_size == 6 * (16 + 4 * 1000)
    # Another attempt reads what the first one left, and a network without a cache agrees.
    train_small("still", tmp_path, replace(settings, max_minutes=1.0))
    (tmp_path / "checkpoint.ckpt").unlink()
    again = train_small("still", tmp_path, settings)
    assert sum(seen) == 6
    assert again.curves == result.curves
    monkeypatch.setattr(FrozenStemNetwork, "cache_in", lambda self, folder, **how: None)
    without = train_small("still", tmp_path / "without", settings)
    assert sum(seen) == 6 + 6 * 2 * 3
    np.testing.assert_allclose(without.curves["loss"], result.curves["loss"], rtol=1e-5)


def test_trainings_of_a_frozen_stem_share_its_outputs_whatever_their_seed(
    tmp_path, small, monkeypatch
):
    seen = []
    forward = StandIn.forward

    def counted(self, images):
        seen.append(len(images))
        return forward(self, images)

    monkeypatch.setattr(StandIn, "forward", counted)
    shared = {"outputs_folder": tmp_path / "cache" / "outputs"}
    first = train_small("still", tmp_path / "0", TrainingSettings(max_epochs=2, seed=0), **shared)
    assert sum(seen) == 6
    other = train_small("still", tmp_path / "1", TrainingSettings(max_epochs=2, seed=1), **shared)
    assert sum(seen) == 6
    stems = [load_model(r.weights.parent).state_dict()["stem.weight"] for r in (first, other)]
    assert torch.equal(*stems)
    assert other.curves["loss"] != first.curves["loss"]  # heads begin by the seed


def test_stored_images_are_read_once_for_a_frozen_stem(lake, tmp_path, small, monkeypatch):
    shards = ImageShards(write_tiny_shards(lake, shape=(16, 12)).files, "train")
    stored = ShardBatches(shards, 8, seed=3), ShardBatches(shards, 8)
    read, read_group = [], ImageShards.read_group

    def counted(self, group):
        read.append(group)
        return read_group(self, group)

    monkeypatch.setattr(ImageShards, "read_group", counted)
    arguments = {"entry": MODELS["still"], "settings": TrainingSettings(max_epochs=3)}
    once = train(
        "still", **arguments, folder=tmp_path / "once", log=lambda line: None,
        train_batches=stored[0], validation_batches=stored[1],
    )  # fmt: skip
    assert len(read) == 2 * len(shards.groups)
    each = train(
        "still", **arguments, folder=tmp_path / "each", log=lambda line: None,
        train_batches=lambda epoch: stored[0](epoch), validation_batches=lambda: stored[1](),
    )  # fmt: skip
    assert len(read) == (2 + 6) * len(shards.groups)
    for curve in ("loss", "validation_loss"):
        np.testing.assert_allclose(once.curves[curve], each.curves[curve], rtol=1e-5)


def test_random_backbones_follow_the_seed():
    from musqa_pipeline.learning.networks.imagenet import Published, fill_backbone

    def drawn(seed):
        network = nn.Conv2d(3, 4, 5)
        before = torch.random.get_rng_state()
        fill_backbone(network, Published("tiny", None), "random", seed=seed)
        assert torch.equal(torch.random.get_rng_state(), before)
        return network.weight

    weights = drawn(1)
    # He: variance 2 / fan-in.
    assert weights.std().item() == pytest.approx((2 / 75) ** 0.5, rel=0.15)
    assert torch.equal(weights, drawn(1))
    assert not torch.equal(weights, drawn(2))


def test_titles_tell_weights_and_unfinished_runs_apart():
    row = {"model": "vgg19", "finished": False, "settings_json": "{}"}
    assert backbone_weights_of(row) == "imagenet"
    assert title_of(row) == "VGG19 (paper 001, table IV), unfinished"
    own = {**row, "finished": True, "settings_json": json.dumps({"backbone_weights": "a.pth"})}
    assert title_of(own) == "VGG19 (paper 001, table IV), backbone from a file"
    assert backbone_weights_of({**own, "model": "cnn1d"}) == ""


def test_without_torchvision_the_network_says_what_to_install(monkeypatch):
    monkeypatch.setattr(torchvision_ops.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        SettingsError, match=r"'vgg19' needs torchvision, which is not installed; install musqa-p"
    ):
        find_model("vgg19").build(RANDOM)

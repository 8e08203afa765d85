import numpy as np
import pytest
import torch

from musqa_pipeline.audio.features.bands import STEP_DB
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.networks import musqa_net_ablations as ablations
from musqa_pipeline.learning.networks.musqa_net import MusqaNet, bell_cross_entropy, raised
from musqa_pipeline.learning.networks.musqa_net_ablations import (
    SMOOTHED_BANDS,
    DividedBands,
    without_fine_bands,
    without_level,
)
from musqa_pipeline.learning.registry import MODELS
from musqa_pipeline.learning.training import learner

IMAGES = torch.rand(4, 31, 1024, generator=torch.Generator().manual_seed(0)) * 0.8
QUALITY = torch.tensor([0.1, 0.4, 0.8, 0.93])


def loss_of(entry, network, seed=0):
    torch.manual_seed(seed)
    return learner.loss_of(entry, TrainingSettings.of(entry.recipe))(network, IMAGES, QUALITY)


@pytest.mark.parametrize(
    "name",
    [
        "one_member",
        "no_augmentation",
        "darkened",
        "mildly_darkened",
        "point",
        "no_level",
        "coarse",
        "divisive_learnt",
        "attending",
        "ordered",
    ],
)
def test_an_ablation_trains_and_differs_from_the_network_in_its_loss_or_prediction(name):
    entry, whole = MODELS[f"musqa_net_{name}"], MODELS["musqa_net"]
    assert entry.input == whole.input
    assert {key: entry.recipe[key] for key in whole.recipe} == whole.recipe
    torch.manual_seed(1)
    network = entry.build(TrainingSettings.of(entry.recipe)).eval()
    torch.manual_seed(1)
    original = MusqaNet().eval()
    loss = loss_of(entry, network)
    loss.backward()
    moved = [p.grad is not None and bool(p.grad.abs().sum() > 0) for p in network.parameters()]
    assert all(moved)
    with torch.no_grad():
        other = network(IMAGES), loss_of(entry, network)
        ours = original(IMAGES), loss_of(whole, original)
    assert not (torch.equal(other[0], ours[0]) and torch.equal(other[1], ours[1]))


def test_without_level_a_gain_changes_nothing():
    louder = IMAGES + 0.1
    torch.testing.assert_close(without_level(IMAGES), without_level(louder))
    assert without_level(IMAGES).amax() == pytest.approx(1.0)


def test_coarse_bands_keep_means_and_nothing_finer():
    coarse = without_fine_bands(IMAGES)
    groups = coarse.unflatten(2, (4, 256 // SMOOTHED_BANDS, SMOOTHED_BANDS))
    assert (groups == groups[..., :1]).all()
    expected = IMAGES.unflatten(2, (4, 256 // SMOOTHED_BANDS, SMOOTHED_BANDS)).mean(4)
    torch.testing.assert_close(groups[..., 0], expected)


def test_one_member_has_a_quarter_of_the_weights():
    count = [
        sum(p.numel() for p in entry.build(TrainingSettings.of(entry.recipe)).parameters())
        for entry in (MODELS["musqa_net_one_member"], MODELS["musqa_net"])
    ]
    assert 4 * count[0] == count[1]


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("musqa_net")])
def test_every_variant_has_as_many_members_as_a_recipe_says(name):
    entry = MODELS[name]
    targets = torch.rand(4, 1 + len(entry.further_targets)) if entry.further_targets else QUALITY
    for n_members in (1, 3):
        network = entry.build(TrainingSettings(n_members=n_members))
        assert len(network.members) == n_members
        loss = learner.loss_of(entry, TrainingSettings())(network, IMAGES, targets)
        assert loss.isfinite()


def test_bands_are_divided_by_their_neighbours_and_a_level_image_stays():
    for learnt in (False, True):
        divide = DividedBands(learnt=learnt)
        assert divide.shares.requires_grad == learnt
        level = torch.full((2, 3, 1024), 0.5)
        torch.testing.assert_close(divide(level), level)
        found = divide(IMAGES).unflatten(2, (4, 256)).detach().numpy()
        cells = IMAGES.unflatten(2, (4, 256)).numpy().astype(np.float64)
        constant, below, above = 0.0248, 0.1015, 0.1011
        gain = constant + 0.5 * (below + above)
        for band in (0, 1, 100, 255):
            beside = below * cells[..., max(band - 1, 0)] + above * cells[..., min(band + 1, 255)]
            expected = gain * cells[..., band] / (constant + beside)
            np.testing.assert_allclose(found[..., band], expected, rtol=1e-5)


def test_fixed_shares_of_neighbours_stay_while_the_network_learns():
    entry = MODELS["musqa_net_divisive"]
    network = entry.build(TrainingSettings())
    loss_of(entry, network).backward()
    moved = {name: p.grad is not None for name, p in network.named_parameters()}
    assert not moved.pop("change.shares")
    assert all(moved.values())


def test_segments_are_attended_to_in_any_order_and_number():
    torch.manual_seed(2)
    network = MODELS["musqa_net_attending"].build(TrainingSettings()).eval()
    with torch.no_grad():
        whole = network.distribution(IMAGES)
        torch.testing.assert_close(network.distribution(IMAGES.flip(1)), whole)
        assert network.distribution(IMAGES[:, :7]).shape == whole.shape
        changed = IMAGES.clone()
        changed[:, 3, :256] = 0.1
        assert float((network.distribution(changed) - whole).abs().max()) > 1e-6
        loudest = network.members[0]
        loudest.kept.weight.zero_()
        loudest.kept.bias.zero_()
        plain = network.summed_up(IMAGES)[:, :10]
        expected = super(type(loudest), loudest).heard(plain)
        torch.testing.assert_close(loudest.heard(network.summed_up(IMAGES)), expected)


def test_order_tells_a_network_that_knows_it():
    torch.manual_seed(2)
    network, plain = (MODELS[name].build(TrainingSettings()).eval()
                      for name in ("musqa_net_ordered", "musqa_net"))  # fmt: skip
    mixed = IMAGES[:, torch.randperm(31)]
    with torch.no_grad():
        torch.testing.assert_close(plain(mixed), plain(IMAGES))
        steps = network.summed_up(IMAGES)[:, 10:]
        assert not torch.allclose(network.summed_up(mixed)[:, 10:], steps, atol=0.1)
    level_db = raised(IMAGES).unflatten(2, (4, 256))[:, :, 0].numpy() * 255 * STEP_DB
    change = np.diff(level_db, axis=1) / 6
    np.testing.assert_allclose(steps[:, 0], np.abs(change).mean(1) - 0.5, atol=1e-4)
    np.testing.assert_allclose(steps[:, 1], np.maximum(change, 0).max(1) - 1, atol=1e-4)


def test_training_in_order_hears_segments_that_follow_each_other(monkeypatch):
    heard = []
    numbered = torch.arange(31.0)[None, :, None].expand(4, 31, 1024) / 255
    network = MODELS["musqa_net_ordered"].build(TrainingSettings())
    monkeypatch.setattr(
        ablations, "equalised", lambda images, quality: heard.append(images) or images
    )
    for seed in range(3):
        torch.manual_seed(seed)
        ablations.ordered_loss(network, numbered, QUALITY)
    starts = [round(float(images[0, 0, 0] * 255)) for images in heard]
    assert len(set(starts)) > 1
    for start, images in zip(starts, heard, strict=True):
        assert torch.equal(images, numbered[:, start : start + 15])


def test_rows_behind_a_gentle_filter_count_three_times():
    slope = torch.tensor([0.2, torch.nan, 0.3, 0.4])
    targets = torch.stack([QUALITY, torch.zeros(4), slope, torch.zeros(4)], 1)
    torch.manual_seed(1)
    network = MODELS["musqa_net_gentle"].build(TrainingSettings()).eval()
    torch.manual_seed(5)
    found = MODELS["musqa_net_gentle"].loss(network, IMAGES, targets)
    torch.manual_seed(5)
    heard = network.summed_up(ablations.equalised(ablations.some_segments(IMAGES), QUALITY))
    each = [bell_cross_entropy(member(heard), QUALITY) for member in network.members]
    expected = torch.stack(each).mean(0) @ torch.tensor([3.0, 1, 3, 1]) / 8
    torch.testing.assert_close(found, expected)
    found.backward()
    assert all(float(p.grad.abs().sum()) > 0 for p in network.parameters())

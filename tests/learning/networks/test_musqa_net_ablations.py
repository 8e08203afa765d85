import numpy as np
import pytest
import torch

from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.networks.musqa_net import MusqaNet
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
    ],
)
def test_an_ablation_trains_and_differs_from_the_network_in_its_loss_or_prediction(name):
    entry, whole = MODELS[f"musqa_net_{name}"], MODELS["musqa_net"]
    assert entry.input == whole.input
    assert {key: entry.recipe[key] for key in whole.recipe} == whole.recipe
    torch.manual_seed(1)
    network = entry.build(TrainingSettings()).eval()
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
        sum(p.numel() for p in MODELS[name].build(TrainingSettings()).parameters())
        for name in ("musqa_net_one_member", "musqa_net")
    ]
    assert 4 * count[0] == count[1]


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

import numpy as np
import pytest
import torch
from scipy.signal import butter, sosfilt
from torch import nn

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.features.bands import (
    FLOOR_DB,
    HEARD_CELL,
    N_BANDS,
    N_COLUMNS,
    N_SEGMENTS,
    STEP_DB,
    band_centres_hz,
    band_image,
    levels_db,
)
from musqa_pipeline.learning.networks.musqa_net import MusqaNet, loss, raised, statistics
from musqa_pipeline.learning.networks.musqa_net_augmentation import (
    EQUALISER_DB,
    darkened,
    equalised,
)

LARGEST_BYTES = 20e6
"""Of the file that a scorer would load; weights are 4 bytes each."""


@pytest.fixture
def network():
    torch.manual_seed(0)
    return MusqaNet().eval()


def images(n, seed=0, n_segments=N_SEGMENTS):
    return torch.rand(n, n_segments, N_COLUMNS, generator=torch.Generator().manual_seed(seed))


def music():
    """Bursts of noise over a steady floor of noise, so that every statistic differs."""
    rng = np.random.default_rng(1)
    bursts = rng.standard_normal(EXCERPT_SAMPLES) * (np.arange(EXCERPT_SAMPLES) % 24_000 < 8_000)
    sections = butter(2, 2_000, fs=SAMPLE_RATE_HZ, output="sos")
    return (0.1 * sosfilt(sections, bursts) + 1e-4 * rng.standard_normal(EXCERPT_SAMPLES)).astype(
        np.float32
    )


def test_it_is_small_enough_to_ship(network):
    n_parameters = sum(p.numel() for p in network.parameters())
    assert n_parameters < 4.5e6
    assert 4 * n_parameters < LARGEST_BYTES


def test_the_prediction_is_the_mean_of_the_distribution(network):
    x = images(3)
    probabilities = network.distribution(x)
    assert probabilities.shape == (3, 40)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(dim=1).detach(), 1, atol=1e-6)
    steps = torch.linspace(0, 0.95, 40)
    np.testing.assert_allclose(
        network(x).detach(), (probabilities * steps).sum(dim=1).detach(), atol=1e-6
    )


def test_an_image_is_predicted_alike_alone_and_in_company(network):
    x = images(5)
    np.testing.assert_allclose(network(x)[2:3].detach(), network(x[2:3]).detach(), atol=1e-6)


def test_any_number_of_segments_is_taken(network):
    assert network(images(2, n_segments=7)).shape == (2,)


def test_the_order_of_segments_is_nothing_to_it(network):
    x = images(2)
    np.testing.assert_allclose(network(x).detach(), network(x.flip(dims=[1])).detach(), atol=1e-5)


def test_statistics_are_those_of_the_levels():
    image = band_image(music())
    levels = levels_db(np.maximum(image, HEARD_CELL))
    found = statistics(raised(torch.from_numpy(image[None]).float() / 255))[0].numpy()
    level, ragged = levels["log_power"], levels["log_power"] - levels["log_bins"]
    mean_power_db = 10 * np.log10((10 ** (levels["power"] / 10)).mean(axis=0))
    expected = [
        (mean_power_db + 50) / 25,
        (level.mean(axis=0) + 50) / 25,
        (level.min(axis=0) + 50) / 25,
        (level.max(axis=0) + 50) / 25,
        (levels["least"].min(axis=0) + 50) / 25,
        level.std(axis=0) / 6 - 0.5,
        (levels["power"] - level).mean(axis=0) / 6 - 0.5,
        ragged.mean(axis=0) / 6 - 0.5,
        ragged.std(axis=0) / 3 - 0.5,
        (level - levels["least"]).mean(axis=0) / 8 - 0.5,
    ]
    np.testing.assert_allclose(found, expected, atol=0.04)
    assert np.std(expected, axis=1).min() > 0.02  # else a statistic was not tested at all


def test_how_a_file_was_stored_is_nothing_to_it(network):
    cut = sosfilt(butter(10, 5_000, fs=SAMPLE_RATE_HZ, output="sos"), music())
    stored = np.round(cut * 32_768) / 32_768  # in 16 bits
    pair = np.stack([band_image(cut), band_image(stored)])
    empty = np.tile(band_centres_hz() > 16_000, pair.shape[2] // N_BANDS)
    assert not pair[0][:, empty].any()
    assert pair[1][:, empty].any()
    statistics_2cb = network.summed_up(torch.from_numpy(pair).float() / 255)[..., empty[:N_BANDS]]
    assert torch.equal(statistics_2cb[0], statistics_2cb[1])
    without, with_noise = network(torch.from_numpy(pair).float() / 255).tolist()
    assert with_noise == pytest.approx(without, abs=2e-3)


def test_an_equaliser_moves_all_statistics_of_a_band_alike_and_leaves_the_floor():
    torch.manual_seed(3)
    x = torch.full((4, 6, N_COLUMNS), 0.5)
    x[:, :, ::2] = 0
    moved = equalised(x, torch.full((4,), 0.9))
    assert (moved[:, :, ::2] == 0).all()
    gain_db = ((moved - x) * 255 * STEP_DB).unflatten(2, (4, N_BANDS))[..., 1::2]
    assert gain_db.std() > 1.5
    assert (gain_db == gain_db[:, :1, :1]).all()
    assert gain_db[0, 0, 0].diff().abs().max() < 2  # smooth over bands


def test_poor_excerpts_are_hardly_equalised():
    torch.manual_seed(0)
    x = torch.full((400, 1, N_COLUMNS), 0.5)
    quality = torch.arange(400) % 2 * 0.9
    gain_db = (equalised(x, quality) - x)[:, 0, 0] * 255 * STEP_DB
    found = [float(gain_db[quality == value].std()) for value in (0.0, 0.9)]
    np.testing.assert_allclose(found, EQUALISER_DB, rtol=0.15)


def test_only_good_excerpts_are_darkened_and_only_towards_high_bands():
    torch.manual_seed(4)
    x = torch.full((200, 2, N_COLUMNS), 0.8)
    quality = torch.tensor([0.9, 0.5]).repeat(100)
    fall_db = ((x - darkened(x, quality, 0.6, 13.0)) * 255 * STEP_DB).unflatten(2, (4, N_BANDS))
    assert (fall_db[1::2] == 0).all()
    hit = fall_db[::2, 0, 0, -1] > 0
    assert 0.4 < hit.float().mean() < 0.8
    assert (fall_db[::2][hit][..., 0] == 0).all()
    assert (fall_db.diff(dim=-1) >= -1e-4).all()


def test_what_is_at_the_floor_stays_there_when_darkened():
    torch.manual_seed(5)
    x = torch.zeros(20, 2, N_COLUMNS)
    assert (darkened(x, torch.ones(20), 0.6, 13.0) == 0).all()


def test_darkening_ends_at_a_floor_of_noise_in_some():
    torch.manual_seed(6)
    x = torch.full((400, 1, N_COLUMNS), 0.3)
    least_db = darkened(x, torch.ones(400), 0.6, 13.0).amin(dim=(1, 2)) * 255 * STEP_DB + FLOOR_DB
    assert least_db.min() == FLOOR_DB
    assert ((least_db > FLOOR_DB) & (least_db <= FLOOR_DB + 12)).any()


@pytest.mark.parametrize(("answered", "label"), [(0.25, 0.7), (0.7, 0.25)])
def test_the_loss_is_low_for_the_label_and_high_elsewhere(network, answered, label):
    for member in network.members:
        with torch.no_grad():
            member.logits.weight.zero_()
            member.logits.bias.copy_(-0.5 * ((network.step_q - answered) / 0.02).square())
    at = [float(loss(network, images(2), torch.full((2,), q)).detach()) for q in (answered, label)]
    assert at[0] == pytest.approx(1.22, abs=0.05)  # entropy of a bell 0.82 steps wide
    assert at[1] > 100


def test_the_answer_is_the_mean_of_different_members(network):
    x = images(3)
    summed_up = network.summed_up(x)
    answers = [torch.softmax(member(summed_up), dim=1) for member in network.members]
    assert len(answers) == 4
    assert (answers[0] - answers[1]).abs().max() > 1e-3
    np.testing.assert_allclose(
        network.distribution(x).detach(), sum(answers).detach() / 4, atol=1e-6
    )


def test_the_chance_of_a_step_is_torchs_alone():
    torch.manual_seed(0)
    trained = MusqaNet().train()
    x, quality = images(4), torch.tensor([0.9, 0.2, 0.8, 0.5])
    values = []
    for seed in (7, 7, 8):
        torch.manual_seed(seed)
        values.append(float(loss(trained, x, quality).detach()))
    assert values[0] == values[1] != values[2]


def test_every_weight_learns():
    torch.manual_seed(0)
    trained = MusqaNet().train()
    loss(trained, images(8), torch.linspace(0.1, 0.9, 8)).backward()
    assert all(p.grad.abs().max() > 0 for p in trained.parameters())


def test_gradients_stay_finite_where_nothing_varies():
    torch.manual_seed(0)
    trained = MusqaNet().train()
    x = torch.zeros(2, N_SEGMENTS, N_COLUMNS, requires_grad=True)
    loss(trained, x, torch.tensor([0.1, 0.9])).backward()
    assert torch.isfinite(x.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in trained.parameters())


def cut_noise(n, seed):
    """Images of noise cut at a random band, with the share that was left as quality."""
    rng = np.random.default_rng(seed)
    levels = rng.normal(140, 4, (n, 4, 4, N_BANDS))
    cut = rng.integers(60, N_BANDS, n)
    levels *= (np.arange(N_BANDS) < cut[:, None])[:, None, None]
    x = torch.from_numpy(levels.reshape(n, 4, N_COLUMNS)).float() / 255
    return x, torch.from_numpy(0.9 * cut / N_BANDS).float()


def test_it_learns_where_noise_was_cut():
    torch.manual_seed(0)
    trained = MusqaNet().train()
    optimizer = torch.optim.AdamW(trained.parameters(), lr=2e-3)
    x, quality = cut_noise(192, 0)
    for _ in range(8):
        for part in torch.randperm(192).split(32):
            optimizer.zero_grad()
            loss(trained, x[part], quality[part]).backward()
            nn.utils.clip_grad_norm_(trained.parameters(), 5.0)
            optimizer.step()
    new, truth = cut_noise(64, 1)
    with torch.no_grad():
        error = (trained.eval()(new) - truth).square().mean().sqrt()
    assert error < 0.07 < truth.std() / 2


EXPORTED_OPS = {
    "add", "amax", "amin", "cat", "clamp", "conv1d", "div", "dropout", "exp", "flatten", "getitem",
    "linear", "log10", "matmul", "mean", "mul", "pow", "silu", "slice", "softmax", "sqrt", "square",
    "stack", "sub", "unbind", "unflatten", "view",
}  # fmt: skip
"""Operations that ONNX has, or that are made of such."""


def test_only_operations_that_onnx_has_are_used(network):
    n = torch.export.Dim("n")
    program = torch.export.export(network, (images(2),), dynamic_shapes=({0: n},))
    used = {
        node.target.__name__.split(".")[0]
        for node in program.graph.nodes
        if node.op == "call_function"
    }
    assert used <= EXPORTED_OPS, used - EXPORTED_OPS

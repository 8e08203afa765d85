import numpy as np
import pytest
import torch
from torch import nn

from musqa_pipeline.audio.features.gammatone import design_gammatone
from musqa_pipeline.audio.features.gammatone_bands import (
    FLOOR_DB,
    N_BANDS,
    N_FRAMES,
    TOP_DB,
)
from musqa_pipeline.audio.features.gammatone_bands_torch import band_cells
from musqa_pipeline.learning.entry import TrainingSettings
from musqa_pipeline.learning.networks.insenet_augmentation import (
    EQUALISER_DB,
    FLOOR_FADE_DB,
    STRETCH_FRAMES,
    equalised,
    stretches,
    with_gains,
)
from musqa_pipeline.learning.registry import MODELS
from tests.audio.music import music

RANGE_DB = TOP_DB - FLOOR_DB
MUSIC = torch.from_numpy(music()[:480_000].copy())
DULL = torch.nn.functional.avg_pool1d(MUSIC[None], 5, 1, 2)[0]
PAIR = torch.cat((band_cells(MUSIC), band_cells(DULL)), 1)


def pairs(n=6):
    return PAIR.expand(n, -1, -1).clone()


def moves_db(before, after):
    """What became of the levels that lie well above the floor, by half and band."""
    loud = (before * RANGE_DB > 2 * FLOOR_FADE_DB) & (after * RANGE_DB < RANGE_DB - 0.1)
    moved = torch.where(loud, (after - before) * RANGE_DB, torch.nan)
    return moved.nanmedian(1).values.unflatten(1, (2, N_BANDS)), moved


def test_both_halves_get_one_curve_and_each_pair_its_own():
    torch.manual_seed(0)
    curves, moved = moves_db(pairs(), equalised(pairs()))
    first, second = curves.unbind(1)
    # The halves differ by one number alone, that of their own RMS.
    between = first - second
    seen = ~torch.isnan(between)
    for pair in range(len(between)):
        assert between[pair][seen[pair]].std() < 1e-3
    assert (first[0] - first[1]).std() > 1
    spread = moved[~moved.isnan()].std()
    assert 0.5 * EQUALISER_DB < spread < 1.5 * EQUALISER_DB


def test_the_control_gives_each_half_a_curve_of_its_own():
    torch.manual_seed(0)
    curves, _ = moves_db(pairs(), equalised(pairs(), alike=False))
    between = curves[:, 0] - curves[:, 1]
    assert all(row[~torch.isnan(row)].std() > 1 for row in between)


def test_an_equalised_image_is_the_image_of_equalised_sound():
    rng = np.random.default_rng(3)
    bands_hz = np.sort(design_gammatone(48_000).center_hz)
    gains_db = np.interp(np.arange(N_BANDS), np.linspace(0, N_BANDS - 1, 8), rng.normal(0, 3, 8))
    at_hz = np.interp(np.fft.rfftfreq(len(MUSIC), 1 / 48_000), bands_hz, gains_db)
    halves = []
    for signal in (MUSIC, DULL):
        heard = np.fft.irfft(np.fft.rfft(signal.numpy()) * 10 ** (at_hz / 20), len(signal))
        halves.append(band_cells(torch.from_numpy(heard.astype(np.float32))))
    expected = torch.cat(halves, 1)
    gains = torch.from_numpy(gains_db.astype(np.float32)).expand(1, 2, N_BANDS)
    found = with_gains(PAIR[None].unflatten(2, (2, N_BANDS)), gains).flatten(2)[0]
    loud = (expected * RANGE_DB > 2 * FLOOR_FADE_DB) & (PAIR * RANGE_DB > 2 * FLOOR_FADE_DB)
    errors_db = ((found - expected) * RANGE_DB)[loud]
    unchanged_db = ((PAIR - expected) * RANGE_DB)[loud]
    assert loud.float().mean() > 0.5
    # The RMS is that of bands which overlap not quite evenly: all cells err by about 0.5 dB.
    assert errors_db.abs().mean() < 0.8
    assert (errors_db - errors_db.median()).abs().mean() < 0.3
    assert (unchanged_db - unchanged_db.median()).abs().mean() > 1.5
    between_db = (found - expected).unflatten(1, (2, N_BANDS)).diff(dim=1)[:, 0] * RANGE_DB
    both = loud.unflatten(1, (2, N_BANDS)).all(1)
    assert between_db[both].abs().mean() < 0.15


def test_a_flat_gain_changes_nothing_because_levels_are_relative():
    halves = PAIR[None].unflatten(2, (2, N_BANDS))
    torch.testing.assert_close(with_gains(halves, torch.full((1, 2, N_BANDS), 9.0)), halves)
    louder = torch.cat((band_cells(0.1 * MUSIC), band_cells(3 * DULL)), 1)
    torch.testing.assert_close(louder, PAIR, atol=1e-4, rtol=0)


def test_what_lies_at_the_floor_stays_there():
    image = pairs()
    image[..., -4:] = 0
    torch.manual_seed(1)
    assert not equalised(image)[..., -4:].any()


def test_a_stretch_is_frames_in_a_row_of_both_halves_and_each_pair_has_its_own():
    numbered = torch.arange(N_FRAMES).float()[None, :, None].expand(8, -1, 2 * N_BANDS)
    torch.manual_seed(0)
    cut = stretches(numbered)
    assert cut.shape == (8, STRETCH_FRAMES, 2 * N_BANDS)
    assert bool((cut == cut[:, :, :1]).all())
    assert bool((cut.diff(dim=1) == 1).all())
    assert len(set(cut[:, 0, 0].tolist())) > 2
    short = numbered[:, : STRETCH_FRAMES - 5]
    assert torch.equal(stretches(short), short)


class Sum(nn.Module):
    """Sees what training makes of the images."""

    def forward(self, images):
        self.seen = images
        return images.mean((1, 2))


@pytest.mark.parametrize(
    ("name", "frames", "changed"),
    [
        ("insenet_equaliser", N_FRAMES, True),
        ("insenet_crops", STRETCH_FRAMES, False),
        ("insenet_augmented", STRETCH_FRAMES, True),
        ("insenet_torn", N_FRAMES, True),
    ],
)
def test_a_variant_trains_by_the_recipe_on_changed_pairs_and_predicts_as_the_network(
    name, frames, changed
):
    entry, whole = MODELS[name], MODELS["insenet"]
    assert (entry.recipe, entry.input) == (whole.recipe, whole.input)
    network, images = Sum(), pairs()
    torch.manual_seed(0)
    loss = entry.loss(network, images, torch.full((6,), 0.5))
    assert network.seen.shape[1] == frames
    assert loss == pytest.approx(float(((network.seen.mean((1, 2)) - 0.5) ** 2).mean()))
    cells = set(images.flatten().tolist())
    kept = np.mean([cell in cells for cell in network.seen[0, 0].tolist()])
    assert (kept < 0.6) if changed else (kept == 1)
    torch.manual_seed(1)
    built = entry.build(TrainingSettings())
    assert type(built) is type(whole.build(TrainingSettings()))

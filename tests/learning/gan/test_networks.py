"""Generator and discriminator: sizes as published, and what must hold of their parts."""

import pytest
import torch

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.learning.gan.networks import (
    N_NOISE,
    WIDTHS,
    Discriminator,
    Generator,
    GenreNorm,
    SelfAttention,
    attention_side,
    main,
    n_parameters,
)

N_GENRES = 3


def pair(size=64, width=4, n_genres=N_GENRES, seed=0):
    torch.manual_seed(seed)
    return Generator(size, width, n_genres), Discriminator(size, width, n_genres)


def drawn(n=6, size=64, seed=1):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(n, 1, size, size, generator=generator) * 2 - 1
    return images, torch.randint(N_GENRES, (n,), generator=generator)


@pytest.mark.long
def test_the_paper_s_networks_have_the_published_numbers_of_parameters(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["networks", "--count"])
    main()
    assert capsys.readouterr().out == "37227650 43433922\n"


def test_the_middle_size_has_the_published_numbers_of_parameters():
    assert tuple(map(n_parameters, pair(128, 32, 13))) == (8_568_642, 9_614_818)


@pytest.mark.parametrize("size", WIDTHS)
def test_images_come_out_and_scores_of_them(size):
    generator, discriminator = pair(size, width=2)
    genres = torch.tensor([0, 2])
    images = generator(torch.randn(2, N_NOISE), genres)
    assert images.shape == (2, 1, size, size)
    assert images.abs().max() <= 1
    scores = discriminator(images, genres)
    assert scores.shape == (2,)
    scores.sum().backward()
    for network in (generator, discriminator):
        still = [n for n, p in network.named_parameters() if p.grad is None]
        assert still == []


def test_attention_is_at_64_cells_or_half_of_a_small_image():
    assert [attention_side(size) for size in WIDTHS] == [32, 64, 64]
    for size, network in ((64, Generator), (128, Generator), (128, Discriminator)):
        layers = list(network(size, 2, 1).blocks)
        assert sum(isinstance(layer, SelfAttention) for layer in layers) == 1


def test_a_score_depends_neither_on_the_batch_nor_on_its_order():
    discriminator = pair()[1].eval()
    images, genres = drawn()
    with torch.inference_mode():
        together = discriminator(images, genres)
        order = torch.tensor([3, 0, 5, 1, 4, 2])
        assert (discriminator(images[order], genres[order]) - together[order]).abs().max() <= 1e-5
        each = [discriminator(i[None], g[None])[0] for i, g in zip(images, genres, strict=True)]
    assert (torch.stack(each) - together).abs().max() <= 1e-5
    assert together.std() > 1e-3


def test_the_score_of_the_mean_genre_is_the_mean_over_genres():
    discriminator = pair()[1].eval()
    images, _ = drawn()
    with torch.inference_mode():
        by_genre = discriminator.scores_of_genres(images)
        for genre in range(N_GENRES):
            asked = discriminator(images, torch.full((len(images),), genre))
            torch.testing.assert_close(by_genre[:, genre], asked, atol=1e-4, rtol=1e-5)
        features = discriminator.features(images)
        mean = discriminator.embedding.weight.mean(dim=0)
        of_mean = discriminator.linear(features).squeeze(1) + features @ mean
    torch.testing.assert_close(by_genre.mean(dim=1), of_mean, atol=1e-4, rtol=1e-5)
    assert by_genre.std(dim=1).min() > 0


def test_attention_is_the_identity_until_it_learns_otherwise():
    torch.manual_seed(0)
    attention, maps = SelfAttention(16), torch.randn(2, 16, 8, 8)
    assert torch.equal(attention(maps), maps)
    with torch.no_grad():
        attention.gamma.fill_(1.0)
    seen = attention(maps) - maps
    # Each cell sees a weighted mean of values, so that equal maps are seen equal everywhere.
    assert seen.abs().max() > 1e-3
    even = torch.ones(1, 16, 8, 8)
    of_even = attention(even) - even
    torch.testing.assert_close(of_even, of_even[..., :1, :1].expand_as(of_even))


def test_a_genre_scales_and_shifts_what_it_alone_is_of():
    norm = GenreNorm(4, 2).train()
    with torch.no_grad():
        norm.gain.weight[1] = 3.0
        norm.bias.weight[1] = -1.0
    maps = torch.randn(8, 4, 5, 5)
    plain = norm(maps, torch.zeros(8, dtype=torch.int64))
    moved = norm(maps, torch.ones(8, dtype=torch.int64))
    torch.testing.assert_close(moved, 3 * plain - 1)
    torch.testing.assert_close(plain.mean(dim=(0, 2, 3)), torch.zeros(4), atol=1e-5, rtol=0)


def test_the_same_seed_draws_the_same_networks():
    first, second, other = pair(seed=5), pair(seed=5), pair(seed=6)
    for a, b, c in zip(first, second, other, strict=True):
        of_a, of_b, of_c = (network.state_dict() for network in (a, b, c))
        assert all(torch.equal(of_a[name], of_b[name]) for name in of_a)
        assert not all(torch.equal(of_a[name], of_c[name]) for name in of_a)


def test_another_size_is_refused():
    with pytest.raises(SettingsError, match="size=96: expected one of 64, 128, 256"):
        Generator(96, 4, 1)

"""NLPD against plenoptic, which is Laparra's own port, and against what must hold of a distance."""

import math

import plenoptic
import pytest
import torch
from plenoptic.metric._perceptual_distance import normalized_laplacian_pyramid as levels_of

from musqa_pipeline.audio.metrics.perceptual.nlpd import Nlpd, nlpd, normalised_pyramid
from musqa_pipeline.core.errors import UnfitInputError


def pictures(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def noisy(images, level, seed=1):
    noise = torch.randn(
        images.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    return (images + level * noise).clamp(0, 1)


def test_einstein_and_curie_are_as_far_apart_as_published():
    einstein, curie = plenoptic.data.einstein().double(), plenoptic.data.curie().double()
    assert float(Nlpd(einstein).distance(curie)) == pytest.approx(1.3507, abs=5e-5)


@pytest.mark.parametrize("size", [(64, 64), (65, 70), (33, 48), (128, 313)])
def test_distances_and_levels_are_plenoptics(size):
    images = pictures(2, 1, *size)
    changed = noisy(images, 0.1)
    theirs = plenoptic.metric.nlpd(images, changed).squeeze(1)
    # Its root holds 1e-10.
    torch.testing.assert_close(Nlpd(images).distance(changed), theirs, rtol=0, atol=2e-8)


def test_each_level_is_plenoptics():
    images = pictures(2, 1, 96, 80)
    ours, theirs = normalised_pyramid(images), levels_of(images)
    assert len(ours) == 6
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("variant", ["laparra", "hepburn"])
def test_it_is_a_distance(variant):
    images, others = pictures(2, 1, 64, 96), pictures(2, 1, 64, 96, seed=5)
    metric = Nlpd(images, variant=variant)
    assert metric.distance(images).tolist() == [0, 0]
    there, back = metric.distance(others), Nlpd(others, variant=variant).distance(images)
    torch.testing.assert_close(there, back)
    steps = [float(metric.distance(noisy(images, level)).mean()) for level in (0.01, 0.03, 0.1)]
    assert 0 < steps[0] < steps[1] < steps[2]


def hepburn_over_laparra(images, changed):
    one, other = (Nlpd(images, variant=v).distance(changed) for v in ("laparra", "hepburn"))
    return other / one


def test_variants_differ_by_1_to_8_percent_on_noisy_photographs_and_more_on_darker_ones():
    einstein, curie = plenoptic.data.einstein().double(), plenoptic.data.curie().double()
    ratios = [hepburn_over_laparra(einstein, curie)]
    for image in (einstein, curie):
        ratios += [hepburn_over_laparra(image, noisy(image, level)) for level in (0.02, 0.1, 0.2)]
    assert all(1.01 < float(ratio) < 1.08 for ratio in ratios)
    darker = [hepburn_over_laparra(x, x * level) for x in (einstein, curie) for level in (0.5, 0.8)]
    assert all(0.84 < float(ratio) < 0.89 for ratio in darker)


def test_swapped_axes_are_those_of_the_transposed_image():
    images = pictures(1, 1, 48, 64)
    changed = noisy(images, 0.1)
    turned = Nlpd(images.transpose(2, 3)).distance(changed.transpose(2, 3))
    torch.testing.assert_close(Nlpd(images, axes="swapped").distance(changed), turned)
    assert not torch.allclose(Nlpd(images).distance(changed), turned, rtol=1e-6)


def test_batch_and_order_change_nothing_and_one_reference_serves_many():
    images = pictures(1, 1, 64, 64)
    changed = torch.cat([noisy(images, level, seed) for seed, level in enumerate((0.1, 0.2, 0.3))])
    together = Nlpd(images).distance(changed)
    apart = torch.cat([Nlpd(images).distance(one[None]) for one in changed])
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-12)
    torch.testing.assert_close(Nlpd(images).distance(changed.flip(0)), together.flip(0))


def test_a_loss_has_a_gradient_everywhere():
    images = pictures(1, 1, 16, 16)
    moving = noisy(images, 0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: nlpd(images, x), moving)
    same = images.clone().requires_grad_()
    distance = nlpd(images, same)
    assert float(distance.detach()) == pytest.approx(1e-5)
    distance.sum().backward()
    assert bool(torch.isfinite(same.grad).all())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:, :, :40], "references have the shape .* and images"),
        (lambda x: x[:, 0], "give \\(n, 1, bands, frames\\) with at least 16"),
        (lambda x: x[:, :, :15], "give \\(n, 1, bands, frames\\) with at least 16"),
        (lambda x: x * 1.1, "cells go from .* to 1.0.*; scale images to 0-1"),
        (lambda x: x * math.nan, "a cell is NaN or infinite"),
        (lambda x: x.expand(3, 1, 64, 64), "give as many images as references"),
    ],
)
def test_what_is_no_pair_is_refused(change, message):
    images = pictures(2, 1, 64, 64)
    wrong = change(images if "as many" not in message else images[:1])
    with pytest.raises(UnfitInputError, match=message):
        Nlpd(images).distance(wrong)


def test_a_constant_reference_is_refused_and_a_constant_image_is_not():
    images = pictures(3, 1, 32, 32)
    silent = images.clone()
    silent[1] = 0.25
    with pytest.raises(UnfitInputError, match=r"every cell of image 2 of 3 is 0\.25; take one"):
        Nlpd(silent)
    assert bool((Nlpd(images).distance(silent) > 0).equal(torch.tensor([False, True, False])))


def test_rounding_beyond_the_range_is_let_through():
    images = pictures(1, 1, 32, 32)
    assert float(Nlpd(images).distance(images * (1 + 5e-7))) < 1e-4

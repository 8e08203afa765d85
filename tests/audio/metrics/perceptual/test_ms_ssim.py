"""MS-SSIM against plenoptic, and the dead start that its usual floor makes."""

import plenoptic
import pytest
import torch
from torch.nn import functional

from musqa_pipeline.audio.metrics.perceptual.ms_ssim import MsSsim, ms_ssim
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.learning import torchvision_ops  # noqa: F401 - must precede torchmetrics
from tests.audio.metrics.perceptual.test_nlpd import noisy, pictures

from torchmetrics.functional.image import (  # isort: skip
    multiscale_structural_similarity_index_measure as peer,
)


def blurred(images):
    return functional.avg_pool2d(functional.pad(images, (4, 4, 4, 4), mode="reflect"), 9, 1)


@pytest.mark.parametrize("level", [0.02, 0.1, 0.4])
def test_it_is_plenoptics_on_blurred_noise(level):
    images = blurred(pictures(2, 1, 200, 190))
    changed = noisy(images, level)
    theirs = plenoptic.metric.ms_ssim(images, changed).squeeze(1)
    torch.testing.assert_close(MsSsim(images).score(changed), theirs, rtol=0, atol=1e-5)


def test_small_and_odd_images_are_plenoptics_too():
    images = pictures(2, 1, 65, 48)
    changed = noisy(images, 0.1)
    with pytest.warns(UserWarning, match="11x11"):
        theirs = plenoptic.metric.ms_ssim(images, changed).squeeze(1)
    torch.testing.assert_close(MsSsim(images).score(changed), theirs, rtol=0, atol=1e-5)


def test_torchmetrics_differs_at_the_edges_alone():
    images = blurred(pictures(2, 1, 512, 512)).float()
    changed = (images + 0.02 * pictures(2, 1, 512, 512, seed=3).float()).clamp(0, 1)
    theirs = float(peer(changed, images, data_range=1.0))
    assert float(MsSsim(images).score(changed).mean()) == pytest.approx(theirs, abs=1e-3)


def test_it_is_1_for_the_same_symmetric_and_falls_with_noise():
    images, others = blurred(pictures(2, 1, 96, 128)), blurred(pictures(2, 1, 96, 128, seed=5))
    metric = MsSsim(images)
    torch.testing.assert_close(metric.score(images), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(metric.score(others), MsSsim(others).score(images))
    steps = [float(metric.score(noisy(images, level)).mean()) for level in (0.01, 0.03, 0.1)]
    assert 1 > steps[0] > steps[1] > steps[2] > 0


def test_reversed_contrast_has_no_gradient_but_with_the_floor_on_the_covariance():
    images = pictures(1, 1, 64, 64)
    changed = (1 - images).requires_grad_()
    assert float(MsSsim(images).score(changed.detach())) == 0
    (slope,) = torch.autograd.grad(ms_ssim(images, changed, floor="relu").sum(), changed)
    assert not bool(slope.any())
    value = ms_ssim(images, changed)
    assert 0 < float(value.detach()) < 0.2
    (slope,) = torch.autograd.grad(value.sum(), changed)
    assert bool(torch.isfinite(slope).all())
    assert bool(slope.any())


def test_both_floors_agree_where_images_are_alike():
    images = blurred(pictures(2, 1, 96, 96))
    changed = noisy(images, 0.005)
    one, other = (ms_ssim(images, changed, floor=floor) for floor in ("relu", "covariance"))
    torch.testing.assert_close(one, other, rtol=0, atol=1e-3)


def test_slopes_are_right():
    images = blurred(pictures(1, 1, 32, 32))
    moving = noisy(images, 0.02).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: ms_ssim(images, x), moving)


def test_batch_and_order_change_nothing_and_one_reference_serves_many():
    images = blurred(pictures(1, 1, 64, 64))
    changed = torch.cat([noisy(images, level) for level in (0.1, 0.2, 0.3)])
    together = MsSsim(images).score(changed)
    apart = torch.cat([MsSsim(images).score(one[None]) for one in changed])
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-12)


def test_what_is_no_pair_is_refused():
    with pytest.raises(UnfitInputError, match="references have the shape"):
        MsSsim(pictures(1, 1, 32, 32)).score(pictures(1, 1, 32, 40))


def test_a_constant_reference_is_refused_and_a_constant_image_is_not():
    silent = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    with pytest.raises(UnfitInputError, match="every cell of image 1 of 1 is 0; take one"):
        MsSsim(silent)
    assert 0 <= float(MsSsim(pictures(1, 1, 32, 32)).score(silent)) < 0.1

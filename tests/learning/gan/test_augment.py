"""Augmentation touches time alone."""

import torch

from musqa_pipeline.learning.gan.augment import in_time


def augmented(images, seed=0):
    torch.manual_seed(seed)
    return in_time(images)


def test_every_frame_is_a_frame_of_the_image_or_silent():
    torch.manual_seed(1)
    images = torch.rand(20, 1, 64, 64) * 2 - 1
    found = augmented(images)
    n_silent, shifts = [], set()
    for before, after in zip(images[:, 0], found[:, 0], strict=True):
        silent = (after == -1).all(dim=0)
        n_silent.append(int(silent.sum()))
        sources = (after.T[:, None] == before.T[None]).all(dim=2)
        assert torch.equal(sources.any(dim=1), ~silent)
        inner = [f for f in range(8, 56) if not silent[f]]
        shifts |= {int(sources[f].int().argmax()) - f for f in inner}
    assert max(n_silent) == 16
    assert min(shifts) < 0 < max(shifts)
    assert max(map(abs, shifts)) <= 8


def test_bands_keep_their_order_and_gradients_pass():
    images = torch.linspace(-1, 1, 64)[None, None, :, None].expand(4, 1, 64, 64)
    images = images.clone().requires_grad_()
    found = augmented(images)
    kept = (found[:, 0] != -1).any(dim=1)
    assert kept.any()
    for image, frames in zip(found[:, 0], kept, strict=True):
        torch.testing.assert_close(image[:, frames], images[0, 0, :, : int(frames.sum())])
    found.sum().backward()
    assert float(images.grad.sum()) == float(kept.sum() * 64)

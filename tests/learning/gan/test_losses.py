"""Hinge losses against values by hand."""

import pytest
import torch

from musqa_pipeline.learning.gan.losses import discriminator_loss, generator_loss


@pytest.mark.parametrize(
    ("real", "made", "expected"),
    [
        ([2.0, 1.0], [-1.0, -3.0], 0.0),
        ([0.0, 0.0], [0.0, 0.0], 2.0),
        ([-1.0, 3.0], [0.5, -2.0], 1.0 + 0.75),
        ([0.25], [-0.5, 1.0, -2.0], 0.75 + 2.5 / 3),
    ],
)
def test_the_discriminator_pays_for_what_is_within_the_margin(real, made, expected):
    # -E[min(0, -1 + D(x))] - E[min(0, -1 - D(G(z)))]
    found = discriminator_loss(torch.tensor(real), torch.tensor(made))
    assert float(found) == pytest.approx(expected)


def test_the_generator_wants_high_scores():
    assert float(generator_loss(torch.tensor([0.5, -2.0, 3.0]))) == pytest.approx(-0.5)

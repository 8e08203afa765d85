"""Collapsed stereo."""

import numpy as np
import pytest

from musqa_pipeline.scoring.detectors.section import Section
from musqa_pipeline.scoring.detectors.stereo import find

RATE_HZ = 16_000
RNG = np.random.default_rng(3)
LEFT, RIGHT = 0.1 * RNG.standard_normal((2, 4 * RATE_HZ)).astype(np.float32)


def forms(left, right):
    section = Section(np.stack([left, right], axis=1).astype(np.float32), RATE_HZ, 100.0)
    return [(f.start_s, f.details["form"]) for f in find(section)]


def test_each_form_is_told_from_the_others():
    assert forms(LEFT, LEFT) == [(100.0 + i, "dual_mono") for i in range(4)]
    assert forms(LEFT, -0.9 * LEFT) == [(100.0 + i, "out_of_phase") for i in range(4)]
    assert forms(LEFT, 0.0 * LEFT) == [(100.0 + i, "one_channel") for i in range(4)]
    assert forms(LEFT, RIGHT) == []


def test_only_the_collapsed_second_is_named():
    right = RIGHT.copy()
    right[2 * RATE_HZ : 3 * RATE_HZ] = LEFT[2 * RATE_HZ : 3 * RATE_HZ]
    assert forms(LEFT, right) == [(102.0, "dual_mono")]


@pytest.mark.parametrize("side_db", [-40, -60])
def test_a_narrow_side_is_no_collapse_until_it_is_too_weak_to_hear(side_db):
    side = 10 ** (side_db / 20) * RIGHT
    assert bool(forms(LEFT + side, LEFT - side)) == (side_db < -50)


def test_silence_and_mono_have_no_stereo():
    assert forms(1e-4 * LEFT, 1e-4 * LEFT) == []
    assert find(Section(LEFT[:, None], RATE_HZ)) == []


def test_the_strength_is_side_against_mid():
    found = find(Section(np.stack([LEFT, -LEFT * np.float32(0.6)], axis=1), RATE_HZ))
    assert [f.strength for f in found] == pytest.approx([20 * np.log10(1.6 / 0.4)] * 4, abs=0.1)

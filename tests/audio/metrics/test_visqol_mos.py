"""ViSQOL in one call, beside what `musqa label` says of the same files."""

import doctest

import numpy as np
import pytest
import soundfile

from musqa_pipeline.audio.files.pairs import pair_up
from musqa_pipeline.audio.metrics import visqol_mos as module
from musqa_pipeline.audio.metrics.pairs import label_pairs
from musqa_pipeline.audio.metrics.visqol_mos import visqol_mos
from musqa_pipeline.core.errors import UnfitInputError

RATE_HZ = 44_100


@pytest.fixture(scope="module")
def pair():
    """Three seconds of two channels, and the same late, noisy and of 16 bits."""
    rng = np.random.default_rng(4)
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    music = np.stack([0.3 * np.sin(2 * np.pi * f * t) * (1 + t) / 4 for f in (440, 660)], axis=1)
    music += 0.02 * rng.standard_normal(music.shape)
    noisy = np.concatenate([np.zeros((200, 2)), music]) + 0.01 * rng.standard_normal(
        (len(music) + 200, 2)
    )
    return tuple(np.rint(x * 32_767).astype(np.int16) for x in (music, noisy))


def test_it_says_what_the_command_says_of_files(pair, tmp_path):
    paths = [tmp_path / name for name in ("reference.wav", "degraded.wav")]
    for path, samples in zip(paths, pair, strict=True):
        soundfile.write(path, samples, RATE_HZ)
    (label,) = label_pairs(pair_up(paths[0], paths[1:]))
    assert label.score
    mos = label.score.mos
    assert 1.5 < mos < 4.6
    assert visqol_mos(*pair, RATE_HZ) == pytest.approx(mos, abs=2e-4)
    assert visqol_mos(*(side.T for side in pair), RATE_HZ) == visqol_mos(*pair, RATE_HZ)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:100], "the degraded|degraded: "),
        (lambda x: np.where(np.arange(len(x)) == 5, np.nan, x[:, 0].astype(float)), "degraded"),
        (lambda x: x[None], r"degraded: shape=\(1, "),
        (lambda x: np.zeros((700 * RATE_HZ, 1), np.int16), "degraded: it lasts 700 s; give it 600"),
    ],
)
def test_a_pair_that_cannot_be_compared_is_named(change, message, pair):
    with pytest.raises(UnfitInputError, match=message):
        visqol_mos(pair[0], change(pair[1]), RATE_HZ)
    with pytest.raises(UnfitInputError, match="the reference is silent"):
        visqol_mos(np.zeros_like(pair[0]), pair[1], RATE_HZ)
    with pytest.raises(UnfitInputError, match="reference: 100 Hz"):
        visqol_mos(*pair, 100)


def test_the_example_is_true():
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed

"""What a release scores is prepared as the scorer prepares it."""

from types import SimpleNamespace

import numpy as np

from musqa_pipeline.release.model.singles import _predicted_mos
from tests.release.model.sounds import piece

CONTEXT = SimpleNamespace(preset=SimpleNamespace(excerpts=SimpleNamespace(target_lufs=-23.0)))


def test_what_is_left_of_an_excerpt_is_levelled_again():
    mono = piece(2).mean(axis=1).astype(np.float32)[: 5 * 48_000]
    images = []

    def predict(image):
        images.append(image)
        return 0.5

    assert _predicted_mos(CONTEXT, predict, mono) == 3.0
    _predicted_mos(CONTEXT, predict, mono * np.float32(0.25))
    np.testing.assert_array_equal(images[0], images[1])
    _predicted_mos(CONTEXT, predict, np.zeros(48_000, np.float32))
    assert not images[2].any()

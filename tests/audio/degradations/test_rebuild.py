import numpy as np
import pytest

from musqa_pipeline.audio.degradations.applied import stored_as_flac
from musqa_pipeline.audio.degradations.rebuild import cut, degraded_audio, with_gain
from musqa_pipeline.core.errors import ToolError
from tests.audio.music import music


def test_a_row_is_cut_after_its_delay_and_scaled_by_its_gain():
    applied = stored_as_flac(music())
    row = {
        "container": applied.container,
        "bitstream": applied.bitstream,
        "delay_samples": 700,
        "gain_db": 6.0,
    }
    (x,) = degraded_audio([row])
    np.testing.assert_allclose(x, music()[700:480_700] * 10 ** (6 / 20), rtol=1e-6)


def test_a_stream_that_is_too_short_is_never_filled_up():
    with pytest.raises(ToolError, match="has 479999 samples after its delay, expected 480000"):
        cut(np.ones(480_009, np.float32), 10)


def test_gain_is_applied_in_float32_and_none_changes_nothing():
    x = music()[:1_000]
    assert with_gain(x, -3.3).dtype == np.float32
    np.testing.assert_array_equal(with_gain(x, 0.0), x)

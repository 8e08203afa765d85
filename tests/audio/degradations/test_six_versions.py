"""Six versions of an excerpt."""

import re
from dataclasses import asdict

import numpy as np
import pytest

from musqa_pipeline.audio.degradations import six_versions as module
from musqa_pipeline.audio.degradations.codecs import CodecParams
from musqa_pipeline.audio.degradations.six_versions import (
    CLASSES,
    draw_versions,
    six_versions,
    versions_of,
)
from musqa_pipeline.audio.features.nisqa_mel import nisqa_mel
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.stages.degradations.checks import estimate_lag_samples
from tests.audio.music import music

X = music()[:480_000]


def drawn(seed):
    return draw_versions(np.random.default_rng(seed))


def test_each_version_differs_from_the_clean_one_and_is_in_time():
    versions = six_versions(X, np.random.default_rng(0))
    assert versions.dtype == np.float32
    assert versions.shape == (6, 480_000)
    np.testing.assert_array_equal(versions[0], X)
    cells = [nisqa_mel(version).image for version in versions]
    for name, version, image in zip(CLASSES[1:], versions[1:], cells[1:], strict=True):
        assert abs(image - cells[0]).mean() > 0.005, name  # 0.4 dB
        assert abs(estimate_lag_samples(X, version)) <= 1, name
    plan = drawn(0)
    np.testing.assert_array_equal(versions_of(X, plan), versions)
    threshold = 10 ** (plan["clip"][1].threshold_db / 20)
    assert np.abs(versions[1]).max() == pytest.approx(threshold, rel=1e-5)
    noise = versions[3] - X
    snr_db = 10 * np.log10(np.mean(X**2) / np.mean(noise**2))
    assert snr_db == pytest.approx(plan["noise"][1].snr_db, abs=0.01)


@pytest.mark.parametrize("codec", module.CODECS, ids=lambda codec: codec.name)
def test_an_encoder_swallows_no_end(codec):
    lowest = min(codec.steps_kbps)
    plan = {**drawn(0), "codec": (codec.name, CodecParams(lowest))}
    coded = versions_of(X, plan)[CLASSES.index("codec")]
    end = slice(-4_800, None)  # 0.1 s
    assert coded[end].std() == pytest.approx(X[end].std(), rel=0.5)


def test_strengths_fill_their_ranges():
    plans = [drawn(seed) for seed in range(300)]
    for name, field, limits in (
        ("clip", "threshold_db", module.CLIP_DB),
        ("noise", "snr_db", module.SNR_DB),
        ("reverberation", "room_size", module.ROOM_SIZES),
        ("reverberation", "damping", module.DAMPINGS),
        ("reverberation", "wet_fraction", module.ROOM_WET),
        ("echo", "delay_ms", module.DELAYS_MS),
        ("echo", "feedback_fraction", module.FEEDBACKS),
        ("echo", "wet_fraction", module.ECHO_WET),
        ("codec", "bitrate_kbps", (16, 64)),
    ):
        values = [asdict(plan[name][1])[field] for plan in plans]
        low, high = limits
        margin = 0.05 * (high - low)
        assert low <= min(values) < low + margin, field
        assert high - margin < max(values) <= high, field
    assert {plan["codec"][0] for plan in plans} == {"mp2", "mp3", "adts", "ogg", "opus"}
    assert {plan["noise"][0] for plan in plans} == {"white_noise", "pink_noise"}
    assert [tuple(plan) for plan in plans] == [CLASSES[1:]] * 300
    assert drawn(3) == drawn(3) != drawn(4)


@pytest.mark.parametrize("shape", [(479_999,), (2, 480_000)])
def test_what_is_no_excerpt_is_refused(shape):
    with pytest.raises(UnfitInputError, match=re.escape(f"shape={shape}, expected (480000,); cut")):
        six_versions(np.zeros(shape, np.float32), np.random.default_rng(0))

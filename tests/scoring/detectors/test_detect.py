"""The frame around the detectors: sections, streams, joined events."""

import numpy as np
import pytest

from musqa_pipeline.scoring.detectors import detect as frame
from musqa_pipeline.scoring.detectors.detect import DETECTORS, Detectors, detect
from musqa_pipeline.scoring.detectors.finding import Detector, Finding

RATE_HZ = 16_000


def loud_samples(section):
    """Find every sample above 0.9, as a detector of one sample."""
    at = np.flatnonzero(section.mono > 0.9) / section.sample_rate_hz + section.start_s
    return [Finding(float(t), float(t) + 0.001, 1.0) for t in at]


LOUD = Detector("loud", "count", loud_samples, lambda finding: "loud", gap_s=0.01)


def run(samples, *detectors, rate_hz=RATE_HZ, block=None):
    stream = Detectors(rate_hz, detectors) if detectors else Detectors(rate_hz)
    for start in range(0, len(samples), block or max(1, len(samples))):
        stream.push(samples[start : start + (block or len(samples))])
    return stream.finish()


def noise(duration_s, *, seed=0, channels=2, rate_hz=RATE_HZ):
    rng = np.random.default_rng(seed)
    return 0.1 * rng.standard_normal((round(duration_s * rate_hz), channels), dtype=np.float32)


@pytest.mark.parametrize("duration_s", [3.0, 10.0, 19.9, 31.7])
def test_every_moment_is_looked_at_once(duration_s):
    samples = np.full(round(duration_s * RATE_HZ), 0.01, np.float32)
    wanted_s = np.arange(0.05, duration_s, 0.1937)
    samples[(wanted_s * RATE_HZ).astype(int)] = 1.0
    found = run(samples, LOUD)
    assert [e.start_s for e in found] == pytest.approx(list(wanted_s), abs=0.001)


def test_blocks_of_any_size_give_the_same_events():
    samples = noise(24.0)
    samples[RATE_HZ * 4 : RATE_HZ * 15] = np.clip(samples[RATE_HZ * 4 : RATE_HZ * 15], -0.1, 0.1)
    samples[: RATE_HZ * 3, 1] = samples[: RATE_HZ * 3, 0]
    whole = detect(samples, RATE_HZ)
    assert {"clipping", "mono_collapse"} <= {e.kind for e in whole}
    assert run(samples, block=7_777) == whole
    assert run(samples, block=160_000) == whole


def test_a_long_stream_needs_no_more_memory_than_two_sections():
    stream = Detectors(RATE_HZ)
    for i in range(100):
        stream.push(noise(1.0, seed=i))
        assert stream._n_waiting <= 21 * RATE_HZ


def test_many_events_become_fewer_and_still_span_all():
    samples = np.full(300 * RATE_HZ, 0.01, np.float32)
    samples[:: RATE_HZ // 2] = 1.0
    found = run(samples, LOUD, block=RATE_HZ)
    assert 1 <= len(found) <= frame.MAX_EVENTS
    assert found[0].start_s == 0.0
    assert found[-1].stop_s == pytest.approx(299.5, abs=0.01)


def test_events_that_differ_are_kept_apart_and_times_are_in_order():
    def parts(section):
        return [Finding(0.0, 1.0, 5.0, {"of": "a"}), Finding(1.0, 2.0, 7.0, {"of": "b"})]

    apart = Detector("x", "db", parts, str, alike=lambda a, b: a.details == b.details, gap_s=1.0)
    together = Detector("x", "db", parts, str, gap_s=1.0)
    assert [e.strength for e in run(noise(2.0), apart)] == [5.0, 7.0]
    (one,) = run(noise(2.0), together)
    assert (one.start_s, one.stop_s, one.strength, one.details) == (0.0, 2.0, 7.0, {"of": "b"})


@pytest.mark.parametrize("samples", [np.zeros((0, 2)), np.zeros(5), np.zeros((48_000, 2))])
def test_nothing_is_found_in_nothing(samples):
    assert detect(samples, 48_000) == ()


def test_what_is_not_finite_counts_as_silence():
    samples = noise(3.0)
    broken = samples.copy()
    broken[100:200] = np.nan
    broken[300] = np.inf
    silent = samples.copy()
    silent[100:200] = 0.0
    silent[300] = 0.0
    assert detect(broken, RATE_HZ) == detect(silent, RATE_HZ)
    assert np.isnan(broken[150]).all()


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 192_000])
@pytest.mark.parametrize("channels", [1, 3, 8])
def test_any_rate_and_number_of_channels_serves(rate_hz, channels):
    samples = noise(1.5, channels=channels, rate_hz=rate_hz)
    kinds = {e.kind for e in detect(np.clip(samples, -0.1, 0.1), rate_hz)}
    assert "clipping" in kinds
    assert "clipping" not in {e.kind for e in detect(samples, rate_hz)}


def test_a_rate_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"sample_rate_hz=4000: expected 8000 to 192000; resample"):
        Detectors(4_000)


def test_a_change_of_channels_is_refused():
    stream = Detectors(RATE_HZ)
    stream.push(noise(1.0, channels=2))
    with pytest.raises(ValueError, match=r"3 channels after 2: .*begin a new stream"):
        stream.push(noise(1.0, channels=3))


def test_the_registry_names_its_kinds():
    assert [d.kind for d in DETECTORS.values()] == list(DETECTORS)
    assert {d.unit for d in DETECTORS.values()} <= {"hz", "db", "fraction", "count"}

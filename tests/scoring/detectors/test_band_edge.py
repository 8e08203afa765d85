"""Band edges, and the codecs that leave them."""

import numpy as np
import pytest
from scipy.signal import firwin, oaconvolve

from musqa_pipeline.scoring.detectors.band_edge import BAND_EDGE, codecs_at, find
from musqa_pipeline.scoring.detectors.codec_edges import CODEC_EDGES_HZ
from musqa_pipeline.scoring.detectors.finding import Finding
from musqa_pipeline.scoring.detectors.section import Section

RATE_HZ = 44_100


def pink(duration_s=5.0, rate_hz=RATE_HZ):
    rng = np.random.default_rng(2)
    n = round(duration_s * rate_hz)
    spectrum = np.fft.rfft(rng.standard_normal(n)) / np.sqrt(np.maximum(np.arange(n // 2 + 1), 1))
    swell = 1 + 0.8 * np.sin(np.linspace(0, 60, n))
    return (0.5 * np.fft.irfft(spectrum, n) * swell * np.sqrt(n)).astype(np.float32) * 0.1


def cut(samples, hz, rate_hz=RATE_HZ):
    return oaconvolve(samples, firwin(601, hz, fs=rate_hz), mode="same").astype(np.float32)


def found(samples, rate_hz=RATE_HZ):
    return find(Section(samples[:, None], rate_hz, 30.0))


@pytest.mark.parametrize("hz", [4_000, 11_000, 16_000, 19_000])
def test_an_edge_is_found_and_named(hz):
    (finding,) = found(cut(pink(), hz))
    assert (finding.start_s, finding.stop_s) == (30.0, 35.0)
    assert finding.strength == pytest.approx(hz, abs=300)
    assert BAND_EDGE.event(finding).text.startswith(
        f"nothing above {finding.strength / 1000:.1f} k"
    )


def test_a_full_band_and_a_gentle_slope_are_no_edge():
    assert found(pink()) == []
    spectrum = np.fft.rfft(pink())
    hz = np.fft.rfftfreq(len(pink()), 1 / RATE_HZ)
    dark = np.fft.irfft(spectrum / (1 + (hz / 1500) ** 2), len(pink())).astype(np.float32)
    assert found(dark) == []


def test_a_low_sample_rate_is_an_edge_by_itself():
    (finding,) = found(pink(rate_hz=16_000), 16_000)
    assert BAND_EDGE.event(finding).text == (
        "nothing above 8.0 kHz: the sample rate of 16 kHz holds no more"
    )


def test_every_row_of_the_table_names_its_codec():
    assert len(CODEC_EDGES_HZ) == 5
    for codec, edges_hz in CODEC_EDGES_HZ.items():
        for kbps, hz in edges_hz.items():
            assert any(name.startswith(codec) for name in codecs_at(hz)), (codec, kbps)
    assert codecs_at(2_000) == []


def test_the_text_says_what_leaves_such_an_edge():
    one = Finding(0.0, 1.0, 16_000.0, {"codecs": ["MP3 at 128 kbit/s"]})
    two = Finding(0.0, 1.0, 16_000.0, {"codecs": ["MP3 at 128 kbit/s", "AAC at 96 kbit/s"]})
    none = Finding(0.0, 1.0, 9_100.0, {"codecs": []})
    assert BAND_EDGE.say(one) == "nothing above 16.0 kHz; MP3 at 128 kbit/s leaves such an edge"
    assert BAND_EDGE.say(two).endswith("MP3 at 128 kbit/s or AAC at 96 kbit/s leave such an edge")
    assert "9.1 kHz: a low-pass filter or an unknown codec" in BAND_EDGE.say(none)

"""Codecs at rates and in ways that the tables do not have."""

import numpy as np
import pytest

from musqa_pipeline.audio.degradations.codecs import (
    ADTS,
    DEFAULT,
    MP2,
    MP3,
    OGG,
    OPUS,
    VBR,
    CodecParams,
    encode_all,
)
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.audio.degradations.rebuild import aligned
from musqa_pipeline.audio.files.flac import to_int16
from musqa_pipeline.stages.degradations.checks import estimate_lag_samples
from tests.audio.music import music

X = music()[:144_000]
CODECS = (MP2, MP3, ADTS, OGG, OPUS)
CASES = [
    *((c, CodecParams(kbps)) for c in CODECS for kbps in (c.steps_kbps[0], c.steps_kbps[-1])),
    *((c, CodecParams(None, VBR, q)) for c in CODECS if c.qualities for q in c.qualities),
    *((MP3, CodecParams(kbps, "abr")) for kbps in (33, 77)),
    *((OPUS, CodecParams(kbps, way)) for kbps in (33, 77) for way in ("cbr", "constrained")),
    *((codec, CodecParams(77)) for codec in (ADTS, OGG, OPUS)),
]


@pytest.fixture(scope="module")
def made():
    pcm = to_int16(X)
    applied = encode_all([(pcm, codec, params) for codec, params in CASES])
    decoded = decode([(a.container, a.bitstream) for a in applied])
    names = [(codec.name, params) for codec, params in CASES]
    return dict(zip(names, zip(applied, decoded, strict=True), strict=True))


def kbps(made, codec, params):
    return len(made[codec.name, params][0].bitstream) * 8 / 1_000 / (len(X) / 48_000)


def test_every_way_to_encode_is_aligned_to_the_sample(made):
    lags = {
        name: estimate_lag_samples(X[:-2_400], aligned(applied, decoded)[: len(X) - 2_400])
        for name, (applied, decoded) in made.items()
    }
    assert {name: lag for name, lag in lags.items() if lag} == {}


@pytest.mark.parametrize("codec", [ADTS, OPUS], ids=lambda codec: codec.name)
def test_any_integer_bitrate_is_met(made, codec):
    assert kbps(made, codec, CodecParams(77)) == pytest.approx(77, rel=0.15)


def test_a_higher_quality_takes_more_bits(made):
    rates_kbps = {
        codec: [kbps(made, codec, CodecParams(None, VBR, q)) for q in codec.qualities]
        for codec in CODECS
        if codec.qualities
    }
    assert set(rates_kbps) == {MP3, ADTS, OGG}
    assert rates_kbps[MP3][0] > 2 * rates_kbps[MP3][1]  # LAME counts from the best
    assert rates_kbps[ADTS][1] > 4 * rates_kbps[ADTS][0]
    assert rates_kbps[OGG][1] > 2 * rates_kbps[OGG][0]


def test_constant_bitrate_is_constant_and_the_other_ways_are_not(made):
    """Opus packets: their lengths are the segments of the Ogg pages."""
    lengths = {
        way: opus_packet_bytes(made["opus", CodecParams(77, way)][0].bitstream)[2:-1]
        for way in (DEFAULT, "cbr", "constrained")
    }
    assert len(set(lengths["cbr"])) == 1
    assert np.std(lengths[DEFAULT]) > np.std(lengths["constrained"]) > 5


def opus_packet_bytes(stream):
    sizes, at, size = [], 0, 0
    while at < len(stream):
        assert stream[at : at + 4] == b"OggS"
        segments = stream[at + 27 : at + 27 + stream[at + 26]]
        for segment in segments:
            size += segment
            if segment < 255:
                sizes.append(size)
                size = 0
        at += 27 + len(segments) + sum(segments)
    return sizes


def test_mp3_frames_differ_in_bitrate_only_where_that_is_asked_for():
    pcm = to_int16(music())[:96_000]
    ways = [CodecParams(80), CodecParams(77, "abr"), CodecParams(None, VBR, 4.0)]
    streams = [a.bitstream for a in encode_all([(pcm, MP3, params) for params in ways])]
    constant, average, variable = (len(frame_bitrates(stream)) for stream in streams)
    assert constant == 1
    assert average > 1
    assert variable > 1


def frame_bitrates(stream):
    """Bitrates of all frames of an MPEG-1 layer III stream at 48 kHz."""
    table_kbps = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    found, at = set(), 0
    if stream[:3] == b"ID3":  # its length has seven bits a byte
        at = 10 + sum((stream[6 + i] & 0x7F) << (7 * (3 - i)) for i in range(4))
    while at + 4 <= len(stream):
        assert stream[at] == 0xFF
        assert stream[at + 1] & 0xFE == 0xFA
        kbps = table_kbps[stream[at + 2] >> 4]
        found.add(kbps)
        at += 144 * kbps * 1_000 // 48_000 + (stream[at + 2] >> 1 & 1)
    return found

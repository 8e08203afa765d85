"""Lossy files give the samples that FFmpeg decodes of the whole file, however they are read."""

import numpy as np
import pytest

from musqa_pipeline.audio.files import reading
from musqa_pipeline.audio.files.reading import DecodeError, read_blocks, read_info
from tests.audio.coded import CODED, LAYOUTS, bursts, decode, encode, read_span

ROUNDING = 2e-4
"""What decoders of one standard differ by: Vorbis and AAC by far less, Opus the most."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("coded")


def coded(folder, name, rate_hz=48_000, channels=2):
    path = folder / f"{name} {rate_hz} {channels}".replace(",", "").replace(" ", "_")
    if not path.exists():
        encode(path, name, bursts(rate_hz, channels), rate_hz)
    return path


def whole(path):
    return np.concatenate(list(read_blocks(path)))


@pytest.mark.parametrize(("rate_hz", "channels"), LAYOUTS)
@pytest.mark.parametrize("name", CODED)
def test_a_file_read_in_blocks_has_the_samples_of_a_whole_decode(folder, name, rate_hz, channels):
    path = coded(folder, name, rate_hz, channels)
    expected = decode(path, name, channels)
    found = whole(path)
    assert found.shape == expected.shape  # encoder delay and padding are cut as FFmpeg cuts them
    assert np.abs(found - expected).max() < ROUNDING
    info = read_info(path)
    assert info.declared_frames in (0, len(found)) or "matroska" in name
    reading.require_whole(len(found), info)


@pytest.mark.parametrize("name", CODED)
def test_a_part_of_a_file_is_that_part_of_the_whole(folder, name):
    path = coded(folder, name)
    expected = whole(path)
    n = len(expected)
    for start in (0, 1, 1_151, 70_001, n // 2, n - 40_000, n - 1_000, n - 1):
        found = read_span(path, start, 30_000)
        np.testing.assert_allclose(found, expected[start : start + 30_000], atol=2e-7)


@pytest.mark.parametrize("frames", [1_000, 1_153, 65_537, 1 << 20])
@pytest.mark.parametrize("name", ["mp3 32k", "mp3 vbr 9, no header", "vorbis 3", "opus 16k"])
def test_the_size_of_blocks_changes_no_sample(folder, name, frames, monkeypatch):
    path = coded(folder, name)
    expected = whole(path)
    monkeypatch.setattr(reading, "BLOCK_FRAMES", frames)
    blocks = list(read_blocks(path))
    assert {len(block) for block in blocks[:-1]} <= {frames}
    np.testing.assert_array_equal(np.concatenate(blocks), expected)


def joined(folder, *paths):
    path = folder / "joined"
    path.write_bytes(b"".join(path.read_bytes() for path in paths))
    return path


@pytest.mark.parametrize(
    ("first", "second"),
    [("vorbis 3", "vorbis 8"), ("opus 64k", "opus 16k"), ("vorbis -1", "opus 32k")],
)
def test_all_links_of_an_ogg_chain_are_read(folder, first, second):
    paths = coded(folder, first), coded(folder, second)
    path = joined(folder, *paths)
    expected = np.concatenate([whole(link) for link in paths])
    np.testing.assert_allclose(whole(path), expected, atol=2e-7)
    assert read_info(path).declared_frames == 0
    middle = len(expected) // 2 - 5_000
    np.testing.assert_allclose(
        read_span(path, middle, 10_000), expected[middle : middle + 10_000], atol=2e-7
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("mp3 64k", "mp3 64k"),
        ("mp3 vbr 5", "mp3 vbr 9"),
        ("mp3 96k", "mp3 64k, no header"),
        ("mp3 32k, no header", "mp3 192k, no header"),
        ("mp2 64k", "mp2 192k"),
    ],
)
def test_all_of_joined_mp3s_is_read(folder, first, second):
    """Decoders differ in the frame at the seam; before and behind it nothing may differ."""
    paths = coded(folder, first), coded(folder, second)
    path = joined(folder, *paths)
    found, expected = whole(path), decode(path, first, 2)
    assert abs(len(found) - len(expected)) in (0, 1_152)
    seam = len(whole(paths[0])) - 1_152
    assert np.abs(found[:seam] - expected[:seam]).max() < ROUNDING
    behind = len(whole(paths[1])) - 4 * 1_152
    assert np.abs(found[-behind:] - expected[-behind:]).max() < ROUNDING


def test_tags_around_an_mp3_are_no_part_of_it(folder):
    plain = coded(folder, "mp3 64k")
    path = folder / "tagged"
    ape = ape_tag(b"\xff\xfb\x90\x00" * 3_000)
    path.write_bytes(plain.read_bytes() + ape + b"TAG" + bytes(125))
    np.testing.assert_array_equal(whole(path), whole(plain))
    assert read_info(path).declared_frames == len(whole(plain))


def ape_tag(content):
    def edge(flags):
        numbers = (2000, len(content) + 32, 1, flags)
        return b"APETAGEX" + b"".join(n.to_bytes(4, "little") for n in numbers) + bytes(8)

    return edge(0xA000_0000) + content + edge(0x8000_0000)


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ("mp3 64k", ("mp3 64k", 44_100, 2), "bytes that do not belong to it follow"),
        ("mp3 64k, no header", ("mp3 64k", 48_000, 1), "bytes that do not belong to it follow"),
        ("vorbis 3", ("vorbis 3", 44_100, 2), "44100 Hz and 2 channels follow"),
        ("vorbis 3", ("opus 64k", 48_000, 1), "48000 Hz and 1 channels follow"),
    ],
)
def test_a_rate_or_channels_that_change_are_told(folder, first, second, what):
    path = joined(folder, coded(folder, first), coded(folder, *second))
    with pytest.raises(DecodeError, match=rf"decoding stops after 4\.\d s.*{what}"):
        whole(path)


def test_an_mp3_that_ends_within_a_frame_is_read_up_to_there(folder):
    plain = coded(folder, "mp3 64k, no header")
    path = folder / "cut"
    path.write_bytes(plain.read_bytes()[:-100])
    expected = whole(plain)
    found = whole(path)
    assert 0 < len(expected) - len(found) <= 2 * 1_152
    np.testing.assert_array_equal(found, expected[: len(found)])


def test_a_stream_that_is_left_early_ends(folder):
    path = coded(folder, "mp3 vbr 9, no header")
    for _ in range(50):
        blocks = read_blocks(path)
        next(blocks)
        blocks.close()
    assert len(read_span(path, 0, 10)) == 10

"""What a file holds, as a key."""

import numpy as np
import pytest
import soundfile

from musqa_pipeline.scoring.scan.content import content_key

NOISE = np.random.default_rng(3).standard_normal(4_000) / 9


@pytest.fixture
def flac(tmp_path):
    soundfile.write(tmp_path / "a.flac", NOISE, 8_000)
    return tmp_path / "a.flac"


def test_a_name_and_a_time_change_nothing(flac):
    key = content_key(flac)
    assert key.startswith("flac:")
    moved = flac.rename(flac.with_name("b.flac"))
    moved.touch()
    assert content_key(moved) == key


def test_a_title_changes_nothing(flac):
    key = content_key(flac)
    data = flac.read_bytes()
    padding = bytes([1, 0, 0, 9]) + bytes(9)  # a block of metadata more, after STREAMINFO
    flac.write_bytes(data[:42] + padding + data[42:])
    assert soundfile.info(flac).frames == 4_000
    assert content_key(flac) == key


def test_another_sound_rate_or_length_is_another_key(flac, tmp_path):
    keys = {content_key(flac)}
    soundfile.write(tmp_path / "rate.flac", NOISE, 16_000)
    soundfile.write(tmp_path / "sound.flac", -NOISE, 8_000)
    data = flac.read_bytes()
    (tmp_path / "cut.flac").write_bytes(data[:-100])
    for name in ("rate", "sound", "cut"):
        keys.add(content_key(tmp_path / f"{name}.flac"))
    assert len(keys) == 4


def test_a_flac_without_md5_and_any_other_file_are_hashed_whole(flac, tmp_path):
    data = bytearray(flac.read_bytes())
    data[26:42] = bytes(16)
    flac.write_bytes(data)
    key = content_key(flac)
    assert key.startswith("file:")
    data[-1] ^= 1
    flac.write_bytes(data)
    assert content_key(flac) != key
    (tmp_path / "broken.flac").write_bytes(b"fLaC\x00\x00")
    assert content_key(tmp_path / "broken.flac").startswith("file:")
    (tmp_path / "endless.flac").write_bytes(b"fLaC" + bytes(4) * 1_000)
    assert content_key(tmp_path / "endless.flac").startswith("file:")

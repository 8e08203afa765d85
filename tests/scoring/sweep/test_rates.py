"""Codecs and bitrates as users write them."""

import pytest

from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.scoring.sweep.rates import CODECS, steps_kbps


def test_a_range_is_the_ladder_between_its_ends():
    assert steps_kbps("opus", "24:64") == (24, 32, 40, 48, 56, 64)
    assert steps_kbps("opus", "24:256")[-1] == 256


def test_a_range_holds_only_what_the_codec_takes():
    assert steps_kbps("mp2", "24:64") == (32, 48, 56, 64)  # its table has no 24 and no 40
    assert steps_kbps("vorbis", "16:48") == (32, 40, 48)
    assert steps_kbps("aac", "128:700") == (128, 160, 192, 224)


@pytest.mark.parametrize("name", CODECS)
def test_every_codec_has_enough_steps_to_be_compared(name):
    assert len(steps_kbps(name, "24:256")) >= 8


def test_a_list_is_sorted_and_each_once():
    assert steps_kbps("opus", "48, 24,24") == (24, 48)


@pytest.mark.parametrize(
    ("name", "bitrates", "text"),
    [
        ("flac", "24:64", "--codec flac: unknown; name one of opus, aac, vorbis, mp3, mp2"),
        ("opus", "24:64:96", "expected a range such as 24:256 or a list"),
        ("opus", "24-64", "--bitrates 24-64: expected a range"),
        ("opus", "", "expected a range"),
        ("mp3", "50,64", "mp3 does not take 50 kbit/s for 48 kHz mono; nearest: 48 kbit/s"),
        ("opus", "300:400", "opus has no step there; it goes from 16 to 256 kbit/s"),
    ],
)
def test_what_cannot_be_done_is_refused(name, bitrates, text):
    with pytest.raises(SettingsError, match=text):
        steps_kbps(name, bitrates)

"""Which codecs and bitrates a sweep asks for, as a user writes them."""

from __future__ import annotations

from collections.abc import Mapping

from musqa_pipeline.audio.degradations.codecs import ADTS, MP2, MP3, OGG, OPUS, Codec
from musqa_pipeline.core.errors import SettingsError

CODECS: Mapping[str, Codec] = {"opus": OPUS, "aac": ADTS, "vorbis": OGG, "mp3": MP3, "mp2": MP2}
"""By the names that users know."""
LADDER_KBPS = (
    16, 20, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
)  # fmt: skip
"""Steps of a range: those of MPEG-1 layers II and III (ISO/IEC 11172-3, 2.4.2.3), carried on below
32 kbit/s; each is 1.14 to 1.33 times the one before."""


def codec_named(name: str) -> Codec:
    """Find a codec by its name in `CODECS`, or raise SettingsError."""
    if name not in CODECS:
        raise SettingsError(f"--codec {name}: unknown; name one of {', '.join(CODECS)}")
    return CODECS[name]


def steps_kbps(name: str, bitrates: str) -> tuple[int, ...]:
    """Return the bitrates at which a codec is tried, in kbit/s for mono, ascending, each once.

    Parameters
    ----------
    name : str
        Key of `CODECS`.
    bitrates : str
        ``"24:256"`` for all steps of `LADDER_KBPS` between the two that the encoder takes, or a
        list such as ``"24,32,48"``; in kbit/s.

    Raises
    ------
    SettingsError
        If the text is neither, the range holds no step of this codec, or the encoder does not take
        a listed bitrate.
    """
    codec = codec_named(name)
    taken = codec.steps_kbps
    separator = ":" if ":" in bitrates else ","
    numbers = [part.strip() for part in bitrates.split(separator)]
    if not all(number.isascii() and number.isdecimal() for number in numbers) or (
        separator == ":" and len(numbers) != 2
    ):
        raise SettingsError(
            f"--bitrates {bitrates}: expected a range such as 24:256 or a list such as 24,32,48, "
            "in kbit/s"
        )
    values = sorted({int(number) for number in numbers})
    if separator == ":":
        found = tuple(k for k in LADDER_KBPS if k in taken and values[0] <= k <= values[-1])
        if not found:
            raise SettingsError(
                f"--bitrates {bitrates}: {name} has no step there; it goes from {taken[0]} to "
                f"{taken[-1]} kbit/s"
            )
        return found
    for kbps in values:
        if kbps not in taken:
            nearest = min(taken, key=lambda step: abs(step - kbps))
            raise SettingsError(
                f"--bitrates {bitrates}: {name} does not take {kbps} kbit/s for 48 kHz mono; "
                f"nearest: {nearest} kbit/s"
            )
    return tuple(values)

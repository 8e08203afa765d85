"""From what was measured to what is said of a recording's origin.

A cliff at 20 kHz proves less than one at 16: filters of recorders and of mastering lie there too.
How often it is right: `docs/detectors.md`.
"""

from __future__ import annotations

from musqa_pipeline.audio.measures.bandwidth import CODEC_CLIFF_DB
from musqa_pipeline.scoring.detectors.band_edge import codecs_at
from musqa_pipeline.scoring.origin.spectrum import CLIFF_HZ, Spectrum
from musqa_pipeline.scoring.score import Origin

GENUINE, POSSIBLE, LIKELY = "genuine", "possibly lossy", "likely lossy"
LOSSY_FILE = "lossy file"
"""The verdicts; the last is of a file whose own codec is lossy, and which pretends nothing."""
CODEC_RANGE_HZ = (14_000.0, 19_600.0)
"""Where cuts of MP3, AAC and Vorbis at 96 to 256 kbit/s lie, and nothing else is wont to."""
MANY_GAPS_FRAC, SMALL_CLIFF_DB = 0.6, 13.0
"""With so many holes a lower cliff is enough."""
_NAMES = {"mp3": "MP3", "aac": "AAC", "vorbis": "Vorbis", "opus": "Opus", "mp2": "MP2"}


def lossy_file(codec: str) -> Origin:
    """Say what a file is whose own codec is lossy; `codec` is ffmpeg's name of it."""
    name = _NAMES.get(codec, codec)
    return Origin(LOSSY_FILE, name, (f"the file itself is coded as {name}",))


def origin_of(spectrum: Spectrum) -> Origin:
    """Say where a recording comes from, whose file is lossless or which has none."""
    has_cliff = spectrum.cliff_db >= CODEC_CLIFF_DB
    has_holes = spectrum.gaps_frac >= MANY_GAPS_FRAC and spectrum.cliff_db >= SMALL_CLIFF_DB
    if not (has_cliff or has_holes):
        return Origin(GENUINE, "", ("no edge and no holes that a codec leaves were found",))
    edge_khz = spectrum.cliff_hz / 1_000
    evidence = [
        f"edge: at {edge_khz:.1f} kHz the spectrum falls by {spectrum.cliff_db:.0f} dB within "
        f"{CLIFF_HZ / 1_000:g} kHz"
    ]
    if has_holes:
        evidence.append(
            f"holes: {100 * spectrum.gaps_frac:.0f} % between 16 and 19.5 kHz is empty while the "
            "music sounds"
        )
    in_range = CODEC_RANGE_HZ[0] <= spectrum.cliff_hz <= CODEC_RANGE_HZ[1]
    codecs = codecs_at(spectrum.cliff_hz)
    return Origin(LIKELY if in_range else POSSIBLE, codecs[0] if codecs else "", tuple(evidence))

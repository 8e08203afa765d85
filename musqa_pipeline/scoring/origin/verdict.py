"""From what was measured to what is said of a recording's origin.

A frame grid is a proof, an edge is none: filters of recorders, of mastering and of resamplers leave
one too. How often it is right: `docs/detectors.md`.
"""

from __future__ import annotations

from collections.abc import Sequence

from musqa_pipeline.audio.measures.bandwidth import CODEC_CLIFF_DB
from musqa_pipeline.scoring.detectors.band_edge import NEAR_HZ
from musqa_pipeline.scoring.detectors.codec_edges import CODEC_EDGES_HZ
from musqa_pipeline.scoring.origin.grid import Grid
from musqa_pipeline.scoring.origin.spectrum import CLIFF_HZ, Spectrum
from musqa_pipeline.scoring.score import Origin

GENUINE, POSSIBLE, LIKELY = "genuine", "possibly lossy", "likely lossy"
LOSSY_FILE = "lossy file"
"""The verdicts; the last is of a file whose own codec is lossy, and which pretends nothing."""
PROOF, HINT = 10.0, 7.0
"""Strengths of a frame grid that make a lossy origin likely and possible. On the half of the
recordings that they were fixed by, what no codec had touched had at most 5."""
MANY_GAPS_FRAC, SMALL_CLIFF_DB = 0.6, 13.0
"""With so many holes a lower cliff is one."""
RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000)
"""A recording that had one of these rates ends below half of it."""
RESAMPLED_FRAC = (0.88, 1.01)
"""Where, in parts of half the rate, filters of resamplers end the spectrum."""
_NAMES = {"mp3": "MP3", "aac": "AAC", "vorbis": "Vorbis", "opus": "Opus", "mp2": "MP2"}


def lossy_file(codec: str) -> Origin:
    """Say what a file is whose own codec is lossy; `codec` is ffmpeg's name of it."""
    name = _NAMES.get(codec, codec)
    return Origin(LOSSY_FILE, name, (f"the file itself is coded as {name}",))


def has_holes(spectrum: Spectrum) -> bool:
    """Whether a spectrum has the holes that a codec leaves, below a cliff."""
    return spectrum.gaps_frac >= MANY_GAPS_FRAC and spectrum.cliff_db >= SMALL_CLIFF_DB


def has_edge(spectrum: Spectrum) -> bool:
    """Whether a spectrum ends as that of a codec, a filter or a resampler does."""
    return spectrum.cliff_db >= CODEC_CLIFF_DB or has_holes(spectrum)


def origin_of(spectrum: Spectrum, grids: Sequence[Grid]) -> Origin:
    """Say where a recording comes from, whose file is lossless or which has none."""
    has_cliff = has_edge(spectrum)
    found = max(grids, key=lambda grid: grid.strength, default=None)
    if found is not None and found.strength < HINT:
        found = None
    evidence = []
    if found is not None:
        evidence.append(
            f"frame grid: coefficients are quantised where frames of {found.codec} begin at sample "
            f"{found.position} of every {found.hop}, {found.strength:.0f} standard deviations "
            "below other positions"
        )
    if has_cliff:
        evidence.append(
            f"edge: at {spectrum.cliff_hz / 1_000:.1f} kHz the spectrum falls by "
            f"{spectrum.cliff_db:.0f} dB within {CLIFF_HZ / 1_000:g} kHz"
        )
    if has_holes(spectrum):
        evidence.append(
            f"holes: {100 * spectrum.gaps_frac:.0f} % between 16 and 19.5 kHz is empty while the "
            "music sounds"
        )
    if found is not None and (found.strength >= PROOF or has_cliff):
        return Origin(LIKELY, _at_rate(found.codec, spectrum, has_cliff), tuple(evidence))
    if found is not None:
        return Origin(POSSIBLE, found.codec, tuple(evidence))
    if not has_cliff:
        return Origin(GENUINE, "", ("no frame grid and no edge of a codec was found",))
    evidence.append(_without_grid(spectrum.cliff_hz))
    return Origin(POSSIBLE, "", tuple(evidence))  # that some codec ends there too names none


def _at_rate(codec: str, spectrum: Spectrum, has_cliff: bool) -> str:
    """Name a codec with the bitrates that the edge speaks for."""
    if codec == "Opus" or not has_cliff:  # Opus ends at 20 kHz at all its rates for music
        return codec
    near = [
        kbps for kbps, hz in CODEC_EDGES_HZ[codec].items() if abs(hz - spectrum.cliff_hz) <= NEAR_HZ
    ]
    if not near:
        return codec
    return f"{codec} at {near[0]}" + (f"-{near[-1]}" if near[1:] else "") + " kbit/s"


def _without_grid(edge_hz: float) -> str:
    """Say what an edge may be that no frame grid speaks for."""
    low, high = RESAMPLED_FRAC
    rates = [hz for hz in RATES_HZ if low * hz / 2 <= edge_hz <= high * hz / 2]
    if rates:
        return (
            f"no frame grid was found: a recording that had a sample rate of {rates[0] / 1_000:g} "
            "kHz ends there too"
        )
    return "no frame grid was found: a filter, or a codec before a resampling, leaves such an edge"

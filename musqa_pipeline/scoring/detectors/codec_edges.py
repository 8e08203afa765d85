"""Where codecs end the spectrum, measured: made by `benchmarks/codec_edges.py`.

Stereo, default settings, encoders of ffmpeg n9.0.2-17-g2a571b6068-20260930.
Other encoders cut elsewhere: an edge is a hint at its cause, no proof.
"""

from __future__ import annotations

CODEC_EDGES_HZ: dict[str, dict[int, int]] = {
    "MP3": {64: 11_000, 80: 13_200, 96: 15_000, 112: 15_200, 128: 16_000, 160: 17_100,
        192: 18_500, 224: 19_300, 256: 19_300, 320: 20_000},
    "AAC": {48: 7_600, 64: 12_400, 80: 16_500, 96: 15_900, 112: 16_500, 128: 17_200,
        160: 19_300, 192: 19_300},
    "Vorbis": {48: 15_100, 64: 15_100, 80: 16_500, 96: 16_500, 112: 17_300, 128: 18_700,
        160: 19_800},
    "Opus": {6: 4_800, 8: 4_800, 10: 9_200, 12: 9_300, 14: 20_000, 16: 20_000, 24: 20_000,
        32: 20_000, 64: 20_000, 96: 20_000, 128: 20_000, 192: 20_000, 256: 20_000},
    "MP2": {64: 4_900, 96: 5_700, 128: 11_100, 160: 11_800, 192: 12_400, 224: 12_400,
        256: 12_400, 320: 13_200},
}  # fmt: skip
"""Upper edge in hertz by codec and stereo bitrate in kbit/s; what reaches the top is left out."""

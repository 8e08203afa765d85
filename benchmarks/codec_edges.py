"""Measure where lossy codecs end the spectrum, by bitrate, and write the detectors' table.

    python benchmarks/codec_edges.py --out musqa_pipeline/scoring/detectors/codec_edges.py

Three synthesised pieces (rock, techno, percussion), stereo, each over pink noise 26 dB below it
that reaches half the sample rate, are coded by the encoders of `audio/degradations` with their
default settings, at 44.1 kHz (Opus at 48 kHz, because it knows no other full-band rate). The table
has the median over the pieces of the upper edge that `audio/measures/bandwidth.py` finds. An edge
less than 1 kHz below half the sample rate is none, and the bitrate is left out.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import textwrap
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile

from musqa_pipeline.audio.degradations.codecs import ADTS, MP2, MP3, OGG, OPUS
from musqa_pipeline.audio.measures.bandwidth import upper_edge_hz
from musqa_pipeline.catalogs.demo_music.composition import compose
from musqa_pipeline.catalogs.demo_music.styles import STYLES
from musqa_pipeline.core.seeds import derive_generator

STYLE_NAMES = ("rock", "techno", "percussion")
DURATION_S = 10.0
NOISE_DB = -26.0
LEAST_GAP_HZ = 1_000.0
CODECS = {
    "MP3": (MP3, (64, 80, 96, 112, 128, 160, 192, 224, 256, 320), 44_100),
    "AAC": (ADTS, (48, 64, 80, 96, 112, 128, 160, 192, 256), 44_100),
    "Vorbis": (OGG, (48, 64, 80, 96, 112, 128, 160, 192), 44_100),
    "Opus": (OPUS, (6, 8, 10, 12, 14, 16, 24, 32, 64, 96, 128, 192, 256), 48_000),
    "MP2": (MP2, (64, 96, 128, 160, 192, 224, 256, 320), 44_100),
}
"""Names for people, encoder settings, stereo bitrates in kbit/s, sample rate."""
HEADER = '''"""Where codecs end the spectrum, measured: made by `benchmarks/codec_edges.py`.

Stereo, default settings, encoders of ffmpeg {version}.
Other encoders cut elsewhere: an edge is a hint at its cause, no proof.
"""

from __future__ import annotations

CODEC_EDGES_HZ: dict[str, dict[int, int]] = {{
'''
FOOTER = '''}  # fmt: skip
"""Upper edge in hertz by codec and stereo bitrate in kbit/s; what reaches the top is left out."""
'''


def pieces() -> list[np.ndarray]:
    """Full-band music, float32 (frames, 2); it may be taken to be of any rate."""
    made = []
    for name in STYLE_NAMES:
        style = next(s for s in STYLES if s.name == name)
        rng = derive_generator("codec_edges", name)
        music = compose(style, DURATION_S, rng).T
        noise = rng.standard_normal(music.shape)
        spectrum = np.fft.rfft(noise, axis=0)
        spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 20.0))[:, None]
        noise = np.fft.irfft(spectrum, len(music), axis=0)
        noise *= np.std(music) / np.std(noise) * 10 ** (NOISE_DB / 20)
        both = music + noise
        made.append((0.5 * both / np.abs(both).max()).astype(np.float32))
    return made


def round_trip(samples: np.ndarray, rate_hz: int, codec, kbps: int) -> tuple[np.ndarray, int]:
    """Encode and decode stereo through files."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y"]
    with tempfile.TemporaryDirectory() as folder:
        source, coded, back = (Path(folder) / n for n in ("in.wav", "coded", "out.wav"))
        soundfile.write(source, samples, rate_hz, subtype="PCM_16")
        subprocess.run(
            [*ffmpeg, "-i", source, "-c:a", codec.encoder, "-b:a", f"{kbps}k", "-f", codec.muxer,
             coded], check=True)  # fmt: skip
        subprocess.run(
            [*ffmpeg, "-f", codec.demuxer, "-i", coded, "-c:a", "pcm_f32le", back], check=True
        )
        return soundfile.read(back, dtype="float32", always_2d=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    music = pieces()
    lines = []
    for name, (codec, bitrates_kbps, rate_hz) in CODECS.items():
        edges: dict[int, int] = {}
        for kbps in bitrates_kbps:
            found = []
            for piece in music:
                decoded, rate = round_trip(piece, rate_hz, codec, kbps)
                found.append(upper_edge_hz(decoded.mean(axis=1), rate))
            edge_hz = float(np.median(found))
            print(f"{name:6s} {kbps:4d} kbit/s  " + "  ".join(f"{f:7.0f}" for f in found))
            if edge_hz < rate_hz / 2 - LEAST_GAP_HZ:
                edges[kbps] = int(round(edge_hz, -2))
        inside = ", ".join(
            f"{kbps}:~{hz:_d}" for kbps, hz in edges.items()
        )  # ~ is no place to break
        text = textwrap.fill(f'"{name}":~{{{inside}}},', 96, subsequent_indent=4 * " ")
        lines.append(textwrap.indent(text.replace("~", " "), 4 * " ") + "\n")
    version = imageio_ffmpeg.get_ffmpeg_version()
    out.write_text(HEADER.format(version=version) + "".join(lines) + FOOTER, encoding="utf-8")


if __name__ == "__main__":
    main()

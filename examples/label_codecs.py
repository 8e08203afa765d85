"""What codecs do to a piece of music: ViSQOL's MOS by bitrate, as a table and a picture.

``python examples/label_codecs.py FILE [--picture codecs.png]``; it needs the extra ``[factory]``,
which brings ffmpeg with the encoders. Ten seconds from the middle are encoded, mono at 48 kHz.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib import pyplot as plt

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES, SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.codecs import (
    ADTS,
    MP3,
    OGG,
    OPUS,
    CodecParams,
    encode_all,
)
from musqa_pipeline.audio.degradations.ffmpeg import decode
from musqa_pipeline.audio.degradations.rebuild import aligned
from musqa_pipeline.audio.files.signals import read_signal
from musqa_pipeline.audio.metrics.visqol import Reference

CODECS = {"MP3": MP3, "AAC": ADTS, "Vorbis": OGG, "Opus": OPUS}
BITRATES_KBPS = (32, 48, 64, 96, 128, 192)


def middle_of(path: Path) -> np.ndarray:
    """Return ten seconds of a file, or all of a shorter one: mono, 48 kHz."""
    samples = read_signal(path).samples
    start = max(0, (len(samples) - EXCERPT_SAMPLES) // 2)
    return samples[start : start + EXCERPT_SAMPLES]


def label_codecs(music: np.ndarray) -> pl.DataFrame:
    """Encode music by each codec at each bitrate, and compare what comes out with it."""
    pcm = np.rint(music.clip(-1, 1) * 32_767).astype(np.int16)
    asked = [(name, kbps) for name in CODECS for kbps in BITRATES_KBPS]
    encoded = encode_all([(pcm, CODECS[name], CodecParams(kbps)) for name, kbps in asked])
    decoded = decode([(one.container, one.bitstream) for one in encoded])
    reference = Reference(music)  # what hangs on it alone is computed once
    seconds = len(music) / SAMPLE_RATE_HZ
    return pl.DataFrame(
        {
            "codec": name,
            "asked_kbps": kbps,
            "real_kbps": 8 * len(one.bitstream) / seconds / 1000,
            "mos": reference.score(aligned(one, samples)).mos,
        }
        for (name, kbps), one, samples in zip(asked, encoded, decoded, strict=True)
    )


def draw_codecs(labels: pl.DataFrame, picture: Path) -> None:
    """Draw MOS over the real bitrate, a line a codec."""
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for (name,), own in labels.group_by("codec", maintain_order=True):
        axes.plot(own["real_kbps"], own["mos"], ".-", label=name)
    axes.set(xlabel="bitrate of the stream, kbit/s (mono)", ylabel="MOS-LQO", ylim=(1, 4.8))
    axes.legend(frameon=False)
    figure.savefig(picture, dpi=150)


def main() -> None:
    """Print the labels, and draw if a picture is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    labels = label_codecs(middle_of(arguments.file))
    with pl.Config(tbl_rows=-1, float_precision=2):
        print(labels)
    if arguments.picture:
        draw_codecs(labels, arguments.picture)


if __name__ == "__main__":
    main()

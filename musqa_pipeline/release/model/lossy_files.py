"""Whether a lossy file has the score of the samples that FFmpeg decodes of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.ffmpeg import EncodeJob, decode, encode
from musqa_pipeline.scoring.scorer import Scorer

LOSSY = {
    "MP3 32k": ("libmp3lame", "mp3", "mp3", {"b:a": "32k"}),
    "MP3 64k": ("libmp3lame", "mp3", "mp3", {"b:a": "64k"}),
    "MP3 VBR 5": ("libmp3lame", "mp3", "mp3", {"q:a": "5"}),
    "AAC 48k": ("aac", "adts", "aac", {"b:a": "48k"}),
    "Vorbis 1": ("libvorbis", "ogg", "ogg", {"q:a": "1"}),
    "Opus 24k": ("libopus", "opus", "ogg", {"b:a": "24k"}),
}
"""Encoder, muxer, demuxer and options, by name: where decoders that begin anew go most wrong."""
CODECS = ", ".join(dict.fromkeys(name.split()[0] for name in LOSSY))


def lossy_scores(
    scorer: Scorer, pieces: Iterable[tuple[str, NDArray[np.float32]]]
) -> Iterator[tuple[str, float | None, float | None]]:
    """Score lossy files and what FFmpeg decodes of them."""
    with tempfile.TemporaryDirectory(prefix="musqa-lossy-") as folder:
        for name, samples in pieces:
            pcm = np.round(samples.mean(axis=1) * 32_768).astype(np.int16)
            jobs = [
                EncodeJob(pcm, encoder, muxer, tuple(options.items()))
                for encoder, muxer, _, options in LOSSY.values()
            ]
            streams = encode(jobs)
            demuxers = [demuxer for _, _, demuxer, _ in LOSSY.values()]
            decoded = decode(list(zip(demuxers, streams, strict=True)))
            for codec, stream, sound in zip(LOSSY, streams, decoded, strict=True):
                path = Path(folder) / codec.replace(" ", "-")
                path.write_bytes(stream)
                of_samples = scorer.score(sound[:, None], SAMPLE_RATE_HZ)
                yield f"{name} as {codec}", scorer.score_file(path).mos, of_samples.mos

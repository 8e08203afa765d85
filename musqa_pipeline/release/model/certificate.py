"""The invariance certificate: what must not move a score, and by how much it does.

Each line scores the same music twice, as it is and changed in a way that nobody hears, and keeps
the largest difference. What is a matter of computing alone (container, order, threads) must not
move a score at all; gain in float and who decodes by 0.02 at most, and the rest by 0.1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.ffmpeg import EncodeJob, decode, encode
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.scoring.model_file import load_model
from musqa_pipeline.scoring.scorer import Scorer

Samples = NDArray[np.float32]
WHOLE_SCALE_MOS = 4.0
"""What counts where one of two recordings has no score."""
SILENCE_S = 2.0
OFFSETS_S = (0.25, 1.0)
GAIN_DB = 6.0
OTHER_RATE_HZ = 44_100
THREADS = (1, 4)
STEPS_16 = 32_768.0
"""16-bit steps of full scale 1.0."""
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


@dataclass(frozen=True)
class Line:
    """One line of the certificate."""

    what: str
    largest_mos: float
    """Largest difference of two scores of the same music."""
    limit_mos: float
    n: int
    """Pairs compared."""
    where: str
    """The recording with the largest difference."""

    @property
    def holds(self) -> bool:
        """Whether the limit is kept."""
        return self.largest_mos <= self.limit_mos


@dataclass(frozen=True)
class Piece:
    """Music to certify with."""

    name: str
    samples: Samples
    """Shape (frames, 2), at 48 kHz, of whole 16-bit steps, peaks below 0.5."""
    sample_rate_hz: int


def made_piece(name: str, samples: NDArray[np.floating], sample_rate_hz: int) -> Piece:
    """Prepare music: two channels of 16-bit steps, with room for gain."""
    two = np.asarray(samples, np.float64)[:, [0, -1]]
    peak = float(np.abs(two).max(initial=0.0))
    if peak == 0:
        raise StageError(f"certificate: {name} is silent; choose other music")
    steps = np.round(two / peak * 0.45 * STEPS_16)
    return Piece(name, (steps / STEPS_16).astype(np.float32), sample_rate_hz)


def certify(model: Path, pieces: Iterable[Piece]) -> list[Line]:
    """Measure what moves the scores of a model."""
    scorer = Scorer(load_model(model), detect=False)
    scores = {}
    for piece in pieces:
        score = scorer.score(piece.samples, piece.sample_rate_hz).mos
        if score is not None:
            scores[piece.name] = (piece, score)
    if not scores:
        raise StageError("certificate: the model has a score for none of the pieces; add music")

    with tempfile.TemporaryDirectory(prefix="musqa-certificate-") as folder:
        files = _write_containers(Path(folder), [piece for piece, _ in scores.values()])
        lines = [
            _containers(scorer, files, scores),
            _order(model, files, scores),
            _threads(model, files, scores),
            _lossy(scorer, [piece for piece, _ in scores.values()]),
        ]
    return [*lines, *_changed(scorer, scores)]


def as_rows(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Return plain values, ready for JSON."""
    return [{**asdict(line), "holds": line.holds} for line in lines]


def _difference(first: float | None, second: float | None) -> float:
    if first is None or second is None:
        return 0.0 if first is second else WHOLE_SCALE_MOS
    return abs(first - second)


def _line(what: str, limit: float, found: list[tuple[float, str]]) -> Line:
    largest, where = max(found)
    return Line(what, largest, limit, len(found), where if largest else "")


Scores = Mapping[str, tuple[Piece, float]]
Files = Mapping[str, Mapping[str, Path]]


def _containers(scorer: Scorer, files: Files, scores: Scores) -> Line:
    found = [
        (_difference(scorer.score_file(path).mos, scores[name][1]), f"{name} as {container}")
        for name, paths in files.items()
        for container, path in paths.items()
    ]
    kinds = sorted({container for paths in files.values() for container in paths})
    return _line(f"the same samples as {', '.join(kinds)}", 0.0, found)


def _order(model: Path, files: Files, scores: Scores) -> Line:
    """Score files one by one in a scorer of its own, and all in one, last first."""
    found = []
    together = Scorer(load_model(model), detect=False)
    for name in reversed(list(files)):
        path = files[name]["FLAC"]
        for scorer in (together, Scorer(str(model), detect=False)):
            found.append((_difference(scorer.score_file(path).mos, scores[name][1]), name))
    return _line("alone, or among others in any order", 0.0, found)


def _lossy(scorer: Scorer, pieces: list[Piece]) -> Line:
    scores = lossy_scores(scorer, ((piece.name, piece.samples) for piece in pieces))
    found = [(_difference(of_file, of_samples), where) for where, of_file, of_samples in scores]
    return _line(f"{CODECS} files and their decoded samples", 0.02, found)


_PROCESS = """
import json, sys
from musqa_pipeline.scoring.scorer import Scorer
asked = json.load(sys.stdin)
scorer = Scorer(asked["model"], detect=False)
print(json.dumps({name: scorer.score_file(path).mos for name, path in asked["files"].items()}))
"""


def _threads(model: Path, files: Files, scores: Scores) -> Line:
    """Score files in processes that may use other numbers of threads."""
    found = []
    paths = {name: str(kinds["FLAC"]) for name, kinds in files.items()}
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    for n_threads in THREADS:
        result = subprocess.run(
            [sys.executable, "-c", _PROCESS],
            input=json.dumps({"model": str(model), "files": paths}),
            capture_output=True,
            text=True,
            env={**os.environ, **dict.fromkeys(limits, str(n_threads))},
            check=False,
        )
        if result.returncode:
            last = (result.stderr.strip().splitlines() or ["no message"])[-1]
            raise StageError(f"certificate: a process with {n_threads} threads failed: {last}")
        answers = json.loads(result.stdout)
        found += [(_difference(answers[name], scores[name][1]), name) for name in files]
    return _line(f"{' or '.join(map(str, THREADS))} threads", 0.0, found)


def _write_containers(folder: Path, pieces: list[Piece]) -> dict[str, dict[str, Path]]:
    files: dict[str, dict[str, Path]] = {}
    for number, piece in enumerate(pieces):
        paths = {kind: folder / f"{number}.{kind.lower()}" for kind in ("WAV", "FLAC", "AIFF")}
        for path in paths.values():
            soundfile.write(path, piece.samples, piece.sample_rate_hz, "PCM_16")
        paths["ALAC"] = folder / f"{number}.m4a"
        _write_alac(paths["ALAC"], piece)
        files[piece.name] = paths
    return files


def _write_alac(path: Path, piece: Piece) -> None:
    import av

    pcm = np.round(piece.samples.T * STEPS_16).astype(np.int16)
    with av.open(str(path), "w", format="ipod") as container:
        stream: Any = container.add_stream("alac", rate=piece.sample_rate_hz, layout="stereo")
        stream.codec_context.format = "s16p"
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(pcm), format="s16p", layout="stereo"
        )
        frame.sample_rate = piece.sample_rate_hz
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)


def _changed(scorer: Scorer, scores: Scores) -> Iterator[Line]:
    found = defaultdict(list)
    for piece, score in scores.values():
        for change, versions in _changes(piece).items():
            for samples, rate_hz in versions:
                difference = _difference(scorer.score(samples, rate_hz).mos, score)
                found[change].append((difference, piece.name))
    for (what, limit), differences in found.items():
        yield _line(what, limit, differences)


def _changes(piece: Piece) -> dict[tuple[str, float], list[tuple[Samples, int]]]:
    """Change music in ways that may move its score by a limit: samples and their rate."""
    import soxr

    samples, rate_hz = piece.samples, piece.sample_rate_hz
    gains = [np.float32(10 ** (gain_db / 20)) for gain_db in (-GAIN_DB, GAIN_DB)]
    resampled = soxr.resample(samples, rate_hz, OTHER_RATE_HZ, quality="VHQ").astype(np.float32)
    silence = np.zeros((round(SILENCE_S * rate_hz), 2), np.float32)
    starts = [round(offset_s * rate_hz) for offset_s in OFFSETS_S]
    later = f"windows that begin {' and '.join(f'{s:g}' for s in OFFSETS_S)} s later"
    return {
        ("gain of -6 and +6 dB, in float", 0.02): [(samples * gain, rate_hz) for gain in gains],
        ("left and right swapped", 0.1): [(np.ascontiguousarray(samples[:, ::-1]), rate_hz)],
        ("44.1 kHz instead of 48", 0.1): [(resampled, OTHER_RATE_HZ)],
        (f"{SILENCE_S:g} s of silence in front", 0.1): [
            (np.concatenate([silence, samples]), rate_hz)
        ],
        (later, 0.1): [(samples[start:], rate_hz) for start in starts],
    }


def lossy_scores(
    scorer: Scorer, pieces: Iterable[tuple[str, NDArray[np.float32]]]
) -> Iterator[tuple[str, float | None, float | None]]:
    """Score lossy files and what FFmpeg decodes of them."""
    with tempfile.TemporaryDirectory(prefix="musqa-lossy-") as folder:
        for name, samples in pieces:
            pcm = np.round(samples.mean(axis=1) * STEPS_16).astype(np.int16)
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

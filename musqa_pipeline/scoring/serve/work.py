"""What the worker processes of a server do: score a file, look at it, or make a WAV of it."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from musqa_pipeline.audio.files.decoding import open_audio
from musqa_pipeline.audio.files.reading import to_mono
from musqa_pipeline.scoring.picture.levels import (
    LOWEST_DB,
    STEP_DB,
    as_bytes,
    measure_levels,
)
from musqa_pipeline.scoring.picture.view import View
from musqa_pipeline.scoring.scorer import Scorer
from musqa_pipeline.scoring.serve.answers import SpectrogramAnswer
from musqa_pipeline.scoring.serve.settings import PLAYABLE_CHANNELS, PREVIEW_HIGHEST_HZ
from musqa_pipeline.scoring.serve.spectrogram import SpectrogramMeter

MAX_MEMORY_BYTES = 4 << 30
"""What a worker may allocate; a hostile file ends its worker and not the machine."""


def score_job(
    path: Path,
    max_duration_s: float,
    model: Path,
    window_s: float | None = None,
    hop_s: float | None = None,
    spectrogram: bool = False,
) -> dict[str, Any]:
    """Score a file in a worker process; return plain values of an `answers.ScoreAnswer`.

    Raise UnfitInputError if the file is no audio, damaged, or out of the limits, SettingsError if
    `window_s` or `hop_s` is out of range.
    """
    _limit_memory()
    score = Scorer(model).score_file(
        path, window_s=window_s, hop_s=hop_s, max_duration_s=max_duration_s
    )
    picture = _spectrogram(path, max_duration_s) if spectrogram else None
    return {
        "score": score.as_dict(),
        "meaning": score.sentence,
        "spectrogram": None if picture is None else picture.model_dump(),
    }


def view_job(path: Path, max_duration_s: float, view: View) -> dict[str, Any]:
    """Measure what a view shows, in a worker process; return an `answers.ViewAnswer` as values.

    Raise UnfitInputError if the file is no audio, damaged, or out of the limits, SettingsError if
    it has nothing of what the view asks for.
    """
    _limit_memory()
    found = measure_levels(path, view, max_duration_s)
    columns, rows = found.cells_db.shape
    return {
        **found.about(),
        "columns": columns,
        "rows": rows,
        "lowest_db": LOWEST_DB,
        "step_db": STEP_DB,
        "levels": base64.b64encode(as_bytes(found.cells_db).tobytes()).decode("ascii"),
    }


def preview_job(path: Path, max_duration_s: float, wav: Path) -> None:
    """Write a file as a WAV that every browser plays, in a worker process.

    It has 16 bit, at most 48 kHz, one or two channels; more than two become their mean. Raise
    UnfitInputError if the file is no audio, damaged, or out of the limits.
    """
    _limit_memory()
    with open_audio(path, max_duration_s=max_duration_s) as audio:
        rate_hz = audio.info.sample_rate_hz
        n_channels = audio.info.channels if audio.info.channels <= PLAYABLE_CHANNELS else 1
        wav_hz = min(rate_hz, PREVIEW_HIGHEST_HZ)
        resampler = soxr.ResampleStream(rate_hz, wav_hz, n_channels, dtype="float32", quality="HQ")
        with soundfile.SoundFile(
            wav, "w", wav_hz, n_channels, subtype="PCM_16", format="WAV"
        ) as file:
            for block in _playable(audio.blocks):
                file.write(resampler.resample_chunk(block))
            file.write(resampler.resample_chunk(np.zeros((0, n_channels), np.float32), last=True))


def _playable(blocks: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    for block in blocks:
        finite = np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0)
        yield finite if finite.shape[1] <= PLAYABLE_CHANNELS else to_mono(finite)[:, None]


def _spectrogram(path: Path, max_duration_s: float) -> SpectrogramAnswer | None:
    with open_audio(path, max_duration_s=max_duration_s) as audio:
        meter = SpectrogramMeter(audio.info.sample_rate_hz)
        for block in audio.blocks:
            meter.push(to_mono(np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)))
    return meter.finish()


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # not every system has such a limit
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, hard))

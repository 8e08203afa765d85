"""The stimuli of listening tests: their mean opinions, their audio and the images of it.

A listening test is a folder with ``opinions.csv`` and the audio that it names
(`studies.listening.merge`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.features.bands import band_image_at
from musqa_pipeline.audio.features.looping import loop_to_excerpt
from musqa_pipeline.audio.features.mel import decode_cells, encode_cells, mel_image
from musqa_pipeline.audio.features.nisqa_mel import nisqa_mel
from musqa_pipeline.audio.features.pcm import waveform
from musqa_pipeline.audio.measures.loudness import gain_to_target_db, integrated_lufs
from musqa_pipeline.catalogs.folder import Source
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.names import stays_inside
from musqa_pipeline.core.settings.evaluation import EvaluationSettings
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.spectrograms.features.rows import POINTS
from musqa_pipeline.studies.listening.compare import MIN_FILES
from musqa_pipeline.studies.listening.merge import (
    OPINIONS_FILE,
    ListeningTest,
    find_audio,
    in_points,
    read_stimulus,
    read_test,
)
from musqa_pipeline.studies.listening.ratings import REFERENCE

if TYPE_CHECKING:
    from torch import nn


def rated(folder: Path, settings: EvaluationSettings) -> ListeningTest:
    """Read the opinions of a test in points of 100, hidden references left out.

    Raises SettingsError if there are none, fewer than `MIN_FILES`, or one off its scale.
    """
    if not folder.is_dir():
        raise SettingsError(
            f"{folder} is no folder; a listening test is a folder of audio with {OPINIONS_FILE}"
        )
    test = read_test(folder)
    heard = tuple(o for o in test.opinions if o.condition != REFERENCE)
    if len(heard) < MIN_FILES:
        raise SettingsError(
            f"{test.path} has {len(heard)} excerpts besides hidden references: expected at least "
            f"{MIN_FILES}"
        )
    low, high = settings.listening_lowest, settings.listening_highest
    named = f"listening_lowest = {low:g} and listening_highest = {high:g}"
    return in_points(replace(test, opinions=heard), (low, high), named=named)


def image_cells(
    context: Context, folder: Path, file: str, stages: Iterable[str]
) -> dict[str, NDArray[Any]]:
    """Make the images of a stimulus as they are stored, a row for each 10 s, by stage.

    Raises SettingsError if the file cannot be read, lies outside the folder or is silent.
    """
    excerpts = _excerpts(folder, file, context.preset.excerpts.target_lufs)
    return {
        stage: np.stack([IMAGES[stage](excerpt, context) for excerpt in excerpts])
        for stage in stages
    }


def quality_of(network: nn.Module, cells: NDArray[Any]) -> float:
    """Return what a network says of a stimulus, the mean over its images, in points of 100."""
    from musqa_pipeline.learning.predict import predict

    return POINTS * float(predict(network, [decode_cells(cells)]).mean())


def _excerpts(folder: Path, file: str, target_lufs: float) -> list[NDArray[np.float32]]:
    """Cut a file into pieces of 10 s at the target loudness; a short one is repeated."""
    outside = f"{folder / OPINIONS_FILE}: {file} lies outside the folder; move it in"
    if not stays_inside(file):
        raise SettingsError(outside)
    path = find_audio(folder, file)
    if Source(folder).leads_outside(path):
        raise SettingsError(outside)
    samples = read_stimulus(path, OPINIONS_FILE)
    n_pieces = max(1, len(samples) // EXCERPT_SAMPLES)
    excerpts = []
    for i in range(n_pieces):
        piece = loop_to_excerpt(samples[i * EXCERPT_SAMPLES : (i + 1) * EXCERPT_SAMPLES])[0]
        try:
            gain_db = gain_to_target_db(integrated_lufs(piece), target_lufs)
        except ValueError:
            continue  # nothing to hear in these 10 s
        excerpts.append(piece * np.float32(10 ** (gain_db / 20)))
    if not excerpts:
        raise SettingsError(f"{path} of a listening test is silent; take its line out")
    return excerpts


def _mel(samples: NDArray[np.float32], context: Context) -> NDArray[Any]:
    settings = context.preset.spectrograms
    return encode_cells(mel_image(samples, settings).image, settings.storage)


def _bands(samples: NDArray[np.float32], context: Context) -> NDArray[Any]:
    return band_image_at(samples, context.preset.excerpts.target_lufs)


def _nisqa(samples: NDArray[np.float32], context: Context) -> NDArray[Any]:
    return encode_cells(nisqa_mel(samples).image, "uint8")


def _waveform(samples: NDArray[np.float32], context: Context) -> NDArray[Any]:
    return waveform(samples).pcm[:, None]


IMAGES = {
    "spectrograms": _mel, "features": _bands, "nisqa_mels": _nisqa, "waveforms": _waveform,
}  # fmt: skip
"""How the images that networks eat are made, by the stage that stores them; pairs need more than
the degraded excerpt."""

"""Targets that take the bytes of an audio file: stage 1, the scorer, and the decoder by itself."""

from __future__ import annotations

import math
import os
import unittest.mock
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.files import reading
from musqa_pipeline.audio.files.decoding import open_audio
from musqa_pipeline.audio.files.reading import DecodeError, read_blocks, read_info
from musqa_pipeline.catalogs.rating import RATING
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.core.settings.per_catalog import TracksSettings
from musqa_pipeline.stages.engine.stage import Unit
from musqa_pipeline.stages.tracks.stage import make_unit

ENDINGS = ("", ".wav", ".mp3", ".m4a", ".raw", ".flac", ".ogg", ".aiff")
"""A file's ending decides too; the last byte of the input chooses one."""
NO_METADATA = MappingProxyType(
    dict.fromkeys(("title", "artist", "recording", "genre", "licence", "role", "tier"), "")
)
SHORT_FILES_SERVE = SimpleNamespace(
    tracks=SimpleNamespace(
        **{**asdict(TracksSettings()), "min_duration_s": 0.001, "silence_lufs": -math.inf}
    )
)
BLOCK_SIZES = (509, 1152, 65_536)
LONGEST_FRAMES = 1 << 20
"""More samples of a file are not compared."""


def audio_tracks(data: bytes, folder: Path) -> None:
    """Judge an audio file as stage 1 does, in this process: a crash here is one of a worker."""
    path = folder / f"track{_ending(data)}"
    path.write_bytes(data)
    plan = {
        "path": os.fspath(path),
        "metadata": dict(NO_METADATA),
        "rating": dict.fromkeys(RATING),
        "leads_outside": False,
    }
    unit = Unit("u", path.name, plan)
    try:
        make_unit(cast(Any, SimpleNamespace(preset=SHORT_FILES_SERVE)), unit)
    finally:
        path.unlink()


def audio_scoring(data: bytes, folder: Path) -> None:
    """Decode an audio file as the scorer does, in a child process what soundfile refuses."""
    path = folder / f"file{_ending(data)}"
    path.write_bytes(data)
    try:
        with open_audio(path) as audio:
            for _ in audio.blocks:
                pass
    finally:
        path.unlink()


def audio_blocks(data: bytes, folder: Path) -> None:
    """Decode an audio file in blocks of several sizes, and parts of it: to the same samples."""
    path = folder / f"blocks{_ending(data)}"
    path.write_bytes(data)
    try:
        info = read_info(path)
        whole, failed = _decoded(path, LONGEST_FRAMES)
        for frames in BLOCK_SIZES:
            found, _ = _decoded(path, frames)
            n = min(len(found), len(whole))  # of a block in which decoding stops nothing is left
            assert np.array_equal(found[:n], whole[:n], equal_nan=True), frames
            assert failed or n == len(whole), frames
        if not failed and len(whole) == info.declared_frames > 0:
            for start in (len(whole) // 3, len(whole) - 1):
                part = np.concatenate([*read_blocks(path, start_frame=start, n_frames=1000)])
                np.testing.assert_allclose(part, whole[start : start + 1000], rtol=0, atol=1e-6)
    except DecodeError as error:
        raise UnfitInputError("damaged", str(error), "get it again") from error
    finally:
        path.unlink()


def _decoded(path: Path, block_frames: int) -> tuple[NDArray[np.float32], bool]:
    """Decode a file as far as that is possible; tell whether it failed there."""
    blocks: list[NDArray[np.float32]] = []
    n_frames, failed = 0, False
    with unittest.mock.patch.object(reading, "BLOCK_FRAMES", block_frames):
        try:
            for block in read_blocks(path):
                blocks.append(block)
                n_frames += len(block)
                if n_frames >= LONGEST_FRAMES:
                    break
        except DecodeError:
            failed = True
    whole = np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32)
    return whole[:LONGEST_FRAMES], failed


def _ending(data: bytes) -> str:
    return ENDINGS[data[-1] % len(ENDINGS)] if data else ""

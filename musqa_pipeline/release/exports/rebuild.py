"""From rows of a set back to the samples that were labelled, and to their references."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.release.exports.formats import Row
from musqa_pipeline.release.rebuild.file import bytes_hash
from musqa_pipeline.stages.degradations.sources import add_units, read_bitstreams
from musqa_pipeline.stages.engine.context import Context

_AT_ONCE = 16


def rebuilt_rows(context: Context, rows: Sequence[dict[str, Any]]) -> list[Row]:
    """Rebuild the samples of rows from their bitstreams.

    Raises StageError if a row comes out otherwise.
    """
    listed = [{name: row[name] for name in ("catalog", "excerpt_id", "degraded_id")}
              for row in rows]  # fmt: skip
    add_units(context, listed)
    found = dict(read_bitstreams(context, listed))
    result: list[Row] = []
    for start in range(0, len(rows), _AT_ONCE):
        batch = rows[start : start + _AT_ONCE]
        streams = [found.pop((row["catalog"], row["degraded_id"])) for row in batch]
        for row, samples in zip(batch, degraded_audio(streams), strict=True):
            if bytes_hash(samples.astype("<f4").tobytes()) != row["pcm_hash"]:
                raise StageError(
                    f"{row['degraded_id']} of catalog {row['catalog']} comes out otherwise than it "
                    f"was labelled ({row['encoder']}): the ffmpeg here decodes otherwise than the "
                    "one there; unset IMAGEIO_FFMPEG_EXE, or install the imageio-ffmpeg that made "
                    "the set"
                )
            result.append((row, samples))
    return result


def read_reference(context: Context, row: dict[str, Any]) -> NDArray[np.int16]:
    """Read the 10 s of a reference, without the tail that feeds encoders."""
    partition = context.partition("excerpts", row["catalog"])
    table = context.lake.read(partition, row["excerpt_id"], ["flac"])
    samples, _ = soundfile.read(io.BytesIO(table["flac"][0].as_py()), dtype="int16")
    whole: NDArray[np.int16] = samples[:EXCERPT_SAMPLES]
    return whole

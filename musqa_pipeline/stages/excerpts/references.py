"""Stored references as samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.files.flac import reference_audio
from musqa_pipeline.stages.engine.context import Context


def read_reference(
    context: Context, excerpt_id: str, catalog: str | None = None
) -> NDArray[np.float32]:
    """Read the 10 s of a reference of a catalog, or of the context's own."""
    return read_with_tail(context, excerpt_id, catalog)[:EXCERPT_SAMPLES]


def read_with_tail(
    context: Context, excerpt_id: str, catalog: str | None = None
) -> NDArray[np.float32]:
    """Read a reference with what follows its 10 s."""
    stored = context.lake.read(context.partition("excerpts", catalog), excerpt_id, ["flac"])
    return reference_audio(stored["flac"][0].as_py())

"""From rows of a set back to the samples that were labelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.seal_format import digest_of
from musqa_pipeline.release.exports.formats import Row
from musqa_pipeline.stages.degradations.sources import add_units, in_chunks, read_bitstreams
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
    for batch in in_chunks(iter(rows), _AT_ONCE):
        streams = [found.pop((row["catalog"], row["degraded_id"])) for row in batch]
        for row, samples in zip(batch, degraded_audio(streams), strict=True):
            if digest_of(samples.astype("<f4").tobytes()) != row["pcm_hash"]:
                raise StageError(
                    f"{row['degraded_id']} of catalog {row['catalog']} comes out otherwise than it "
                    f"was labelled ({row['encoder']}): the ffmpeg here decodes otherwise than the "
                    "one there; unset IMAGEIO_FFMPEG_EXE, or install the imageio-ffmpeg that made "
                    "the set"
                )
            result.append((row, samples))
    return result

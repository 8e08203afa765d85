"""Every single process and a ladder of low-passes of recordings that a release never met, scored.

The dataset holds a draw of rows, each recording others; curves over bitrates and cut-offs need the
same recordings at each point. So the bitstreams of all single processes are decoded anew, and
references are cut where listeners heard them cut, and labelled.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.audio.features.bands import band_image_at
from musqa_pipeline.audio.features.looping import loop_to_excerpt
from musqa_pipeline.audio.metrics.registry import open_metric
from musqa_pipeline.scoring.verdict import to_image
from musqa_pipeline.stages.degradations.sources import add_units, in_chunks, read_bitstreams
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.spectrograms.features.rows import KEYS

CUTOFFS_HZ = (
    3_500.0, 5_000.0, 7_000.0, 9_000.0, 10_500.0, 12_000.0, 15_000.0, 17_000.0, 20_000.0,
)  # fmt: skip
"""Those of ODAQ's anchors, and two above."""
TRANSITION_HZ = 400.0
"""From passing to stopping, as in `musqa_pipeline/audio/metrics/ceiling.py`."""
SHORT_S = (5, 6, 8)
"""Lengths to which excerpts are cut: an answer ought not to hang on how much is heard."""
Predict = Callable[[NDArray[np.uint8]], float]
"""From a band image to quality, 0-1."""
_AT_ONCE = 16
_KINDS = ("single", "reference")
_LOWPASS_SCHEMA = {
    **dict.fromkeys(("catalog", "excerpt_id", "split_group"), pl.String),
    **dict.fromkeys(("cutoff_hz", "label_mos", "predicted_mos"), pl.Float64),
}


def score_singles(
    context: Context, predict: Predict, labelled: pl.DataFrame, excerpts: pl.DataFrame
) -> pl.DataFrame:
    """Score all single processes of some references, and the references; whole and cut short."""
    rows = labelled.filter(pl.col("kind").is_in(_KINDS)).join(
        excerpts, on=["catalog", "excerpt_id"], how="inner", maintain_order="left"
    )
    wanted = rows.select(*KEYS, "excerpt_id").to_dicts()
    add_units(context, wanted)
    found = []
    for chunk in in_chunks(read_bitstreams(context, wanted), _AT_ONCE):
        signals = degraded_audio(bitstream for _, bitstream in chunk)
        for ((catalog, degraded_id), _), samples in zip(chunk, signals, strict=True):
            cuts = [samples[: length_s * SAMPLE_RATE_HZ] for length_s in SHORT_S]
            mos, *short = (_predicted_mos(context, predict, each) for each in (samples, *cuts))
            found.append((catalog, degraded_id, mos, short))
    schema: dict[str, Any] = {
        **dict.fromkeys(KEYS, pl.String),
        "predicted_mos": pl.Float64,
        "short_mos": pl.Array(pl.Float64, len(SHORT_S)),
    }
    said = pl.DataFrame(found, schema=schema, orient="row")
    return rows.join(said, on=KEYS, how="inner").select(
        *KEYS,
        "excerpt_id",
        "split_group",
        "process",
        is_reference=pl.col("depth") == 0,
        codec="last_name",
        bitrate_kbps="last_bitrate_kbps",
        cutoff_hz="last_cutoff_hz",
        label_mos="mos",
        predicted_mos="predicted_mos",
        short_mos="short_mos",
    )


def score_lowpasses(
    context: Context,
    predict: Predict,
    labelled: pl.DataFrame,
    excerpts: pl.DataFrame,
    cutoffs_hz: Sequence[float] = CUTOFFS_HZ,
) -> pl.DataFrame:
    """Cut references off, label and score what is left, and the references."""
    references = labelled.filter(pl.col("depth") == 0).join(
        excerpts, on=["catalog", "excerpt_id"], how="inner", maintain_order="left"
    )
    wanted = references.select(*KEYS, "excerpt_id", "split_group").to_dicts()
    add_units(context, wanted)
    about = {(row["catalog"], row["degraded_id"]): row for row in wanted}
    settings = context.preset.labels
    rows: list[dict[str, Any]] = []
    for key, bitstream in read_bitstreams(context, wanted):
        [reference] = degraded_audio([bitstream])
        metric = open_metric(reference, metric=settings.metric, device=settings.device)
        cuts = [lowpassed(reference, cutoff_hz) for cutoff_hz in cutoffs_hz]
        labels = [score.mos for score in metric.score_batch([*cuts, reference])]
        edges = [*cutoffs_hz, SAMPLE_RATE_HZ / 2]
        for cutoff_hz, samples, label in zip(edges, [*cuts, reference], labels, strict=True):
            rows.append(
                {
                    **{name: about[key][name] for name in ("catalog", "excerpt_id", "split_group")},
                    "cutoff_hz": cutoff_hz,
                    "label_mos": label,
                    "predicted_mos": _predicted_mos(context, predict, samples),
                }
            )
    return pl.DataFrame(rows, schema=_LOWPASS_SCHEMA)


def lowpassed(samples: NDArray[np.float32], cutoff_hz: float) -> NDArray[np.float32]:
    """Cut a signal off above a frequency, without a phase."""
    frequency_hz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE_HZ)
    way = np.clip((frequency_hz - cutoff_hz) / TRANSITION_HZ, 0, 1)
    gain = np.cos(0.5 * np.pi * way) ** 2
    return np.fft.irfft(np.fft.rfft(samples) * gain, len(samples)).astype(np.float32)


def curve(rows: pl.DataFrame, by: str) -> list[dict[str, Any]]:
    """Average scores and labels by a column, each group of recordings one vote."""
    values = ["label_mos", "predicted_mos"]
    each = rows.group_by(by, "split_group").agg(pl.col(values).mean())
    table = each.group_by(by).agg(pl.col(values).mean(), n_recordings=pl.len())
    return table.sort(by).to_dicts()


def largest_fall(points: Iterable[Mapping[str, Any]], key: str) -> float:
    """Return the largest fall from a point to the next of a curve that ought to rise; 0 if none."""
    values = [point[key] for point in points]
    return max((max(0.0, a - b) for a, b in itertools.pairwise(values)), default=0.0)


def _predicted_mos(context: Context, predict: Predict, samples: NDArray[np.float32]) -> float:
    excerpt, _ = loop_to_excerpt(samples)
    image = to_image(excerpt)  # levelled again, as the scorer does
    if image is None:  # nothing is left of it
        image = band_image_at(excerpt, context.preset.excerpts.target_lufs)
    return 1 + 4 * predict(image)

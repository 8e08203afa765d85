"""The variables whose distributions are watched: the label, and what describes the music."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

from musqa_pipeline.stages.dataset.inputs import read_labelled_rows, read_seen_tracks
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.spectrograms.features.rows import read_rows


@dataclass(frozen=True)
class Variable:
    """One variable: where it comes from and what a page calls it."""

    name: str
    title: str
    unit: str
    of: str
    """labels (every labelled row), tracks, or rows (those of the dataset)."""
    column: str


VARIABLES = (
    Variable("mos", "label of all degraded excerpts", "MOS", "labels", "mos"),
    Variable(
        "track_upper_edge_hz", "upper edge of the track’s spectrum", "Hz", "tracks", "upper_edge_hz"
    ),
    Variable("track_loudness_lufs", "loudness of the track", "LUFS", "tracks", "loudness_lufs"),
    Variable(
        "track_true_peak_dbtp", "true peak of the track", "dBTP", "tracks", "true_peak_dbtp"
    ),
    Variable(
        "track_phase_correlation", "correlation of left and right", "", "tracks",
        "phase_correlation",
    ),
    Variable("track_duration_s", "duration of the track", "s", "tracks", "duration_s"),
    Variable("row_upper_edge_hz", "upper edge of a chosen excerpt", "Hz", "rows", "upper_edge_hz"),
    Variable(
        "row_level_500_1500_hz_db", "its level at 0.5 to 1.5 kHz", "dB", "rows",
        "range_500_1500_hz_db",
    ),
    Variable(
        "row_level_3500_5000_hz_db", "its level at 3.5 to 5 kHz", "dB", "rows",
        "range_3500_5000_hz_db",
    ),
    Variable(
        "row_level_12000_15000_hz_db", "its level at 12 to 15 kHz", "dB", "rows",
        "range_12000_15000_hz_db",
    ),
)  # fmt: skip
"""In the order of the page."""
ALL_CATALOGS = "*"

_READERS: dict[str, Callable[[Context], pl.DataFrame]] = {
    "labels": read_labelled_rows,
    "tracks": read_seen_tracks,
    "rows": read_rows,
}


def read_variables(context: Context) -> Iterator[tuple[Variable, str, pl.DataFrame]]:
    """Read every variable of every catalog."""
    for kind, read in _READERS.items():
        frame = read(context)
        for variable in (v for v in VARIABLES if v.of == kind):
            value = pl.col(variable.column).cast(pl.Float64)
            values = frame.sort("catalog").select("catalog", "recording", value=value)
            parts = values.partition_by("catalog", as_dict=True, maintain_order=True)
            for (name,), part in parts.items():
                yield variable, str(name), part
            if len(parts) > 1:
                yield variable, ALL_CATALOGS, values

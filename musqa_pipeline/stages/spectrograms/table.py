"""The table `spectrograms`."""

import pyarrow as pa

from musqa_pipeline.core.tables import Column, Table

LABELLED_ROW = (
    Column("degraded_id", pa.string(), "the degraded excerpt"),
    Column("excerpt_id", pa.string(), "its reference"),
    Column("catalog", pa.string(), "its catalog"),
    Column("part", pa.string(), "train, validation or test"),
    Column("uniform_draw", pa.bool_(), "part of the uniform draw"),
    Column("natural_mix", pa.bool_(), "part of the natural mix"),
    Column("trusted", pa.bool_(), "false where the label may not count, see dataset"),
    Column("mos", pa.float64(), "label, MOS-LQO"),
    Column("quality", pa.float64(), "label, (mos - 1) / 4"),
)
"""What every stored image says of its row of `dataset`."""

_IMAGE = (
    ("n_frames", pa.int32(), "rows of the image (time)"),
    ("n_bands", pa.int32(), "columns of the image (frequency, low to high)"),
    ("dtype", pa.string(), "uint8 (value / 255) or float16"),
    ("image", pa.binary(), "cells in C order (n_frames, n_bands), 0 to 1"),
    ("max_db", pa.float64(), "level of the loudest cell in dB, re the target loudness"),
    ("min_db", pa.float64(), "level of the quietest kept cell in dB, likewise"),
    ("storage_error", pa.float64(), "largest rounding error of a stored cell, 0 to 1"),
    ("upper_edge_hz", pa.float64(), "upper edge of the degraded spectrum in hertz"),
    ("looped", pa.bool_(), "whether a shorter signal was looped to 10 s"),
)


def image_of_row(*, has_error: bool = True, **otherwise: str) -> tuple[Column, ...]:
    """Return the columns of a stored image; what a table says `otherwise`, by column."""
    return tuple(
        Column(name, kind, otherwise.get(name, doc))
        for name, kind, doc in _IMAGE
        if has_error or name != "storage_error"
    )


SPECTROGRAMS = Table(
    "spectrograms",
    "a mel image with its label",
    (
        *LABELLED_ROW,
        *image_of_row(),
    ),
)

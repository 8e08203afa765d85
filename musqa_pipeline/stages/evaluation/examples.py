"""The worst predictions as something to look at and listen to: spectrogram images and players.

Pictures and players are small copies for the page; scores never come from them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import polars as pl
import soundfile as sf
from numpy.typing import NDArray
from PIL import Image

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ

PLAYER_S = 6.0
"""Seconds of a player, from the middle of an excerpt: so the page has room for many."""
PLAYER_BYTES = 61_440
"""Most bytes of a player's file, 60 KiB: 6 s at 80 kbit/s and the frame headers."""
PICTURE_FRAMES = 400
PICTURE_BANDS = 112
_MP3_LEVELS = (0.85, 0.9, 0.95, 0.98)
"""Compression levels of libsndfile's MP3 writer, best first; 0.85 is 80 kbit/s, for 6 s."""
_COLOURS = 24


@dataclass(frozen=True, kw_only=True)
class Example:
    """One excerpt with what was said about it, ready for the page."""

    recording: str
    what: str
    """What was done to it, in words."""
    label: float
    """Points, 0-100."""
    said: Mapping[str, float]
    """Prediction of each model in points, 0-100."""
    worst_of: Mapping[str, int]
    """Models that err most here, and the rank of this excerpt among their errors, from 1."""
    dark: bool
    """Whether the reference is dark, so that a low-pass takes nothing from it."""
    degraded_picture: bytes | None
    """PNG, or None."""
    reference_picture: bytes | None
    degraded_player: bytes | None
    """MP3, or None."""
    reference_player: bytes | None

    @property
    def n_bytes(self) -> int:
        """Size of pictures and players."""
        media = (
            self.degraded_picture, self.reference_picture,
            self.degraded_player, self.reference_player,
        )  # fmt: skip
        return sum(len(part) for part in media if part)


@dataclass(frozen=True, kw_only=True)
class TwinSide:
    """One of two excerpts that sound alike."""

    recording: str
    what: str
    label: float
    """Points, 0-100."""
    said: float | None
    """Prediction of the model that is shown first; None where it was not asked."""
    picture: bytes | None
    """PNG, or None."""
    player: bytes | None
    """MP3, or None."""


@dataclass(frozen=True, kw_only=True)
class Twin:
    """Two excerpts with nearly the same features and two labels; see `twins`."""

    dark: TwinSide
    lowpassed: TwinSide
    nearer_share: float
    """Share of all pairs of rows of two recordings that are nearer to each other."""

    @property
    def n_bytes(self) -> int:
        """Size of pictures and players."""
        sides = (self.dark, self.lowpassed)
        return sum(len(part) for s in sides for part in (s.picture, s.player) if part)


def worst_of_each(rows: pl.DataFrame, models: Sequence[str], n: int) -> list[dict[str, Any]]:
    """Choose the worst predictions of each model; what several err on comes once."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    ranked = [
        (rank, row)
        for model in models
        for rank, row in enumerate(choose_worst(rows.filter(model=model), n).to_dicts(), start=1)
    ]
    for rank, row in sorted(ranked, key=lambda item: item[0]):
        key = row["catalog"], row["degraded_id"]
        found.setdefault(key, {**row, "worst_of": {}})["worst_of"][row["model"]] = rank
    for (catalog, degraded_id), row in found.items():
        same = rows.filter(
            pl.col("model").is_in(list(models)), catalog=catalog, degraded_id=degraded_id
        )
        row["said"] = dict(same.select("model", "predicted").iter_rows())
    return list(found.values())


def choose_worst(rows: pl.DataFrame, n: int) -> pl.DataFrame:
    """Choose the rows with the largest errors, one a reference, so that they differ."""
    error = (pl.col("predicted") - pl.col("label")).abs()
    ranked = rows.sort(error, "catalog", "degraded_id", descending=[True, False, False])
    return ranked.unique(["catalog", "excerpt_id"], keep="first", maintain_order=True).head(n)


def picture_png(image: NDArray[np.floating] | NDArray[np.uint8]) -> bytes:
    """Draw a mel image small: time to the right, frequency upwards."""
    cells = image if image.dtype == np.uint8 else np.round(np.clip(image, 0, 1) * 255)
    grey = Image.fromarray(np.asarray(cells, dtype=np.uint8).T[::-1])
    grey = grey.resize((PICTURE_FRAMES, PICTURE_BANDS), Image.Resampling.BOX)
    level = np.asarray(grey, dtype=np.uint16) * _COLOURS // 256
    palette = mpl.colormaps["magma"](np.linspace(0, 1, _COLOURS), bytes=True)[:, :3]
    picture = Image.fromarray(level.astype(np.uint8), mode="P")
    picture.putpalette(palette.tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def player_mp3(samples: NDArray[np.float32]) -> bytes:
    """Encode an excerpt for a player in the page.

    Raises ValueError if even the lowest quality is larger.
    """
    n = round(PLAYER_S * SAMPLE_RATE_HZ)
    start = max(0, len(samples) - n) // 2
    heard = samples[start : start + n]
    peak = float(np.max(np.abs(heard), initial=0.0))
    calm = heard / np.float32(max(1.0, peak / 0.98))
    for level in _MP3_LEVELS:
        buffer = io.BytesIO()
        sf.write(
            buffer,
            calm,
            SAMPLE_RATE_HZ,
            format="MP3",
            subtype="MPEG_LAYER_III",
            compression_level=level,
            bitrate_mode="CONSTANT",
        )
        if buffer.tell() <= PLAYER_BYTES:
            return buffer.getvalue()
    raise ValueError(
        f"{len(heard)} samples do not fit into {PLAYER_BYTES} bytes of MP3: expected about 6 s"
    )

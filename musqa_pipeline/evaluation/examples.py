"""The worst predictions as something to look at and listen to: spectrogram images and players.

Pictures and players are small copies for the page; scores never come from them.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import polars as pl
import soundfile as sf
from numpy.typing import NDArray
from PIL import Image

from musqa_pipeline.audio import SAMPLE_RATE_HZ

PLAYER_BYTES = 102_400
"""Most bytes of a player's file, 100 KiB: 10 s at 80 kbit/s and the frame headers."""
PICTURE_FRAMES = 469
PICTURE_BANDS = 128
_MP3_LEVELS = (0.85, 0.9, 0.95, 0.98)
"""Compression levels of libsndfile's MP3 writer, best first; 0.85 is 80 kbit/s, for 10 s."""
_COLOURS = 40


@dataclass(frozen=True)
class Example:
    """One excerpt with what was said about it, ready for the page."""

    recording: str
    what: str
    """What was done to it, in words."""
    label: float
    """Points, 0-100."""
    predicted: float
    """Points, 0-100."""
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


def choose_worst(rows: pl.DataFrame, n: int) -> pl.DataFrame:
    """Choose the rows with the largest errors, one a reference, so that they differ.

    Parameters
    ----------
    rows : polars.DataFrame
        Predictions of one model on one draw.
    n : int
        At most how many.

    Returns
    -------
    polars.DataFrame
        Rows, the largest error first; ties go by id.
    """
    error = (pl.col("predicted") - pl.col("label")).abs()
    ranked = rows.sort(error, "catalog", "degraded_id", descending=[True, False, False])
    return ranked.unique(["catalog", "excerpt_id"], keep="first", maintain_order=True).head(n)


def picture_png(image: NDArray[np.floating] | NDArray[np.uint8]) -> bytes:
    """Draw a mel image small: time to the right, frequency upwards.

    Parameters
    ----------
    image : ndarray, shape (frames, mels)
        Cells 0-1, or 0-255 as uint8.

    Returns
    -------
    bytes
        PNG of `PICTURE_FRAMES` x `PICTURE_BANDS` pixels with a palette, about 30 kB.
    """
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

    Parameters
    ----------
    samples : ndarray of float32, shape (samples,)
        Mono at 48 kHz; what is over full scale is turned down, not clipped.

    Returns
    -------
    bytes
        MP3 of at most `PLAYER_BYTES`, in the best quality that fits; every browser plays it.

    Raises
    ------
    ValueError
        If even the lowest quality is larger, so for much more than 10 s.
    """
    peak = float(np.max(np.abs(samples), initial=0.0))
    calm = samples / np.float32(max(1.0, peak / 0.98))
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
        f"{len(samples)} samples do not fit into {PLAYER_BYTES} bytes of MP3: expected about 10 s"
    )


def data_uri(content: bytes, kind: str) -> str:
    """Return bytes as an address that needs no second file.

    Parameters
    ----------
    content : bytes
        A file's content.
    kind : str
        Media type, for example ``"image/png"``.

    Returns
    -------
    str
        ``data:<kind>;base64,…``.
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"

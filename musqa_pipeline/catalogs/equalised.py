"""Darker copies of recordings, for training: music that ends low without having lost anything.

Real catalogs hold few naturally dark recordings, and a model that never met one takes it for a
low-passed one: content up to 20 kHz, but 40 to 60 dB lower than in pop. A copy through a gentle,
random equaliser is a clean reference of its own. It keeps its recording's name, so that a split
never parts the two, and copies of test recordings are not made.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.equaliser import Equaliser, draw_equaliser
from musqa_pipeline.audio.files.decoding import open_audio, read_length
from musqa_pipeline.audio.files.flac import to_flac
from musqa_pipeline.audio.files.reading import to_mono
from musqa_pipeline.catalogs.demo_music.catalog import COLUMNS
from musqa_pipeline.catalogs.folder import COPY_TIER, Source
from musqa_pipeline.core.csv_files import unguarded, write_csv
from musqa_pipeline.core.errors import CatalogError, UnfitInputError
from musqa_pipeline.core.files import explained, whole_file, write_whole
from musqa_pipeline.core.names import stays_inside
from musqa_pipeline.core.seeds import derive_generator, unit_interval_hash

PEAK = 0.7
LONGEST_S = 12.0
"""As much of the middle of a track as an excerpt and its tail need."""


def equalise(
    x: NDArray[np.floating], equaliser: Equaliser, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Apply an equaliser without phase shift."""
    hz = np.maximum(np.fft.rfftfreq(len(x), 1 / SAMPLE_RATE_HZ), 15.0)
    octaves = np.log2(hz / 1_000)
    gain_db = -equaliser.slope_db_per_octave * np.maximum(0, np.log2(hz / equaliser.knee_hz))
    gain_db += np.interp(octaves, np.arange(-6, 6), equaliser.ripple_db)
    y = np.fft.irfft(np.fft.rfft(np.asarray(x, np.float64)) * 10 ** (gain_db / 20), len(x))
    y *= PEAK / max(float(np.max(np.abs(y))), 1e-9)
    if equaliser.noise_dbfs is not None:
        shape = 10 ** (-equaliser.noise_slope_db_per_octave * octaves / 20)
        noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(len(x))) * shape, len(x))
        y += noise / noise.std() * 10 ** (equaliser.noise_dbfs / 20)
    return y * (PEAK / max(float(np.max(np.abs(y))), 1e-9))


def write_equalised_catalog(
    source: Path,
    folder: Path,
    *,
    n_copies: int | None = None,
    seed: int = 0,
    log: Callable[[str], object] = print,
) -> int:
    """Write one darker copy of each training recording of a catalog folder."""
    rows = []
    for row in _chosen(_source_rows(source), n_copies, seed):
        path = source / row["file"]
        name = f"{path.stem}-eq{seed}.flac"
        try:
            if not (folder / name).exists():
                _write_copy(path, folder / name, seed)
        except UnfitInputError as error:
            log(f"{row['file']}: left out, it cannot be read ({error.detail}; {error.advice})")
            continue
        title = f"{row.get('title') or path.stem}, darker copy"
        rows.append({**row, "file": name, "title": title, "role": "train", "tier": COPY_TIER})
    text = io.StringIO(newline="")
    cells = ([row.get(name, "") for name in COLUMNS] for row in rows)
    write_csv(text, [COLUMNS, *cells], lineterminator="\r\n")
    with explained("write", folder), whole_file(folder / "tracks.csv") as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")
    return len(rows)


def _source_rows(source: Path) -> list[dict[str, str]]:
    path = source / "tracks.csv"
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [
                {k: unguarded(v) if isinstance(v, str) else v for k, v in row.items()}
                for row in csv.DictReader(file)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CatalogError(
            f"cannot read {path}: {error}; darker copies need the names of the recordings, so "
            "write a tracks.csv with the columns file and recording"
        ) from error
    if not rows or not all(row.get("file") and row.get("recording") for row in rows):
        raise CatalogError(
            f"{path} must name file and recording of every track, so that a copy and its original "
            "are never parted by a split; fill in the column recording"
        )
    for row in rows:
        if not stays_inside(row["file"]) or Source(source).leads_outside(source / row["file"]):
            raise CatalogError(
                f"{path}: file={row['file']!r}: expected a path inside the catalog's folder, "
                "relative to it"
            )
    return [row for row in rows if row.get("role") != "test"]


def _chosen(rows: list[dict[str, str]], n_copies: int | None, seed: int) -> list[dict[str, str]]:
    """Choose one track of each of `n_copies` recordings, in the order of the rows."""
    if n_copies is None:
        return rows
    first = {row["recording"]: row for row in reversed(rows)}
    in_order = sorted(first, key=lambda name: unit_interval_hash("synthesis.equalised", seed, name))
    wanted = set(in_order[:n_copies])
    return [row for row in rows if row["recording"] in wanted and first[row["recording"]] is row]


def _write_copy(path: Path, copy: Path, seed: int) -> None:
    info, n_in_file = read_length(path)
    n_frames = min(n_in_file, round(LONGEST_S * info.sample_rate_hz))
    start = max(0, (n_in_file - n_frames) // 2)
    with open_audio(path, start_frame=start, n_frames=n_frames) as audio:
        parts = [to_mono(block) for block in audio.blocks]
    if not parts:
        raise UnfitInputError("damaged", f"no audio at frame {start}", "get the file again")
    mono = np.concatenate(parts)
    if not np.isfinite(mono).all():
        raise UnfitInputError(
            "not_finite", "it holds samples that are NaN or infinite", "export the file again"
        )
    if info.sample_rate_hz != SAMPLE_RATE_HZ:
        import soxr

        mono = soxr.resample(mono, info.sample_rate_hz, SAMPLE_RATE_HZ, quality="VHQ")
    rng = derive_generator("synthesis.equalised", seed, path.name)
    made = equalise(mono, draw_equaliser(rng), rng)
    write_whole(copy, to_flac(made, "PCM_24"))

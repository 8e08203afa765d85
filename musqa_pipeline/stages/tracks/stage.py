"""Stage 1, `tracks`: every audio file of a catalog is decoded once, measured and judged."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa

from musqa_pipeline.audio.files.limits import (
    MAX_DURATION_S,
    check_declared,
    check_limits,
    check_peak,
)
from musqa_pipeline.audio.files.reading import AudioInfo, DecodeError, read_info
from musqa_pipeline.audio.measures.measure import Measurement, measure_file
from musqa_pipeline.catalogs.identity import identified_files
from musqa_pipeline.catalogs.rating import RATING
from musqa_pipeline.core.errors import UnfitInputError
from musqa_pipeline.core.foreign_text import path_text
from musqa_pipeline.core.settings.per_catalog import TracksSettings
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import Maker, Unit
from musqa_pipeline.stages.tracks.table import TRACKS
from musqa_pipeline.stages.tracks.verdict import FLAGGED, USABLE, flags_of

TRACK_ID_DIGITS = 16


def list_units(context: Context) -> list[Unit]:
    """List the audio files of the context's catalog, one unit each."""
    assert context.catalog is not None
    return [
        Unit(
            unit_id,
            entry.printable,
            {
                "path": os.fspath(entry.path),
                "metadata": dict(entry.metadata),
                "rating": asdict(entry.rating) if entry.rating else dict.fromkeys(RATING),
                "leads_outside": entry.leads_outside,
            },
        )
        for unit_id, entry in identified_files(context.home, context.catalog)
    ]


def make_unit(context: Context, unit: Unit) -> pa.Table:
    """Decode, measure and judge one file.

    Raises UnfitInputError if the file cannot serve, with the reason.
    """
    path = Path(unit.plan["path"])
    if unit.plan["leads_outside"]:
        raise UnfitInputError(
            "outside_link",
            f"a link out of the catalog's folder, to {path_text(os.path.realpath(path))}",
            "put the file itself there, or allow such links with musqa catalog add FOLDER "
            "--follow-links",
        )
    size_bytes = check_readable(path)
    try:
        info = read_info(path)
        check_limits(info.sample_rate_hz, info.channels)
        check_declared(info.declared_frames, info.sample_rate_hz, MAX_DURATION_S)
        with np.errstate(over="ignore", invalid="ignore"):  # such levels are refused below
            found = measure_file(path, info)
    except DecodeError as error:
        raise UnfitInputError(
            "cannot_decode",
            str(error),
            "replace the file with a whole one, or take it out of the folder",
        ) from error
    except OSError as error:
        raise UnfitInputError(
            "cannot_read",
            f"{error.strerror or error}",
            "check the disk and run again",
            passing=True,
        ) from error
    duration_s = found.frames / info.sample_rate_hz
    _check_content(found, duration_s, context.preset.tracks)
    row = _row(unit, info, found, size_bytes, duration_s, context.preset.tracks)
    return TRACKS.from_rows([row])


def check_readable(path: Path) -> int:
    """Check that a path leads to a regular file with something in it that may be read.

    Raises UnfitInputError if not: ``missing_file``, ``dangling_link``, ``no_permission``,
    ``not_a_file``, ``empty_file`` or ``cannot_read``.
    """
    permission = "allow reading, for example with chmod a+r, and run again"
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            next(path.iterdir(), None)
            raise UnfitInputError("not_a_file", "a folder", "rename it or take it out")
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            raise UnfitInputError("not_a_file", "a pipe or device", "take it out of the folder")
        with path.open("rb"):
            pass
    except PermissionError as error:
        raise UnfitInputError("no_permission", "reading is not permitted", permission) from error
    except FileNotFoundError as error:
        if path.is_symlink():
            raise UnfitInputError(
                "dangling_link",
                f"link to {path_text(path.readlink())}, which does not exist",
                "connect the disk that it points to, or remove the link",
            ) from error
        raise UnfitInputError(
            "missing_file",
            "named in tracks.csv, but not there",
            "put the file there, or correct its row in tracks.csv",
        ) from error
    except OSError as error:  # a loop of links, a failing disk
        raise UnfitInputError(
            "cannot_read",
            f"{error.strerror or error}",
            "check the file and the disk, and run again",
            passing=True,
        ) from error
    if status.st_size == 0:
        raise UnfitInputError("empty_file", "0 bytes", "copy the file again, or remove it")
    return status.st_size


def _check_content(found: Measurement, duration_s: float, settings: TracksSettings) -> None:
    if duration_s < settings.min_duration_s:
        raise UnfitInputError(
            "too_short",
            f"{duration_s:.2f} s, expected at least {settings.min_duration_s:g} s",
            "use a longer recording; excerpts are 10 s long",
        )
    if found.n_not_finite:
        raise UnfitInputError(
            "not_finite",
            f"{found.n_not_finite} samples are NaN or infinite",
            "export the file again",
        )
    check_peak(found.true_peak_dbtp)
    if found.loudness_lufs < settings.silence_lufs:
        loud = (
            f"{found.loudness_lufs:.1f} LUFS" if math.isfinite(found.loudness_lufs) else "silence"
        )
        raise UnfitInputError(
            "silent",
            f"{loud}, expected at least {settings.silence_lufs:g} LUFS",
            "take it out, or raise its level at the source",
        )


def _row(
    unit: Unit,
    info: AudioInfo,
    found: Measurement,
    size_bytes: int,
    duration_s: float,
    settings: TracksSettings,
) -> dict[str, object]:
    metadata: Mapping[str, str] = unit.plan["metadata"]
    flags = flags_of(
        is_lossy=info.is_lossy,
        tier=metadata["tier"],
        upper_edge_hz=found.upper_edge_hz,
        sample_rate_hz=info.sample_rate_hz,
        phase_correlation=found.phase_correlation,
        settings=settings,
    )
    return {
        "track_id": found.pcm_hash[:TRACK_ID_DIGITS],
        "unit_id": unit.unit_id,
        "file": unit.what,
        "pcm_hash": found.pcm_hash,
        **metadata,
        **{key: metadata[key] or info.tags.get(key, "") for key in ("title", "artist", "genre")},
        "recording": metadata["recording"] or unit.what,
        **unit.plan["rating"],
        "duration_s": duration_s,
        "sample_rate_hz": info.sample_rate_hz,
        "channels": info.channels,
        "codec": info.codec,
        "bitrate_kbps": size_bytes * 8 / duration_s / 1000,
        "loudness_lufs": found.loudness_lufs,
        "true_peak_dbtp": found.true_peak_dbtp,
        "upper_edge_hz": found.upper_edge_hz,
        "phase_correlation": found.phase_correlation,
        "verdict": FLAGGED if flags else USABLE,
        "flags": flags,
    }


TRACKS_MAKER = Maker(
    version=2,
    tools=("numpy", "scipy", "soundfile", "av", "pyloudnorm"),
    units=list_units,
    make=make_unit,
)

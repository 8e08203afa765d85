"""PMQD, the Perceived Music Quality Dataset: 975 segments of about 4 s, rated by listeners.

Of each of 195 segments there is the original and four degraded versions. Only originals can be
references, and being shorter than an excerpt they end in quarantine: the dataset serves to compare
predictions with listeners. `write_opinions` writes its ratings as `musqa listening` reads them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from musqa_pipeline.catalogs.folder import Source, walk_audio
from musqa_pipeline.catalogs.readers.csv_rows import read_csv
from musqa_pipeline.catalogs.readers.interface import Checksum, Found, Reader, entry, found
from musqa_pipeline.core.csv_files import csv_of
from musqa_pipeline.core.errors import CatalogError
from musqa_pipeline.core.files import write_whole

PMQD_CSV = "pmqd.csv"
FOLDERS = ("audio", "audio32")
ORIGINAL = "original"
COLUMNS = (
    "id", "genre", "artist", "title", "degradation_type", "degradation_intensity", "rating",
    "sample_start", "sample_filename",
)  # fmt: skip


@dataclass(frozen=True)
class RatedSegment:
    """A segment as the table has it."""

    file: str
    """Below the dataset's folder."""
    genre: str
    recording: str
    start: str
    """Where it begins in its song, in seconds."""
    kind: str
    """original, distortion, limiter, lowpass or noise."""
    intensity: float
    """0 to 100; 0 of an original."""
    rating: float
    """Median of at least five listeners, 1 to 5."""


def read(source: Source) -> Found:
    """List the original segments."""
    rows = {_file(source.folder, row): row for row in _rows(source)}
    walk = walk_audio(source)
    here = [file for file in walk.audio if file in rows]
    degraded = [file for file in here if rows[file]["degradation_type"] != ORIGINAL]
    return found(
        (
            entry(
                source.folder,
                file,
                title=rows[file]["title"],
                artist=rows[file]["artist"],
                recording=f"{rows[file]['artist']}: {rows[file]['title']}",
                genre=rows[file]["genre"],
                role="test",
            )
            for file in here
            if rows[file]["degradation_type"] == ORIGINAL
        ),
        walk,
        {
            "missing": rows.keys() - set(here),
            "left out, degraded and so no references": degraded,
            f"left out, not in {PMQD_CSV}": set(walk.audio) - rows.keys(),
        },
    )


def read_segments(folder: Path) -> list[RatedSegment]:
    """Read the table: all segments, degraded ones too, whether their files are there or not."""
    return [
        RatedSegment(
            file=_file(folder, row),
            genre=row["genre"],
            recording=f"{row['artist']}: {row['title']}",
            start=row["sample_start"],
            kind=row["degradation_type"],
            intensity=_number(folder, row, "degradation_intensity", 0, 100),
            rating=_number(folder, row, "rating", 1, 5),
        )
        for row in _rows(Source(folder))
    ]


def write_opinions(folder: Path, path: Path) -> int:
    """Write the ratings as a table of opinions, for `musqa listening compare`."""
    rows = _rows(Source(folder))
    table = [["file", "mos", "condition", "recording"]]
    for row in rows:
        kind = row["degradation_type"]
        condition = "reference" if kind == ORIGINAL else f"{kind}_{row['degradation_intensity']}"
        recording = f"{row['artist']}: {row['title']}"
        table.append(
            [_file(folder, row), f"{_number(folder, row, 'rating', 1, 5):g}", condition, recording]
        )
    write_whole(path, csv_of(table))
    return len(rows)


def _rows(source: Source) -> list[dict[str, str]]:
    if not (source.folder / PMQD_CSV).is_file():
        raise READER.wrong_layout(source.folder, PMQD_CSV)
    if _audio_folder(source.folder) is None:
        raise READER.wrong_layout(source.folder, "folder audio or audio32")
    return read_csv(source, PMQD_CSV, COLUMNS)


def _audio_folder(folder: Path) -> str | None:
    return next((name for name in FOLDERS if (folder / name).is_dir()), None)


def _file(folder: Path, row: dict[str, str]) -> str:
    name = row["sample_filename"]
    if not name or PurePosixPath(name).name != name or "\0" in name or name == "..":
        raise CatalogError(
            f"{folder / PMQD_CSV}: sample_filename={name!r} of {row['id']}: expected the name of a "
            "file; get the table again"
        )
    return f"{_audio_folder(folder)}/{name}"


def _number(folder: Path, row: dict[str, str], column: str, low: int, high: int) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise CatalogError(
            f"{folder / PMQD_CSV}: {column}={row[column]!r} of {row['id']}: expected {low} to "
            f"{high}; get the table again"
        )
    return value


READER = Reader(
    name="pmqd",
    title="PMQD: Perceived Music Quality Dataset",
    licence="none stated in its release; ask its authors before you pass audio on",
    citation="A. Hilmkil, C. Thomé, A. Arpteg, Perceiving music quality with GANs, 2020, "
    "arXiv:2006.06287",
    source="github.com/carlthome/pmqd, release v1.0.0: pmqd.csv and audio.tgz or audio32.tgz",
    layout=f"{PMQD_CSV} and a folder audio (24 bit) or audio32 (32 bit)",
    looks_like=lambda folder: (folder / PMQD_CSV).is_file() and _audio_folder(folder) is not None,
    lists=read,
    archives=(
        Checksum(
            PMQD_CSV,
            "sha256",
            "d605acc08409a2fea869d8ddff86f526a3c3be74f9082c8ae882bc0d8786fa47",
            112_376,
        ),
        Checksum(
            "audio.tgz",
            "sha256",
            "d07d1e75efe17b4bf1497bab5d4f84dbacab98d703b6ad329e4fa19df23b13c0",
            972_567_883,
        ),
        Checksum(
            "audio32.tgz",
            "sha256",
            "5d866f5795b24cd5534f82b061868706af0469f3aa5ff0dee173d4a853a5654a",
            1_072_572_299,
        ),
    ),
    expects="975 segments, of which 195 are originals",
)

"""FMA, a dump of the Free Music Archive: MP3 clips or whole tracks, in subsets of four sizes.

Roles are the dataset's own split (its validation part is ours to train with), which no artist
crosses. Licences differ from track to track and are taken from the metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from musqa_pipeline.catalogs.folder import Source, walk_audio
from musqa_pipeline.catalogs.readers.csv_rows import csv_lines, read_csv, require_cells
from musqa_pipeline.catalogs.readers.interface import Checksum, Found, Reader, entry, found
from musqa_pipeline.core.errors import CatalogError

SIZES = ("small", "medium", "large", "full")
"""Each holds the tracks of those before it; `full` has those of `large`, untrimmed."""
TRACKS_CSV = "fma_metadata/tracks.csv"
RAW_CSV = "fma_metadata/raw_tracks.csv"
ROLES = {"training": "train", "validation": "train", "test": "test"}
FIELDS = {
    "title": ("track", "title"),
    "artist": ("artist", "name"),
    "album": ("album", "title"),
    "genre": ("track", "genre_top"),
    "licence": ("track", "license"),
    "split": ("set", "split"),
    "subset": ("set", "subset"),
}
RAW_FIELDS = {
    "title": "track_title",
    "artist": "artist_name",
    "album": "album_title",
    "licence": "license_title",
}


def read(source: Source) -> Found:
    """List the tracks of the subset that is there."""
    folder = source.folder
    subsets = [size for size in SIZES if (folder / f"fma_{size}").is_dir()]
    if len(subsets) != 1:
        what = "folder fma_small, fma_medium, fma_large or fma_full"
        if subsets:
            what = f"single subset (it has {', '.join(subsets)}, which share their tracks)"
        raise READER.wrong_layout(folder, what)
    if (folder / TRACKS_CSV).is_file():
        rows = _rows(source)
    elif (folder / RAW_CSV).is_file():
        rows = _raw_rows(source)
    else:
        raise READER.wrong_layout(folder, TRACKS_CSV)
    size = subsets[0]
    sizes = SIZES[: SIZES.index(size) + 1]
    wanted = {
        f"fma_{size}/{track_file(number)}": row
        for number, row in rows.items()
        if not row.get("subset") or row["subset"] in sizes
    }
    walk = walk_audio(source)
    here = [file for file in walk.audio if file in wanted]
    return found(
        (
            entry(
                folder,
                file,
                title=wanted[file]["title"],
                artist=wanted[file]["artist"],
                recording=PurePosixPath(file).stem,
                genre=wanted[file].get("genre", ""),
                licence=short_licence(wanted[file]["licence"]),
                role=ROLES.get(wanted[file].get("split", ""), ""),
                tier="lossy",
            )
            for file in here
        ),
        walk,
        {
            "missing": wanted.keys() - set(here),
            "left out, not in the metadata of this subset": set(walk.audio) - wanted.keys(),
        },
    )


def short_licence(title: str) -> str:
    """Shorten the title of a licence to the identifier that `[release] licences` compares."""
    text = re.sub(r"[\s_-]", "", title).lower().removeprefix("creativecommons")
    version = "".join(f"-{found}" for found in re.findall(r"\d\.\d", title)[:1])
    if text.startswith("cc0"):
        return f"CC0{version}"
    if not text.startswith("attribution"):
        return title
    terms = {"noncommercial": "-NC", "noderiv": "-ND", "sharealike": "-SA"}
    return "CC-BY" + "".join(short for word, short in terms.items() if word in text) + version


def track_file(number: int) -> str:
    """Return where a track lies in a subset's folder."""
    name = f"{number:06d}"
    return f"{name[:3]}/{name}.mp3"


def checksums(folder: Path) -> Iterator[Checksum]:
    """Read the lists of SHA-1 that lie in each folder of the dataset."""
    for part in ("fma_metadata", *(f"fma_{size}" for size in SIZES)):
        path = folder / part / "checksums"
        if not path.is_file():
            continue
        Source(folder).require_inside(path)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise CatalogError(f"cannot read {path}: {error}; get the file again") from error
        for line in lines:
            digest, _, name = line.partition(" ")
            name = name.strip().removeprefix("*")
            if name and ".." not in PurePosixPath(name).parts and not name.startswith("/"):
                yield Checksum(f"{part}/{name}", "sha1", digest.lower())


def _rows(source: Source) -> dict[int, dict[str, str]]:
    """Read `tracks.csv`: two lines name the columns, a third one the index."""
    path = source.folder / TRACKS_CSV
    with csv_lines(source, TRACKS_CSV) as lines:
        heads = list(zip(next(lines, []), next(lines, []), strict=False))
        require_cells(path, map(".".join, heads), map(".".join, FIELDS.values()))
        places = {name: heads.index(pair) for name, pair in FIELDS.items()}
        rows = {}
        for cells in lines:
            if not cells or cells[0] == "track_id":
                continue
            row = {name: cells[i] if i < len(cells) else "" for name, i in places.items()}
            rows[_number(path, cells[0])] = row
        return rows


def _raw_rows(source: Source) -> dict[int, dict[str, str]]:
    path = source.folder / RAW_CSV
    rows = read_csv(source, RAW_CSV, ["track_id", *RAW_FIELDS.values()])
    return {
        _number(path, row["track_id"]): {name: row[there] for name, there in RAW_FIELDS.items()}
        for row in rows
    }


def _number(path: Path, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise CatalogError(f"{path}: track_id={text[:40]!r}: expected a number; get the file again")
    return int(text)


READER = Reader(
    name="fma",
    title="FMA: a dataset for music analysis",
    licence="of each track, mostly Creative Commons (in the metadata); metadata CC BY 4.0",
    citation="M. Defferrard, K. Benzi, P. Vandergheynst, X. Bresson, FMA: a dataset for music "
    "analysis, ISMIR 2017, arXiv:1612.01840",
    source="github.com/mdeff/fma: fma_metadata.zip and one of fma_small.zip, fma_medium.zip, "
    "fma_large.zip and fma_full.zip",
    layout="fma_metadata/tracks.csv and one of fma_small, fma_medium, fma_large and fma_full, with "
    "<number>/<six digits>.mp3",
    looks_like=lambda folder: (
        (folder / "fma_metadata").is_dir()
        and any((folder / f"fma_{size}").is_dir() for size in SIZES)
    ),
    lists=read,
    archives=(
        Checksum("fma_metadata.zip", "sha1", "f0df49ffe5f2a6008d7dc83c6915b31835dfe733"),
        Checksum("fma_small.zip", "sha1", "ade154f733639d52e35e32f5593efe5be76c6d70"),
        Checksum("fma_medium.zip", "sha1", "c67b69ea232021025fca9231fc1c7c1a063ab50b"),
        Checksum("fma_large.zip", "sha1", "497109f4dd721066b5ce5e5f250ec604dc78939e"),
        Checksum("fma_full.zip", "sha1", "0f0ace23fbe9ba30ecb7e95f763e435ea802b8ab"),
    ),
    checksums=checksums,
    expects="8,000 tracks (small), 25,000 (medium), 106,574 (large, full)",
)

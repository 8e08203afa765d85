"""MusicNet: 330 classical recordings; parts are the folders ``train_data`` and ``test_data``.

Movements of one composition from one source share players, room and day: they are one recording
here, so that a split keeps them together. Where some of them are in the dataset's test part, the
others are then held out too. Artists are not known: the composer is none.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from musqa_pipeline.catalogs.folder import Source, walk_audio
from musqa_pipeline.catalogs.readers.csv_rows import read_csv
from musqa_pipeline.catalogs.readers.interface import Checksum, Found, Reader, entry, found

METADATA_CSV = "musicnet_metadata.csv"
COLUMNS = ("id", "composer", "composition", "movement", "source")
PARTS = {"train_data": "train", "test_data": "test"}
LICENCE = "CC-BY-4.0"


def read(source: Source) -> Found:
    """List the recordings."""
    folder = source.folder
    if not (folder / METADATA_CSV).is_file():
        raise READER.wrong_layout(folder, METADATA_CSV)
    rows = {row["id"]: row for row in read_csv(source, METADATA_CSV, COLUMNS)}
    walk = walk_audio(source)
    entries, surplus = [], []
    for file in walk.audio:
        path = PurePosixPath(file)
        row, part = rows.get(path.stem), PARTS.get(path.parent.name)
        if row is None or part is None:
            surplus.append(file)
            continue
        work = f"{row['composer']}: {row['composition']}"
        entries.append(
            entry(
                folder,
                file,
                title=f"{work}, {row['movement']}",
                recording=f"{work} ({row['source']})",
                genre="classical",
                licence=LICENCE,
                role=part,
            )
        )
    if not entries:
        raise READER.wrong_layout(folder, "train_data or test_data with WAV files")
    here = {PurePosixPath(e.file).stem for e in entries}
    return found(
        entries,
        walk,
        {
            "missing": (f"{name}.wav" for name in rows.keys() - here),
            "left out, not in the metadata": surplus,
        },
    )


READER = Reader(
    name="musicnet",
    title="MusicNet",
    licence="CC BY 4.0 (annotations; the recordings are in the public domain or under Creative "
    "Commons)",
    citation="J. Thickstun, Z. Harchaoui, S. M. Kakade, Learning features of music from scratch, "
    "ICLR 2017, arXiv:1611.09827",
    source="zenodo.org/records/5120004: musicnet.tar.gz and musicnet_metadata.csv",
    layout=f"{METADATA_CSV}, and train_data/<id>.wav and test_data/<id>.wav, perhaps in a folder "
    "musicnet",
    looks_like=lambda folder: (folder / METADATA_CSV).is_file(),
    lists=read,
    archives=(
        Checksum("musicnet.tar.gz", "md5", "844764911fa0d5b97c97da944a057590"),
        Checksum(METADATA_CSV, "md5", "1caef62cee9c875235e62aac368b49d8"),
    ),
    expects="320 recordings to train and 10 to test",
)

"""MUSDB18 and MUSDB18-HQ: 150 songs for source separation; the mixtures alone are read.

Parts are the folders ``train`` and ``test``; folders and files are named ``Artist - Title``. In a
stem file the mixture is the first of five audio streams, which is the one that decoders take.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from musqa_pipeline.catalogs.folder import Entry, Source, walk_audio
from musqa_pipeline.catalogs.readers.interface import Checksum, Found, Reader, entry, found

STEM_SUFFIX = ".stem.mp4"
MIXTURE = "mixture.wav"
SOURCES = ("bass.wav", "drums.wav", "other.wav", "vocals.wav")
LICENCE = "for education and research; terms differ from song to song"


def read(source: Source) -> Found:
    """List the mixtures."""
    folder = source.folder
    if not looks_like(folder):
        raise READER.wrong_layout(folder, "train or test folder with songs")
    walk = walk_audio(source)
    songs: dict[str, tuple[str, str]] = {}
    surplus, stems = [], set()
    for file in walk.audio:
        parts = PurePosixPath(file).parts
        part = parts[0] if parts[0] in ("train", "test") else ""
        if part and len(parts) == 2 and file.endswith(STEM_SUFFIX):
            songs[file] = (part, parts[1].removesuffix(STEM_SUFFIX))
        elif part and len(parts) == 3 and parts[2] == MIXTURE:
            songs[file] = (part, parts[1])
        elif part and len(parts) == 3 and parts[2] in SOURCES:
            stems.add(file)
            walk.others.append(file)
        else:
            surplus.append(file)
    kinds = {file.endswith(STEM_SUFFIX) for file in songs}
    if len(kinds) > 1:
        raise READER.wrong_layout(folder, "single kind of songs (both stem files and WAV)")
    folders = {PurePosixPath(file).parent.as_posix() for file in stems}
    whole = {PurePosixPath(file).parent.as_posix() for file in songs}
    return found(
        (_song(folder, file, part, name) for file, (part, name) in songs.items()),
        walk,
        {
            "missing": {f"{name}/{MIXTURE}" for name in folders - whole},
            "left out, not MUSDB18's": surplus,
        },
    )


def looks_like(folder: Path) -> bool:
    """Whether a folder has songs of either kind below ``train`` or ``test``."""
    return any(
        next((folder / part).glob(pattern), None)
        for part in ("train", "test")
        for pattern in (f"*{STEM_SUFFIX}", f"*/{MIXTURE}")
    )


def _song(folder: Path, file: str, part: str, name: str) -> Entry:
    artist, parted, title = name.partition(" - ")
    return entry(
        folder,
        file,
        title=title if parted else name,
        artist=artist if parted else "",
        recording=name,
        licence=LICENCE,
        role=part,
    )


READER = Reader(
    name="musdb18",
    title="MUSDB18 and MUSDB18-HQ",
    licence=f"{LICENCE} (46 songs of MedleyDB: CC BY-NC-SA 4.0; 100 of DSD100: terms "
    "of the Mixing Secrets library)",
    citation="Z. Rafii, A. Liutkus, F.-R. Stöter, S. I. Mimilakis, R. Bittner, MUSDB18, a corpus "
    "for music separation, 2017, doi:10.5281/zenodo.1117372; MUSDB18-HQ, 2019, "
    "doi:10.5281/zenodo.3338373",
    source="zenodo.org/records/1117372 (stem files, AAC) and zenodo.org/records/3338373 (HQ, WAV)",
    layout=f"train/<Artist - Title>{STEM_SUFFIX} and test/…, "
    f"or train/<Artist - Title>/{MIXTURE} and test/…",
    looks_like=looks_like,
    lists=read,
    archives=(
        Checksum("musdb18.zip", "md5", "af06762477334799bfc5abf237648207"),
        Checksum("musdb18hq.zip", "md5", "12d4f2ecd55245a4688754dd76363103", 22_656_664_047),
    ),
    expects="100 songs to train and 50 to test",
)

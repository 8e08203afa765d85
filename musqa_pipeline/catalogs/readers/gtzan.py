"""GTZAN: 1,000 clips of 30 s in ten genres, without a word about artists or recordings.

A split needs to know which clips belong together. GTZAN does not say, and holds replicas, clips
of one recording and distorted ones [1]_, so that a random split leaks. The reader therefore takes
the parts of the fault-filtered partition [2]_ as roles (its validation part is ours to train with)
and leaves out the 70 clips that the partition leaves out.

References
----------
.. [1] B. L. Sturm, The GTZAN dataset: its contents, its faults, their effects on evaluation, and
   its future use, 2013, arXiv:1306.1461.
.. [2] C. Kereliuk, B. L. Sturm, J. Larsen, Deep learning and music adversaries, IEEE Trans.
   Multimedia 17 (11), 2015: 443 clips to train, 197 to validate, 290 to test.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from musqa_pipeline.catalogs.folder import Source, walk_audio
from musqa_pipeline.catalogs.readers.interface import (
    LEADS_OUTSIDE,
    Checksum,
    Found,
    Reader,
    entry,
    found,
)

GENRES = (
    "blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock",
)  # fmt: skip
CLIPS_A_GENRE = 100
SMALLEST_BYTES = 1_300_000
"""29.5 s of 16-bit mono at 22.05 kHz."""
TEST = {
    "blues": "12-28 61-72 98-99",
    "classical": "11-29 34-41 49 77-79",
    "country": "30-40 43-44 46-48 50-51 53-64",
    "disco": "1 21 58 62-66 69 76-88 91-94 96-97 99",
    "hiphop": "0 26-27 30 40 43-45 51-54 62-75 99",
    "jazz": "73-99",
    "metal": "12-15 22-23 25-33 38-39 67 70 73-75 78 83 85 87-88",
    "pop": "0-1 13-14 43 63-66 69-79 82 88-96",
    "reggae": "34-40 46-48 52-53 64-68 71 79 82-84 87-90",
    "rock": "10-15 27-37 39-48 86-90",
}
"""Numbers of the clips of the part to test."""
TRAIN = {
    "blues": "29-49 73-97",
    "classical": "30-33 43-48 50-67 80-99",
    "country": "19-26 28-29 65-99",
    "disco": "5 15-20 22-37 39-45 47 49 53-54 56-57 59 61 70 73-74 89",
    "hiphop": "2-25 28-29 31-38 41-42 55-61 77-80",
    "jazz": "0-1 11-24 41 47-72",
    "metal": "2-3 5 21 24 35 46-57 59-66 69 71-72 79-80 84 86 89-99",
    "pop": "2-9 11-12 16-20 23-29 31-36 38-42 44 46 49-50 80 97-99",
    "reggae": "0-2 4 6 9 11-12 14-32 42-45 49-51 54-60 63 69",
    "rock": "0-9 16-26 57-70 91-99",
}
VALIDATION = {
    "blues": "0-11 50-60",
    "classical": "0-10 68-76",
    "country": "0-7 9-18 27 41-42 45 49",
    "disco": "0 2-4 6-14 46 48 52 67-68 72 75 90 95",
    "hiphop": "81-98",
    "jazz": "2-10 25-32",
    "metal": "0-1 6-11 16-20 36-37 68 76-77 81-82",
    "pop": "10 53 55 58-62 81 83-86",
    "reggae": "61-62 70 72 74 76-78 85 92-99",
    "rock": "38 49-56 71-85",
}


def clips(part: Mapping[str, str]) -> frozenset[str]:
    """Write out the names of the clips of a part."""
    names = set()
    for genre, ranges in part.items():
        for text in ranges.split():
            first, _, last = text.partition("-")
            names |= {f"{genre}.{i:05d}" for i in range(int(first), int(last or first) + 1)}
    return frozenset(names)


def read(source: Source) -> Found:
    """List the clips."""
    folder = source.folder
    root = _genres_folder(folder)
    if root is None:
        raise READER.wrong_layout(folder, "folder of genres with WAV files")
    walk = walk_audio(source)
    inside = root.relative_to(folder)
    names = {
        (inside / genre / f"{genre}.{i:05d}.wav").as_posix(): f"{genre}.{i:05d}"
        for genre in GENRES
        for i in range(CLIPS_A_GENRE)
    }
    roles = dict.fromkeys(clips(TEST), "test")
    roles |= dict.fromkeys(clips(TRAIN) | clips(VALIDATION), "train")
    here = [file for file in walk.audio if file in names]
    entries = [
        entry(folder, file, genre=names[file].partition(".")[0], role=roles[names[file]])
        for file in here
        if names[file] in roles
    ]
    return found(
        entries,
        walk,
        {
            "missing": names.keys() - set(here),
            "left out, not GTZAN's": set(walk.audio) - names.keys(),
            LEADS_OUTSIDE: walk.outside,
            "left out, replicas or faulty": [f for f in here if names[f] not in roles],
            "shorter than 29.5 s": [
                e.file for e in entries if e.path.stat().st_size < SMALLEST_BYTES
            ],
        },
    )


def _genres_folder(folder: Path) -> Path | None:
    for root in (folder / "genres", folder / "genres_original", folder):
        if sum((root / genre).is_dir() for genre in GENRES) >= 2 and any(
            next((root / genre).glob(f"{genre}.*.wav"), None) for genre in GENRES
        ):
            return root
    return None


READER = Reader(
    name="gtzan",
    title="GTZAN genre collection",
    licence="unknown: its authors state none, and the recordings are commercial ones; for private "
    "research at most",
    citation="G. Tzanetakis, P. Cook, Musical genre classification of audio signals, IEEE Trans. "
    "Speech and Audio Processing 10 (5), 2002, doi:10.1109/TSA.2002.800560",
    source="genres.tar.gz, once at marsyas.info; mirrors exist",
    layout="genres/<genre>/<genre>.00000.wav to .00099.wav",
    looks_like=lambda folder: _genres_folder(folder) is not None,
    lists=read,
    archives=(Checksum("genres.tar.gz", "md5", "5b3d6dddb579ab49814ab86dba69e7c7"),),
    expects="1,000 clips, of which 930 are used",
)

"""Vinylset: 620 excerpts of vinyl records with what listeners said of them (paper 004).

Its label file names the authors' prepared files; the audio is to be had from the Internet Archive.
A file is taken for a label's by the label's own name, by that without its cluster, or by the name
that it was downloaded under, without what is no word character.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from musqa_pipeline.catalogs.folder import Entry, Source, walk_audio
from musqa_pipeline.catalogs.rating import Rating
from musqa_pipeline.catalogs.readers.interface import Found, Reader, entry, found
from musqa_pipeline.core.errors import CatalogError, SettingsError
from musqa_pipeline.studies.listening.mos import Opinion
from musqa_pipeline.studies.listening.vinylset import LABEL_FILE, read_vinylset

URL_LIST = "url_list.txt"
_PREPARED = re.compile(r"_aache320_ln(_C[0-9])?$")
"""What the authors' preparation added to a name: coding, loudness, cluster."""
_STANDARD_ERRORS = 1.96


def read(source: Source) -> Found:
    """List the rated tracks whose audio is there."""
    path = source.folder / LABEL_FILE
    if not path.is_file():
        raise READER.wrong_layout(source.folder, LABEL_FILE)
    source.require_inside(path)
    try:
        opinions = read_vinylset(path).opinions
    except SettingsError as error:
        raise CatalogError(str(error)) from error
    walk = walk_audio(source)
    records, unclear = _records(source)
    files = _files_of((opinion.file for opinion in opinions), walk.audio)
    entries = [
        _entry(source, files[opinion.file][0], opinion, records)
        for opinion in opinions
        if len(files[opinion.file]) == 1
    ]
    used = {file for names in files.values() for file in names}
    return found(
        entries,
        walk,
        {
            "missing": [name for name, names in files.items() if not names],
            "left out, as several may be one label's": [
                file for names in files.values() if len(names) > 1 for file in names
            ],
            f"left out, in no line of {LABEL_FILE}": set(walk.audio) - used,
            f"of two records in {URL_LIST}, so that nobody knows which": [
                file for name, names in files.items() if track_name(name) in unclear
                for file in names
            ],
        },
    )  # fmt: skip


def track_name(file: str) -> str:
    """Return what labels, prepared files and downloads of one track have in common."""
    stem = _PREPARED.sub("", PurePosixPath(unicodedata.normalize("NFC", file)).stem)
    return re.sub(r"\W", "", stem)


def _files_of(labels: Iterable[str], audio: Iterable[str]) -> dict[str, list[str]]:
    """Find the files of each label: under its own name, else under one that says the same."""
    by_name: dict[str, list[str]] = defaultdict(list)
    by_track: dict[str, list[str]] = defaultdict(list)
    for file in audio:
        by_name[PurePosixPath(unicodedata.normalize("NFC", file)).name].append(file)
        by_track[track_name(file)].append(file)
    return {
        label: by_name.get(PurePosixPath(unicodedata.normalize("NFC", label)).name)
        or by_track.get(track_name(label), [])
        for label in labels
    }


def _entry(source: Source, file: str, opinion: Opinion, records: Mapping[str, str]) -> Entry:
    about = entry(source.folder, file, recording=records.get(track_name(opinion.file), ""))
    rating = Rating(opinion.mos, opinion.half_width, _listeners(opinion))
    return Entry(about.file, about.path, about.metadata, rating)


def _listeners(opinion: Opinion) -> int | None:
    """Count the listeners that an interval and a deviation belong to, if that is a whole number."""
    if not opinion.half_width or not opinion.sd:
        return None
    n = (_STANDARD_ERRORS * opinion.sd / opinion.half_width) ** 2
    return round(n) if abs(n - round(n)) < 0.05 and round(n) >= 1 else None


def _records(source: Source) -> tuple[dict[str, str], set[str]]:
    """Read the record of each track from the list of addresses; and tracks with several."""
    path = source.folder / URL_LIST
    if not path.is_file():
        return {}, set()
    source.require_inside(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"cannot read {path}: {error}; get it again") from error
    items: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        parts = PurePosixPath(unquote(urlsplit(line).path)).parts
        if len(parts) < 2:
            raise CatalogError(f"{path}: {line!r}: expected the address of a file; get it again")
        items[track_name(parts[-1])].add(parts[-2])
    unclear = {name for name, of in items.items() if len(of) > 1}
    return {name: min(of) for name, of in items.items() if name not in unclear}, unclear


READER = Reader(
    name="vinylset",
    title="Vinylset: vinyl records from the Internet Archive, rated by listeners",
    licence="of each record, at the Internet Archive; the label file's release states none",
    citation="A. Ragano, E. Benetos, A. Hines, Audio quality assessment of vinyl music "
    "collections using self-supervised learning, 2023",
    source="the authors' public repository: the label file and perhaps the list of addresses",
    layout=f"{LABEL_FILE}, perhaps {URL_LIST}, and audio at any depth under the labels' names or "
    "as it was downloaded",
    looks_like=lambda folder: (folder / LABEL_FILE).is_file(),
    lists=read,
    expects="620 tracks",
)

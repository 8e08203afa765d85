"""Which files are compared: named one by one, or in a list."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from musqa_pipeline.audio.files.listing import AUDIO_SUFFIXES
from musqa_pipeline.core.csv_files import named_file, unguarded
from musqa_pipeline.core.errors import SettingsError
from musqa_pipeline.core.foreign_text import path_text

PAIR_COLUMNS = ("reference", "degraded")


@dataclass(frozen=True)
class Pair:
    """Two files, with the names that the user gave them."""

    reference: Path
    degraded: Path
    reference_name: str
    degraded_name: str
    error: str = ""
    """Why it has not one reference, and what to do; then it names none."""


def pair_up(reference: Path, degraded: Iterable[Path]) -> list[Pair]:
    """Pair one reference with each of several files, named by the paths as they are."""
    return [Pair(reference, path, path_text(reference), path_text(path)) for path in degraded]


def pair_folders(reference: Path, degraded: Path) -> list[Pair]:
    """Pair a file or a folder with a file or a folder.

    Parameters
    ----------
    reference : Path
        A file, or a folder of references.
    degraded : Path
        What was made of it: a file, or a folder whose audio files are taken, those of its
        subfolders too.

    Returns
    -------
    list of Pair
        One for each degraded file, in the order of their names. Of two folders, files belong
        together whose path in the folder is the same but for the ending (``song.wav`` and
        ``song.mp3``), else the one reference of that name (``song.wav`` and ``64k/song.mp3``).
        Where there is none, or are several, the pair says so.

    Raises
    ------
    SettingsError
        If a path does not exist, a folder of references meets a single file, or a folder holds no
        audio.
    """
    for path in (reference, degraded):
        if not path.exists():
            raise SettingsError(f"{path_text(path)} does not exist; check the path")
    if not degraded.is_dir():
        if reference.is_dir():
            raise SettingsError(
                f"{path_text(reference)} is a folder and {path_text(degraded)} a file; name the "
                "file's own reference, or a folder of degraded files"
            )
        return pair_up(reference, [degraded])
    if not reference.is_dir():
        return pair_up(reference, _audio_files(degraded))
    found = _candidates(reference, degraded)
    return [_pair_of(path, candidates, reference) for path, candidates in found.items()]


def unused_references(reference: Path, degraded: Path) -> list[Path]:
    """List the files of a folder of references that belong to no file of a folder."""
    if not (reference.is_dir() and degraded.is_dir()):
        return []
    used = set(itertools.chain.from_iterable(_candidates(reference, degraded).values()))
    return [path for path in _audio_files(reference) if path not in used]


def _candidates(reference: Path, degraded: Path) -> dict[Path, list[Path]]:
    """Find for each file of a folder the references that it may be made of."""
    by_path: dict[Path, list[Path]] = {}
    by_name: dict[str, list[Path]] = {}
    for path in _audio_files(reference):
        by_path.setdefault(path.relative_to(reference).with_suffix(""), []).append(path)
        by_name.setdefault(path.stem, []).append(path)
    return {
        path: by_path.get(path.relative_to(degraded).with_suffix("")) or by_name.get(path.stem, [])
        for path in _audio_files(degraded)
    }


def _pair_of(path: Path, candidates: Sequence[Path], folder: Path) -> Pair:
    """Pair a file with its one reference, or say that there is none, or which there are."""
    if len(candidates) == 1:
        return pair_up(candidates[0], [path])[0]
    if not candidates:
        error = f"no reference below {path_text(folder)} is called {path_text(Path(path.stem))}"
    else:
        names = " and ".join(path_text(candidate) for candidate in candidates)
        error = f"{names} may be its reference"
    return Pair(folder, path, "", path_text(path), f"{error}; name the pair in a list (--pairs)")


def read_pairs(path: Path) -> list[Pair]:
    """Read a list of pairs.

    Parameters
    ----------
    path : Path
        A CSV file with the columns ``reference`` and ``degraded``; others are ignored. Paths are
        relative to its folder.

    Returns
    -------
    list of Pair
        In the order of the file, named as in it.

    Raises
    ------
    SettingsError
        If the file cannot be read, lacks a column, has no rows or an empty cell.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            lacking = [name for name in PAIR_COLUMNS if name not in (reader.fieldnames or ())]
            if lacking:
                raise SettingsError(
                    f"{path_text(path)}: no column {' and '.join(lacking)}; its first line should "
                    "name the columns reference,degraded"
                )
            pairs = []
            for row in reader:
                names = [unguarded((row[name] or "").strip()) for name in PAIR_COLUMNS]
                if not all(names):
                    raise SettingsError(
                        f"{path_text(path)} line {reader.line_num}: a cell is empty; each line "
                        "needs a reference and a degraded file"
                    )
                files = [named_file(path, name) for name in names]
                pairs.append(Pair(files[0], files[1], names[0], names[1]))
    except OSError as error:
        raise SettingsError(
            f"{path_text(path)} cannot be read ({error.strerror}); check the path"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(
            f"{path_text(path)} is no CSV in UTF-8 ({error}); save it as such"
        ) from error
    if not pairs:
        raise SettingsError(f"{path_text(path)} lists no pairs; add lines below its first")
    return pairs


def _audio_files(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES]
    if not found:
        raise SettingsError(
            f"{path_text(folder)} holds no audio file; check the path, or the files' endings"
        )
    return sorted(found)

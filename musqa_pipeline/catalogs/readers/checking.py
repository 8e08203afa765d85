"""Whether a copy of a dataset is whole: files, sizes and checksums against what it says itself."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from musqa_pipeline.catalogs.folder import Source
from musqa_pipeline.catalogs.readers.interface import Difference, Reader
from musqa_pipeline.core.errors import CatalogError


@dataclass(frozen=True)
class Check:
    """What a check found."""

    n_files: int
    """Files of the listing."""
    n_compared: int
    """Files whose checksum or size was compared."""
    differences: tuple[Difference, ...]

    @property
    def faults(self) -> tuple[Difference, ...]:
        """The differences that make a copy faulty: what is missing or is not as published."""
        return tuple(d for d in self.differences if not d.what.startswith("left out"))


def check(
    reader: Reader, source: Source, *, hashes: bool = True, log: Callable[[str], object] = str
) -> Check:
    """Compare a folder with what its dataset says of itself."""
    found = reader.read(source)
    compared, damaged, resized = 0, [], []
    absent = []
    listed = ((wanted, False) for wanted in reader.checksums(source.folder))
    for wanted, is_archive in (*listed, *((archive, True) for archive in reader.archives)):
        path = source.folder / wanted.file
        if source.leads_outside(path) or not path.is_file():
            if not is_archive:
                absent.append(wanted.file)
            continue
        compared += 1
        if wanted.size_bytes is not None and path.stat().st_size != wanted.size_bytes:
            resized.append(wanted.file)
        elif hashes and file_digest(path, wanted.algorithm) != wanted.digest:
            damaged.append(wanted.file)
        if compared % 1000 == 0:
            log(f"{compared:,} files compared")
    further = {
        "of another size than published": resized,
        "with another checksum than published": damaged,
        "in the dataset's list of checksums and not there": absent,
    }
    differences = (
        *found.differences,
        *(Difference(what, tuple(sorted(files))) for what, files in further.items() if files),
    )
    return Check(len(found.listing.entries), compared, differences)


def file_digest(path: Path, algorithm: str) -> str:
    """Hash a file."""
    try:
        with path.open("rb") as stream:
            make = functools.partial(hashlib.new, algorithm, usedforsecurity=False)
            return hashlib.file_digest(stream, make).hexdigest()
    except OSError as error:
        raise CatalogError(f"cannot read {path}: {error.strerror}; check the disk") from error

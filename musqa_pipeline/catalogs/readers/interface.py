"""What a catalog reader is: where a dataset comes from, its terms, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from musqa_pipeline.catalogs.folder import METADATA, Entry, Listing, Source, Walk
from musqa_pipeline.core.errors import CatalogError

LEADS_OUTSIDE = "left out, links out of the folder (--follow-links allows them)"
NAMED = 8
"""So many file names stand in a note; `musqa catalog check --all` prints the others."""


@dataclass(frozen=True)
class Checksum:
    """A file as its publisher describes it."""

    file: str
    """Path relative to the catalog's folder."""
    algorithm: str
    """As `hashlib.new` knows it: md5, sha1 or sha256."""
    digest: str
    """In hexadecimal."""
    size_bytes: int | None = None
    """None where it is not published."""


@dataclass(frozen=True)
class Difference:
    """Files that are not as the dataset describes them."""

    what: str
    """Such as ``"missing"``; with the number of files it makes a sentence."""
    files: tuple[str, ...]

    def __str__(self) -> str:
        named = ", ".join(self.files[:NAMED])
        more = f" and {len(self.files) - NAMED:,} more" if len(self.files) > NAMED else ""
        return f"{len(self.files):,} files {self.what}: {named}{more}"


@dataclass(frozen=True)
class Found:
    """What a reader finds in a folder."""

    listing: Listing
    differences: tuple[Difference, ...] = ()
    """Missing and surplus files, and files that are left out, with the reason."""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One kind of catalog."""

    name: str
    title: str
    licence: str
    """Of the audio, as its publisher states it; licences of single tracks are metadata."""
    citation: str
    source: str
    """Where to get it."""
    layout: str
    """Where to put the files, below the catalog's folder."""
    looks_like: Callable[[Path], bool]
    """Whether a folder has this layout; looks at names, opens nothing."""
    lists: Callable[[Source], Found]
    """Lists a catalog; raises `CatalogError` if its layout or its own files are other ones."""
    archives: tuple[Checksum, ...] = ()
    """The published archives, for those who have kept them."""
    checksums: Callable[[Path], Iterable[Checksum]] = lambda _: ()
    """Checksums of single files, from lists that the dataset brings along."""
    expects: str = ""
    """How many files a whole copy has."""
    of_file: bool = False
    """Whether a catalog is a file, and not a folder."""
    maps_columns: bool = False
    """Whether its CSV file may call columns otherwise."""

    def read(self, source: Source) -> Found:
        """List a catalog as `lists` does; a CatalogError too if columns are mapped in vain."""
        if source.columns and not self.maps_columns:
            raise CatalogError(
                f"reader {self.name}: columns {sorted(source.columns)} are mapped, but it takes "
                "titles, artists and roles from the dataset's own files; leave --map out, or use "
                "--reader folder"
            )
        return self.lists(source)

    def wrong_layout(self, folder: Path, what: str) -> CatalogError:
        """Build the error of a folder that it cannot read."""
        return CatalogError(
            f"reader {self.name}: {folder} has no {what}; expected {self.layout}. "
            "`musqa catalog readers` says more, and --reader folder reads any folder of audio"
        )


def entry(folder: Path, file: str, **metadata: str) -> Entry:
    """Build an entry of a listing."""
    return Entry(file, folder / file, {key: metadata.get(key, "").strip() for key in METADATA})


def found(entries: Iterable[Entry], walk: Walk, differences: Mapping[str, Iterable[str]]) -> Found:
    """Put together what was found."""
    listing = Listing(tuple(sorted(entries, key=lambda e: e.file)), len(walk.others))
    every = {**differences, LEADS_OUTSIDE: walk.outside}
    said = {what: tuple(sorted(files)) for what, files in every.items()}
    return Found(listing, tuple(Difference(what, files) for what, files in said.items() if files))

"""The lake: Parquet files that are either whole or absent. The only module that knows its paths.

Layout below the root (`MUSQA_HOME`)::

    lake/<stage>/settings=<fingerprint12>/catalog=<catalog>/<unit_id>.parquet   stages 1-4
    lake/<stage>/run=<fingerprint12>/<unit_id>.parquet                         stages 5-8
    lake/retired/…                                                             what lost its input

A unit is done if its file is there and its footer carries the current fingerprint. Files are
written under a name that no glob matches and moved into place, so that a kill at any moment costs
the units in flight and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from musqa_pipeline.disk import exclusive_lock, explained, whole_file
from musqa_pipeline.errors import LakeError
from musqa_pipeline.fingerprints import SHORT
from musqa_pipeline.tables import columns_there, with_later

FINGERPRINT_KEY = b"musqa.fingerprint"
EMPTY_CATALOG = "__none__"
"""Catalog of the zero-row file that keeps a view valid while its stage is empty."""


@dataclass(frozen=True)
class Shelf:
    """One place of the lake: a stage's results of one fingerprint, of one catalog if it has any."""

    stage: str
    fingerprint: str
    catalog: str | None = None
    """None for the joint stages 5-8."""

    @property
    def quarantine(self) -> Shelf:
        """Where the units are that this stage refused."""
        return replace(self, stage="quarantine")

    @property
    def lock_name(self) -> str:
        """Name of the lock that whoever makes these units holds."""
        return f"{self.stage}-{self.catalog or 'joint'}-{self.fingerprint[:SHORT]}"


class Lake:
    """Parquet units below one root folder.

    Parameters
    ----------
    root : Path
        `MUSQA_HOME`; made on first write.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()

    def folder(self, shelf: Shelf) -> Path:
        """Return the folder that holds a shelf's units (it may not exist yet)."""
        stage, short = self.root / "lake" / shelf.stage, shelf.fingerprint[:SHORT]
        kept = stage / f"settings={short}" / f"catalog={shelf.catalog}"
        return stage / f"run={short}" if shelf.catalog is None else kept

    def path(self, shelf: Shelf, unit_id: str) -> Path:
        """Return the path of a unit's file (it may not exist yet)."""
        return self.folder(shelf) / f"{unit_id}.parquet"

    def done(self, shelf: Shelf) -> list[str]:
        """List the ids of the finished units of a shelf, sorted.

        Parameters
        ----------
        shelf : Shelf
            Where to look.

        Returns
        -------
        list of str
            Units whose footer carries the shelf's fingerprint. A damaged file is not done.
        """
        files = self.folder(shelf).glob("*.parquet")
        return sorted(path.stem for path in files if self._is_current(path, shelf))

    def missing(self, shelf: Shelf, unit_ids: Iterable[str]) -> list[str]:
        """List those of `unit_ids` that are not done yet, in the order given."""
        return [u for u in unit_ids if not self._is_current(self.path(shelf, u), shelf)]

    def write(
        self,
        shelf: Shelf,
        unit_id: str,
        table: pa.Table,
        *,
        metadata: Mapping[str, str] | None = None,
        row_group_rows: int | None = None,
        compression: str = "zstd",
    ) -> Path:
        """Write a unit whole: after this call it is done, at any earlier moment it is not there.

        Parameters
        ----------
        shelf : Shelf
            Where it belongs.
        unit_id : str
            Name of the unit, safe as a file name.
        table : pyarrow.Table
            Its rows; may be none.
        metadata : mapping of str to str, optional
            Further keys for the footer.
        row_group_rows : int, optional
            Rows in a Parquet row group; all in one when left out.
        compression : str
            Parquet codec, ``"none"`` for payloads that are compressed already.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        LakeError
            If the disk is full, read-only or not permitted; nothing is left half-written.
        """
        path = self.path(shelf, unit_id)
        footer = {
            **(table.schema.metadata or {}),
            **{k.encode(): v.encode() for k, v in (metadata or {}).items()},
            FINGERPRINT_KEY: shelf.fingerprint.encode(),
        }
        self._write_file(
            path,
            table.replace_schema_metadata(footer),
            row_group_size=row_group_rows or max(1, table.num_rows),
            compression=compression,
        )
        return path

    def read(self, shelf: Shelf, unit_id: str, columns: list[str] | None = None) -> pa.Table:
        """Read one unit.

        Parameters
        ----------
        shelf : Shelf
            Where it is.
        unit_id : str
            Which one.
        columns : list of str, optional
            Only these columns.

        Returns
        -------
        pyarrow.Table
            Its rows.

        Raises
        ------
        LakeError
            If it is not there or damaged.
        """
        path = self.path(shelf, unit_id)
        try:
            return pq.read_table(path, columns=columns, partitioning=None)
        except (OSError, pa.ArrowInvalid) as error:
            raise LakeError(
                f"cannot read {path}: {error}; delete the file if it is there, and run again"
            ) from error

    def scan(
        self,
        shelf: Shelf,
        schema: pa.Schema,
        *,
        columns: list[str] | None = None,
        units: Iterable[str] | None = None,
    ) -> pa.Table:
        """Read the finished units of a shelf as one table, in the order of their ids.

        Parameters
        ----------
        shelf : Shelf
            Where to look.
        schema : pyarrow.Schema
            The table's schema, for a shelf that is empty.
        columns : list of str, optional
            Only these columns; leave large payloads out.
        units : iterable of str, optional
            Only these units; all that are done when left out.

        Returns
        -------
        pyarrow.Table
            All rows. A nullable column that a file does not have is null: it came later.
        """
        wanted = schema if columns is None else pa.schema([schema.field(c) for c in columns])
        chosen = self.done(shelf) if units is None else sorted(units)
        files = [(unit, self.path(shelf, unit)) for unit in chosen]
        parts = [self.read(shelf, unit, columns_there(path, wanted)) for unit, path in files]
        plain = wanted.remove_metadata()
        return pa.concat_tables([plain.empty_table(), *(with_later(p, plain) for p in parts)])

    def retire(self, shelf: Shelf, keep: Iterable[str]) -> list[str]:
        """Move units that are no longer wanted out of the views' sight, losing nothing.

        Parameters
        ----------
        shelf : Shelf
            Where to look.
        keep : iterable of str
            The units that stay.

        Returns
        -------
        list of str
            The units that were moved to ``lake/retired/``.
        """
        gone = sorted(set(self.done(shelf)) - set(keep))
        attic = self.root / "lake" / "retired" / self.folder(shelf).relative_to(self.root / "lake")
        for unit in gone:
            with explained("retire", self.path(shelf, unit)):
                attic.mkdir(parents=True, exist_ok=True)
                self.path(shelf, unit).replace(attic / f"{unit}.parquet")
        return gone

    def discard(self, shelf: Shelf, unit_id: str) -> None:
        """Delete a unit that is no longer true, if it is there."""
        with explained("delete", path := self.path(shelf, unit_id)):
            path.unlink(missing_ok=True)

    def sweep(self, shelf: Shelf) -> None:
        """Delete temporary files that a kill left behind; call it with the shelf's lock held."""
        for leftover in self.folder(shelf).glob(".*.tmp"):
            with explained("delete", leftover):
                leftover.unlink(missing_ok=True)

    def keep_readable(self, shelf: Shelf, schema: pa.Schema) -> None:
        """Write the zero-row file that lets a view exist, again if the table got columns since.

        Parameters
        ----------
        shelf : Shelf
            Its catalog is not looked at; of a joint shelf the run's own folder gets the file.
        schema : pyarrow.Schema
            The table's schema.
        """
        if shelf.catalog is None:
            path = self.folder(shelf) / "schema.parquet"
        else:
            path = self.path(replace(shelf, catalog=EMPTY_CATALOG), "schema")
        if not path.exists() or pq.read_schema(path).names != schema.names:
            self._write_file(path, schema.remove_metadata().empty_table())

    def glob(self, shelf: Shelf) -> str:
        """Return the absolute glob that matches a shelf's files, in all catalogs."""
        folder = self.folder(shelf)
        return str((folder if shelf.catalog is None else folder.parent / "catalog=*") / "*.parquet")

    def token_file(self, name: str) -> Path:
        """Return the file by which machines of a run know that they share this lake."""
        return self.root / "locks" / f"{name}.token"

    def lock(self, name: str, *, wait: bool = True) -> AbstractContextManager[None]:
        """Return the exclusive lock `name` of this lake, as a context manager.

        Parameters
        ----------
        name : str
            What is locked, safe as a file name.
        wait : bool
            Whether to wait for a holder or to raise `LakeError` at once.

        Returns
        -------
        context manager
            Holds the lock while its block runs.
        """
        return exclusive_lock(self.root / "locks" / f"{name}.lock", wait=wait)

    @staticmethod
    def _is_current(path: Path, shelf: Shelf) -> bool:
        try:
            footer = pq.read_metadata(path).metadata or {}
        except (OSError, pa.ArrowInvalid):
            return False
        return footer.get(FINGERPRINT_KEY) == shelf.fingerprint.encode()

    @staticmethod
    def _write_file(
        path: Path, table: pa.Table, *, row_group_size: int = 1, compression: str = "zstd"
    ) -> None:
        with whole_file(path) as temporary:
            pq.write_table(table, temporary, row_group_size=row_group_size, compression=compression)

"""The stored images of one part, as a collection: what there is, and how to read a row group."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from musqa_pipeline.core.errors import LakeError, StageError
from musqa_pipeline.storage.fragments.byte_digest import parquet_file
from musqa_pipeline.storage.fragments.damage import set_aside_file
from musqa_pipeline.storage.fragments.parquet import UNREADABLE

Part = Literal["train", "validation", "test"]
Draw = Literal["uniform_draw", "natural_mix", "trusted", "every"]
LABEL_COLUMNS = (
    "degraded_id", "excerpt_id", "catalog", "part", "uniform_draw", "natural_mix", "trusted", "mos",
    "quality",    "max_db", "min_db", "upper_edge_hz", "looped",
)  # fmt: skip
"""All but the images; a few hundred bytes a row."""
MEMORY_LIMIT_BYTES = 1 << 30
"""Parts up to this size stay in memory once read: 2,236 images of uint8."""
_LAYOUT_COLUMNS = ("n_frames", "n_bands", "dtype")


@dataclass(frozen=True)
class RowGroup:
    """A row group with the rows in it that were asked for."""

    file: Path
    index: int
    """Number of the group in its file."""
    rows: tuple[int, ...]
    """Positions in the group of the rows asked for."""
    first_row: int
    """Number of the first of them among all rows asked for."""


class ImageShards:
    """The images of one part; reads labels now and images when asked.

    Parameters
    ----------
    files : iterable of Path
        Shards, from `musqa_pipeline.stages.spectrograms.row_shards.shard_files`; other parts are
        skipped.
    part : {"train", "validation", "test", "chosen"}
        Which part; with `keys`, a word for messages.
    draw : {"uniform_draw", "natural_mix", "trusted", "every"}
        Rows of the uniform draw, those kept as in the pool, those whose labels are trusted, or all.
    keys : collection of (catalog, degraded_id), optional
        Just these rows, whatever their part and draw; a protocol's fold.
    without : collection of (catalog, excerpt_id)
        Excerpts of which no row is read.
    trusted_of : collection of (catalog, excerpt_id)
        Excerpts of which only rows with trusted labels are read.
    memory_limit_bytes : int
        If all row groups of the part take no more than this, they stay in memory once read. That
        changes speed and never the order; 0 always reads from disk.

    Attributes
    ----------
    labels : pyarrow.Table
        `LABEL_COLUMNS` of every row, in storage order.
    quality : ndarray of float32, shape (n_rows,)
        Labels, (mos - 1) / 4.
    targets : ndarray of float32, shape (n_rows,) or (n_rows, 1 + teachers)
        What batches hold: `quality`, with what `add_targets` was given beside it.
    groups : list of RowGroup
        In storage order; groups with no row of the draw are left out.
    shape : tuple of int
        (n_frames, n_bands) of every image.
    dtype : numpy.dtype
        Of a stored cell: uint8 or float16.

    Raises
    ------
    StageError
        If there is no such row, or images differ in shape or type.
    LakeError
        If a file is missing or damaged.
    """

    def __init__(
        self,
        files: Iterable[Path],
        part: Part | Literal["chosen"],
        draw: Draw = "uniform_draw",
        *,
        keys: Collection[tuple[str, str]] | None = None,
        without: Collection[tuple[str, str]] = (),
        trusted_of: Collection[tuple[str, str]] = (),
        memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
    ) -> None:
        self.part, self.draw = part, draw
        self.groups: list[RowGroup] = []
        tables: list[pa.Table] = []
        n_rows = n_group_rows = 0
        for file in files:
            table, group_rows = _read_labels(Path(file))
            wanted = _wanted(table, part, draw, keys)
            if without:
                wanted = pc.and_(wanted, pc.invert(_among(table, "excerpt_id", without)))
            if trusted_of:
                doubtful = _among(table, "excerpt_id", trusted_of)
                wanted = pc.and_(wanted, pc.or_(table["trusted"], pc.invert(doubtful)))
            first = 0
            for index, size in enumerate(group_rows):
                chosen = np.flatnonzero(wanted.slice(first, size).to_numpy())
                if len(chosen):
                    rows = tuple(int(row) for row in chosen)
                    self.groups.append(RowGroup(Path(file), index, rows, n_rows))
                    n_rows += len(rows)
                    n_group_rows += size
                first += size
            tables.append(table.filter(wanted))
        if n_rows == 0:
            raise StageError(
                f"no images of part {part!r} drawn as {draw}; run the stages dataset and "
                "spectrograms, and look at `musqa status`"
            )
        every = pa.concat_tables(tables)
        layouts = every.select(_LAYOUT_COLUMNS).group_by(list(_LAYOUT_COLUMNS)).aggregate([])
        if layouts.num_rows > 1:
            raise StageError(
                f"the images of part {part!r} differ in shape or type ({layouts.to_pylist()}); "
                "read the shards of one preset only"
            )
        layout = layouts.to_pylist()[0]
        self.shape: tuple[int, int] = (layout["n_frames"], layout["n_bands"])
        self.dtype: np.dtype = np.dtype(layout["dtype"])
        self.labels: pa.Table = every.select(LABEL_COLUMNS)
        self.quality: NDArray[np.float32] = every["quality"].to_numpy().astype(np.float32)
        self.targets = self.quality
        self._kept: dict[int, list[NDArray[np.generic]]] | None = None
        if n_group_rows * self.image_bytes <= memory_limit_bytes:
            self._kept = {}

    def __getstate__(self) -> dict[str, Any]:
        # Worker processes get the labels, not the images read so far.
        return {**self.__dict__, "_kept": None if self._kept is None else {}}

    @property
    def n_rows(self) -> int:
        """Number of images."""
        return len(self.quality)

    @property
    def image_bytes(self) -> int:
        """Bytes of one stored image, unpacked."""
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    def replace_quality(self, quality: NDArray[np.float32]) -> None:
        """Take other labels, shape (n_rows,), for those that are stored."""
        self.quality = self.targets = quality

    def add_targets(self, targets: NDArray[np.float32]) -> None:
        """Add targets, shape (n_rows, teachers), to what batches hold; NaN where there is none."""
        self.targets = np.column_stack([self.quality, targets])

    def read_group(self, number: int) -> list[NDArray[np.generic]]:
        """Read the images of the group at this position of `groups`, one per entry of its `rows`.

        They are views that share the memory of the whole group.

        Raises
        ------
        LakeError
            If the file is missing or damaged.
        """
        if self._kept is not None and number in self._kept:
            return self._kept[number]
        group = self.groups[number]
        # Neither threads nor read-ahead of Arrow's: a forked worker may call this.
        with opened_shard(group.file) as file:
            images = file.read_row_group(group.index, columns=["image"], use_threads=False)
        column = images["image"].combine_chunks()
        cells = [
            np.frombuffer(column[row].as_buffer(), self.dtype).reshape(self.shape)
            for row in group.rows
        ]
        if self._kept is not None:
            self._kept[number] = cells
        return cells


def _wanted(
    table: pa.Table, part: str, draw: Draw, keys: Collection[tuple[str, str]] | None
) -> pa.ChunkedArray:
    """Mark the rows that were asked for."""
    if keys is None:
        here = pc.equal(table["part"], part)
        return here if draw == "every" else pc.and_(here, table[draw])
    return _among(table, "degraded_id", keys)


def _among(table: pa.Table, column: str, keys: Collection[tuple[str, str]]) -> pa.ChunkedArray:
    """Mark the rows of which catalog and another column are among some pairs."""
    names = zip(table["catalog"].to_pylist(), table[column].to_pylist(), strict=True)
    return pa.chunked_array([pa.array([name in keys for name in names], pa.bool_())])


def _read_labels(file: Path) -> tuple[pa.Table, list[int]]:
    """Read all columns but the images, and the number of rows of each row group."""
    with opened_shard(file) as parquet:
        table = parquet.read(columns=[*LABEL_COLUMNS, *_LAYOUT_COLUMNS], use_threads=False)
        groups = range(parquet.num_row_groups)
        sizes = [parquet.metadata.row_group(group).num_rows for group in groups]
    return table.replace_schema_metadata(None).combine_chunks(), sizes


@contextmanager
def opened_shard(file: Path) -> Iterator[pq.ParquetFile]:
    """Open a shard of `row_shards.shard_files`; a damaged one is set aside, to be made again.

    Raises
    ------
    LakeError
        If it is missing or damaged, also when the block finds out.
    """
    try:
        state = file.stat()
        footer = _footer(file, state.st_size, state.st_mtime_ns)
        with parquet_file(file, pre_buffer=False, metadata=footer) as parquet:
            yield parquet
    except UNREADABLE as error:
        what = "it is set aside" if set_aside_file(file) else "delete it"
        raise LakeError(
            f"cannot read {file}: {error}; {what} and run the stage spectrograms again"
        ) from error


@lru_cache(maxsize=64)
def _footer(file: Path, size: int, mtime_ns: int) -> pq.FileMetaData:
    """Read the footer of a file of that size and age.

    A row group is read for each few images, and parsing the footer of a shard with hundreds of
    columns takes longer than that.
    """
    return pq.read_metadata(file)

"""Writing an export: shard after shard in worker processes, resumed where it was ended."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from musqa_pipeline.audio.constants import EXCERPT_SAMPLES
from musqa_pipeline.audio.degradations.rebuild import degraded_audio
from musqa_pipeline.audio.files.flac import to_flac
from musqa_pipeline.core.csv_files import csv_of
from musqa_pipeline.core.errors import StageError
from musqa_pipeline.core.files import explained, whole_file, write_whole
from musqa_pipeline.core.progress import StageProgress
from musqa_pipeline.core.seal_format import digest_of
from musqa_pipeline.core.workers.interface import Fanout, Inline, Lost
from musqa_pipeline.release.claims import claimed_folder
from musqa_pipeline.release.exports.card import dataset_card
from musqa_pipeline.release.exports.formats import (
    Row,
    files_of,
    write_references,
    write_rows,
)
from musqa_pipeline.release.exports.kinds import Format
from musqa_pipeline.release.exports.plan import EXPORTED, FILE_A_ROW, Options, Plan, Shard
from musqa_pipeline.release.rebuild.collect import stored_samples
from musqa_pipeline.stages.degradations.sources import add_units, in_chunks, read_bitstreams
from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.views.published_set import Published

GAINS_FOLDER = ".gains"
METADATA_FILE, CARD_FILE, CHECKSUMS_FILE = "metadata.csv", "README.md", "checksums.sha256"
WITHOUT_AUDIO_FILE = "without_audio.csv"
_AT_ONCE = 16
"""Bitstreams that are decoded together."""


@dataclass(frozen=True)
class ExportReport:
    """What an export came to."""

    rows: int
    """Rows with audio."""
    without_audio: int
    """Rows whose terms keep their audio back."""
    files: int
    """All files, the card and the checksums included."""
    made: int
    """Shards that this attempt wrote; the others were there."""
    megabytes: float


@dataclass(frozen=True)
class _Task:
    context: Context
    options: Options
    folder: Path
    shard: Shard
    of_references: bool


def write_export(
    published: Published, plan: Plan, folder: Path, *, fanout: Fanout | None = None
) -> ExportReport:
    """Write an export, or what is missing of it."""
    options, differs = plan.options, "of another set, or with other options"
    with claimed_folder(folder, "export", plan.mark, asdict(options), differs=differs):
        tasks = [
            _Task(published.context, options, folder, shard, of_references)
            for shards, of_references in ((plan.shards, False), (plan.reference_shards, True))
            for shard in shards
            if files_of(options.format, shard, of_references=of_references)
        ]
        todo = [task for task in tasks if not _is_done(task)]
        lost: list[str] = []
        with StageProgress("export", len(tasks), len(tasks) - len(todo)) as progress:
            for answer in (fanout or Inline()).map(_write_shard, todo):
                if isinstance(answer, Lost):
                    lost.append(f"{answer.task.shard.name}: {answer.reason}")
                    progress.advance(failed=True)
                else:
                    progress.advance(answer)
        if lost:
            raise StageError("the export is not whole; run it again:\n  " + "\n  ".join(lost))
        rows = _finish(published, plan, folder)
        files = _write_checksums(folder)
        megabytes = sum(path.stat().st_size for path in files) / 1e6
    return ExportReport(
        rows.height, plan.rows.height - rows.height, len(files), len(todo), megabytes
    )


def _is_done(task: _Task) -> bool:
    names = files_of(task.options.format, task.shard, of_references=task.of_references)
    if task.options.format == Format.flac and not task.of_references:
        names = [*names, f"{GAINS_FOLDER}/{task.shard.name}.json"]
    return all((task.folder / name).is_file() for name in names)


def _write_shard(task: _Task) -> int:
    """Write one shard; runs in a worker."""
    shard = task.shard
    if task.of_references:
        pairs = [(row, _reference(task, row)) for row in shard.rows]
        write_references(task.options.format, task.folder, shard, pairs)
        return 0
    beside: dict[str, bytes] = {}
    if task.options.with_references and task.options.format == Format.webdataset:
        once = {row["reference_key"]: row for row in shard.rows}
        beside = {key: to_flac(_reference(task, row)) for key, row in once.items()}
    rows = list(rebuilt_rows(task.context, shard.rows))
    gains = write_rows(task.options.format, task.folder, shard, rows, beside)
    if task.options.format == Format.flac:  # after the files: what has it is whole
        write_whole(
            task.folder / GAINS_FOLDER / f"{shard.name}.json", json.dumps(gains, sort_keys=True)
        )
    return len(rows)


def rebuilt_rows(context: Context, rows: Sequence[dict[str, Any]]) -> list[Row]:
    """Rebuild the samples of rows from their bitstreams; others than were labelled are refused."""
    listed = [{name: row[name] for name in ("catalog", "excerpt_id", "degraded_id")}
              for row in rows]  # fmt: skip
    add_units(context, listed)
    found = dict(read_bitstreams(context, listed))
    result: list[Row] = []
    for batch in in_chunks(iter(rows), _AT_ONCE):
        streams = [found.pop((row["catalog"], row["degraded_id"])) for row in batch]
        for row, samples in zip(batch, degraded_audio(streams), strict=True):
            if digest_of(samples.astype("<f4").tobytes()) != row["pcm_hash"]:
                raise StageError(
                    f"{row['degraded_id']} of catalog {row['catalog']} comes out otherwise than it "
                    f"was labelled ({row['encoder']}): the ffmpeg here decodes otherwise than the "
                    "one there; unset IMAGEIO_FFMPEG_EXE, or install the imageio-ffmpeg that made "
                    "the set"
                )
            result.append((row, samples))
    return result


def _reference(task: _Task, row: dict[str, Any]) -> NDArray[np.int16]:
    return stored_samples(task.context, row["catalog"], row["excerpt_id"])[:EXCERPT_SAMPLES]


def _finish(published: Published, plan: Plan, folder: Path) -> pl.DataFrame:
    """Write the tables and the card, and return the rows with audio."""
    options = plan.options
    gains: dict[str, float] = {}
    for path in sorted((folder / GAINS_FOLDER).glob("*.json")):
        gains |= json.loads(path.read_text(encoding="utf-8"))
    rows = plan.rows.with_columns(
        file_gain_db=pl.Series([gains.get(key, 0.0) for key in plan.rows["key"]], dtype=pl.Float64)
    )
    audible = rows.filter("passed_on")
    columns = EXPORTED.schema.names
    named = audible.select(columns)
    if options.format in FILE_A_ROW:
        names = {
            row["key"]: file
            for shard in plan.shards
            for row, file in zip(shard.rows, files_of(options.format, shard), strict=True)
        }
        file_names = pl.Series("file_name", [names[key] for key in named["key"]])
        named.insert_column(0, file_names)
    _write_csv(folder / METADATA_FILE, named)
    kept_back = rows.filter(~pl.col("passed_on"))
    if kept_back.height:
        _write_csv(folder / WITHOUT_AUDIO_FILE, kept_back.select(columns))
    with whole_file(folder / CARD_FILE) as temporary:
        card = dataset_card(published, options, rows, plan.mark)
        temporary.write_text(card, encoding="utf-8")
    return audible


def _write_csv(path: Path, rows: pl.DataFrame) -> None:
    write_whole(path, csv_of([rows.columns, *rows.iter_rows()]))


def _write_checksums(folder: Path) -> list[Path]:
    """Write what ``sha256sum -c`` reads, and return all files of the export."""
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(".")
        and path != folder / CHECKSUMS_FILE
    )  # fmt: skip
    lines = []
    for path in files:
        with explained("read", path), path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{digest}  {path.relative_to(folder).as_posix()}\n")
    write_whole(folder / CHECKSUMS_FILE, "".join(lines))
    return [*files, folder / CHECKSUMS_FILE]

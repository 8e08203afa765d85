"""How shards become files. Every file is whole or absent, and has the same bytes twice.

A degraded excerpt is at its label's loudness and may pass full scale. Float formats keep it as it
is. Integer formats get it lowered by whole steps of 6.02 dB, a factor of two each, until it fits;
the table says by how much.
"""

from __future__ import annotations

import io
import json
import math
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.io import wavfile

from musqa_pipeline.audio.constants import SAMPLE_RATE_HZ
from musqa_pipeline.audio.files.flac import to_flac
from musqa_pipeline.core.files import whole_file, write_whole
from musqa_pipeline.core.names import below
from musqa_pipeline.release.exports.kinds import Format
from musqa_pipeline.release.exports.plan import EXPORTED, Shard

Row = tuple[dict[str, Any], NDArray[np.float32]]
"""Metadata and samples, full scale 1.0."""
Reference = tuple[dict[str, Any], NDArray[np.int16]]
REFERENCE_COLUMNS = ("reference_key", "split", "title", "artist", "terms")
_HF_TYPES = {
    pa.string(): "string", pa.float64(): "float64", pa.bool_(): "bool", pa.int8(): "int8",
    pa.int16(): "int16", pa.int32(): "int32",
}  # fmt: skip
STEP_DB = 20.0 * math.log10(2.0)
LARGEST_24 = (2**23 - 1) / 2**23


def files_of(format_: Format, shard: Shard, *, of_references: bool = False) -> list[str]:
    """List the files of a shard, below the export's folder."""
    if format_ in (Format.wav, Format.flac):
        top, key = ("references", "reference_key") if of_references else (shard.split, "key")
        return [f"{top}/{row[key]}.{format_}" for row in shard.rows]
    if format_ == Format.webdataset:
        return [] if of_references else [f"{shard.name}.tar"]
    return [f"{'references' if of_references else 'data'}/{shard.name}.parquet"]


def write_rows(
    format_: Format, folder: Path, shard: Shard, rows: list[Row], references: Mapping[str, bytes]
) -> dict[str, float]:
    """Write the files of a shard."""
    names = files_of(format_, shard)
    gains: dict[str, float] = {}
    if format_ == Format.wav:
        for name, (_, samples) in zip(names, rows, strict=True):
            _write(folder, name, wav(samples))
    elif format_ == Format.flac:
        for name, (row, samples) in zip(names, rows, strict=True):
            flac, gain_db = int24_flac(samples)
            _write(folder, name, flac)
            if gain_db:
                gains[row["key"]] = gain_db
    elif format_ == Format.webdataset:
        with whole_file(_at(folder, names[0])) as temporary:
            _write_tar(temporary, _tar_members(rows, references))
    else:
        table = EXPORTED.from_rows(row for row, _ in rows)
        audio = {f"{row['key']}.wav": samples for row, samples in rows}
        _write_parquet(_with_audio(format_, table, audio, wav), folder, names[0])
    return gains


def write_references(
    format_: Format, folder: Path, shard: Shard, references: list[Reference]
) -> None:
    """Write references, 10 s of 16 bit, the untouched signals that labels compare with."""
    names = files_of(format_, shard, of_references=True)
    if format_ in (Format.wav, Format.flac):
        encode = wav if format_ == Format.wav else to_flac
        for name, (_, samples) in zip(names, references, strict=True):
            _write(folder, name, encode(samples))
        return
    kept = [{name: row[name] for name in REFERENCE_COLUMNS} for row, _ in references]
    schema = pa.schema([pa.field(name, pa.string()) for name in REFERENCE_COLUMNS])
    table = pa.Table.from_pylist(kept, schema=schema)
    audio = {f"{row['reference_key']}.flac": samples for row, samples in references}
    _write_parquet(_with_audio(format_, table, audio, to_flac), folder, names[0])


_AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""How Hugging Face's feature ``Audio`` is stored."""


def _with_audio(
    format_: Format,
    table: pa.Table,
    audio: Mapping[str, NDArray[Any]],
    encode: Callable[[NDArray[Any]], bytes],
) -> pa.Table:
    """Add the samples of each row as files for Hugging Face, by name, else as lists."""
    if format_ == Format.huggingface:
        files = [{"bytes": encode(samples), "path": name} for name, samples in audio.items()]
        return _with_features(table.add_column(0, "audio", pa.array(files, _AUDIO)))
    return table.append_column("samples", pa.array(list(audio.values())))


def _with_features(table: pa.Table) -> pa.Table:
    """Say in the footer which column is audio, in the words of the package `datasets`."""
    features: dict[str, Any] = {}
    for field in table.schema:
        if field.name == "audio":
            features["audio"] = {"sampling_rate": SAMPLE_RATE_HZ, "_type": "Audio"}
        else:
            features[field.name] = {"dtype": _HF_TYPES[field.type], "_type": "Value"}
    said = json.dumps({"info": {"features": features}})
    return table.replace_schema_metadata({b"huggingface": said.encode()})


def _tar_members(rows: list[Row], references: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for row, samples in rows:
        yield f"{row['key']}.json", json.dumps(row, ensure_ascii=False, sort_keys=True).encode()
        if references:
            yield f"{row['key']}.reference.flac", references[row["reference_key"]]
        yield f"{row['key']}.wav", wav(samples)


def _write_tar(path: Path, members: Iterator[tuple[str, bytes]]) -> None:
    """Write a tar whose bytes depend on its members alone: no time, no user, no mode."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o644
            archive.addfile(info, io.BytesIO(content))


def _write_parquet(table: pa.Table, folder: Path, name: str) -> None:
    plain = [f.name for f in table.schema if f.name not in ("samples", "audio")]
    with whole_file(_at(folder, name)) as temporary:
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            use_dictionary=plain,
            row_group_size=16,
            use_byte_stream_split=["samples.list.element"] if "samples" in table.column_names else
            False,
        )  # fmt: skip


def _at(folder: Path, name: str) -> Path:
    return below(folder, *name.split("/"))


def _write(folder: Path, name: str, content: bytes) -> None:
    write_whole(_at(folder, name), content)


def wav(samples: NDArray[np.float32 | np.int16]) -> bytes:
    """Write mono float32 or 16-bit samples at 48 kHz as WAV, exactly.

    libsndfile would put the time of day into a file of floats.
    """
    file = io.BytesIO()
    wavfile.write(file, SAMPLE_RATE_HZ, samples)
    return file.getvalue()


def halvings(samples: NDArray[np.float32]) -> int:
    """Count how often samples have to be halved to fit into 24-bit integers."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    n = 0
    while peak / 2**n > LARGEST_24:
        n += 1
    return n


def int24_flac(samples: NDArray[np.float32]) -> tuple[bytes, float]:
    """Write mono samples at 48 kHz as 24-bit FLAC, halved until they fit."""
    n = halvings(samples)
    integers = np.rint(np.asarray(samples, np.float64) * 2.0 ** (23 - n)).astype(np.int32)
    return to_flac(integers << 8, "PCM_24"), n * STEP_DB

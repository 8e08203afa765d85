"""The recipe file: one Parquet file, whose footer says of which format and from where it is."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from musqa_pipeline.core.errors import LakeError
from musqa_pipeline.core.files import explained, whole_file
from musqa_pipeline.core.names import short
from musqa_pipeline.core.seal_format import digest_of
from musqa_pipeline.release.rebuild.checking import RECIPE, check_head, check_rows

FORMAT = 1
"""Raised when a recipe cannot be read by an older musqa any more."""
HEAD_KEY = b"musqa.recipe"
ROWS_PER_GROUP = 65_536
LONGEST_REASON = 300
"""Characters of what a library says of a damaged file, which may quote it whole."""
MOST_ROWS = 10_000_000
"""A few bytes of a foreign file can claim any number."""
MOST_TEXT_BYTES = 2 * 1024**3
_TEXTS = [field.name for field in RECIPE.schema if pa.types.is_string(field.type)]


@dataclass(frozen=True)
class Head:
    """What a recipe says of all its rows."""

    preset: str
    """Name of the preset that published the set."""
    settings: Mapping[str, Any]
    """The sections ``excerpts``, ``degradations``, ``adaptive``, ``labels`` and ``dataset``."""
    fingerprints: Mapping[str, str]
    """Of the stages, as they were published."""
    builds: Mapping[str, str]
    """From `builds.builds_here`, where the set was made."""
    format: int = FORMAT

    @property
    def target_lufs(self) -> float:
        """Loudness of the excerpts."""
        return float(self.settings["excerpts"]["target_lufs"])


@dataclass(frozen=True)
class Recipe:
    """A recipe that was read."""

    head: Head
    rows: pl.DataFrame
    """With the columns of `RECIPE`."""


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe, whole; the same recipe gives the same bytes."""
    head = json.dumps(asdict(recipe.head), sort_keys=True, ensure_ascii=False)
    table = recipe.rows.select(RECIPE.schema.names).to_arrow().cast(RECIPE.schema)
    table = table.replace_schema_metadata({HEAD_KEY: head.encode()})
    with whole_file(path) as temporary:
        pq.write_table(table, temporary, row_group_size=ROWS_PER_GROUP, compression="zstd")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises LakeError if the file is absent or damaged, is no recipe, has another format, or says of
    a row what is true of none.
    """
    advice = "export it again with `musqa recipe export PRESET FILE`"
    with explained("read", path):
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
            raise LakeError(f"{path} is no file; name a recipe, or {advice}")
        file = path.open("rb")
    try:
        with file, pq.ParquetFile(file, read_dictionary=_TEXTS) as parquet:
            head = _read_head(path, parquet, advice)
            rows = _read_rows(parquet)
        check_rows(rows)
        return Recipe(head, rows)
    except _OtherFileError:
        raise
    except LakeError as error:
        raise LakeError(f"{path} cannot be read as a recipe ({error}); {advice}") from error
    except (
        *(pa.ArrowException, OSError, ValueError, KeyError, TypeError, AttributeError),
        *(RecursionError, MemoryError),
    ) as error:
        told = " ".join(str(error).split())[:LONGEST_REASON]
        raise LakeError(f"{path} cannot be read as a recipe ({told}); {advice}") from error


class _OtherFileError(LakeError):
    """The file is no recipe, or one of another format."""


def _read_rows(parquet: pq.ParquetFile) -> pl.DataFrame:
    if parquet.metadata.num_rows > MOST_ROWS:
        raise LakeError(f"{parquet.metadata.num_rows:,} rows: no set has over {MOST_ROWS:,}")
    table = parquet.read(RECIPE.schema.names).select(RECIPE.schema.names)
    n_bytes = sum(map(_text_bytes, table.columns))
    if n_bytes > MOST_TEXT_BYTES:
        raise LakeError(f"{n_bytes:,} bytes of text: no set has over {MOST_TEXT_BYTES:,}")
    table.validate(full=True)  # polars panics at text that is no UTF-8, in metadata too
    return pl.DataFrame(table.replace_schema_metadata(None).cast(RECIPE.schema.remove_metadata()))


def _read_head(path: Path, parquet: pq.ParquetFile, advice: str) -> Head:
    found = (parquet.metadata.metadata or {}).get(HEAD_KEY)
    if found is None:
        raise _OtherFileError(f"{path} is no recipe of musqa; {advice}")
    said = json.loads(found)
    if said.get("format") != FORMAT:
        writer = said.get("builds", {}).get("musqa-pipeline", "unknown")
        raise _OtherFileError(
            f"{path} has recipe format {short(said.get('format'))}, this musqa reads {FORMAT}; use "
            f"the musqa that wrote it ({short(writer)}), or {advice}"
        )
    head = Head(**said)
    check_head(head)
    return head


def _text_bytes(column: pa.ChunkedArray) -> int:
    """Bytes of a column once each row has its own text; in a file one may stand for all rows."""
    total = 0
    for chunk in column.chunks:
        if isinstance(chunk, pa.DictionaryArray):
            lengths = pc.binary_length(chunk.dictionary)
            total += pc.sum(pc.take(lengths, chunk.indices)).as_py() or 0
    return total


def reference_hash(samples: NDArray[np.int16]) -> str:
    """Hash the 16-bit samples of a reference, 10 s and tail."""
    return digest_of(samples.astype("<i2").tobytes())

"""The recipe file: one Parquet file, whose footer says of which format and from where it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from musqa_pipeline.disk import explained, whole_file
from musqa_pipeline.errors import LakeError
from musqa_pipeline.recipes.table import RECIPE

FORMAT = 1
"""Raised when a recipe cannot be read by an older musqa any more."""
HEAD_KEY = b"musqa.recipe"
ROWS_PER_GROUP = 65_536


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
    """Write a recipe, whole; the same recipe gives the same bytes.

    Parameters
    ----------
    recipe : Recipe
        What to write.
    path : Path
        The file; replaced.

    Raises
    ------
    LakeError
        If it cannot be written.
    """
    head = json.dumps(asdict(recipe.head), sort_keys=True, ensure_ascii=False)
    table = recipe.rows.select(RECIPE.schema.names).to_arrow().cast(RECIPE.schema)
    table = table.replace_schema_metadata({HEAD_KEY: head.encode()})
    with whole_file(path) as temporary:
        pq.write_table(table, temporary, row_group_size=ROWS_PER_GROUP, compression="zstd")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    path : Path
        A file that `write_recipe` wrote.

    Returns
    -------
    Recipe
        Head and rows.

    Raises
    ------
    LakeError
        If the file is absent or damaged, is no recipe, or has another format.
    """
    advice = "export it again with `musqa recipe export PRESET FILE`"
    try:
        with explained("read", path), path.open("rb"):
            pass
        found = (pq.read_metadata(path).metadata or {}).get(HEAD_KEY)
        if found is None:
            raise LakeError(f"{path} is no recipe of musqa; {advice}")
        head = json.loads(found)
        if head.get("format") != FORMAT:
            writer = head.get("builds", {}).get("musqa-pipeline", "unknown")
            raise LakeError(
                f"{path} has recipe format {head.get('format')}, this musqa reads {FORMAT}; use "
                f"the musqa that wrote it ({writer}), or {advice}"
            )
        table = pq.read_table(path, partitioning=None).select(RECIPE.schema.names)
        table.validate(full=True)  # polars panics at text that is no UTF-8, in metadata too
        table = table.replace_schema_metadata(None).cast(RECIPE.schema.remove_metadata())
        recipe = Recipe(Head(**head), pl.DataFrame(table))
        _ = recipe.head.target_lufs
        return recipe
    except (
        *(pa.ArrowException, OSError, ValueError, KeyError, TypeError),
        *(AttributeError, RecursionError),
    ) as error:
        raise LakeError(f"{path} cannot be read as a recipe ({error}); {advice}") from error


def bytes_hash(data: bytes) -> str:
    """Hash a bitstream: blake2b, 16 bytes, as 32 hexadecimal digits."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def reference_hash(samples: NDArray[np.int16]) -> str:
    """Hash the 16-bit samples of a reference, 10 s and tail."""
    return bytes_hash(samples.astype("<i2").tobytes())

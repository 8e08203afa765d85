"""A small lake: references with degraded rows, a dataset over two catalogs, and tiny shards."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from musqa_pipeline.stages.engine.context import Context
from musqa_pipeline.stages.engine.stage import run_stage
from musqa_pipeline.stages.graph import get_stage
from tests.stages.spectrograms.small_dataset import (
    CATALOGS,
    N_EXCERPTS,
    N_ROWS,
    fill_lake,
    flac_notes,
    small_context,
)


@pytest.fixture(scope="session")
def bitstreams() -> dict[tuple[str, int, int], bytes]:
    """A note of its own for each row; the same ids in both catalogs."""
    return {
        (catalog, number, process): flac_notes(200 + 1500 * c + 400 * number + 90 * process)
        for c, catalog in enumerate(CATALOGS)
        for number in range(N_EXCERPTS)
        for process in range(N_ROWS)
    }


@pytest.fixture
def context(home: Path, bitstreams: dict[tuple[str, int, int], bytes]) -> Context:
    """A lake that holds all that the stage reads."""
    return fill_lake(small_context(home), bitstreams)


@pytest.fixture(scope="session")
def made_once(
    tmp_path_factory: pytest.TempPathFactory, bitstreams: dict[tuple[str, int, int], bytes]
) -> Path:
    """The same lake after the stage; not to be changed."""
    context = fill_lake(small_context(tmp_path_factory.mktemp("made")), bitstreams)
    run_stage(get_stage("spectrograms"), context)
    return context.home


@pytest.fixture
def done(home: Path, made_once: Path) -> Context:
    """A copy of its dataset and shards."""
    for stage in ("dataset", "spectrograms"):
        shutil.copytree(made_once / "lake" / stage, home / "lake" / stage)
    return small_context(home)

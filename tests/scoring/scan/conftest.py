"""A scan of a small library, made once, and copies of it to change."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import NamedTuple

import pytest

from musqa_pipeline.core.seals import seal_path
from musqa_pipeline.core.workers.interface import Inline
from musqa_pipeline.scoring.scan.measure import ScanSettings
from musqa_pipeline.scoring.scan.scan import ScanReport, scan_library
from tests.scoring.scan.library import write_library
from tests.scoring.small_model import write_model


class Scanned(NamedTuple):
    library: Path
    out: Path
    model: Path

    def again(self, settings: ScanSettings | None = None, **changed: object) -> ScanReport:
        """Scan in this process; `changed` are arguments of `scan_library`."""
        given = {"model": self.model, "fanout": Inline()} | changed
        return scan_library(self.library, self.out, settings or ScanSettings(), **given)


@pytest.fixture(scope="session")
def first_scan(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scanned, ScanReport]:
    folder = tmp_path_factory.mktemp("scan")
    model = write_model(folder / "model.onnx")
    scanned = Scanned(write_library(folder / "music"), folder / "out", model)
    return scanned, scanned.again()


@pytest.fixture
def scanned(first_scan: tuple[Scanned, ScanReport], tmp_path: Path) -> Scanned:
    """A copy of the library and of its scan, at a place of its own; times of change are kept."""
    before, _ = first_scan
    # The library is known by its path, so it moves by its store.
    shutil.copytree(before.library, tmp_path / "music", copy_function=shutil.copy2)
    shutil.copytree(before.out, tmp_path / "out")
    now = Scanned(tmp_path / "music", tmp_path / "out", before.model)
    _rename_library(now.out, str(before.library.resolve()), str(now.library.resolve()))
    return now


def _rename_library(out: Path, old: str, new: str) -> None:
    with sqlite3.connect(out / "scan.sqlite") as db:
        db.execute("UPDATE scans SET library = ? WHERE library = ?", (new, old))
    db.close()
    seal_path(out / "scan.sqlite").unlink()  # these are not the bytes that were written

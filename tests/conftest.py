"""What tests share: a lake of their own and a small recorder of progress."""

from __future__ import annotations

from pathlib import Path

import pytest

from musqa_pipeline.lake import Lake


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh MUSQA_HOME."""
    monkeypatch.setenv("MUSQA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def lake(home: Path) -> Lake:
    return Lake(home)

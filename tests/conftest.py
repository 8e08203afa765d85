"""What tests share: a lake of their own and a small recorder of progress."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from musqa_pipeline.lake import Lake

if TYPE_CHECKING:
    from tests.published_set import PublishedSet

# Machines are shared: how long an example takes says nothing about the code.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh MUSQA_HOME."""
    monkeypatch.setenv("MUSQA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def lake(home: Path) -> Lake:
    return Lake(home)


@pytest.fixture(scope="session")
def published_set(tmp_path_factory: pytest.TempPathFactory) -> PublishedSet:
    """A small published set, made once; not to be changed."""
    from tests.published_set import make_published_set

    return make_published_set(tmp_path_factory.mktemp("published"))

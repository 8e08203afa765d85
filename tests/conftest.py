"""What tests share: a lake of their own, and one thread for each process."""

from __future__ import annotations

import os
from pathlib import Path

# Before numpy and torch are loaded: workers of pytest share the cores, where more threads spin
# longer than they compute.
os.environ["OMP_NUM_THREADS"] = "1"
# Without it bfloat16 is refused on a CPU with AMX tiles (docs/gpu.md).
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")

import hypothesis
import pytest

from musqa_pipeline.storage.lake.lake import Lake

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

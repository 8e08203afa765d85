"""A small model, named by MUSQA_MODEL, and music to score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from musqa_pipeline.scoring import Scorer
from tests.audio.music import music
from tests.scoring.small_model import write_model


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "small.onnx")


@pytest.fixture(autouse=True)
def _small_model_is_the_users(
    request: pytest.FixtureRequest,
    model_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """For the tests of this folder; those below it name their models."""
    if request.path.parent != Path(__file__).parent:
        return
    monkeypatch.setenv("MUSQA_MODEL", str(model_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture(scope="session")
def scorer(model_path: Path) -> Scorer:
    return Scorer(model_path, detect=False)


@pytest.fixture(scope="session")
def stereo() -> np.ndarray:
    """12 s of music at 48 kHz, float32 (frames, 2), both channels of their own."""
    left = music(12 * 48_000)
    return np.stack([left, 0.6 * np.roll(left, 4_800) + 0.1 * left], axis=1).astype(np.float32)
